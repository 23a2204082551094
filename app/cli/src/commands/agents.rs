use anstyle::Style;
use lazaret_format::v1::{AgentBody, TokenKind, TokenRequest, TokenResponse};

use crate::args::{TokenCommand, TokenKindArg};
use crate::client::Client;
use crate::failure::Outcome;
use crate::output::{BAD, Table, ago, clock, print, print_json, remark};
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings) -> Outcome {
    let agents: Vec<AgentBody> = Client::new(settings)?.get("/v1/agents").await?;
    if settings.json() {
        return print_json(&agents);
    }
    let now = jiff::Timestamp::now();
    let plain = Style::new();
    let mut table = Table::new(
        settings.color,
        settings.width,
        &["HOST", "AGENT", "VERSION", "LAST SEEN", "EVENTS", "LOST"],
    );
    for agent in agents {
        let seen = agent.last_seen.map_or_else(|| "never".to_owned(), |at| ago(&at, now));
        let lost = (agent.lost.to_string(), if agent.lost > 0 { BAD } else { plain });
        table.row(vec![
            (agent.host, plain),
            (agent.agent_id, plain),
            (agent.version, plain),
            (seen, plain),
            (agent.events.to_string(), plain),
            lost,
        ]);
    }
    print(&table.render())
}

pub(crate) async fn token(settings: &Settings, command: &TokenCommand) -> Outcome {
    let TokenCommand::Create { kind, name, lifetime } = command;
    let kind = match kind {
        TokenKindArg::User => TokenKind::User,
        TokenKindArg::Enrolment => TokenKind::Enrolment,
    };
    let request = TokenRequest { kind, name: name.clone(), lifetime_seconds: *lifetime };
    let answer: TokenResponse = Client::new(settings)?.post("/v1/tokens", &request).await?;
    if settings.json() {
        return print_json(&answer);
    }
    remark(settings, &format!("expires {}; it is not shown again", clock(&answer.expires)));
    print(&format!("{}\n", answer.token))
}
