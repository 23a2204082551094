use lazaret_trust::{Predicate, Statement};

use crate::args::SignArgs;
use crate::evidence::Subject;
use crate::failure::Outcome;
use crate::output::{print, print_json};
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, args: &SignArgs) -> Outcome {
    let (reference, manifest) = super::by_digest(&args.image)?;
    let key = super::key::read(&args.key.key)?;
    let subject = Subject::fetch(reference, manifest, &args.registries).await?;
    let statement = Statement::about(&subject.repository(), manifest, Predicate::Signature);
    let envelope = subject.attach(&statement, &key).await?;
    if settings.json() {
        let body = serde_json::json!({ "envelope": envelope.digest().to_string(), "keyId": key.key_id() });
        return print_json(&body);
    }
    print(&format!("signed {} with key {}\n{}\n", subject.reference, &key.key_id()[..12], envelope.digest()))
}
