//! The mirror feed with the machine's real `apt-get`, against signed mirrors made for the test and, where
//! there is a network, the configured one.
//!
//! Needs `apt-get`, `dpkg-deb` and `gpg`; says SKIPPED where one is missing.

mod mirror;
mod server;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lazaret_model::{Limits, ProblemKind};
use lazaret_source::apt::{AptError, AptFeed, AptProgress, AptRequest, AptRoot, Wanted, WantedSource, fetch};

use mirror::{Mirror, Package, skipped};

fn wanted(sources: &[(&str, Option<&str>)]) -> Wanted {
    let source = |(name, version): &(&str, Option<&str>)| WantedSource {
        release: "debian:12".to_owned(),
        name: (*name).to_owned(),
        version: version.map(str::to_owned),
    };
    Wanted::Sources(sources.iter().map(source).collect())
}

fn request(root: AptRoot, cache: &Path, wanted: Wanted) -> AptRequest {
    AptRequest {
        roots: vec![root],
        architecture: "amd64".to_owned(),
        wanted,
        cache: cache.to_owned(),
        limits: Limits::default(),
    }
}

fn run(request: &AptRequest) -> Result<AptFeed, AptError> {
    fetch(request, &mut |_| {}, &AtomicBool::new(false))
}

fn rows(feed: &AptFeed) -> Vec<(&str, &str, Option<&str>)> {
    feed.advisories.iter().map(|row| (row.package.as_str(), row.id.as_str(), row.fixed.as_deref())).collect()
}

/// `foo` with a documentation link in its smallest package, `native` with Debian's only changelog, and
/// `mute` with none.
fn fill(mirror: &Mirror) {
    let base = "foo (1.0-1) unstable; urgency=low\n\n  * CVE-2023-0001\n\n -- A <a@b>  Mon, 02 Jan 2023 03:04:05 +0000\n";
    let update = "foo (1.0-1+deb12u1) bookworm-security; urgency=high\n\n  * Fix overflow (CVE-2024-0001)\n\n \
        -- A <a@b>  Tue, 02 Jan 2024 03:04:05 +0000\n\n";
    mirror.publish("bookworm", "Debian", "12.9", &[
        Package::new("libfoo1", "foo", "1.0-1").changelog("changelog.Debian.gz", base),
        Package::new("native", "native", "3+deb12u1").changelog(
            "changelog.gz",
            "native (3+deb12u1) bookworm; urgency=low\n\n  * CVE-2024-0002\n\n -- A <a@b>  Tue, 02 Jan 2024 03:04:05 +0000\n",
        ),
        Package::new("mute", "mute", "1-1"),
    ]);
    mirror.publish(
        "bookworm-security",
        "Debian-Security",
        "12",
        &[
            Package::new("foo-data", "foo", "1.0-1+deb12u1").linked("libfoo1"),
            Package::new("libfoo1", "foo", "1.0-1+deb12u1")
                .filler(5000)
                .changelog("changelog.Debian.gz", &format!("{update}{base}")),
        ],
    );
}

#[test]
fn advisories_come_from_the_mirror_once_and_then_from_the_cache() {
    let Some(mirror) = Mirror::new() else { return };
    fill(&mirror);
    let cache = tempfile::tempdir().unwrap();
    let all =
        wanted(&[("foo", Some("1.0-1")), ("native", Some("3")), ("mute", None), ("elsewhere", Some("1"))]);
    let request = request(mirror.root(), cache.path(), all);
    let mut steps = Vec::new();
    let feed = fetch(&request, &mut |step| steps.push(step), &AtomicBool::new(false)).unwrap();
    assert_eq!(
        rows(&feed),
        [
            ("foo", "CVE-2023-0001", Some("1.0-1")),
            ("foo", "CVE-2024-0001", Some("1.0-1+deb12u1")),
            ("native", "CVE-2024-0002", Some("3+deb12u1")),
        ]
    );
    let row = &feed.advisories[1];
    assert_eq!((row.release.as_str(), row.feed.as_str()), ("debian:12", "apt"));
    assert_eq!(row.published.as_deref(), Some("2024-01-02T03:04:05Z"));
    assert_eq!(row.summary, "Fix overflow (CVE-2024-0001)");
    assert_eq!(
        (feed.fetched, feed.cached, feed.packages),
        (3, 0, 4),
        "the linked package of foo was tried first"
    );
    assert_eq!(feed.unknown, [("debian:12".to_owned(), "elsewhere".to_owned())]);
    assert_eq!(feed.problems.len(), 1);
    assert_eq!(feed.problems[0].subject, "mute 1-1");
    let covered = ["foo", "native"].map(|name| ("debian:12".to_owned(), name.to_owned()));
    assert_eq!(feed.covered, BTreeSet::from(covered));
    assert!(matches!(steps[0], AptProgress::Updating { .. }));
    assert_eq!(steps.last(), Some(&AptProgress::Fetching { done: 3, total: 3, percent: 100 }));

    let again = run(&request).unwrap();
    assert_eq!((again.fetched, again.cached, again.bytes), (0, 3, 0));
    assert_eq!((rows(&again), &again.problems), (rows(&feed), &feed.problems));
}

