use lazaret_advisory::{Covered, Database, DatabaseError};
use lazaret_catalog::{Catalog, Code, Executable, Options, catalog};
use lazaret_model::{
    DatabaseSnapshot, Digest, Distribution, Ecosystem, Finding, Image, ImageConfiguration, Limits, Package,
    Platform, Problem, SubjectKind, Tree, Verdict,
};
use lazaret_policy::{Policy, ScanFacts};
use sha2::{Digest as _, Sha256};

/// Everything that is known of one image, directory or bill of material after the stations catalog and advisory.
#[derive(Debug, Clone)]
pub struct Scan {
    pub kind: SubjectKind,
    pub image: Image,
    pub distribution: Option<Distribution>,
    pub packages: Vec<Package>,
    pub findings: Vec<Finding>,
    /// Only if asked for.
    pub executables: Vec<Executable>,
    /// The same files and the libraries, with the packages that brought them; only if asked for.
    pub code: Code,
    /// The package mirrors that the image is configured for, as (path, content).
    pub apt_sources: Vec<(String, Vec<u8>)>,
    /// The same of yum, dnf and zypper.
    pub yum_sources: Vec<(String, Vec<u8>)>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// The knowledge that `findings` were made with; absent: nothing was matched.
    pub database: Option<DatabaseSnapshot>,
    /// What the database cannot know of these packages: without findings they are not clean but unknown. A lower-case
    /// sentence.
    pub coverage_warning: Option<String>,
}

/// What a tree is of.
#[derive(Debug, Clone)]
pub enum Subject {
    Image(Box<Image>),
    /// Something that has no configuration of its own.
    Other(SubjectKind, Platform),
}

/// What the caller wants beyond packages.
#[derive(Debug, Clone, Copy, Default)]
pub struct ScanOptions {
    /// Digests of all executables: reads every byte of them.
    pub executables: bool,
    /// Packages that lock files and manifests want. For directories they always count.
    pub declared: bool,
}

impl ScanOptions {
    fn of(self, subject: &Subject) -> Options {
        let is_directory = matches!(subject, Subject::Other(SubjectKind::Directory, _));
        Options { executables: self.executables, declared: self.declared || is_directory }
    }
}

/// Runs a tree through the stations. Fails only on a damaged database.
pub fn scan(
    subject: Subject,
    tree: &mut dyn Tree,
    database: Option<&Database>,
    limits: &Limits,
    options: ScanOptions,
) -> Result<Scan, DatabaseError> {
    let catalog = list(&subject, tree, limits, options);
    matched(subject, catalog, database)
}

/// The first half of [`scan`]: what is in a tree.
pub fn list(subject: &Subject, tree: &mut dyn Tree, limits: &Limits, options: ScanOptions) -> Catalog {
    catalog(tree, limits, options.of(subject))
}

/// Names all that the outcome of [`list`] depends on besides the tree and the [version](crate::VERSION).
pub fn list_kind(subject: &Subject, limits: &Limits, options: ScanOptions) -> Digest {
    lazaret_catalog::kind(limits, options.of(subject))
}

/// The second half of [`scan`]. Fails only on a damaged database.
pub fn matched(
    subject: Subject,
    catalog: Catalog,
    database: Option<&Database>,
) -> Result<Scan, DatabaseError> {
    let Catalog { distribution, packages, executables, code, apt_sources, yum_sources, problems } = catalog;
    let (kind, image) = match subject {
        Subject::Image(image) => (SubjectKind::Image, *image),
        Subject::Other(kind, platform) => (kind, stand_in(platform, distribution.as_ref(), &packages)),
    };
    let scan = Scan {
        kind,
        image,
        distribution,
        packages,
        findings: Vec::new(),
        executables,
        code,
        apt_sources,
        yum_sources,
        problems,
        database: None,
        coverage_warning: None,
    };
    scan.matched(database)
}

/// Matches packages that are known already: those of a bill of material.
pub fn rescan(
    image: Image,
    distribution: Option<Distribution>,
    mut packages: Vec<Package>,
    problems: Vec<Problem>,
    database: Option<&Database>,
) -> Result<Scan, DatabaseError> {
    packages.sort_unstable();
    packages.dedup();
    let scan = Scan {
        kind: SubjectKind::BillOfMaterial,
        image,
        distribution,
        packages,
        findings: Vec::new(),
        executables: Vec::new(),
        code: Code::default(),
        apt_sources: Vec::new(),
        yum_sources: Vec::new(),
        problems,
        database: None,
        coverage_warning: None,
    };
    scan.matched(database)
}

/// What stands for the image where there is none: equal contents have equal digests.
fn stand_in(platform: Platform, distribution: Option<&Distribution>, packages: &[Package]) -> Image {
    let mut hash = Sha256::new();
    hash.update(distribution.map(Distribution::key).unwrap_or_default());
    for package in packages {
        for text in [package.ecosystem.name(), &package.name, &package.version, &package.location] {
            hash.update([0]);
            hash.update(text);
        }
    }
    Image {
        manifest: None,
        config: Digest::from_bytes(hash.finalize().into()),
        platform,
        created: None,
        configuration: ImageConfiguration::default(),
        layers: Vec::new(),
    }
}

impl Scan {
    fn matched(self, database: Option<&Database>) -> Result<Self, DatabaseError> {
        let Some(database) = database else { return Ok(self) };
        Ok(Self {
            findings: database.findings(self.distribution.as_ref(), &self.packages)?,
            coverage_warning: uncovered(database, self.distribution.as_ref(), &self.packages)?,
            database: Some(database.snapshot()),
            ..self
        })
    }

    /// Judges the scan. Without a database there is nothing to judge by.
    pub fn judge(&self, policy: &Policy, now: jiff::Timestamp) -> Option<Verdict> {
        let database = self.database.as_ref()?;
        let facts = ScanFacts {
            image: &self.image,
            distribution: self.distribution.as_ref(),
            packages: &self.packages,
            findings: &self.findings,
            problems: &self.problems,
            database,
        };
        Some(lazaret_policy::judge(policy, &facts, now))
    }
}

/// Says which packages the database has no advisories for: that nothing was found there means nothing.
fn uncovered(
    database: &Database,
    distribution: Option<&Distribution>,
    packages: &[Package],
) -> Result<Option<String>, DatabaseError> {
    let mut gaps = Vec::new();
    if packages.iter().any(|package| package.ecosystem.is_of_distribution()) {
        match distribution {
            None => gaps.push("packages of an unknown distribution".to_owned()),
            Some(distribution) => match database.covers(distribution)? {
                Covered::Release(_) => {}
                Covered::OtherReleases(others) => {
                    gaps.push(format!("{} (only {})", distribution.key(), others.join(", ")));
                }
                Covered::Nothing => gaps.push(distribution.key()),
            },
        }
    }
    let known = database.coverage()?;
    let is_gap = |ecosystem: &&Ecosystem| {
        !ecosystem.is_of_distribution()
            && packages.iter().any(|package| package.ecosystem == **ecosystem && package.owner.is_none())
            && !known.iter().any(|coverage| coverage.ecosystem == **ecosystem)
    };
    let languages: Vec<&str> =
        Ecosystem::ALL.iter().filter(is_gap).map(|ecosystem| ecosystem.name()).collect();
    if !languages.is_empty() {
        gaps.push(format!("packages of {}", languages.join(", ")));
    }
    Ok((!gaps.is_empty()).then(|| format!("the database has no advisories for {}", gaps.join(", nor for "))))
}
