use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::mirror::{Mirror, transport_options};
use crate::{Context, Failure, Result, Run, cache_folder, fail};

/// A Debian system as a tar archive, with enough real software to have a history of vulnerabilities.
#[derive(Debug, Clone)]
pub struct Base {
    pub archive: PathBuf,
    /// Code name of Debian's release.
    pub codename: String,
    /// Made now, or found in the cache.
    pub cached: bool,
    pub time: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suites {
    /// The release as published: its packages lack the security updates since.
    ReleaseAlone,
    /// The release with the security suite applied.
    WithSecurity,
}

const PACKAGES: &[&str] = &["nginx", "openssl", "curl", "python3", "perl", "ca-certificates"];

/// Documentation is a quarter of the packages' files and none of their vulnerabilities.
const DPKG_OPTIONS: &[&str] = &[
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
];

/// Makes both systems, at the same time, or takes them from the cache when the mirror has not changed since.
pub fn bases() -> Result<(Base, Base)> {
    let mirror = Mirror::of_this_machine()?;
    let dates = (mirror.release.date(), mirror.security.date());
    let release = dates.0.as_ref().map(|date| vec![date.as_str()]).ok();
    let security = release.clone().zip(dates.1.as_ref().ok()).map(|(mut dates, date)| {
        dates.push(date);
        dates
    });
    let (old, new) = std::thread::scope(|scope| {
        let old = scope.spawn(|| base(&mirror, Suites::ReleaseAlone, release.as_deref()));
        let new = scope.spawn(|| base(&mirror, Suites::WithSecurity, security.as_deref()));
        (old.join(), new.join())
    });
    let join = |result: std::thread::Result<Result<Base>>| match result {
        Ok(base) => base,
        Err(_) => Err(Failure::new("the thread that makes an image panicked")),
    };
    Ok((join(old)?, join(new)?))
}

/// The release as it was published, made now or taken from the cache.
pub fn release_base() -> Result<Base> {
    let mirror = Mirror::of_this_machine()?;
    let date = mirror.release.date().ok();
    base(&mirror, Suites::ReleaseAlone, date.as_deref().map(|date| vec![date]).as_deref())
}

/// `dates` of the suites' indices; `None` while the mirror is away.
fn base(mirror: &Mirror, suites: Suites, dates: Option<&[&str]>) -> Result<Base> {
    let begun = Instant::now();
    let sources = match suites {
        Suites::ReleaseAlone => vec![&mirror.release],
        Suites::WithSecurity => vec![&mirror.release, &mirror.security],
    };
    let lines: Vec<String> = sources.iter().map(|source| source.line()).collect();
    let name = format!(
        "base-{}-{}",
        mirror.codename,
        if suites == Suites::ReleaseAlone { "release" } else { "security" }
    );
    let folder = cache_folder()?.join("images");
    fs::create_dir_all(&folder).context(|| format!("cannot create {}", folder.display()))?;

    let recipe = format!("{PACKAGES:?} {DPKG_OPTIONS:?} {lines:?}");
    let (archive, note) = (folder.join(format!("{name}.tar")), folder.join(format!("{name}.key")));
    let known = fs::read_to_string(&note).unwrap_or_default();
    let found = match dates {
        Some(dates) => known == format!("{recipe} {dates:?}"),
        // Yesterday's system is as good as any.
        None => known.starts_with(&recipe),
    };
    if found && archive.exists() {
        return Ok(Base { archive, codename: mirror.codename.clone(), cached: true, time: begun.elapsed() });
    }
    let Some(dates) = dates else {
        fail!("the package mirror cannot be reached, and no system was made earlier")
    };
    let key = format!("{recipe} {dates:?}");

    let unfinished = archive.with_extension("new.tar");
    let mut run = Run::new("mmdebstrap").limit(Duration::from_secs(900)).args([
        "--quiet",
        "--mode=root",
        "--variant=minbase",
    ]);
    run = run.args([format!("--include={}", PACKAGES.join(","))]);
    run = run.args(transport_options()?.into_iter().map(|option| format!("--aptopt={option}")));
    run = run.args(DPKG_OPTIONS.iter().map(|option| format!("--dpkgopt={option}")));
    // How this machine reaches the mirror is not the image's business.
    run = run.args(["--customize-hook=rm -f \"$1/etc/apt/apt.conf.d/99mmdebstrap\""]);
    run.args([mirror.codename.clone(), unfinished.display().to_string()]).args(lines).ok()?;
    fs::rename(&unfinished, &archive)
        .and_then(|()| fs::write(&note, key))
        .context(|| format!("cannot keep {}", archive.display()))?;
    Ok(Base { archive, codename: mirror.codename.clone(), cached: false, time: begun.elapsed() })
}
