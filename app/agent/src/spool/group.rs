//! What is given to the spool at once.

/// Makes the bytes of a record that got the given number.
pub(super) type Builder = Box<dyn FnOnce(u64) -> Vec<u8> + Send>;

/// Records that are kept together or not at all.
pub(super) struct Group {
    pub(super) records: Vec<Builder>,
    pub(super) importance: Importance,
}

impl Group {
    /// How many are lost when the group is not kept; whoever asks for a decision is told instead.
    pub(super) fn events(&self) -> u64 {
        match self.importance {
            Importance::Decision => 0,
            Importance::Event => self.records.len() as u64,
        }
    }
}

/// Who may still write when space runs short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// Somebody waits for it: what was admitted must be on record.
    Decision,
    /// May be dropped and counted. Leaves the last eighth of the spool to decisions, so that a container
    /// which floods the agent with events cannot stop others from starting.
    Event,
}
