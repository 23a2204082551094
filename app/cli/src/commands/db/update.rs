use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use lazaret_advisory::{Builder, Feed};
use lazaret_model::{Advisory, Ecosystem, Limits};
use lazaret_pipeline::{Scan, ScanOptions};
use lazaret_source::apt::{self, AptError, AptFeed, AptProgress, AptRequest, AptRoot, Wanted, WantedSource};

use super::store::{CancelOnDrop, Writing, blocking};
use crate::args::{DatabaseArg, SourceArgs};
use crate::failure::{Code, Failure, Outcome};
use crate::images;
use crate::output::{print, print_json, remark};
use crate::progress::Progress;
use crate::settings::Settings;

/// As in [`Advisory::feed`].
const FEED: &str = "apt";

pub(super) struct Wish {
    pub(super) database: DatabaseArg,
    pub(super) targets: Vec<String>,
    pub(super) all: bool,
    pub(super) apt_root: PathBuf,
    pub(super) cache: PathBuf,
    pub(super) source: SourceArgs,
}

pub(super) async fn run(settings: &Settings, wish: &Wish) -> Outcome {
    if wish.targets.is_empty() && !wish.all {
        return Err(Failure::new(Code::Usage, "what is the database for?").hint(
            "name images with --for TARGET, or take everything the mirrors' security suites fixed with --all",
        ));
    }
    let started = std::time::Instant::now();
    let mut roots = vec![AptRoot::directory(&wish.apt_root)];
    let (mut wanted, mut architecture) = (BTreeSet::new(), None);
    for target in &wish.targets {
        let scanned =
            images::scan(settings, target, &wish.source, None, None, ScanOptions::default()).await?;
        want(&scanned.scan, &mut wanted);
        let of_image = scanned.scan.image.platform.architecture.clone();
        roots.push(AptRoot::image(target.clone(), scanned.scan.apt_sources));
        architecture.get_or_insert(of_image);
    }
    let request = AptRequest {
        roots,
        architecture: debian_architecture(architecture.as_deref()),
        wanted: if wish.all { Wanted::All } else { Wanted::Sources(wanted.into_iter().collect()) },
        cache: wish.cache.clone(),
        limits: Limits::default(),
    };
    let feed = fetch(settings, request).await?;
    for remarkable in feed.skipped.iter().cloned().chain(feed.problems.iter().map(ToString::to_string)) {
        remark(settings, &format!("note: {remarkable}"));
    }
    let AptFeed { advisories, covered, fetched, cached, bytes, .. } = feed;
    let count = advisories.len();
    let (database, writing) = (wish.database.clone(), Progress::spinner(settings, "writing the database"));
    blocking(move |cancel| save(&database, advisories, &covered, &writing, cancel)).await?;
    if settings.json() {
        return print_json(&serde_json::json!({
            "database": wish.database.db.display().to_string(),
            "advisories": count,
            "sources": { "fetched": fetched, "cached": cached },
            "bytes": bytes,
            "problems": feed.problems.len(),
            "seconds": started.elapsed().as_secs_f64(),
        }));
    }
    print(&format!(
        "{count} advisories from {} source packages ({fetched} fetched, {cached} known; {:.1} MB) in {:.1} s\n",
        fetched + cached,
        super::mega(bytes),
        started.elapsed().as_secs_f64()
    ))
}

/// Writes a new database of these advisories, of those of the feed that they don't supersede, and of all other feeds.
fn save(
    argument: &DatabaseArg,
    advisories: Vec<Advisory>,
    covered: &BTreeSet<(String, String)>,
    progress: &Progress,
    cancel: &AtomicBool,
) -> Outcome {
    let writing = Writing::begin(argument, progress, cancel)?;
    let mut builder = Builder::new();
    if let Some(present) = writing.present()? {
        let damaged = |error| Failure::input(format!("{}: {error}", argument.db.display()));
        builder.keep_all_but(&present, &[FEED]).map_err(damaged)?;
        for known in present.advisories() {
            let known = known.map_err(damaged)?;
            if known.feed == FEED && !covered.contains(&(known.release.clone(), known.package.clone())) {
                builder.push(known);
            }
        }
    }
    for advisory in advisories {
        builder.push(advisory);
    }
    builder.feed(&Feed { read: Some(jiff::Timestamp::now().to_string()), ..Feed::new(FEED) });
    writing.save(builder).map(drop)
}

/// The source packages that an image was made of.
fn want(scan: &Scan, wanted: &mut BTreeSet<WantedSource>) {
    let Some(distribution) = &scan.distribution else { return };
    let release = distribution.key();
    for package in scan.packages.iter().filter(|package| package.ecosystem == Ecosystem::Deb) {
        wanted.insert(WantedSource {
            release: release.clone(),
            name: package.source.name.clone(),
            version: Some(package.source.version.clone()),
        });
    }
}

/// Go's names of processors, which images carry, in Debian's words.
fn debian_architecture(go: Option<&str>) -> String {
    let platform = lazaret_source::host_platform();
    match go.unwrap_or(&platform.architecture) {
        "386" => "i386",
        "arm" => "armhf",
        "ppc64le" => "ppc64el",
        same => same,
    }
    .to_owned()
}

/// Runs the feed off the async threads. Interrupting the command ends it, and `apt-get` with it.
async fn fetch(settings: &Settings, request: AptRequest) -> Result<AptFeed, Failure> {
    let cancel = Arc::new(AtomicBool::new(false));
    let _guard = CancelOnDrop(cancel.clone());
    let progress = Progress::spinner(settings, "asking the package mirrors");
    let work = move || {
        let mut show = |step: AptProgress| match step {
            AptProgress::Waiting => progress.say("waiting for another update to end"),
            AptProgress::Updating { percent } => {
                progress.say(format!("fetching package lists ({percent} %)"))
            }
            AptProgress::Reading => progress.say("reading package lists"),
            AptProgress::Fetching { done, total, .. } => {
                progress.say("reading changelogs");
                progress.count(done as u64, total as u64);
            }
        };
        apt::fetch(&request, &mut show, &cancel)
    };
    let fetched = tokio::task::spawn_blocking(work).await;
    let fetched =
        fetched.map_err(|error| Failure::new(Code::Internal, format!("the update broke off: {error}")))?;
    fetched.map_err(|error| failure(&error))
}

fn failure(error: &AptError) -> Failure {
    let message = format!("the database was not updated: {error}");
    match error {
        AptError::Start { .. } => {
            Failure::new(Code::Local, message).hint("this feed needs Debian's `apt-get` on this machine")
        }
        AptError::NoSources { .. } => Failure::input(message)
            .hint("configure a mirror in etc/apt, or name another root with --apt-root"),
        AptError::File { .. } => Failure::new(Code::Local, message),
        AptError::Cancelled => Failure::new(Code::Interrupted, message),
        AptError::Time { .. } | AptError::Failed { .. } | AptError::NoLists { .. } => {
            Failure::new(Code::Unreachable, message)
                .hint("the last good database is unchanged; try again when the mirror answers")
        }
    }
}
