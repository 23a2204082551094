//! The log beside a database of SQLite: changes that are not in the database yet ("Write-Ahead Logging", section "The
//! WAL File Format"). rpm empties it when it ends in order.

use lazaret_model::{Extracted, Limits, Problem, ProblemKind, RandomAccess};

use crate::pattern::Extractor;
use crate::reading::lossy;

/// Keeps nothing, and says that something was not read.
pub(super) const HAS_CHANGES: Extractor = Extractor { whole: extract, passing: None, alike: None };

/// Behind it come the changes.
const LOG_HEADER: u64 = 32;

fn extract(file: &mut dyn RandomAccess, path: &[u8], _: &Limits) -> Extracted {
    let mut found = Extracted::default();
    if file.size() > LOG_HEADER {
        let detail = "changes of the package database that are only in its log were not read";
        found.problems.push(Problem::new(ProblemKind::Unsupported, lossy(path), detail));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::small::Slice;

    #[test]
    fn only_changes_are_a_problem() {
        for (length, problems) in [(0, 0), (32, 0), (33, 1)] {
            let found = extract(&mut Slice(&vec![0; length]), b"x", &Limits::default());
            assert_eq!(found.problems.len(), problems);
        }
    }
}
