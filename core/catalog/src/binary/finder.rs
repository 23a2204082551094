//! Finds what matters in the bytes of one program, in ascending order: in those parts alone that the headers name,
//! or in all of it where it comes by once.

use std::collections::BTreeSet;

use memchr::{memchr_iter, memmem};

use super::audit::{self, Inflated, Inflater};
use super::build_info::{self, BuildInfo, Parsed};
use super::classifier::Row;
use super::crates::{self, Paths};
use super::layout::{Layout, Range};

/// So much is looked at together. Always in the same steps, so that pieces of any size give the same.
pub(super) const WINDOW: usize = 256 << 10;
/// Nothing that is recognised by its beginning needs more than this to be recognised.
pub(super) const OVERLAP: usize = 4 << 10;
const _: () = assert!(OVERLAP >= 2 * crates::LONGEST && OVERLAP >= audit::LOOKAHEAD);

/// Notes of real programs have some hundred bytes.
const MOST_NOTES: usize = 64 << 10;
const MOST_CRATES: usize = 20_000;
/// How often something may look like a compressed list and be none.
const MOST_TRIALS: usize = 100_000;
const RUSTC: &[u8] = b"rustc version ";

/// What was found in a program.
#[derive(Default)]
pub(super) struct Found {
    pub(super) go: Option<BuildInfo>,
    /// The header of Go's older build information, which leads elsewhere.
    pub(super) go_elsewhere: Option<Vec<u8>>,
    pub(super) audit: Option<Vec<u8>>,
    /// `name version`.
    pub(super) crates: BTreeSet<Vec<u8>>,
    pub(super) is_rust: bool,
    pub(super) rustc: Option<Vec<u8>>,
    pub(super) notes: Vec<u8>,
    pub(super) problems: Vec<&'static str>,
}

impl Found {
    fn problem(&mut self, detail: &'static str) {
        if !self.problems.contains(&detail) {
            self.problems.push(detail);
        }
    }
}

pub(super) struct Finder {
    layout: Layout,
    rows: Vec<Row>,
    paths: Paths,
    window: Vec<u8>,
    /// Where in the file the window begins.
    base: u64,
    /// Go's build information, as far as it is there, and how much of it is needed.
    go: Option<(Vec<u8>, usize)>,
    audit: Option<Inflater>,
    trial: Option<Inflater>,
    trials: usize,
    /// Up to where lists that are longer than a window were taken in.
    taken: u64,
    most: usize,
    pub(super) found: Found,
}

impl Finder {
    /// `most` bytes are kept of one list.
    pub(super) fn new(layout: Layout, rows: Vec<Row>, most: usize) -> Self {
        Self {
            layout,
            rows,
            paths: Paths::new(),
            window: Vec::new(),
            base: 0,
            go: None,
            audit: None,
            trial: None,
            trials: 0,
            taken: 0,
            most,
            found: Found::default(),
        }
    }

    /// What is to be read next, from an offset on.
    pub(super) fn wanted(&self, from: u64) -> Option<Range> {
        if self.rows.iter().any(|row| !row.is_done()) {
            return Some(Range { start: from, end: u64::MAX });
        }
        let layout = &self.layout;
        let go = layout.go.iter().filter(|_| self.found.go.is_none() && self.found.go_elsewhere.is_none());
        let audit = layout.audit.iter().chain(&layout.audit_within).filter(|_| self.found.audit.is_none());
        let text = layout.text.iter().filter(|_| layout.may_be_rust);
        let pending = self.go.iter().map(|(bytes, needed)| {
            let missing = needed.saturating_sub(bytes.len()) as u64;
            Range { start: self.taken, end: self.taken.saturating_add(missing) }
        });
        go.chain(audit)
            .chain(text)
            .chain(&layout.notes)
            .chain(&layout.comment)
            .copied()
            .chain(pending)
            .filter(|range| range.end > from)
            .map(|range| Range { start: range.start.max(from), ..range })
            .min()
    }

