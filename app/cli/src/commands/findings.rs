use std::fmt::Write as _;

use anstyle::Style;
use jiff::Timestamp;
use lazaret_format::v1::{FindingsBody, InUse};

use crate::args::{FindingsArgs, ObservedArgs};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output::{BAD, DIM, Table, ago, paint, print, print_json, short_digest};
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, args: &FindingsArgs) -> Outcome {
    let mut path = format!("/v1/findings?limit={}&{}", args.limit, observed(&args.observed));
    if let Some(image) = &args.image {
        let digest: lazaret_model::Digest =
            image.parse().map_err(|error| Failure::input(format!("`{image}` names no image: {error}")))?;
        let _ = write!(path, "&image={digest}");
    }
    let body: FindingsBody = Client::new(settings)?.get(&path).await?;
    if settings.json() {
        return print_json(&body);
    }
    print(&render(settings, &body, Timestamp::now()))
}

/// As the server is asked for it.
pub(super) fn observed(args: &ObservedArgs) -> String {
    format!("observed={}", u32::try_from(args.observed.as_secs()).unwrap_or(u32::MAX))
}

fn render(settings: &Settings, body: &FindingsBody, now: Timestamp) -> String {
    let plain = Style::new();
    let header = ["IN USE", "SEVERITY", "ID", "PACKAGE", "FIXED", "RUNNING", "DIGEST", "IMAGE"];
    let mut table = Table::new(settings.color, settings.width, &header);
    for finding in &body.findings {
        table.row(vec![
            (state(&finding.in_use, now), style(&finding.in_use)),
            (finding.severity.clone(), plain),
            (finding.id.clone(), plain),
            (format!("{} {}", finding.package, finding.version), plain),
            (finding.fixed.clone().unwrap_or_else(|| "-".to_owned()), plain),
            (finding.running.to_string(), plain),
            (short_digest(&finding.manifest), plain),
            (finding.repository.clone(), plain),
        ]);
    }
    let told = format!(
        "{} findings in {} images: {} in use, {} unknown, {} not seen in use",
        body.total, body.images, body.in_use, body.unknown, body.not_seen
    );
    let mut text = if body.findings.is_empty() { String::new() } else { table.render() };
    let _ = writeln!(text, "{}", paint(settings.color, DIM, &told));
    text
}

/// A few words for a column.
fn state(in_use: &InUse, now: Timestamp) -> String {
    match (in_use.state.as_str(), &in_use.last) {
        (InUse::IN_USE, Some(last)) => format!("yes, {} ago", ago(last, now)),
        (InUse::IN_USE, None) => "yes".to_owned(),
        (InUse::NOT_SEEN, _) => format!("not seen in {}", time(in_use.observed_seconds)),
        _ => "unknown".to_owned(),
    }
}

/// A sentence, for who has the place.
pub(super) fn sentence(in_use: &InUse, now: Timestamp) -> String {
    let containers =
        |count| if count == 1 { "1 container".to_owned() } else { format!("{count} containers") };
    let before = |at: &Option<String>| at.as_deref().map_or_else(|| "?".to_owned(), |at| ago(at, now));
    match in_use.state.as_str() {
        InUse::IN_USE => format!(
            "in use in {}: first seen {} ago, last {} ago",
            containers(in_use.containers),
            before(&in_use.since),
            before(&in_use.last)
        ),
        InUse::NOT_SEEN => format!(
            "not seen in use in {} watched from the start, for up to {} since {} ago",
            containers(in_use.containers),
            time(in_use.observed_seconds),
            before(&in_use.since)
        ),
        _ if in_use.why.is_empty() => "not known whether it is in use".to_owned(),
        _ => format!("not known whether it is in use: {}", in_use.why),
    }
}

pub(super) fn style(in_use: &InUse) -> Style {
    match in_use.state.as_str() {
        InUse::IN_USE => BAD,
        InUse::NOT_SEEN => DIM,
        _ => Style::new(),
    }
}

fn time(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_what_is_known() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let at = |text: &str| Some(text.to_owned());
        let used = InUse {
            state: InUse::IN_USE.to_owned(),
            since: at("2026-01-01T00:00:00Z"),
            last: at("2026-01-01T23:59:00Z"),
            containers: 1,
            ..InUse::default()
        };
        assert_eq!(sentence(&used, now), "in use in 1 container: first seen 24 h ago, last 60 s ago");
        assert_eq!(state(&used, now), "yes, 60 s ago");
        let unseen = InUse {
            state: InUse::NOT_SEEN.to_owned(),
            since: at("2026-01-01T00:00:00Z"),
            containers: 2,
            observed_seconds: 80_000,
            ..InUse::default()
        };
        assert_eq!(
            sentence(&unseen, now),
            "not seen in use in 2 containers watched from the start, for up to 22 h since 24 h ago"
        );
        let unknown =
            InUse { state: InUse::UNKNOWN.to_owned(), why: "no agent".to_owned(), ..InUse::default() };
        assert_eq!(sentence(&unknown, now), "not known whether it is in use: no agent");
        // Servers of before tell nothing.
        assert_eq!(sentence(&InUse::default(), now), "not known whether it is in use");
    }
}
