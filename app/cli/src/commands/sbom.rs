use lazaret_format::cyclonedx::{Bom, write, write_pretty};
use lazaret_pipeline::ScanOptions;

use crate::args::SbomArgs;
use crate::failure::Outcome;
use crate::files;
use crate::images::{self, Scanned};
use crate::output::print;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, args: &SbomArgs) -> Outcome {
    let scanned = images::scan(settings, &args.target, &args.source, None, ScanOptions::default()).await?;
    let text = write_pretty(&bom(&scanned));
    match &args.out {
        Some(path) => files::replace(path, text.as_bytes(), 0o644),
        None => print(&text),
    }
}

/// The document that is signed: equal images give equal bytes, so it holds no time.
pub(crate) fn to_attest(scanned: &Scanned) -> String {
    write(&bom(scanned))
}

fn bom(scanned: &Scanned) -> Bom<'_> {
    let scan = &scanned.scan;
    Bom {
        name: &scanned.target,
        reference: scanned.reference.as_ref(),
        image: &scan.image,
        distribution: scan.distribution.as_ref(),
        packages: &scan.packages,
        findings: &[],
        problems: &scan.problems,
        timestamp: None,
        tool_version: env!("CARGO_PKG_VERSION"),
    }
}
