//! `lazaret profile`: what an image may do when it runs.

use std::path::Path;

use lazaret_model::SubjectKind;
use lazaret_pipeline::ScanOptions;
use lazaret_profile::{ImageExecutable, Profile, derive};

use crate::args::{ProfileCommand, SourceArgs};
use crate::failure::{Failure, Outcome};
use crate::output::{print, remark};
use crate::settings::Settings;
use crate::{files, images};

pub(crate) async fn run(settings: &Settings, command: &ProfileCommand) -> Outcome {
    match command {
        ProfileCommand::Show { subject } => {
            let profile = profile(settings, &subject.subject, &subject.source).await?;
            write(&profile.text(), subject.out.as_deref())
        }
    }
}

fn write(text: &str, out: Option<&Path>) -> Outcome {
    match out {
        Some(path) => files::replace(path, text.as_bytes(), 0o644),
        None => print(text),
    }
}

/// The profile that is named: a file, or what an image says of itself.
async fn profile(settings: &Settings, subject: &str, source: &SourceArgs) -> Result<Profile, Failure> {
    let file = subject.strip_prefix("profile:").or_else(|| is_profile(subject).then_some(subject));
    match file {
        Some(path) => read(Path::new(path)),
        None => of_image(settings, subject, source).await,
    }
}

fn is_profile(subject: &str) -> bool {
    subject.ends_with(".yaml") || subject.ends_with(".yml")
}

fn read(path: &Path) -> Result<Profile, Failure> {
    let text = files::read_text(path, lazaret_profile::MOST_BYTES as u64)?;
    Profile::parse(&text).map_err(|error| {
        Failure::input(format!("{}: {error}", path.display()))
            .hint("`lazaret profile show IMAGE` prints a profile to start from")
    })
}

async fn of_image(settings: &Settings, target: &str, source: &SourceArgs) -> Result<Profile, Failure> {
    let options = ScanOptions { executables: true, ..ScanOptions::default() };
    let scan = images::scan(settings, target, source, None, options).await?.scan;
    if scan.kind != SubjectKind::Image {
        return Err(Failure::input(format!("{target} is a {} and has no profile", scan.kind.name()))
            .hint("profiles are of images: name one as for `lazaret scan`"));
    }
    for problem in &scan.problems {
        remark(settings, &format!("not read: {problem}"));
    }
    let executables: Vec<_> = scan
        .executables
        .iter()
        .map(|executable| ImageExecutable {
            path: &executable.path,
            sha256: executable.sha256,
            mode: executable.mode,
            capable: false,
        })
        .collect();
    Ok(derive(&scan.image, &executables))
}
