//! `lazaret profile learn` and `test`: what the hosts saw of an image so far.

use std::path::Path;
use std::time::{Duration, Instant};

use lazaret_format::v1::{LearnedBody, LearnedList, LearnedSubject};
use lazaret_model::Digest;
use lazaret_profile::check::ImageFiles;
use lazaret_profile::learn::Learned;
use lazaret_profile::{Profile, rehearse};
use serde::Serialize;

use super::read;
use crate::args::{LearnedArgs, ProfileLearnArgs};
use crate::client::Client;
use crate::commands::by_digest;
use crate::evidence::Subject;
use crate::failure::{Code, Failure, Outcome};
use crate::output::{BAD, BOLD, DIM, GOOD, Table, WARN, clock, paint, plain, print, print_json};
use crate::progress::Progress;
use crate::settings::Settings;

/// Seconds between two questions while waiting.
const PAUSE: u64 = 5;

pub(super) async fn learn(settings: &Settings, args: &ProfileLearnArgs) -> Outcome {
    let client = Client::new(settings)?;
    let config = config(&args.learned).await?;
    let variant = args.learned.variant.as_deref();
    if !args.wait {
        return show(settings, &fetch(&client, config, variant).await?);
    }
    let progress = Progress::spinner(settings, format!("waiting for {config} to be seen"));
    let begun = Instant::now();
    loop {
        let known = find(&client, config, variant).await?;
        let waits =
            known.as_ref().and_then(|body| body.missing.iter().find(|missing| missing.rule != "pending"));
        match (known.as_ref(), waits) {
            (Some(body), None) => {
                drop(progress);
                return show(settings, body);
            }
            (None, _) => progress.say(format!("nothing was seen of {config} yet")),
            (Some(body), Some(missing)) => {
                progress.say(format!("{} containers watched; {}", body.replicas, plain(&missing.message)));
            }
        }
        let left = args.timeout.map(|most| most.saturating_sub(begun.elapsed().as_secs()));
        if left == Some(0) {
            drop(progress);
            if let Some(body) = &known {
                show(settings, body)?;
            }
            let why = waits.map_or_else(|| "nothing was seen".to_owned(), |missing| missing.message.clone());
            return Err(Failure::new(Code::Refused, format!("{config} is not learned yet: {why}")));
        }
        tokio::time::sleep(Duration::from_secs(left.unwrap_or(PAUSE).min(PAUSE))).await;
    }
}

#[derive(Debug, Serialize)]
struct Alert {
    dimension: &'static str,
    category: &'static str,
    mode: &'static str,
    action: &'static str,
    what: String,
    expected: String,
    remedy: String,
}

/// Tries a profile on what was seen.
pub(super) async fn test(settings: &Settings, args: &LearnedArgs, file: &Path) -> Outcome {
    let profile = read(file)?;
    let client = Client::new(settings)?;
    let config = config(args).await?;
    let own = profile.subject.variant.key();
    let variant = args.variant.as_deref().or((profile.subject.image == config).then_some(own.as_str()));
    let learned = stored(&fetch(&client, config, variant).await?)?;
    let alerts: Vec<Alert> = rehearse(&profile, ImageFiles::default(), &learned.profile_alone())
        .into_iter()
        .map(|deviation| Alert {
            dimension: deviation.dimension.name(),
            category: deviation.category.name(),
            mode: deviation.mode.name(),
            action: deviation.action.name(),
            what: deviation.what,
            expected: deviation.expected,
            remedy: deviation.remedy,
        })
        .collect();
    if settings.json() {
        print_json(&alerts)?;
    } else {
        print(&told(settings, &alerts))?;
    }
    match alerts.len() {
        0 => Ok(()),
        count => Err(Failure::new(
            Code::Refused,
            format!("{} would have alerted on {count} things that were seen", file.display()),
        )
        .hint("what was meant to happen belongs into the profile: `lazaret profile promote` takes it over")),
    }
}

fn told(settings: &Settings, alerts: &[Alert]) -> String {
    if alerts.is_empty() {
        return "the profile allows everything that was seen\n".to_owned();
    }
    let mut text = String::new();
    for alert in alerts {
        let verb = if alert.mode == "block" { "BLOCKS" } else { "ALERTS" };
        let head = paint(settings.color, BAD, &format!("{verb} {}", alert.category));
        text.push_str(&format!("{head}  {}; {}\n", plain(&alert.what), plain(&alert.expected)));
    }
    text
}

/// The configuration that is meant: named itself, or that of an image in a registry.
async fn config(args: &LearnedArgs) -> Result<Digest, Failure> {
    if let Ok(config) = args.image.parse() {
        return Ok(config);
    }
    let (reference, manifest) = by_digest(&args.image)?;
    Ok(Subject::fetch(reference, manifest, &args.registries).await?.config)
}