    /// Looks at all that was pushed, as if nothing followed.
    pub(super) fn settle(&mut self) {
        self.look(true);
    }

    /// Goes on further behind, once settled: what lies between is not looked at.
    pub(super) fn skip_to(&mut self, offset: u64) {
        self.base = offset;
    }

    pub(super) fn push(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let (now, later) = piece.split_at(piece.len().min(WINDOW - self.window.len()));
            self.window.extend_from_slice(now);
            piece = later;
            if self.window.len() == WINDOW {
                self.look(false);
            }
        }
    }

    /// What was found, and by which classifier: product and version.
    pub(super) fn finish(mut self) -> (Found, Layout, Vec<(&'static str, Vec<u8>)>) {
        self.look(true);
        if self.go.is_some() {
            self.found.problem("the build information of Go is cut off");
        }
        if self.audit.is_some() {
            self.found.problem("the list of crates that was built in is cut off");
        }
        let products = self.rows.into_iter().filter_map(Row::into_found).collect();
        (self.found, self.layout, products)
    }

    /// Looks at the window; what begins close to its end waits for the next, if there is one.
    fn look(&mut self, is_last: bool) {
        let window = std::mem::take(&mut self.window);
        let until = if is_last { window.len() } else { window.len().saturating_sub(OVERLAP) };
        for row in &mut self.rows {
            row.look(&window, until);
        }
        self.take_in(&window);
        self.find_go(&window, until);
        self.find_audit(&window, until);
        if self.layout.may_be_rust {
            self.find_crates(&window, until);
            self.find_rustc(&window, until);
        }
        self.taken = self.taken.max(self.base.saturating_add(window.len() as u64));
        self.base = self.base.saturating_add(until as u64);
        self.window = window;
        self.window.drain(..until);
    }

    /// The part of the window that is in a range and was not taken in before.
    fn fresh<'w>(&self, window: &'w [u8], range: Range) -> &'w [u8] {
        part(window, self.base, Range { start: range.start.max(self.taken), ..range })
    }

    /// Lists that began before, and notes.
    fn take_in(&mut self, window: &[u8]) {
        let all = Range { start: 0, end: u64::MAX };
        let fresh = self.fresh(window, all);
        if let Some((mut bytes, _)) = self.go.take() {
            bytes.extend_from_slice(&fresh[..fresh.len().min(self.most.saturating_sub(bytes.len()))]);
            self.build_info(bytes);
        }
        if self.audit.is_some() && self.layout.audit.is_empty() {
            self.inflate(fresh);
        }
        for number in 0..self.layout.audit.len() {
            let fresh = self.fresh(window, self.layout.audit[number]);
            if self.audit.is_none() && self.found.audit.is_none() && !fresh.is_empty() {
                self.audit = Some(Inflater::new());
            }
            self.inflate(fresh);
        }
        for number in 0..self.layout.notes.len() {
            let fresh = self.fresh(window, self.layout.notes[number]);
            let room = MOST_NOTES.saturating_sub(self.found.notes.len());
            if fresh.len() > room {
                self.found.problem("notes are longer than any that are known");
            }
            self.found.notes.extend_from_slice(&fresh[..fresh.len().min(room)]);
        }
    }

    fn find_go(&mut self, window: &[u8], until: usize) {
        for number in 0..self.layout.go.len() {
            let text = part(window, self.base, self.layout.go[number]);
            let start = self.layout.go[number].start.max(self.base);
            let aligned = |at: &usize| start.saturating_add(*at as u64).is_multiple_of(build_info::ALIGNMENT);
            let found = memmem::find_iter(text, build_info::MAGIC).find(aligned);
            let before = usize::try_from(start - self.base.min(start)).unwrap_or(usize::MAX);
            let is_new = self.go.is_none() && self.found.go.is_none() && self.found.go_elsewhere.is_none();
            if let Some(at) = found.map(|at| before + at).filter(|at| is_new && *at < until) {
                self.build_info(window[at..].to_vec());
            }
        }
    }

    fn build_info(&mut self, bytes: Vec<u8>) {
        match build_info::parse(&bytes) {
            Parsed::Whole(info) => self.found.go = Some(info),
            Parsed::Elsewhere => self.found.go_elsewhere = Some(bytes[..32].to_vec()),
            Parsed::Needs(needed) if needed <= self.most => self.go = Some((bytes, needed)),
            Parsed::Needs(_) | Parsed::Wrong => {
                self.found.problem("the build information of Go cannot be read")
            }
        }
    }

    fn find_audit(&mut self, window: &[u8], until: usize) {
        for number in 0..self.layout.audit_within.len() {
            let range = self.layout.audit_within[number];
            let text = part(window, self.base, range);
            let before = usize::try_from(range.start.saturating_sub(self.base)).unwrap_or(usize::MAX);
            for at in memchr_iter(b'x', text) {
                if self.audit.is_some() || self.found.audit.is_some() || before.saturating_add(at) >= until {
                    break;
                }
                if !matches!(text.get(at + 1), Some(0x01 | 0x5e | 0x9c | 0xda)) {
                    continue;
                }
                self.trials += 1;
                if self.trials > MOST_TRIALS {
                    self.found.problem("too much looks like a list of crates");
                    self.layout.audit_within.clear();
                    return;
                }
                if self.trial.get_or_insert_with(Inflater::new).begins(&text[at..]) {
                    self.audit = Some(Inflater::new());
                    self.inflate(&text[at..]);
                }
            }
        }
    }

    fn inflate(&mut self, fresh: &[u8]) {
        let Some(mut inflater) = self.audit.take() else { return };
        match inflater.push(fresh) {
            Inflated::More => self.audit = Some(inflater),
            Inflated::Whole => self.found.audit = Some(inflater.into_json()),
            Inflated::Wrong => {
                self.found.audit = Some(Vec::new());
                self.found.problem("the list of crates that was built in cannot be inflated");
            }
            Inflated::TooLarge => {
                self.found.audit = Some(Vec::new());
                self.found.problem("the list of crates that was built in is too large");
            }
        }
    }

    fn find_crates(&mut self, window: &[u8], until: usize) {
        for number in 0..self.layout.text.len() {
            let range = self.layout.text[number];
            let text = part(window, self.base, range);
            let before = usize::try_from(range.start.saturating_sub(self.base)).unwrap_or(usize::MAX);
            let found = &mut self.found;
            found.is_rust = found.is_rust || self.paths.are_of_rust(text);
            // Their beginning may be behind: what it is told by is looked for so much further.
            let until = until.saturating_sub(before).saturating_add(crates::LONGEST);
            self.paths.find(text, until, |name, version| {
                let line = [name, b" ", version].concat();
                if found.crates.len() < MOST_CRATES {
                    found.crates.insert(line);
                } else if !found.crates.contains(&line) {
                    found.problem("paths of more crates than are kept");
                }
            });
        }
    }

    fn find_rustc(&mut self, window: &[u8], until: usize) {
        for range in &self.layout.comment {
            let text = part(window, self.base, *range);
            let before = usize::try_from(range.start.saturating_sub(self.base)).unwrap_or(usize::MAX);
            for at in memmem::find_iter(text, RUSTC).filter(|at| before.saturating_add(*at) < until) {
                // In debug information the version stands in brackets.
                let is_entry = at == 0 || text[at - 1] != b'(';
                if self.found.rustc.is_none() && is_entry {
                    self.found.rustc = crates::toolchain(&text[at + RUSTC.len()..]).map(<[u8]>::to_vec);
                }
            }
        }
    }
}

/// The part of a window that is in a range.
fn part(window: &[u8], base: u64, range: Range) -> &[u8] {
    let place =
        |offset: u64| usize::try_from(offset.saturating_sub(base)).unwrap_or(usize::MAX).min(window.len());
    window.get(place(range.start)..place(range.end)).unwrap_or_default()
}
