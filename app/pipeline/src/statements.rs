use lazaret_format::purl;
use lazaret_model::{Digest, Verdict};
use lazaret_trust::{
    ExecutablesPredicate, FileTable, FilesPredicate, Predicate, Statement, VerdictPredicate,
};

use crate::Scan;

/// What a scan lets its signer state about an image, in the order in which it is stored.
///
/// `sbom` is the CycloneDX document of the same scan. The statement of the executables is what the
/// kernel later holds the container to, and that of the files tells whose a program is that was seen to
/// run there: both need a scan made with [`ScanOptions::executables`](crate::ScanOptions).
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
        Predicate::Files(files(scan)),
        Predicate::Verdict(VerdictPredicate::new(verdict, &scan.findings, config, scan.problems.is_empty())),
    ];
    predicates.map(|predicate| Statement::about(repository, manifest, predicate)).into()
}

/// Packages without programs, libraries and files of interpreters are left out: nothing of them can be seen in use.
fn files(scan: &Scan) -> FilesPredicate {
    let mut paths: Vec<Vec<String>> = vec![Vec::new(); scan.packages.len()];
    let mut read: Vec<Vec<String>> = vec![Vec::new(); scan.packages.len()];
    for file in &scan.code.files {
        for place in &file.packages {
            if let Some(paths) = paths.get_mut(*place as usize) {
                paths.push(file.path.clone());
            }
        }
    }
    for (place, languages) in &scan.code.read {
        if let Some(read) = read.get_mut(*place as usize) {
            read.clone_from(languages);
        }
    }
    let packages = scan.packages.iter().zip(paths).zip(read).filter_map(|((package, paths), read)| {
        let purl = purl::package(package, scan.distribution.as_ref())?;
        (!paths.is_empty() || !read.is_empty()).then_some((purl, paths, read))
    });
    let files = scan.code.files.iter().map(|file| (file.path.clone(), file.names.clone()));
    let (files, complete) = FileTable::new(files, packages);
    FilesPredicate { config: scan.image.config, complete, files }
}
