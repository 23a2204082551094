//! What others than the kernel programs ask of a rule.

use lazaret_model::FileOperation;

use super::PathRule;

impl PathRule {
    /// The name up to the first star.
    pub(crate) fn literal(&self) -> &[u8] {
        let star = self.pattern.iter().position(|byte| *byte == 0);
        &self.pattern[..star.unwrap_or(self.pattern.len())]
    }

    /// The directory in which all matches are, without a slash at its end; that of `/x` is empty.
    pub(crate) fn directory(&self) -> &[u8] {
        let literal = self.literal();
        let slash = literal.iter().rposition(|byte| *byte == b'/');
        &literal[..slash.unwrap_or(0)]
    }

    /// It matches one name.
    pub(crate) fn is_literal(&self) -> bool {
        !self.open && !self.pattern.contains(&0)
    }

    /// It matches all that is below its directory.
    pub(crate) fn is_tree(&self) -> bool {
        self.open && self.literal().len() == self.pattern.len() && self.pattern.ends_with(b"/")
    }

    pub(crate) const fn allows(&self, operation: FileOperation) -> bool {
        self.operations & 1 << operation as u32 != 0
    }
}
