use std::sync::Arc;

use lazaret_format::report::{self, ScanReport};
use lazaret_model::{Outcome as Judgement, Verdict};
use lazaret_pipeline::ScanOptions;

use crate::args::ScanArgs;
use crate::failure::{Code, Failure, Outcome};
use crate::images::{self, Scanned};
use crate::output::print;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, args: &ScanArgs) -> Outcome {
    let policy = args.policy.as_deref().map(super::policy::read).transpose()?;
    let database = Arc::new(images::open_database(&args.database)?);
    let (mut refused, mut broken) = (Vec::new(), None);
    let mut reports = Vec::new();
    for target in &args.targets {
        // One target that cannot be read does not keep the others from their report.
        let scanned = match images::scan(
            settings,
            target,
            &args.source,
            Some(database.clone()),
            ScanOptions::default(),
        )
        .await
        {
            Ok(scanned) => scanned,
            Err(failure) => {
                if args.targets.len() > 1 {
                    crate::output::remark(settings, &format!("{target}: {}", failure.message));
                }
                broken.get_or_insert(failure);
                continue;
            }
        };
        let verdict =
            policy.as_ref().and_then(|(policy, _)| scanned.scan.judge(policy, jiff::Timestamp::now()));
        if verdict.as_ref().is_some_and(|verdict| verdict.outcome == Judgement::Refuse) {
            refused.push(target.clone());
        }
        reports.push(render(settings, &scanned, verdict.as_ref()));
    }
    // One report is an object, several are an array.
    match (settings.json(), args.targets.len()) {
        (true, 2..) => print(&format!("[\n{}\n]\n", reports.join(",\n")))?,
        _ => print(&reports.join("\n"))?,
    }
    match broken {
        Some(failure) => Err(failure),
        None if refused.is_empty() => Ok(()),
        None => Err(Failure::new(Code::Refused, format!("the policy refuses {}", refused.join(", ")))
            .hint("the reasons and what clears them are in the report")),
    }
}

fn render(settings: &Settings, scanned: &Scanned, verdict: Option<&Verdict>) -> String {
    let scan = &scanned.scan;
    let report = ScanReport {
        target: &scanned.target,
        image: &scan.image,
        distribution: scan.distribution.as_ref(),
        packages: &scan.packages,
        findings: &scan.findings,
        problems: &scan.problems,
        database: scan.database.as_ref(),
        verdict,
        order: lazaret_pipeline::version_order,
    };
    if settings.json() {
        report::json(&report)
    } else {
        report::table(&report, settings.width, settings.color)
    }
}
