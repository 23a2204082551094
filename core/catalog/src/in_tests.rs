//! How tests of readers read one file, and what every reader withstands.

use lazaret_model::{Limits, Package};

use crate::files::File;
use crate::reading::Reading;

pub(crate) type Read = fn(&File<'_>, &mut Reading<'_>);

/// The packages of one file, and how many problems there were.
pub(crate) fn packages(read: Read, path: &str, layer: u32, bytes: &[u8]) -> (Vec<Package>, usize) {
    let limits = Limits::default();
    let mut reading = Reading::new(&limits);
    read(&File { path: path.as_bytes(), layer, bytes }, &mut reading);
    let (packages, problems) = reading.into_parts();
    (packages, problems.into_list().len())
}

/// The same as `name version`.
pub(crate) fn lines(read: Read, path: &str, bytes: &[u8]) -> (Vec<String>, usize) {
    let (packages, problems) = packages(read, path, 0, bytes);
    (packages.iter().map(|it| format!("{} {}", it.name, it.version)).collect(), problems)
}

/// Two properties of a reader: it takes any bytes, and real files of which one byte was changed.
macro_rules! withstands {
    ($read:expr, $($real:expr),+) => {
        proptest::proptest! {
            #[test]
            fn takes_any_bytes(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
                $read(&bytes);
            }

            #[test]
            fn takes_spoiled_files(which: proptest::sample::Index, place: proptest::sample::Index, byte: u8) {
                let real: &[&str] = &[$($real),+];
                let mut bytes = real[which.index(real.len())].as_bytes().to_vec();
                let place = place.index(bytes.len());
                bytes[place] = byte;
                $read(&bytes);
            }
        }
    };
}

pub(crate) use withstands;
