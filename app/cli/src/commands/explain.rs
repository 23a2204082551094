use std::fmt::Write as _;

use lazaret_format::v1::{ContainerBody, ExplainBody, ImageBody};

use crate::args::ExplainArgs;
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output::{BAD, BOLD, GOOD, clock, paint, print, print_json, short_digest, short_id};
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, args: &ExplainArgs) -> Outcome {
    let subject = &args.subject;
    if subject.is_empty()
        || !subject.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
    {
        return Err(Failure::input(format!("`{subject}` is neither a container nor a digest")));
    }
    let body: ExplainBody = Client::new(settings)?.get(&format!("/v1/explain/{subject}")).await?;
    if settings.json() {
        return print_json(&body);
    }
    print(&render(settings, &body))
}

fn render(settings: &Settings, body: &ExplainBody) -> String {
    let mut text = String::new();
    let head = |text: &mut String, title: &str| {
        let _ = writeln!(text, "{}", paint(settings.color, BOLD, title));
    };
    if let Some(container) = &body.container {
        head(&mut text, &format!("Container {} {}", short_id(&container.container), container.name));
        text.push_str(&describe_container(container));
    }
    if let Some(image) = &body.image {
        head(&mut text, &format!("Image {}", image.repository));
        text.push_str(&describe_image(image));
    }
    for layer in &body.layers {
        let _ = writeln!(
            text,
            "  layer     {}  {} packages  {}",
            short_digest(&layer.diff_id),
            layer.packages,
            layer.created_by
        );
    }
    if !body.packages.is_empty() {
        let _ = writeln!(text, "  packages  {}: {}", body.packages.len(), summary(&body.packages));
    }
    if let Some(verdict) = &body.verdict {
        head(&mut text, "Verdict");
        let style = if verdict.outcome == "pass" { GOOD } else { BAD };
        let _ = writeln!(
            text,
            "  {} at {}, {} findings",
            paint(settings.color, style, &verdict.outcome),
            clock(&verdict.at),
            verdict.findings
        );
        let _ = writeln!(text, "  policy    {}", verdict.policy);
        let _ = writeln!(text, "  database  {} of {}", verdict.database, clock(&verdict.database_built));
        for reason in &verdict.reasons {
            let _ = writeln!(text, "  {}: {}", reason.rule, reason.message);
        }
    }
    if !body.statements.is_empty() {
        head(&mut text, "Statements");
    }
    for statement in &body.statements {
        let mark = if statement.verified {
            paint(settings.color, GOOD, "verified")
        } else {
            paint(settings.color, BAD, "NOT VERIFIED")
        };
        let _ = writeln!(
            text,
            "  {}  {mark}  {}  by key {}  {}  audit #{}",
            clock(&statement.at),
            statement.title,
            statement.key.chars().take(12).collect::<String>(),
            short_digest(&statement.envelope),
            statement.audit
        );
    }
    if !body.decisions.is_empty() {
        head(&mut text, "Decisions");
    }
    for decision in &body.decisions {
        let mark = if decision.allow {
            paint(settings.color, GOOD, "allowed")
        } else {
            paint(settings.color, BAD, "refused")
        };
        let _ = writeln!(
            text,
            "  {}  {mark}  {}  {}  {}  audit #{}",
            clock(&decision.at),
            decision.operation,
            decision.subject,
            decision.decision,
            decision.audit
        );
        for reason in &decision.reasons {
            let _ = writeln!(text, "      {}: {}", reason.rule, reason.message);
        }
    }
    if body.missing.is_empty() {
        let _ = writeln!(text, "{}", paint(settings.color, GOOD, "The chain is complete."));
    } else {
        head(&mut text, "Missing in the chain");
        for missing in &body.missing {
            let _ = writeln!(text, "  {}", paint(settings.color, BAD, missing));
        }
    }
    text
}

fn describe_container(container: &ContainerBody) -> String {
    let mut text = format!(
        "  host      {}\n  state     {}, {}\n",
        container.host, container.state, container.management
    );
    let _ = writeln!(text, "  since     {}", clock(&container.started));
    if !container.image_name.is_empty() {
        let _ = writeln!(text, "  asked as  {}", container.image_name);
    }
    if !container.command.is_empty() {
        let _ = writeln!(text, "  command   {}", container.command);
    }
    if let Some(decision) = &container.decision {
        let _ = writeln!(text, "  admitted  by decision {decision}");
    }
    text
}

fn describe_image(image: &ImageBody) -> String {
    let stages = if image.stages.is_empty() { "none".to_owned() } else { image.stages.join(" → ") };
    format!("  manifest  {}\n  config    {}\n  stages    {stages}\n", image.manifest, image.config)
}

fn summary(packages: &[String]) -> String {
    let shown = packages.iter().take(6).cloned().collect::<Vec<_>>().join(", ");
    if packages.len() > 6 { format!("{shown}, … (all with --format json)") } else { shown }
}
