//! `lazaret db update`: advisories from the package mirrors that this machine or images are configured for.

mod apt;
mod report;
mod yum;

use std::collections::BTreeSet;
use std::path::PathBuf;

use lazaret_advisory::{Builder, DatabaseError};
use lazaret_model::Limits;
use lazaret_pipeline::ScanOptions;
use lazaret_source::apt::{AptFeed, AptRequest, AptRoot, Wanted};
use lazaret_source::yum::{YumFeed, YumRequest, YumRoot};

use super::store::{Writing, blocking, interrupted};
use crate::args::{DatabaseArg, SourceArgs};
use crate::failure::{Code, Failure, Outcome};
use crate::images;
use crate::progress::Progress;
use crate::settings::Settings;

pub(super) struct Wish {
    pub(super) database: DatabaseArg,
    pub(super) targets: Vec<String>,
    pub(super) all: bool,
    pub(super) root: PathBuf,
    pub(super) trust_images: bool,
    pub(super) allow_older: bool,
    pub(super) cache: PathBuf,
    pub(super) source: SourceArgs,
}

/// What there is to ask.
struct Questions {
    apt: Option<AptRequest>,
    yum: Option<YumRequest>,
}

/// What the mirrors answered.
#[derive(Default)]
struct Answers {
    apt: Option<AptFeed>,
    yum: Option<YumFeed>,
}

pub(super) async fn run(settings: &Settings, wish: Wish) -> Outcome {
    let started = std::time::Instant::now();
    let Questions { apt, yum } = questions(settings, &wish).await?;
    let (mut answers, mut failure) = (Answers::default(), None);
    if let Some(request) = apt {
        match apt::fetch(settings, request).await {
            Ok(feed) => answers.apt = Some(feed),
            Err(error) => failure = Some(error),
        }
    }
    if let Some(request) = yum {
        match yum::fetch(settings, request).await {
            Ok(feed) => answers.yum = Some(feed),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    if answers.apt.is_none() && answers.yum.is_none() {
        return Err(failure.unwrap_or_else(|| Failure::input("no mirror was asked")));
    }
    let (database, progress) = (wish.database.clone(), Progress::spinner(settings, "writing the database"));
    let (answers, saved) = blocking(move |cancel| {
        let saved = save(&database, &answers, &progress, cancel)?;
        Ok((answers, saved))
    })
    .await?;
    report::print_all(settings, &wish.database.db, &answers, &saved, started.elapsed())?;
    if answers.apt.is_none() && saved.is_empty() && failure.is_none() {
        return Err(Failure::input("none of the configured repositories gave advisories").hint(
            "the notes say why each of them did not; `--trust-images` takes those that only an image names",
        ));
    }
    failure.map_or(Ok(()), Err)
}

/// Looks at this machine and at the images.
async fn questions(settings: &Settings, wish: &Wish) -> Result<Questions, Failure> {
    let host = lazaret_source::host_platform().architecture;
    let mut apt_roots = vec![AptRoot::directory(&wish.root)];
    let mut yum_roots = vec![YumRoot::directory(&wish.root, &host)];
    if wish.targets.is_empty() && !wish.all && !apt_roots.iter().all(AptRoot::is_empty) {
        return Err(Failure::new(Code::Usage, "what is the database for?").hint(
            "name images with --for TARGET, or take everything the mirrors' security suites fixed with --all",
        ));
    }
    let (mut wanted, mut architecture) = (BTreeSet::new(), None);
    for target in &wish.targets {
        let scanned =
            images::scan(settings, target, &wish.source, None, None, ScanOptions::default()).await?.scan;
        apt::want(&scanned, &mut wanted);
        let of_image = scanned.image.platform.architecture.clone();
        let root =
            YumRoot::image(target.clone(), scanned.distribution.clone(), &of_image, scanned.yum_sources);
        yum_roots.push(root);
        apt_roots.push(AptRoot::image(target.clone(), scanned.apt_sources));
        architecture.get_or_insert(of_image);
    }
    let has_yum = !yum_roots.iter().all(YumRoot::is_empty);
    // On a host without apt, for images without packages of it, there is nothing to ask apt.
    let has_apt = if has_yum {
        (wish.all || !wanted.is_empty()) && !apt_roots.iter().all(AptRoot::is_empty)
    } else {
        true
    };
    Ok(Questions {
        apt: has_apt.then(|| AptRequest {
            roots: apt_roots,
            architecture: apt::debian_architecture(architecture.as_deref()),
            wanted: if wish.all { Wanted::All } else { Wanted::Sources(wanted.into_iter().collect()) },
            cache: wish.cache.clone(),
            limits: Limits::default(),
        }),
        yum: has_yum.then(|| YumRequest {
            roots: yum_roots,
            trusts_images: wish.trust_images,
            allows_older: wish.allow_older,
            cache: wish.cache.join("yum"),
            now: jiff::Timestamp::now().to_string(),
        }),
    })
}

/// Writes a new database of what is new and of all that is not superseded, if there is anything new.
fn save(
    argument: &DatabaseArg,
    answers: &Answers,
    progress: &Progress,
    cancel: &std::sync::atomic::AtomicBool,
) -> Result<Vec<yum::Saved>, Failure> {
    let writing = Writing::begin(argument, progress, cancel)?;
    let present = writing.present()?;
    let damaged = |error: DatabaseError| Failure::input(format!("{}: {error}", argument.db.display()));
    let known = present.as_ref().map(lazaret_advisory::Database::feeds).transpose().map_err(damaged)?;
    let known = known.unwrap_or_default();
    let mut repositories = Vec::new();
    for repository in answers.yum.iter().flat_map(|feed| &feed.repositories) {
        interrupted(cancel)?;
        progress.say(format!("reading {}", repository.feed));
        repositories.push(yum::Saved::new(repository, &known));
    }
    if answers.apt.is_none() && !repositories.iter().any(yum::Saved::is_worth_writing) {
        return Ok(repositories);
    }
    if present.is_none() && answers.apt.is_none() && !repositories.iter().any(yum::Saved::has_rows) {
        // A database that knows nothing would make scans look clean.
        return Ok(repositories);
    }
    let mut builder = Builder::new();
    let apt = answers.apt.as_ref().map(|_| apt::FEED);
    let replaced = repositories.iter().filter(|it| it.has_rows()).map(yum::Saved::feed);
    let superseded: Vec<&str> = replaced.chain(apt).collect();
    if let Some(present) = &present {
        builder.keep_all_but(present, &superseded).map_err(damaged)?;
    }
    if let Some(feed) = &answers.apt {
        apt::save(feed, present.as_ref(), &mut builder).map_err(damaged)?;
    }
    for repository in &repositories {
        repository.push_into(&mut builder);
    }
    writing.save(builder)?;
    Ok(repositories)
}
