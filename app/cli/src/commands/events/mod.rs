mod deviation;
mod session;

use std::time::Duration;

use lazaret_format::v1::{EventKind, EventPage, StoredEvent};

use crate::args::EventsArgs;
use crate::client::Client;
use crate::failure::{Code, Failure, Outcome};
use crate::output::{BAD, DIM, GOOD, WARN, clock, paint, plain, print, remark, short_digest, short_id};
use crate::settings::Settings;

const PAGE: u32 = 500;
/// Seconds that the server holds an answer back while nothing happens.
const WAIT: u32 = 30;
/// Between two attempts to reach a server that went away.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// JSON output is one event a line, so that it can be followed.
pub(crate) async fn run(settings: &Settings, args: &EventsArgs) -> Outcome {
    let client = Client::new(settings)?;
    let mut after = args.since;
    let (mut was_there, mut pause) = (false, SHORTEST_PAUSE);
    loop {
        let wait = if args.follow { WAIT } else { 0 };
        let path = format!("/v1/events?after={after}&limit={PAGE}&wait={wait}");
        let page: EventPage = match client.get(&path).await {
            Err(failure) if was_there && is_away(&failure) => {
                if pause == SHORTEST_PAUSE {
                    remark(settings, &format!("{}; trying again", failure.message));
                }
                tokio::time::sleep(pause).await;
                pause = LONGEST_PAUSE.min(pause * 2);
                continue;
            }
            answer => answer?,
        };
        // A server that answered once is waited for: events stay where they are.
        (was_there, pause) = (args.follow, SHORTEST_PAUSE);
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

/// It is gone, or ends just now.
fn is_away(failure: &Failure) -> bool {
    matches!(failure.code, Code::Unreachable | Code::ServerRefused)
}

pub(super) fn line(settings: &Settings, event: &StoredEvent) -> String {
    let (style, what) = describe(&event.event.what);
    let image = event.image.as_ref().map_or_else(String::new, |image| format!("  [{}]", plain(image)));
    let head = format!("{:>6}  {}  {}", event.position, clock(&plain(&event.event.at)), plain(&event.host));
    let what = paint(settings.color, style, &plain(&what));
    let mut text = format!("{}  {what}{image}", paint(settings.color, DIM, &head));
    if let EventKind::Deviation(deviation) = &event.event.what {
        for detail in deviation::details(deviation) {
            text.push_str("\n        ");
            text.push_str(&paint(settings.color, DIM, &plain(&detail)));
        }
    }
    text
}

fn describe(kind: &EventKind) -> (anstyle::Style, String) {
    let plain = anstyle::Style::new();
    match kind {
        EventKind::AgentStarted { version, enforcement } => {
            (plain, format!("agent {version} watches; enforcement: {enforcement}"))
        }
        EventKind::Decided { decision, allow, operation, subject, reasons, micros, grant, .. } => {
            let verb = if *allow { "allowed" } else { "REFUSED" };
            let why = reasons.first().map_or_else(String::new, |reason| format!(": {}", reason.message));
            let why = grant.as_ref().map_or(why, |grant| {
                format!(", let in by {}, which {} opened: {}", grant.id, grant.by, grant.reason)
            });
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
        EventKind::ExecutionDenied { container, category, path, sha256, by, rung, reason, .. } => {
            let digest = short_digest(&format!("sha256:{sha256}"));
            let category = if category.is_empty() { String::new() } else { format!("{category}, ") };
            (
                BAD,
                format!(
                    "PREVENTED execution of {path} ({digest}) by `{by}` in {}: {reason} ({category}{rung})",
                    short_id(container)
                ),
            )
        }
        EventKind::Deviation(deviation) => deviation::describe(deviation),
        EventKind::BreakGlass(news) => session::opened_or_over(news),
        EventKind::SessionCommand(command) => session::command(command),
        EventKind::SessionEnded(ended) => session::ended(ended),
        EventKind::Gap { what, count } => (WARN, format!("EVIDENCE GAP: {what} ({count})")),
    }
}
