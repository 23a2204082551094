//! What was found in an archive, on its way from where the archive's bytes are to the catalog.

use lazaret_model::{Ecosystem, Package, PackageEvidence};

use crate::files::File;
use crate::reading::Reading;

/// A package in an archive. As bytes: a line with fields between tabs, and licences between more of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) name: String,
    pub(super) version: String,
    /// Where in the archive, from `!/` on; empty for the archive itself.
    pub(super) within: String,
    pub(super) evidence: PackageEvidence,
    pub(super) licences: Vec<String>,
}

impl Finding {
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let fields = [&self.name, &self.version, &self.within];
        let fields = fields.into_iter().map(String::as_str).chain([self.evidence.name()]);
        for (number, field) in fields.chain(self.licences.iter().map(String::as_str)).enumerate() {
            if number > 0 {
                bytes.push(b'\t');
            }
            // Names of files may hold anything; nothing here has a line of its own.
            bytes.extend(field.bytes().filter(|byte| !matches!(byte, b'\t' | b'\n')));
        }
        bytes.push(b'\n');
    }

    fn read(line: &str) -> Option<Self> {
        let mut fields = line.split('\t').map(str::to_owned);
        let (name, version, within) = (fields.next()?, fields.next()?, fields.next()?);
        let evidence = PackageEvidence::from_name(&fields.next()?)?;
        Some(Self { name, version, within, evidence, licences: fields.collect() })
    }
}

/// Makes packages of what was extracted.
pub(super) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    let Ok(text) = str::from_utf8(file.bytes) else { return };
    for it in text.lines().filter_map(Finding::read) {
        let mut licences = it.licences;
        licences.sort_unstable();
        licences.dedup();
        let package = Package {
            location: file.location() + &it.within,
            layer: file.layer,
            evidence: it.evidence,
            licences,
            ..Package::new(Ecosystem::Maven, it.name, it.version)
        };
        if !reading.package(package) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(name in "[^\t\n\r]{0,9}", within in "[^\t\n\r]{0,9}", licences in proptest::collection::vec("[a-z]{1,5}", 0..3)) {
            let finding = Finding { name, version: "1".to_owned(), within, evidence: PackageEvidence::Inferred, licences };
            let mut bytes = Vec::new();
            finding.write(&mut bytes);
            let text = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(Finding::read(text.trim_end_matches('\n')), Some(finding));
        }
    }
}
