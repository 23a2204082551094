use std::time::Duration;

use anstyle::Style;
use lazaret_format::v1::{BreakGlassBody, BreakGlassRequest, EventPage, StoredEvent};
use serde_json::json;

use super::events::line;
use crate::args::BreakGlassCommand;
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output::{DIM, GOOD, Table, WARN, clock, paint, plain, print, print_json, remark, short_id};
use crate::settings::Settings;

const PAGE: u32 = 1000;
/// How long the host is waited for, and how often it is looked.
const PATIENCE: u32 = 10_000;
const LOOK: u32 = 200;

pub(crate) async fn run(settings: &Settings, command: &BreakGlassCommand) -> Outcome {
    let client = Client::new(settings)?;
    match command {
        BreakGlassCommand::Open { container, host, reason, lifetime } => {
            let request = BreakGlassRequest {
                container: container.clone(),
                host: host.clone(),
                reason: reason.clone(),
                seconds: u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX),
            };
            open(settings, &client, &request).await
        }
        BreakGlassCommand::List => list(settings, client.get("/v1/break-glass").await?),
        BreakGlassCommand::Show { id } => show(settings, &client, id).await,
        BreakGlassCommand::Close { id } => {
            let body: BreakGlassBody = client.post(&format!("{}/close", path(id)?), &()).await?;
            tell(settings, &body)
        }
    }
}

async fn open(settings: &Settings, client: &Client, request: &BreakGlassRequest) -> Outcome {
    let mut body: BreakGlassBody = client.post("/v1/break-glass", request).await?;
    // It is on record now, whether or not the host hears of it.
    let mut waited = 0;
    while body.in_force.is_none() && body.state == "open" && waited < PATIENCE {
        tokio::time::sleep(Duration::from_millis(LOOK.into())).await;
        waited += LOOK;
        body = client.get(&path(&body.id)?).await?;
    }
    if body.in_force.is_none() {
        remark(
            settings,
            "the host has not heard of it yet; it lets people in as soon as its agent reaches the server",
        );
    }
    tell(settings, &body)?;
    if !settings.json() && body.state == "open" {
        remark(
            settings,
            &format!(
                "all commands of sessions are recorded, with their arguments; on {}: docker exec -it {} sh",
                plain(&body.host),
                plain(&body.name)
            ),
        );
    }
    Ok(())
}

fn tell(settings: &Settings, body: &BreakGlassBody) -> Outcome {
    if settings.json() { print_json(body) } else { print(&head(settings, body)) }
}

fn list(settings: &Settings, all: Vec<BreakGlassBody>) -> Outcome {
    if settings.json() {
        return print_json(&all);
    }
    let normal = Style::new();
    let header = ["ID", "STATE", "HOST", "CONTAINER", "OPENED", "UNTIL", "BY", "REASON"];
    let mut table = Table::new(settings.color, settings.width, &header);
    for one in all {
        let style = if one.state == "open" { GOOD } else { DIM };
        let end = one.closed.as_ref().unwrap_or(&one.until);
        table.row(vec![
            (one.id, normal),
            (one.state, style),
            (one.host, normal),
            (format!("{} {}", short_id(&one.container), one.name), normal),
            (clock(&one.opened), normal),
            (clock(end), normal),
            (one.by, normal),
            (one.reason, normal),
        ]);
    }
    print(&table.render())
}

async fn show(settings: &Settings, client: &Client, id: &str) -> Outcome {
    let path = path(id)?;
    let body: BreakGlassBody = client.get(&path).await?;
    let (mut events, mut after): (Vec<StoredEvent>, u64) = (Vec::new(), 0);
    loop {
        let page: EventPage = client.get(&format!("{path}/events?after={after}&limit={PAGE}")).await?;
        if page.events.is_empty() {
            break;
        }
        after = page.next;
        events.extend(page.events);
    }
    if settings.json() {
        return print_json(&json!({ "break_glass": body, "events": events }));
    }
    let mut text = head(settings, &body);
    for event in &events {
        text.push_str(&line(settings, event));
        text.push('\n');
    }
    print(&text)
}

fn head(settings: &Settings, body: &BreakGlassBody) -> String {
    let style = if body.state == "open" { WARN } else { DIM };
    let mut text = format!(
        "{}  {}  {} ({}) on {}\nopened {} by {}, until {}: {}\n",
        plain(&body.id),
        paint(settings.color, style, &plain(&body.state)),
        plain(&body.name),
        short_id(&body.container),
        plain(&body.host),
        clock(&body.opened),
        plain(&body.by),
        clock(&body.until),
        plain(&body.reason),
    );
    if let Some(at) = &body.in_force {
        text.push_str(&format!("in force on the host since {}\n", clock(at)));
    }
    if let (Some(at), by) = (&body.closed, &body.closed_by) {
        let by = by.as_ref().map_or_else(String::new, |by| format!(" by {}", plain(by)));
        text.push_str(&format!("{} {}{by}\n", plain(&body.state), clock(at)));
    }
    text
}

/// The id becomes a part of an address.
fn path(id: &str) -> Result<String, Failure> {
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(Failure::input(format!("`{id}` is no id of a break-glass"))
            .hint("`lazaret break-glass list` shows them"));
    }
    Ok(format!("/v1/break-glass/{id}"))
}
