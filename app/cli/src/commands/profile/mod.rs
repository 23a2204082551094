//! `lazaret profile`: what an image may do when it runs.

mod decisions;
mod learned;
mod promote;
mod promoted;

use std::path::Path;

use lazaret_model::{FILE_CAPABILITIES, SubjectKind};
use lazaret_pipeline::{Scan, ScanOptions};
use lazaret_profile::export::{self, Export, ExportError};
use lazaret_profile::{Change, ImageExecutable, Profile, Side, derive, diff, provisional, rules};
use serde::Serialize;

use crate::args::{ProfileCommand, ProfileShape, SourceArgs};
use crate::failure::{Failure, Outcome};
use crate::output::{self, paint, print, print_json, remark};
use crate::settings::Settings;
use crate::{files, images};

pub(crate) async fn run(settings: &Settings, command: &ProfileCommand) -> Outcome {
    match command {
        ProfileCommand::Show { subject, promoted: Some(key), variant, output } => {
            let profile = promoted::show(subject, key, variant.as_deref(), &output.source.registries).await?;
            write(&profile.text(), output.out.as_deref())
        }
        ProfileCommand::Show { subject, output, .. } => {
            let profile = profile(settings, subject, &output.source).await?;
            write(&profile.text(), output.out.as_deref())
        }
        ProfileCommand::Diff { old, new, source } => {
            let old = profile(settings, old, source).await?;
            let new = profile(settings, new, source).await?;
            print_changes(settings, &old, &new)
        }
        ProfileCommand::Inherit { predecessor, image, output } => {
            let predecessor = profile(settings, predecessor, &output.source).await?;
            let scan = scan(settings, image, &output.source).await?;
            let executables = executables(&scan);
            let derived = derive(&scan.image, &executables);
            write(&provisional(&predecessor, &derived, &executables).text(), output.out.as_deref())
        }
        ProfileCommand::Export { subject, shape, selector, output } => {
            let profile = profile(settings, subject, &output.source).await?;
            let export = export(&profile, *shape, selector.as_deref())
                .map_err(|error| Failure::input(format!("{subject}: {error}")))?;
            for lost in &export.lost {
                remark(settings, &format!("not said there: {lost}"));
            }
            write(&export.text, output.out.as_deref())
        }
        ProfileCommand::Learn(args) => learned::learn(settings, args).await,
        ProfileCommand::Promote(args) => promote::run(settings, args).await,
        ProfileCommand::Test { learned, profile } => learned::test(settings, learned, profile).await,
        ProfileCommand::Rules => print(rules::SHIPPED),
        ProfileCommand::Schema => print(lazaret_profile::SCHEMA),
    }
}

fn write(text: &str, out: Option<&Path>) -> Outcome {
    match out {
        Some(path) => files::replace(path, text.as_bytes(), 0o644),
        None => print(text),
    }
}

fn export(profile: &Profile, shape: ProfileShape, selector: Option<&str>) -> Result<Export, ExportError> {
    match shape {
        ProfileShape::Seccomp => export::seccomp(profile),
        ProfileShape::Apparmor => Ok(export::apparmor(profile)),
        ProfileShape::NetworkPolicy => export::network_policy(profile, selector.unwrap_or_default()),
    }
}

#[derive(Serialize)]
struct ChangeLine<'c> {
    change: &'static str,
    section: &'c str,
    entry: &'c str,
}

fn print_changes(settings: &Settings, old: &Profile, new: &Profile) -> Outcome {
    let changes = diff(old, new);
    if settings.json() {
        return print_json(&lines(&changes));
    }
    if changes.is_empty() {
        remark(settings, "both allow the same");
    }
    print(&shown(settings, &changes))
}

fn lines(changes: &[Change]) -> Vec<ChangeLine<'_>> {
    let word = |side| if side == Side::Added { "added" } else { "removed" };
    changes
        .iter()
        .map(|change| ChangeLine {
            change: word(change.side),
            section: &change.section,
            entry: &change.entry,
        })
        .collect()
}

/// Changes for people, section by section.
fn shown(settings: &Settings, changes: &[Change]) -> String {
    let mut text = String::new();
    let mut section = "";
    for change in changes {
        if change.section != section {
            section = &change.section;
            text.push_str(&paint(settings.color, output::BOLD, section));
            text.push('\n');
        }
        let (sign, style) = match change.side {
            Side::Added => ('+', output::GOOD),
            Side::Removed => ('-', output::BAD),
        };
        text.push_str(&paint(settings.color, style, &format!("  {sign} {}", output::plain(&change.entry))));
        text.push('\n');
    }
    text
}

/// The profile that is named: a file, or what an image says of itself.
async fn profile(settings: &Settings, subject: &str, source: &SourceArgs) -> Result<Profile, Failure> {
    let is_profile = subject.ends_with(".yaml") || subject.ends_with(".yml");
    match subject.strip_prefix("profile:").or_else(|| is_profile.then_some(subject)) {
        Some(path) => read(Path::new(path)),
        None => {
            let scan = scan(settings, subject, source).await?;
            Ok(derive(&scan.image, &executables(&scan)))
        }
    }
}

fn read(path: &Path) -> Result<Profile, Failure> {
    let text = files::read_text(path, lazaret_profile::MOST_BYTES as u64)?;
    Profile::parse(&text).map_err(|error| {
        Failure::input(format!("{}: {error}", path.display()))
            .hint("`lazaret profile show IMAGE` prints a profile to start from")
    })
}

async fn scan(settings: &Settings, target: &str, source: &SourceArgs) -> Result<Scan, Failure> {
    let options = ScanOptions { executables: true, ..ScanOptions::default() };
    let scan = images::scan(settings, target, source, None, None, options).await?.scan;
    if scan.kind != SubjectKind::Image {
        return Err(Failure::input(format!("{target} is a {} and has no profile", scan.kind.name()))
            .hint("profiles are of images: name one as for `lazaret scan`"));
    }
    for problem in &scan.problems {
        remark(settings, &format!("not read: {problem}"));
    }
    Ok(scan)
}

fn executables(scan: &Scan) -> Vec<ImageExecutable<'_>> {
    scan.executables
        .iter()
        .map(|executable| ImageExecutable {
            path: &executable.path,
            sha256: executable.sha256,
            mode: executable.mode,
            capable: executable.mode & FILE_CAPABILITIES != 0,
        })
        .collect()
}
