//! `conda-meta/*.json`: what conda installed, a file for each package (docs.conda.io, "Package metadata files").

use lazaret_model::{Ecosystem, Package};
use serde::Deserialize;

use crate::documents::json;
use crate::files::File;
use crate::lenient::Text;
use crate::reading::Reading;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Record<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    version: Text<'a>,
    #[serde(borrow)]
    license: Text<'a>,
}

pub(super) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(record) = json::<Record<'_>>(file, reading) else { return };
    let (Some(name), Some(version)) = (record.name.trimmed(), record.version.trimmed()) else {
        reading.problems.malformed(file.location(), "the record names no package or no version");
        return;
    };
    reading.package(Package {
        layer: file.layer,
        location: file.location(),
        licences: record.license.trimmed().map(str::to_owned).into_iter().collect(),
        ..Package::new(Ecosystem::Conda, name, version)
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::in_tests::packages;

    fn one(bytes: &[u8]) -> (Vec<Package>, usize) {
        packages(read, "opt/conda/conda-meta/x.json", 1, bytes)
    }

    const REAL: &str =
        r#"{"build": "h_1", "files": ["lib/x"], "license": "MIT", "name": "_x", "version": "1.2"}"#;

    #[test]
    fn reads_records() {
        let (packages, problems) = one(REAL.as_bytes());
        assert_eq!((packages[0].name.as_str(), packages[0].version.as_str(), problems), ("_x", "1.2", 0));
        assert_eq!(
            (packages[0].ecosystem, packages[0].licences.as_slice()),
            (Ecosystem::Conda, &["MIT".to_owned()][..])
        );
        for text in ["", "{}", r#"{"name": "x"}"#, r#"{"name": 1, "version": 2}"#] {
            assert_eq!(one(text.as_bytes()), (vec![], 1), "{text}");
        }
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            one(&bytes);
        }

        #[test]
        fn takes_spoiled_records(place in 0..REAL.len(), byte: u8) {
            let mut bytes = REAL.as_bytes().to_vec();
            bytes[place] = byte;
            let (packages, problems) = one(&bytes);
            prop_assert_eq!(packages.len() + problems, 1);
        }
    }
}
