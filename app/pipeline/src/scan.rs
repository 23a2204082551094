use lazaret_advisory::{Database, DatabaseError};
use lazaret_catalog::{Catalog, Executable, Options, catalog};
use lazaret_model::{
    DatabaseSnapshot, Distribution, Finding, Image, Limits, Package, Problem, Tree, Verdict,
};
use lazaret_policy::{Policy, ScanFacts};

/// Everything that is known of one image after the stations catalog and advisory.
#[derive(Debug, Clone)]
pub struct Scan {
    pub image: Image,
    pub distribution: Option<Distribution>,
    pub packages: Vec<Package>,
    pub findings: Vec<Finding>,
    /// Only if asked for.
    pub executables: Vec<Executable>,
    /// The package mirrors that the image is configured for, as (path, content).
    pub apt_sources: Vec<(String, Vec<u8>)>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// The knowledge that `findings` were made with; absent: nothing was matched.
    pub database: Option<DatabaseSnapshot>,
}

/// What the caller wants beyond packages.
#[derive(Debug, Clone, Copy, Default)]
pub struct ScanOptions {
    /// Digests of all executables: reads every byte of them.
    pub executables: bool,
    /// Packages that lock files and manifests want: for source trees, not for images.
    pub declared: bool,
}

/// Runs an image's tree through the stations. Fails only on a damaged database.
pub fn scan(
    image: Image,
    tree: &mut dyn Tree,
    database: Option<&Database>,
    limits: &Limits,
    options: ScanOptions,
) -> Result<Scan, DatabaseError> {
    let Catalog { distribution, packages, executables, apt_sources, problems } =
        catalog(tree, limits, Options { executables: options.executables, declared: options.declared });
    let findings = match database {
        Some(database) => database.findings(distribution.as_ref(), &packages)?,
        None => Vec::new(),
    };
    Ok(Scan {
        image,
        distribution,
        packages,
        findings,
        executables,
        apt_sources,
        problems,
        database: database.map(Database::snapshot),
    })
}

impl Scan {
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