#[test]
fn what_is_installed_already_is_not_fetched() {
    let Some(mirror) = Mirror::new() else { return };
    fill(&mirror);
    let cache = tempfile::tempdir().unwrap();
    let current = wanted(&[("foo", Some("1.0-1+deb12u1"))]);
    let feed = run(&request(mirror.root(), cache.path(), current)).unwrap();
    assert_eq!((feed.fetched, feed.current, rows(&feed)), (0, 1, vec![]));
    let changed = run(&request(mirror.root(), cache.path(), Wanted::All)).unwrap();
    assert_eq!(changed.fetched, 2, "`mute` did not change since the release");
    assert_eq!(rows(&changed).len(), 3);
}

#[test]
fn other_peoples_repositories_and_backports_are_left_out_and_named() {
    let Some(mirror) = Mirror::new() else { return };
    fill(&mirror);
    let newer = Package::new("libfoo1", "foo", "9.0-1").changelog(
        "changelog.Debian.gz",
        "foo (9.0-1) x; urgency=low\n\n  * CVE-2026-9999\n\n -- A <a@b>  Tue, 02 Jan 2024 03:04:05 +0000\n",
    );
    mirror.publish("bookworm-backports", "Debian", "12", std::slice::from_ref(&newer));
    mirror.publish("theirs", "Somebody Else", "12", &[newer]);
    let cache = tempfile::tempdir().unwrap();
    let feed = run(&request(mirror.root(), cache.path(), wanted(&[("foo", None)]))).unwrap();
    assert_eq!(rows(&feed).len(), 2);
    assert_eq!(feed.skipped.len(), 2, "{:?}", feed.skipped);
    assert!(
        feed.skipped[0].ends_with("bookworm-backports is left out: `backports` are not part of the release")
    );
    assert!(feed.skipped[1].ends_with("theirs is left out: it is not Debian's but from Somebody Else"));
}

#[test]
fn a_package_that_fails_is_a_problem_and_the_last_good_one_is_used() {
    let Some(mirror) = Mirror::new() else { return };
    fill(&mirror);
    let cache = tempfile::tempdir().unwrap();
    let request = request(mirror.root(), cache.path(), wanted(&[("foo", None), ("native", None)]));
    run(&request).unwrap();
    let newer = Package::new("libfoo1", "foo", "1.0-1+deb12u2").changelog("changelog.Debian.gz", "none");
    mirror.publish("bookworm-security", "Debian-Security", "12", std::slice::from_ref(&newer));
    mirror.damage(&newer);
    let feed = run(&request).unwrap();
    assert_eq!(rows(&feed).len(), 3);
    assert_eq!(feed.problems.len(), 1, "{:?}", feed.problems);
    let problem = &feed.problems[0];
    assert_eq!((problem.kind, problem.subject.as_str()), (ProblemKind::Unreadable, "foo 1.0-1+deb12u2"));
    assert!(problem.detail.contains("could not be fetched"), "{problem}");
    assert!(problem.detail.ends_with("what its version 1.0-1+deb12u1 said is used"), "{problem}");

    let fresh = tempfile::tempdir().unwrap();
    let feed = run(&AptRequest { cache: fresh.path().to_owned(), ..request }).unwrap();
    assert!(feed.problems[0].detail.ends_with("nothing is known of it"), "{:?}", feed.problems);
}

#[test]
fn another_package_of_the_source_is_tried_when_one_cannot_be_fetched() {
    let Some(mirror) = Mirror::new() else { return };
    let text = "foo (2.0-1) unstable; urgency=low\n\n  * CVE-2024-0003\n\n -- A <a@b>  Tue, 02 Jan 2024 03:04:05 +0000\n";
    let small = Package::new("foo-small", "foo", "2.0-1").changelog("changelog.Debian.gz", text);
    let large = Package::new("foo-large", "foo", "2.0-1").filler(5000).changelog("changelog.Debian.gz", text);
    mirror.publish("bookworm", "Debian", "12.9", &[small.clone(), large]);
    mirror.damage(&small);
    let cache = tempfile::tempdir().unwrap();
    let feed = run(&request(mirror.root(), cache.path(), wanted(&[("foo", None)]))).unwrap();
    assert_eq!(rows(&feed), [("foo", "CVE-2024-0003", Some("2.0-1"))]);
    assert_eq!(feed.problems, []);
}

