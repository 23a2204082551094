use std::sync::Arc;

use lazaret_model::Outcome as Judgement;
use lazaret_pipeline::ScanOptions;

use crate::args::{AttestArgs, SourceArgs};
use crate::client::Client;
use crate::evidence::Subject;
use crate::failure::{Code, Failure, Outcome};
use crate::images;
use crate::output::{print, print_json, remark};
use crate::settings::Settings;

/// Attests whatever the policy says: a refusal is evidence too, and promotion asks for a pass.
pub(crate) async fn run(settings: &Settings, args: &AttestArgs) -> Outcome {
    let (reference, manifest) = super::by_digest(&args.image)?;
    let key = super::key::read(&args.key.key)?;
    let (policy, _) = super::policy::read(&args.policy)?;
    let database = Arc::new(images::open_database(&args.database)?);
    let client = Client::new(settings)?;
    let subject = Subject::fetch(reference, manifest, &args.registries).await?;

    let target = format!("registry:{}", subject.reference);
    let (registries, limits) = (args.registries.clone(), args.limits.clone());
    let source = SourceArgs { registries, limits, ..SourceArgs::default() };
    let options = ScanOptions { executables: true, ..ScanOptions::default() };
    let mut scanned = {
        // What is signed was read now: nothing is taken from a cache.
        images::scan(settings, &target, &source, None, Some(database), options).await?
    };
    scanned.target = subject.repository();
    if scanned.scan.image.config != subject.config {
        return Err(Failure::input(format!("{} changed while it was read", subject.reference)));
    }
    let verdict = scanned.scan.judge(&policy, jiff::Timestamp::now());
    let verdict =
        verdict.ok_or_else(|| Failure::new(Code::Internal, "the scan was made without a database"))?;
    let sbom = super::sbom::to_attest(&scanned);
    for statement in lazaret_pipeline::state(&subject.repository(), manifest, &scanned.scan, &verdict, sbom) {
        let envelope = subject.attach(&statement, &key).await?;
        remark(
            settings,
            &format!("attested {}  {}", statement.predicate.predicate_type(), envelope.digest()),
        );
    }
    let image = subject.upload(&client, &subject.attached().await?).await?;
    if settings.json() {
        print_json(&image)?;
    } else {
        let packages = scanned.scan.packages.len();
        print(&format!(
            "{}: {packages} packages, {} findings, verdict {}\n",
            subject.reference,
            scanned.scan.findings.len(),
            verdict.outcome.name()
        ))?;
    }
    if verdict.outcome == Judgement::Pass {
        return Ok(());
    }
    let reasons: Vec<_> =
        verdict.reasons.iter().map(|reason| format!("\n  {}: {}", reason.rule, reason.message)).collect();
    Err(Failure::new(Code::Refused, format!("the policy refuses {}{}", subject.reference, reasons.concat())))
}
