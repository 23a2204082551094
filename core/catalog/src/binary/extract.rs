//! Reduces programs to what they say of themselves: one extractor for all, because a file is read once.

use lazaret_model::{Extracted, Limits, Passing, Problem, ProblemKind, RandomAccess};

use super::build_info;
use super::classifier::{Look, Row, rows, same_rows};
use super::finder::{Finder, Found};
use super::layout::{Layout, Sight, Wrong};
use super::note;
use super::record::{Kind, Records};
use crate::in_memory::InMemory;
use crate::pattern::{Extractor, split};
use crate::reading::lossy;

pub(super) const PROGRAM: Extractor = Extractor { whole, passing: Some(passing), alike: Some(alike) };

/// Headers stand in the first bytes of every real program.
const HEAD: usize = 64 << 10;
const CHUNK: u64 = 64 << 10;

/// Reads headers, and then only the parts that matter. Only of files that are called like a product whose version
/// stands anywhere, everything is read until it is found.
fn whole(file: &mut dyn RandomAccess, path: &[u8], limits: &Limits) -> Extracted {
    let mut problems = Problems { path, list: Vec::new() };
    let layout = Layout::read(file, Sight::Whole);
    let Some((layout, rows)) = prepare(layout, &mut problems) else { return Extracted::default() };
    let size = file.size();
    let parts = [&layout.go, &layout.audit, &layout.text, &layout.notes];
    if layout.wrong.is_none() && parts.iter().any(|parts| parts.iter().any(|part| part.end > size)) {
        problems.malformed("a part that the headers name lies beyond the end of the file");
    }
    let mut finder = Finder::new(layout, rows, most(limits));
    let mut buffer = Vec::new();
    let mut at = 0;
    while let Some(mut range) = finder.wanted(at).filter(|range| range.start < size) {
        if range.start > at {
            finder.settle();
            let Some(now) = finder.wanted(at).filter(|range| range.start < size) else { break };
            finder.skip_to(now.start);
            (at, range) = (now.start, now);
        }
        let end = range.end.min(size).min(at.saturating_add(CHUNK));
        buffer.resize(usize::try_from(end - at).unwrap_or_default(), 0);
        if let Err(error) = file.read_at(at, &mut buffer) {
            problems.add(ProblemKind::Unreadable, error.to_string());
            break;
        }
        finder.push(&buffer);
        at = end;
    }
    let (mut found, layout, products) = finder.finish();
    if let Some(header) = found.go_elsewhere.take() {
        found.go = build_info::follow(file, &layout, &header, limits.document_bytes);
        if found.go.is_none() {
            problems.malformed("the build information of Go leads nowhere");
        }
    }
    extracted(found, &layout, products, problems)
}

fn most(limits: &Limits) -> usize {
    usize::try_from(limits.document_bytes).unwrap_or(usize::MAX)
}

/// `None` if there is nothing to look for: it is no program, and called like nothing that is known.
fn prepare(layout: Option<Result<Layout, Wrong>>, problems: &mut Problems<'_>) -> Option<(Layout, Vec<Row>)> {
    let mut rows = rows(split(problems.path).1);
    let layout = match layout {
        None => {
            rows.retain(|row| row.look_in() != Look::Program);
            if rows.is_empty() {
                return None;
            }
            Layout::default()
        }
        Some(Ok(layout)) => layout,
        Some(Err(wrong)) => {
            problems.wrong(&wrong);
            Layout::default()
        }
    };
    if let Some(wrong) = &layout.wrong {
        problems.wrong(wrong);
    }
    Some((layout, rows))
}

