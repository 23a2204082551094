use lazaret_format::v1::{ReplacementBody, ReplacementRequest};

use crate::args::ReplaceArgs;
use crate::client::Client;
use crate::failure::{Code, Failure, Outcome};
use crate::output::{BAD, GOOD, clock, paint, print, print_json};
use crate::settings::Settings;

/// Seconds that the server holds an answer back while nothing happens.
const WAIT: u32 = 30;

pub(crate) async fn run(settings: &Settings, args: &ReplaceArgs) -> Outcome {
    let (image, _) = super::by_digest(&args.image)?;
    let client = Client::new(settings)?;
    let request = ReplacementRequest {
        container: args.container.clone(),
        host: args.host.clone(),
        image: image.to_string(),
        health_seconds: args.health_timeout,
    };
    let mut body: ReplacementBody = client.post("/v1/replacements", &request).await?;
    let mut shown = 0;
    loop {
        for step in body.steps.iter().skip(shown) {
            if !settings.json() {
                print(&format!("{}  {}\n", clock(&step.at), step.text))?;
            }
        }
        shown = body.steps.len();
        if matches!(body.state.as_str(), "done" | "rolled-back" | "failed") {
            break;
        }
        body = client.get(&format!("/v1/replacements/{}?wait={WAIT}&steps={shown}", body.id)).await?;
    }
    if settings.json() {
        print_json(&body)?;
    }
    if body.state == "done" {
        let text = format!("{} gave way to {}", args.container, body.image);
        return if settings.json() {
            Ok(())
        } else {
            print(&format!("{}\n", paint(settings.color, GOOD, &text)))
        };
    }
    let why = body.steps.last().map_or_else(|| "no step was taken".to_owned(), |step| step.text.clone());
    let what = if body.state == "rolled-back" { "rolled back: the old container goes on" } else { "failed" };
    Err(Failure::new(
        Code::Refused,
        format!("replacement {} {}: {why}", body.id, paint(settings.color, BAD, what)),
    ))
}
