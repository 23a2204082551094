//! What readers bring together, within the limits.

use lazaret_model::{Limits, Package, Problem, ProblemKind};

/// Packages and problems found so far.
#[derive(Debug)]
pub(crate) struct Reading<'l> {
    pub(crate) limits: &'l Limits,
    pub(crate) problems: Problems,
    packages: Vec<Package>,
    is_full: bool,
}

impl<'l> Reading<'l> {
    pub(crate) fn new(limits: &'l Limits) -> Self {
        Self { limits, problems: Problems::default(), packages: Vec::new(), is_full: false }
    }

    /// Adds a package; false once there are more than [`Limits::packages`], of which a problem tells.
    pub(crate) fn package(&mut self, package: Package) -> bool {
        if self.packages.len() < self.limits.packages {
            self.packages.push(package);
            return true;
        }
        if !self.is_full {
            self.is_full = true;
            let detail = format!("more than {} packages: the rest is left out", self.limits.packages);
            self.problems.limit(package.location, detail);
        }
        false
    }

    pub(crate) fn packages(&self) -> &[Package] {
        &self.packages
    }

    pub(crate) fn into_parts(self) -> (Vec<Package>, Problems) {
        (self.packages, self.problems)
    }
}

/// A bounded list: a hostile database can be wrong in every record.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    left_out: usize,
}

const MOST_PROBLEMS: usize = 1_000;

impl Problems {
    pub(crate) fn push(&mut self, problem: Problem) {
        if self.list.len() < MOST_PROBLEMS {
            self.list.push(problem);
        } else {
            self.left_out += 1;
        }
    }

    pub(crate) fn malformed(&mut self, subject: impl Into<String>, detail: impl Into<String>) {
        self.push(Problem::new(ProblemKind::Malformed, subject, detail));
    }

    pub(crate) fn limit(&mut self, subject: impl Into<String>, detail: impl Into<String>) {
        self.push(Problem::new(ProblemKind::Limit, subject, detail));
    }

    pub(crate) fn unsupported(&mut self, subject: impl Into<String>, detail: impl Into<String>) {
        self.push(Problem::new(ProblemKind::Unsupported, subject, detail));
    }

    pub(crate) fn into_list(mut self) -> Vec<Problem> {
        if self.left_out > 0 {
            let detail = format!("{} more problems are not listed", self.left_out);
            self.list.push(Problem::new(ProblemKind::Limit, "the packages", detail));
        }
        self.list
    }
}

pub(crate) fn lossy(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
