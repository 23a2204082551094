use std::io::Write;

use lazaret_format::cyclonedx::{Bom, write};
use lazaret_format::formats::Format;
use lazaret_pipeline::ScanOptions;

use super::scan::{Stamp, report};
use crate::args::{OutputFormat, SbomArgs};
use crate::failure::{Code, Failure, Outcome};
use crate::images::{self, Scanned};
use crate::output::print_with;
use crate::settings::Settings;
use crate::{cache, files};

pub(crate) async fn run(settings: &Settings, args: &SbomArgs) -> Outcome {
    let format = format(settings)?;
    let stamp = Stamp::of(settings, &args.job)?;
    let cache = cache::open(settings, &args.cache);
    let options = ScanOptions::default();
    let scanned = images::scan(settings, &args.target, &args.source, cache.as_ref(), None, options).await?;
    cache::tell(settings, cache.as_ref());
    let report = stamp.on(report(&scanned));
    let write = |out: &mut dyn Write| format.write_to(&report, out);
    match &args.out {
        Some(path) => files::replace_with(path, 0o644, write),
        None => print_with(write),
    }
}

/// CycloneDX, where no other format that lists packages was asked for.
fn format(settings: &Settings) -> Result<&'static Format, Failure> {
    let name = match settings.format {
        OutputFormat::Table | OutputFormat::Json => "cyclonedx",
        OutputFormat::Report(name) => name,
    };
    Format::named(name).filter(|format| format.lists_packages).ok_or_else(|| {
        let message = format!("`{name}` tells findings and lists no packages");
        Failure::new(Code::Usage, message).hint("use cyclonedx, cyclonedx-1.7, spdx or github")
    })
}

/// The document that is signed: equal images give equal bytes, so it holds no time.
pub(crate) fn to_attest(scanned: &Scanned) -> String {
    let scan = &scanned.scan;
    write(&Bom {
        name: &scanned.target,
        reference: scanned.reference.as_ref(),
        image: &scan.image,
        distribution: scan.distribution.as_ref(),
        packages: &scan.packages,
        findings: &[],
        problems: &scan.problems,
        timestamp: None,
        tool_version: env!("CARGO_PKG_VERSION"),
    })
}
