use std::fmt::Write as _;

use lazaret_format::v1::{AffectedBody, ImportResponse};

use super::findings::{observed, sentence, style};
use crate::args::{AdvisoryCommand, AffectedArgs};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output::{BAD, BOLD, DIM, GOOD, ago, micros, paint, print, print_json, short_digest, short_id};
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, args: &AffectedArgs) -> Outcome {
    let id: String =
        args.id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')).collect();
    if id.is_empty() || id != args.id {
        return Err(Failure::input(format!("`{}` is not the name of a vulnerability", args.id))
            .hint("such as CVE-2026-1234"));
    }
    let body: AffectedBody =
        Client::new(settings)?.get(&format!("/v1/affected/{id}?{}", observed(&args.observed))).await?;
    if settings.json() {
        return print_json(&body);
    }
    print(&render(settings, &body, jiff::Timestamp::now()))
}

fn render(settings: &Settings, body: &AffectedBody, now: jiff::Timestamp) -> String {
    let containers: usize = body.images.iter().map(|image| image.containers.len()).sum();
    let title_style = if containers > 0 {
        BAD
    } else if body.images.is_empty() {
        GOOD
    } else {
        BOLD
    };
    let title = format!("{}: {} images, {containers} running containers", body.id, body.images.len());
    let mut text = format!(
        "{}  {}\n",
        paint(settings.color, title_style, &title),
        paint(settings.color, DIM, &micros(body.micros))
    );
    for image in &body.images {
        let fix =
            image.fixed.as_ref().map_or_else(|| "no fix yet".to_owned(), |fixed| format!("fixed in {fixed}"));
        let _ = writeln!(
            text,
            "\n{}@{}\n  {}, {fix}\n  {}",
            image.repository,
            short_digest(&image.manifest),
            image.package,
            paint(settings.color, style(&image.in_use), &sentence(&image.in_use, now))
        );
        for container in &image.containers {
            let _ = writeln!(
                text,
                "  {}  {}  {} on {}, since {}",
                paint(settings.color, BAD, "running"),
                short_id(&container.container),
                container.name,
                container.host,
                ago(&container.started, now)
            );
        }
    }
    text
}

pub(crate) async fn advisory(settings: &Settings, command: &AdvisoryCommand) -> Outcome {
    let AdvisoryCommand::Import { files } = command;
    let client = Client::new(settings)?;
    let mut answers: Vec<ImportResponse> = Vec::new();
    for file in files {
        let bytes = std::fs::read(file).map_err(|error| Failure::file("read", file, &error))?;
        answers.push(client.post_bytes("/v1/advisories", bytes).await?);
    }
    if settings.json() {
        return print_json(&answers);
    }
    let mut text = String::new();
    for answer in &answers {
        let _ = writeln!(
            text,
            "{} advisories ({}): {} images and {} running containers are affected; known {} after the upload",
            answer.advisories,
            answer.ids.join(", "),
            answer.images,
            answer.containers,
            micros(answer.micros)
        );
    }
    print(&text)
}
