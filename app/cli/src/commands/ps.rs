use anstyle::Style;
use lazaret_format::v1::ContainerBody;

use crate::args::PsArgs;
use crate::client::Client;
use crate::failure::Outcome;
use crate::output::{BAD, DIM, GOOD, Table, ago, print, print_json, short_digest, short_id};
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, args: &PsArgs) -> Outcome {
    let path = if args.all { "/v1/containers?all=true" } else { "/v1/containers" };
    let containers: Vec<ContainerBody> = Client::new(settings)?.get(path).await?;
    if settings.json() {
        return print_json(&containers);
    }
    print(&render(settings, &containers, jiff::Timestamp::now()))
}

fn render(settings: &Settings, containers: &[ContainerBody], now: jiff::Timestamp) -> String {
    let plain = Style::new();
    let header = ["CONTAINER", "NAME", "HOST", "STATE", "SINCE", "STAGE", "ADMITTED BY", "DIGEST", "IMAGE"];
    let mut table = Table::new(settings.color, settings.width, &header);
    for container in containers {
        let admitted = match &container.decision {
            Some(decision) => (decision.clone(), plain),
            None => (container.management.to_uppercase(), BAD),
        };
        let state = match container.exit_code {
            Some(code) => format!("{} ({code})", container.state),
            None => container.state.clone(),
        };
        let digest = container.image_manifest.as_ref().or(container.image_config.as_ref());
        let image = if container.image_name.is_empty() { &container.command } else { &container.image_name };
        table.row(vec![
            (short_id(&container.container).to_owned(), plain),
            (shorten(&container.name), plain),
            (container.host.clone(), plain),
            (state, if container.state == "running" { GOOD } else { DIM }),
            (ago(&container.started, now), plain),
            (container.stage.clone().unwrap_or_else(|| "-".to_owned()), plain),
            admitted,
            (digest.map_or_else(|| "-".to_owned(), |digest| short_digest(digest)), plain),
            (image.clone(), plain),
        ]);
    }
    table.render()
}

/// Engine-less containers may be called by a whole control group: a name must not push the rest off the screen.
fn shorten(name: &str) -> String {
    const LONGEST: usize = 24;
    if name.chars().count() <= LONGEST {
        name.to_owned()
    } else {
        name.chars().take(LONGEST - 1).chain(['…']).collect()
    }
}
