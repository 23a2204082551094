//! One passage through the documents of a path.

use std::ops::ControlFlow;

use lazaret_model::{Limits, Problem, ProblemKind};

use super::Visit;
use crate::budget::Budget;
use crate::problems::Problems;

pub(super) struct Pass<'v> {
    pub(super) budget: Budget,
    pub(super) problems: Problems,
    pub(super) documents: u64,
    visit: Visit<'v>,
}

impl<'v> Pass<'v> {
    pub(super) fn new(limits: &Limits, visit: Visit<'v>) -> Self {
        Self { budget: Budget::new(limits), problems: Problems::default(), documents: 0, visit }
    }

    pub(super) fn document(&mut self, name: &str, bytes: Vec<u8>) -> ControlFlow<()> {
        self.documents += 1;
        (self.visit)(name, bytes)
    }

    pub(super) fn problem(&mut self, kind: ProblemKind, name: &str, detail: String) {
        self.problems.push(Problem::new(kind, name, detail));
    }
}
