use lazaret_format::v1::{EventKind, EventPage, StoredEvent};

use crate::args::EventsArgs;
use crate::client::Client;
use crate::failure::{Code, Failure, Outcome};
use crate::output::{BAD, DIM, GOOD, WARN, clock, paint, print, short_digest, short_id};
use crate::settings::Settings;

const PAGE: u32 = 500;
/// Seconds that the server holds an answer back while nothing happens.
const WAIT: u32 = 30;

/// JSON output is one event a line, so that it can be followed.
pub(crate) async fn run(settings: &Settings, args: &EventsArgs) -> Outcome {
    let client = Client::new(settings)?;
    let mut after = args.since;
    loop {
        let wait = if args.follow { WAIT } else { 0 };
        let page: EventPage =
            client.get(&format!("/v1/events?after={after}&limit={PAGE}&wait={wait}")).await?;
        let mut text = String::new();
        for event in &page.events {
            text.push_str(&if settings.json() { json(event)? } else { line(settings, event) });
            text.push('\n');
        }
        print(&text)?;
        if !args.follow && page.events.is_empty() {
            return Ok(());
        }
        after = page.next;
    }
}

fn json(event: &StoredEvent) -> Result<String, Failure> {
    serde_json::to_string(event)
        .map_err(|error| Failure::new(Code::Internal, format!("cannot print an event: {error}")))
}

fn line(settings: &Settings, event: &StoredEvent) -> String {
    let (style, what) = describe(&event.event.what);
    let image = event.image.as_ref().map_or_else(String::new, |image| format!("  [{image}]"));
    let head = format!("{:>6}  {}  {}", event.position, clock(&event.event.at), event.host);
    let what: String = what.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{}  {}{}", paint(settings.color, DIM, &head), paint(settings.color, style, &what), image)
}

fn describe(kind: &EventKind) -> (anstyle::Style, String) {
    let plain = anstyle::Style::new();
    match kind {
        EventKind::AgentStarted { version, enforcement } => {
            (plain, format!("agent {version} watches; enforcement: {enforcement}"))
        }
        EventKind::Decided { decision, allow, operation, subject, reasons, micros, .. } => {
            let verb = if *allow { "allowed" } else { "REFUSED" };
            let why = reasons.first().map_or_else(String::new, |reason| format!(": {}", reason.message));
            let style = if *allow { GOOD } else { BAD };
            (style, format!("{verb} {operation} {subject}{why} ({decision}, {micros} µs)"))
        }
        EventKind::ContainerStarted { container, name, image_name, decision, command, .. } => {
            match decision {
                Some(decision) => (
                    plain,
                    format!(
                        "started {} {name} from {image_name}, admitted by {decision}",
                        short_id(container)
                    ),
                ),
                None => (BAD, format!("UNMANAGED container {} {name} runs `{command}`", short_id(container))),
            }
        }
        EventKind::ContainerRenamed { container, name } => {
            (plain, format!("renamed {} to {name}", short_id(container)))
        }
        EventKind::ContainerEnded { container, exit_code } => {
            let code = exit_code.map_or_else(String::new, |code| format!(" with exit code {code}"));
            (plain, format!("ended {}{code}", short_id(container)))
        }
        EventKind::ExecutionDenied { container, path, sha256, by, rung, reason, .. } => {
            let digest = short_digest(&format!("sha256:{sha256}"));
            (
                BAD,
                format!(
                    "PREVENTED execution of {path} ({digest}) by `{by}` in {}: {reason} ({rung})",
                    short_id(container)
                ),
            )
        }
        EventKind::Deviation(deviation) => {
            let outcome = deviation.outcome.to_uppercase();
            let rule = deviation.rule.as_ref().map_or_else(String::new, |rule| format!(" [{rule}]"));
            let text = format!(
                "{outcome} {} in {}: {}{rule} ({})",
                deviation.category,
                short_id(&deviation.container),
                deviation.what,
                deviation.rung
            );
            (BAD, text)
        }
        EventKind::Gap { what, count } => (WARN, format!("EVIDENCE GAP: {what} ({count})")),
    }
}
