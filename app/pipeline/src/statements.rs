use lazaret_model::{Digest, Verdict};
use lazaret_trust::{ExecutablesPredicate, Predicate, Statement, VerdictPredicate};

use crate::Scan;

/// What a scan lets its signer state about an image, in the order in which it is stored.
///
/// `sbom` is the CycloneDX document of the same scan. The statement of the executables is what the
/// kernel later holds the container to, so it needs a scan made with
/// [`ScanOptions::executables`](crate::ScanOptions).
pub fn state(
    repository: &str,
    manifest: Digest,
    scan: &Scan,
    verdict: &Verdict,
    sbom: String,
) -> Vec<Statement> {
    let config = scan.image.config;
    let executables =
        scan.executables.iter().map(|executable| (executable.path.clone(), executable.sha256)).collect();
    let predicates = [
        Predicate::Sbom(sbom),
        Predicate::Executables(ExecutablesPredicate::placed(config, executables)),
        Predicate::Verdict(VerdictPredicate::new(verdict, &scan.findings, config, scan.problems.is_empty())),
    ];
    predicates.map(|predicate| Statement::about(repository, manifest, predicate)).into()
}
