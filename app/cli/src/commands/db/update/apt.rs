//! What the package mirrors of Debian gave.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use lazaret_advisory::{Builder, Database, DatabaseError, Feed};
use lazaret_model::Ecosystem;
use lazaret_pipeline::Scan;
use lazaret_source::apt::{self, AptError, AptFeed, AptProgress, AptRequest, WantedSource};

use crate::commands::db::store::CancelOnDrop;
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::settings::Settings;

/// As in [`Advisory::feed`](lazaret_model::Advisory).
pub(super) const FEED: &str = "apt";

/// Adds these advisories, and those that are known of the feed and not superseded by them.
pub(super) fn save(
    feed: &AptFeed,
    present: Option<&Database>,
    builder: &mut Builder,
) -> Result<(), DatabaseError> {
    for known in present.into_iter().flat_map(Database::advisories) {
        let known = known?;
        if known.feed == FEED && !feed.covered.contains(&(known.release.clone(), known.package.clone())) {
            builder.push(known);
        }
    }
    for advisory in &feed.advisories {
        builder.push(advisory.clone());
    }
    builder.feed(&Feed { read: Some(jiff::Timestamp::now().to_string()), ..Feed::new(FEED) });
    Ok(())
}

/// The source packages that an image was made of.
pub(super) fn want(scan: &Scan, wanted: &mut BTreeSet<WantedSource>) {
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
pub(super) fn debian_architecture(go: Option<&str>) -> String {
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
pub(super) async fn fetch(settings: &Settings, request: AptRequest) -> Result<AptFeed, Failure> {
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
            .hint("configure a mirror in etc/apt or etc/yum.repos.d, or name another root with --root"),
        AptError::File { .. } => Failure::new(Code::Local, message),
        AptError::Cancelled => Failure::new(Code::Interrupted, message),
        AptError::Time { .. } | AptError::Failed { .. } | AptError::NoLists { .. } => {
            Failure::new(Code::Unreachable, message)
                .hint("the last good database is unchanged; try again when the mirror answers")
        }
    }
}
