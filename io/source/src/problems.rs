//! A bounded list of what could not be read.

use std::io;

use lazaret_model::{Problem, ProblemKind};

use crate::budget::Exceeded;

/// A hostile archive can be wrong in every one of its entries: from here on problems are only counted.
const MOST: usize = 1_000;

#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    left_out: u64,
}

impl Problems {
    pub(crate) fn push(&mut self, problem: Problem) {
        if self.list.len() < MOST {
            self.list.push(problem);
        } else {
            self.left_out += 1;
        }
    }

    pub(crate) fn malformed(&mut self, subject: impl Into<String>, detail: impl Into<String>) {
        self.push(Problem::new(ProblemKind::Malformed, subject, detail));
    }

    pub(crate) fn unsupported(&mut self, subject: impl Into<String>, detail: impl Into<String>) {
        self.push(Problem::new(ProblemKind::Unsupported, subject, detail));
    }

    pub(crate) fn limit(&mut self, subject: impl Into<String>, exceeded: Exceeded) {
        self.push(Problem::new(ProblemKind::Limit, subject, exceeded.to_string()));
    }

    /// Records a failed read, telling a damaged or hostile archive from a source that broke off.
    pub(crate) fn io(&mut self, subject: impl Into<String>, error: &io::Error) {
        self.push(Problem::new(kind_of(error), subject, error.to_string()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether something was left out that might be there another time.
    pub(crate) fn has_passing(&self) -> bool {
        self.left_out > 0
            || self
                .list
                .iter()
                .any(|problem| matches!(problem.kind, ProblemKind::Limit | ProblemKind::Unreadable))
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.left_out += other.left_out;
        for problem in other.list {
            self.push(problem);
        }
    }

    pub(crate) fn into_list(mut self) -> Vec<Problem> {
        if self.left_out > 0 {
            let detail = format!("{} more problems are not listed", self.left_out);
            self.list.push(Problem::new(ProblemKind::Limit, "the problems of this scan", detail));
        }
        self.list
    }
}

/// A source (network, engine) that failed while it was read, as opposed to bytes that are wrong.
/// Travels inside [`io::Error`] through decompressors.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SourceFailed(pub(crate) String);

impl SourceFailed {
    pub(crate) fn io(text: impl Into<String>) -> io::Error {
        io::Error::other(Self(text.into()))
    }
}

fn kind_of(error: &io::Error) -> ProblemKind {
    let inner = error.get_ref();
    if inner.is_some_and(|inner| inner.is::<Exceeded>()) {
        ProblemKind::Limit
    } else if error.raw_os_error().is_some() || inner.is_some_and(|inner| inner.is::<SourceFailed>()) {
        ProblemKind::Unreadable
    } else {
        ProblemKind::Malformed
    }
}

/// Foreign bytes in a sentence for people.
pub(crate) fn lossy(bytes: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]);
    let mut shown: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if bytes.len() > LONGEST {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_it_does_not_list() {
        let mut problems = Problems::default();
        for number in 0..MOST + 7 {
            problems.malformed(number.to_string(), "wrong");
        }
        let list = problems.into_list();
        assert_eq!(list.len(), MOST + 1);
        assert_eq!(list[MOST].detail, "7 more problems are not listed");
    }

    #[test]
    fn tells_a_broken_source_from_wrong_bytes() {
        let kind = |error: io::Error| kind_of(&error);
        assert_eq!(kind(SourceFailed::io("connection reset")), ProblemKind::Unreadable);
        assert_eq!(kind(io::Error::from_raw_os_error(5)), ProblemKind::Unreadable);
        assert_eq!(kind(io::Error::other(Exceeded::new("too much"))), ProblemKind::Limit);
        assert_eq!(kind(io::Error::new(io::ErrorKind::InvalidData, "bad gzip")), ProblemKind::Malformed);
    }

    #[test]
    fn shows_hostile_names_in_one_line() {
        assert_eq!(lossy(b"a\nb\x1b[31m\xff"), "a\u{fffd}b\u{fffd}[31m\u{fffd}");
        assert_eq!(lossy(&[b'x'; 300]).chars().count(), 201);
    }
}