/// What was learned of an image, run in the one way that it runs in or that is meant.
pub(super) async fn fetch(
    client: &Client,
    config: Digest,
    variant: Option<&str>,
) -> Result<LearnedBody, Failure> {
    find(client, config, variant).await?.ok_or_else(|| {
        let run = variant.map_or_else(String::new, |variant| format!(" run as {variant}"));
        Failure::input(format!("nothing was learned of {config}{run}"))
            .hint("agents learn while containers of the image run; --wait waits for it")
    })
}

async fn find(
    client: &Client,
    config: Digest,
    variant: Option<&str>,
) -> Result<Option<LearnedBody>, Failure> {
    let list: LearnedList = client.get(&format!("/v1/learned?image_config={config}")).await?;
    let meant: Vec<&LearnedSubject> = list
        .learned
        .iter()
        .filter(|subject| variant.is_none_or(|variant| variant == subject.variant))
        .collect();
    match meant.as_slice() {
        [] => Ok(None),
        [one] => client.get(&format!("/v1/learned/{config}/{}", one.variant)).await.map(Some),
        several => {
            let line = |one: &&LearnedSubject| format!("\n  --variant {}  {}", one.variant, run_as(one));
            let lines: String = several.iter().map(line).collect();
            Err(Failure::new(
                Code::Usage,
                format!("{config} runs in several ways: say which is meant{lines}"),
            ))
        }
    }
}

/// The server's answer as knowledge.
pub(super) fn stored(body: &LearnedBody) -> Result<Learned, Failure> {
    let json = serde_json::to_vec(&body.learned).map_err(|error| Failure::new(Code::Internal, error))?;
    Learned::from_json(&json).map_err(|error| {
        Failure::new(Code::Internal, format!("the server's answer is not understood: {error}"))
    })
}

fn run_as(subject: &LearnedSubject) -> String {
    let command = plain(&subject.command.join(" ")).into_owned();
    format!("`{command}` as {} on {}", plain(&subject.user), plain(&subject.architecture))
}

fn show(settings: &Settings, body: &LearnedBody) -> Outcome {
    if settings.json() {
        let mut value = serde_json::to_value(body).map_err(|error| Failure::new(Code::Internal, error))?;
        // For machines that merge, not for those that look.
        if let Some(fields) = value.as_object_mut() {
            fields.remove("learned");
        }
        return print_json(&value);
    }
    print(&overview(settings, body))
}

fn overview(settings: &Settings, body: &LearnedBody) -> String {
    let subject = &body.subject;
    let bold = |text: &str| paint(settings.color, BOLD, text);
    let mut text = format!("{}  {}\n", bold("image   "), subject.image_config);
    text.push_str(&format!("{}  {}  {}\n", bold("variant "), subject.variant, run_as(subject)));
    let containers = counted(u64::from(body.replicas), "container");
    let hosts = counted(subject.agents, "host");
    match &body.coverage {
        Some(coverage) => text.push_str(&format!(
            "{}  {containers} on {hosts}, {} to {}, {}, {}\n",
            bold("seen    "),
            clock(&coverage.since),
            clock(&coverage.until),
            counted(u64::from(coverage.starts), "start"),
            counted(u64::from(coverage.stops), "stop"),
        )),
        None => text.push_str(&format!("{}  nothing yet, on {hosts}\n", bold("seen    "))),
    }
    if body.missing.is_empty() {
        text.push_str(&format!(
            "{}  {}\n",
            bold("missing "),
            paint(settings.color, GOOD, "nothing: it is learned")
        ));
    }
    for missing in &body.missing {
        let said = paint(settings.color, WARN, &plain(&missing.message));
        let remedy = paint(settings.color, DIM, &format!("({})", plain(&missing.remedy)));
        text.push_str(&format!("{}  {said} {remedy}\n", bold("missing ")));
    }
    if !body.pending.is_empty() {
        text.push('\n');
        text.push_str(&pending(settings, body));
    }
    text
}

fn pending(settings: &Settings, body: &LearnedBody) -> String {
    let mut table = Table::new(settings.color, settings.width, &["PENDING", "SECTION", "DONE BY", "ENTRY"]);
    for one in &body.pending {
        let why = if one.tainted { ", broke a rule" } else { "" };
        table.row(vec![
            (one.id.clone(), WARN),
            (one.section.clone(), anstyle::Style::new()),
            (format!("{} of {}{why}", one.replicas, one.of), anstyle::Style::new()),
            (plain(&one.entry).into_owned(), anstyle::Style::new()),
        ]);
    }
    table.render()
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Upon what the image itself says: its own words, for the way to run it that was learned.
pub(super) fn upon(learned: &Learned, derived: Profile) -> Profile {
    learned.profile(&Profile { subject: learned.subject().clone(), ..derived })
}
