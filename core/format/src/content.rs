//! What a document says of packages as one digest: a name for the content, made without writing the content twice.

use lazaret_model::{Digest, Package, SourcePackage};
use sha2::{Digest as _, Sha256};

/// What is gathered before it is hashed: most texts have a few bytes.
const GATHERED: usize = 16 << 10;

/// SHA-256 over all fields of all packages, in this order. Different packages never give the same bytes.
pub(crate) fn of_packages(packages: &[Package]) -> Digest {
    let mut content = Content { hash: Sha256::new(), gathered: Vec::with_capacity(2 * GATHERED) };
    for package in packages {
        // Taken apart, so that a new field is not forgotten.
        let Package {
            ecosystem,
            name,
            version,
            architecture,
            source: SourcePackage { name: source_name, version: source_version },
            location,
            layer,
            evidence,
            licences,
            owner,
            module,
        } = package;
        content.texts(&[
            ecosystem.name(),
            evidence.name(),
            name,
            version,
            source_name,
            source_version,
            location,
        ]);
        content.number(u64::from(*layer));
        for text in [architecture, owner, module] {
            content.texts(text.as_slice());
        }
        content.texts(licences);
    }
    content.hash.update(&content.gathered);
    Digest::from_bytes(content.hash.finalize().into())
}

struct Content {
    hash: Sha256,
    gathered: Vec<u8>,
}

impl Content {
    /// Their number, and each with its length before it.
    fn texts<T: AsRef<str>>(&mut self, texts: &[T]) {
        self.number(texts.len() as u64);
        for text in texts {
            let text = text.as_ref().as_bytes();
            self.number(text.len() as u64);
            self.gathered.extend_from_slice(text);
        }
        if self.gathered.len() >= GATHERED {
            self.hash.update(&self.gathered);
            self.gathered.clear();
        }
    }

    fn number(&mut self, number: u64) {
        self.gathered.extend_from_slice(&number.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::{Ecosystem, PackageEvidence};

    use super::*;

    #[test]
    fn whatever_changes_in_a_package_changes_the_digest() {
        let plain = Package::new(Ecosystem::Npm, "left", "1");
        let mut all = vec![plain.clone()];
        let mut add = |change: &dyn Fn(&mut Package)| {
            let mut changed = plain.clone();
            change(&mut changed);
            all.push(changed);
        };
        add(&|package| package.ecosystem = Ecosystem::PyPi);
        add(&|package| package.name.push('x'));
        add(&|package| package.version.push('x'));
        add(&|package| package.source.name.push('x'));
        add(&|package| package.source.version.push('x'));
        add(&|package| package.location.push('x'));
        add(&|package| package.layer += 1);
        add(&|package| package.evidence = PackageEvidence::Declared);
        add(&|package| package.licences.push(String::new()));
        add(&|package| package.licences = vec![String::new(); 2]);
        for text in ["", "x"] {
            add(&|package| package.architecture = Some(text.to_owned()));
            add(&|package| package.owner = Some(text.to_owned()));
            add(&|package| package.module = Some(text.to_owned()));
        }
        // What moves from one field to the next.
        add(&|package| (package.name, package.version) = ("lef".to_owned(), "t1".to_owned()));
        let mut digests: Vec<Digest> = all.iter().map(|one| of_packages(std::slice::from_ref(one))).collect();
        digests.push(of_packages(&all));
        digests.push(of_packages(&all[1..]));
        digests.push(of_packages(&[]));
        let number = digests.len();
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), number);
    }

    #[test]
    fn more_than_is_gathered_at_once_counts_to_the_last_byte() {
        let many: Vec<Package> =
            (0..2_000).map(|at| Package::new(Ecosystem::Npm, format!("package-{at}"), "1.0.0")).collect();
        let mut other = many.clone();
        other[1_999].version.push('x');
        assert_eq!(of_packages(&many), of_packages(&many.clone()));
        assert_ne!(of_packages(&many), of_packages(&other));
        assert_ne!(of_packages(&many), of_packages(&many[..1_999]));
    }
}