fn extracted(
    found: Found,
    layout: &Layout,
    products: Vec<(&'static str, Vec<u8>)>,
    mut problems: Problems<'_>,
) -> Extracted {
    let mut records = Records::default();
    if let Some(go) = &found.go {
        records.add(Kind::GoVersion, &go.version);
        if !go.modules.is_empty() {
            records.add(Kind::GoModules, &go.modules);
        }
    }
    let audit = found.audit.as_ref().filter(|json| !json.is_empty());
    if let Some(json) = audit {
        records.add(Kind::Audit, json);
    }
    if let Some(version) = &found.rustc {
        records.add(Kind::Rustc, version);
    }
    // What was written on purpose is whole; paths would only repeat a part of it.
    if audit.is_none() && (found.is_rust || found.rustc.is_some()) {
        found.crates.iter().for_each(|line| records.add(Kind::Crate, line));
    }
    if let Some(json) = note::find(&found.notes, layout.is_big_endian) {
        records.add(Kind::Note, json);
    }
    for (product, version) in products {
        records.add(Kind::Product, &[product.as_bytes(), b" ", &version].concat());
    }
    found.problems.iter().for_each(|&detail| problems.malformed(detail));
    Extracted { bytes: records.into_bytes(), problems: problems.list }
}

/// What of one program could not be read.
struct Problems<'p> {
    path: &'p [u8],
    list: Vec<Problem>,
}

impl Problems<'_> {
    fn wrong(&mut self, wrong: &Wrong) {
        let kind = match wrong {
            Wrong::Unreadable(..) => ProblemKind::Unreadable,
            Wrong::Large(_) => ProblemKind::Limit,
            Wrong::Cut(_) => ProblemKind::Malformed,
        };
        self.add(kind, wrong.to_string());
    }

    fn malformed(&mut self, detail: impl Into<String>) {
        self.add(ProblemKind::Malformed, detail);
    }

    fn add(&mut self, kind: ProblemKind, detail: impl Into<String>) {
        self.list.push(Problem::new(kind, lossy(self.path), detail));
    }
}

/// Of a name only the products that it may be count.
fn alike(one: &[u8], other: &[u8]) -> bool {
    same_rows(split(one).1, split(other).1)
}

fn passing(path: &[u8], limits: &Limits) -> Box<dyn Passing> {
    Box::new(Stream {
        path: path.to_vec(),
        most: most(limits),
        problems: Vec::new(),
        state: State::Head(Vec::new()),
    })
}

/// A program that comes by once. The sections of ELF files stand at their end, too late: everything that may hold what
/// matters is looked at instead.
struct Stream {
    path: Vec<u8>,
    most: usize,
    problems: Vec<Problem>,
    state: State,
}

enum State {
    Head(Vec<u8>),
    Looking(Box<Finder>),
    /// Nothing in it matters.
    Idle,
}

impl Stream {
    fn begin(&mut self, head: &[u8]) {
        let layout = Layout::read(&mut InMemory(head), Sight::Beginning);
        let mut problems = Problems { path: &self.path, list: std::mem::take(&mut self.problems) };
        self.state = match prepare(layout, &mut problems) {
            None => State::Idle,
            Some((layout, rows)) => {
                let mut finder = Finder::new(layout, rows, self.most);
                finder.push(head);
                State::Looking(Box::new(finder))
            }
        };
        self.problems = problems.list;
    }
}

impl Passing for Stream {
    fn push(&mut self, piece: &[u8]) {
        match &mut self.state {
            State::Head(head) => {
                let (now, later) = piece.split_at(piece.len().min(HEAD - head.len()));
                head.extend_from_slice(now);
                if head.len() == HEAD {
                    let head = std::mem::take(head);
                    self.begin(&head);
                    self.push(later);
                }
            }
            State::Looking(finder) => finder.push(piece),
            State::Idle => {}
        }
    }

    fn finish(mut self: Box<Self>) -> Extracted {
        if let State::Head(head) = &mut self.state {
            let head = std::mem::take(head);
            self.begin(&head);
        }
        let State::Looking(finder) = self.state else { return Extracted::default() };
        let mut problems = Problems { path: &self.path, list: self.problems };
        let (mut found, layout, products) = finder.finish();
        if found.go_elsewhere.take().is_some() {
            let detail = "build information of Go before 1.18 is not read from a file that comes by once";
            problems.add(ProblemKind::Unsupported, detail);
        }
        extracted(found, &layout, products, problems)
    }
}