#[test]
fn lists_that_nobody_signed_or_somebody_changed_are_refused() {
    let Some(mirror) = Mirror::new() else { return };
    fill(&mirror);
    let cache = tempfile::tempdir().unwrap();
    let request = request(mirror.root(), cache.path(), wanted(&[("foo", None)]));
    run(&request).unwrap();
    mirror.forge("bookworm-security");
    let feed = run(&request).unwrap();
    assert_eq!(rows(&feed).len(), 2, "the lists of before stay in use");
    assert!(!feed.problems.is_empty(), "and that is said");
    let fresh = tempfile::tempdir().unwrap();
    mirror.forge("bookworm");
    let error = run(&AptRequest { cache: fresh.path().to_owned(), ..request }).unwrap_err();
    assert!(matches!(error, AptError::NoLists { .. }), "{error}");
}

/// An image names its mirror and the key that signed it. Only keys of this machine count.
#[test]
fn an_image_cannot_bring_its_own_key() {
    let Some(mirror) = Mirror::new() else { return };
    fill(&mirror);
    let server = server::Server::start(mirror.folder());
    let address = server.address();
    let list =
        format!("deb [trusted=yes signed-by={}] http://{address} bookworm main\n", mirror.key().display());
    let image = AptRoot::image("an image", vec![("etc/apt/sources.list".to_owned(), list.into_bytes())]);
    let cache = tempfile::tempdir().unwrap();
    let error = run(&request(image, cache.path(), wanted(&[("foo", None)]))).unwrap_err();
    assert!(matches!(&error, AptError::NoLists { .. }), "{error}");
    assert!(server.requests() > 0, "the mirror was asked, and its signature is what failed");

    // The same mirror, named by an administrator of this machine, is believed.
    let cache = tempfile::tempdir().unwrap();
    let root = mirror.root_with(&format!("http://{address}"));
    let feed = run(&request(root, cache.path(), wanted(&[("foo", None)]))).unwrap();
    assert_eq!((rows(&feed).len(), feed.problems.len()), (2, 0), "{:?}", feed.problems);
    drop(server);
    let feed =
        run(&request(mirror.root_with(&format!("http://{address}")), cache.path(), wanted(&[("foo", None)])))
            .unwrap();
    assert_eq!(rows(&feed).len(), 2);
    assert!(
        feed.problems.iter().any(|problem| problem.kind == ProblemKind::Unreadable),
        "the mirror is away, and that is said"
    );
}

#[test]
fn cancelling_ends_a_run_and_the_next_one_works() {
    let Some(mirror) = Mirror::new() else { return };
    fill(&mirror);
    let server = server::Server::start(mirror.folder());
    server.hold(true);
    let cache = tempfile::tempdir().unwrap();
    let root = mirror.root_with(&format!("http://{}", server.address()));
    let request = request(root, cache.path(), wanted(&[("foo", None)]));
    let cancel = Arc::new(AtomicBool::new(false));
    let setter = cancel.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        setter.store(true, Ordering::Relaxed);
    });
    let started = Instant::now();
    let error = fetch(&request, &mut |_| {}, &cancel).unwrap_err();
    assert!(matches!(error, AptError::Cancelled), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
    server.hold(false);
    assert_eq!(rows(&run(&request).unwrap()).len(), 2);
}

#[test]
fn nothing_configured_is_an_error_with_the_places_that_were_read() {
    let root = tempfile::tempdir().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let request = request(AptRoot::directory(root.path()), cache.path(), Wanted::All);
    let error = run(&request).unwrap_err();
    assert_eq!(error.to_string(), format!("no package mirror is configured in {}", root.path().display()));
    let file = cache.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let error = run(&AptRequest { cache: file.join("cache"), ..request }).unwrap_err();
    assert!(matches!(error, AptError::File { .. }), "{error}");
}

/// The mirror that this machine is configured for, whatever it is.
#[test]
fn the_configured_mirror_answers() {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let id = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_ID="))
        .map(|id| id.trim_matches('"').to_owned());
    let (Some(id), true) = (id, release.lines().any(|line| line == "ID=debian")) else {
        return skipped("this machine is not a release of Debian");
    };
    let cache = tempfile::tempdir().unwrap();
    let source =
        |name: &str| WantedSource { release: format!("debian:{id}"), name: name.to_owned(), version: None };
    let wanted = Wanted::Sources(["openssl", "curl", "zlib"].map(source).to_vec());
    match run(&request(AptRoot::directory(Path::new("/")), cache.path(), wanted)) {
        Ok(feed) => {
            assert_eq!(feed.covered.len(), 3, "{:?}", feed.problems);
            assert!(feed.advisories.iter().any(|row| row.id.starts_with("CVE-")));
        }
        Err(error @ (AptError::Start { .. } | AptError::NoLists { .. } | AptError::NoSources { .. })) => {
            skipped(&format!("the configured mirror cannot be used: {error}"));
        }
        Err(error) => panic!("{error}"),
    }
}
