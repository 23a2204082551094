//! The one pass over a tree.

use lazaret_model::{
    Content, Digest, Distribution, Entry, EntryKind, Extracted, Limits, Package, PackageEvidence, Passing,
    Problem, RandomAccess, Tree, Visitor, Want, Wanted,
};

use crate::binary::note;
use crate::cataloger::{Cataloger, Read, catalogers};
use crate::code::{self, Code, Collector, Known};
use crate::detours::Detours;
use crate::files::{File, Files};
use crate::history::History;
use crate::in_memory::InMemory;
use crate::matcher::Matcher;
use crate::os::{apt, distribution, repositories};
use crate::ownership::{Answers, Owners};
use crate::pattern::{Extractor, Need, Pattern};
use crate::reading::{Reading, lossy};
use crate::stored::kind;

/// What is looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Digests of all files that may be executed, which are the slow part of a pass, and whose they are.
    pub executables: bool,
    /// Packages that lock files and manifests want: for source trees. In an image only what is installed counts.
    pub declared: bool,
}

/// What was found, in an order that depends on nothing but the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    pub distribution: Option<Distribution>,
    /// Sorted, without repetitions.
    pub packages: Vec<Package>,
    /// In ascending order of the paths; empty unless asked for.
    pub executables: Vec<Executable>,
    /// Empty unless executables were asked for.
    pub code: Code,
    /// Lists of package sources and the keys that they name, relative to the root, with their contents.
    pub apt_sources: Vec<(String, Vec<u8>)>,
    /// The same of yum, dnf and zypper, with the variables in them and without keys.
    pub yum_sources: Vec<(String, Vec<u8>)>,
    /// What could not be read: if there are any, something may be missing above.
    pub problems: Vec<Problem>,
}

/// A regular file with an executable bit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executable {
    pub path: String,
    pub sha256: [u8; 32],
    /// As [`Entry::mode`].
    pub mode: u16,
    pub layer: u32,
}

/// Finds what is in a tree.
pub fn catalog(tree: &mut dyn Tree, limits: &Limits, options: Options) -> Catalog {
    let mut pass = Pass::new(limits, options);
    let unread = tree.walk(&mut pass);
    pass.finish(unread)
}

/// The visitor of one tree.
struct Pass<'l> {
    options: Options,
    matcher: Matcher,
    detours: Detours,
    readers: Vec<Reader>,
    history: History,
    reading: Reading<'l>,
    executables: Vec<Executable>,
    code: Collector,
    /// How much more content may be kept for those who read files together.
    left: u64,
}

/// Brings together the files of one reader.
struct Reader {
    patterns: &'static [Pattern],
    /// None: what is known of the distribution, which is no packages.
    cataloger: Option<&'static Cataloger>,
    files: Files,
}

impl<'l> Pass<'l> {
    fn new(limits: &'l Limits, options: Options) -> Self {
        let of = |cataloger: &'static Cataloger| Reader {
            patterns: cataloger.patterns,
            cataloger: Some(cataloger),
            files: Files::default(),
        };
        let other = |patterns| Reader { patterns, cataloger: None, files: Files::default() };
        let mut readers: Vec<Reader> = catalogers()
            .filter(|cataloger| options.declared || cataloger.evidence != PackageEvidence::Declared)
            .map(of)
            .collect();
        let records: &[Pattern] = if options.executables { code::PATTERNS } else { &[] };
        let others = [records, distribution::PATTERNS, apt::PATTERNS, repositories::PATTERNS];
        readers.extend(others.map(other));
        let databases = catalogers().filter(|cataloger| cataloger.owners.is_some());
        Self {
            options,
            matcher: Matcher::new(readers.iter().map(|reader| reader.patterns)),
            detours: Detours::new(databases.flat_map(|cataloger| cataloger.patterns)),
            readers,
            history: History::default(),
            reading: Reading::new(limits),
            executables: Vec::new(),
            code: Collector::default(),
            left: limits.kept_bytes,
        }
    }

    /// Who reduces a file. There is one for each kind of file: the first in the table counts.
    fn extractor(&self, entry: &Entry<'_>) -> Option<Extractor> {
        self.matcher.matches(entry).find_map(|(_, pattern)| match pattern.need {
            Need::Extract(extractor) => Some(extractor),
            Need::Content | Need::Layer | Need::Directory => None,
        })
    }

    /// What is extracted from a file whose content somebody else wants whole.
    fn extract_from(&mut self, entry: &Entry<'_>, bytes: &[u8]) -> Option<Vec<u8>> {
        let extractor = self.extractor(entry)?;
        let extracted = (extractor.whole)(&mut InMemory(bytes), entry.path, self.reading.limits);
        extracted.problems.into_iter().for_each(|problem| self.reading.problems.push(problem));
        Some(extracted.bytes)
    }

    fn file(&mut self, number: usize, pattern: &Pattern, entry: &Entry<'_>, content: Content<'_>) {
        let reader = &mut self.readers[number];
        match (reader.cataloger.map(|cataloger| cataloger.read), pattern.need, content.bytes) {
            (_, Need::Layer, _) | (Some(Read::Together(_)) | None, _, None) => {
                reader.files.add(entry.path, entry.layer, None);
            }
            // The tree says why.
            (Some(Read::Each(_)), _, None) => {}
            (Some(Read::Each(read)), _, Some(bytes)) => {
                let (path, layer) = (entry.path, entry.layer);
                read(&File { path, layer, bytes }, &mut self.reading);
            }
            (Some(Read::Together(_)) | None, _, Some(bytes)) => {
                let kept = match self.left.checked_sub(bytes.len() as u64) {
                    Some(rest) => {
                        self.left = rest;
                        Some(bytes.to_vec())
                    }
                    None => {
                        self.reading.problems.limit(lossy(entry.path), "too many bytes of package databases");
                        None
                    }
                };
                reader.files.add(entry.path, entry.layer, kept);
            }
        }
    }

    fn link(&mut self, entry: &Entry<'_>, target: &[u8]) {
        self.detours.link(entry, target);
        if self.options.executables {
            self.code.link(entry, target);
        }
        for (number, _) in self.matcher.matches(entry) {
            self.readers[number].files.add_link(entry.path, target);
        }
    }

    fn finish(self, unread: Vec<Problem>) -> Catalog {
        let Self { readers, history, detours, mut reading, executables, code, .. } = self;
        detours.finish(&mut reading.problems);
        for reader in &readers {
            if let Some(Read::Together(read)) = reader.cataloger.map(|cataloger| cataloger.read) {
                read(&reader.files, &mut reading);
            }
        }
        let mut owners = Owners::of(reading.packages());
        // Behind the packages: programs and libraries ask under the numbers that follow.
        let behind = reading.packages().len();
        for (number, file) in code.files().iter().enumerate() {
            owners.ask(&file.path, behind + number);
        }
        if !owners.is_empty() {
            for reader in &readers {
                if let Some(find) = reader.cataloger.and_then(|cataloger| cataloger.owners) {
                    find(&reader.files, &mut owners);
                }
            }
        }
        let Answers { found, read } = owners.into_answers();
        let (mut packages, problems) = reading.into_parts();
        let mut known = Known { read, ..Known::default() };
        for (number, owner) in found {
            match packages.get_mut(number) {
                Some(package) => drop(package.owner.get_or_insert(owner)),
                None => drop(known.owners.entry(number - behind).or_insert(owner)),
            }
        }
        history.attribute(&mut packages);
        note::drop_repeated(&mut packages);
        packages.sort_unstable();
        packages.dedup();
        let [.., records, distribution, apt, repositories] = readers.as_slice() else {
            return Catalog::default();
        };
        Catalog {
            distribution: distribution::read(&distribution.files),
            code: code::attribute(&code, &known, &packages, &records.files),
            packages,
            executables,
            apt_sources: apt::read(&apt.files),
            yum_sources: repositories::read(&repositories.files),
            problems: unread.into_iter().chain(problems.into_list()).collect(),
        }
    }
}

impl Visitor for Pass<'_> {
    fn want(&self, entry: &Entry<'_>) -> Want {
        let mut content = Wanted::Nothing;
        for (_, pattern) in self.matcher.matches(entry) {
            match pattern.need {
                // Who extracts can do so from the content: a lock file with an executable bit is a lock file.
                Need::Content => content = Wanted::Bytes,
                Need::Extract(_) if content == Wanted::Nothing => content = Wanted::Extract,
                Need::Extract(_) | Need::Layer | Need::Directory => {}
            }
        }
        Want { digest: self.options.executables && is_executable(entry), content }
    }

    fn extract(&self, entry: &Entry<'_>, file: &mut dyn RandomAccess) -> Extracted {
        match self.extractor(entry) {
            Some(extractor) => (extractor.whole)(file, entry.path, self.reading.limits),
            None => Extracted::default(),
        }
    }

    fn extract_passing(&self, entry: &Entry<'_>) -> Option<Box<dyn Passing + '_>> {
        let begin = self.extractor(entry)?.passing?;
        Some(begin(entry.path, self.reading.limits))
    }

    fn extracts_alike(&self, one: &Entry<'_>, other: &Entry<'_>) -> bool {
        match (self.extractor(one), self.extractor(other)) {
            (Some(first), Some(second)) if std::ptr::fn_addr_eq(first.whole, second.whole) => {
                first.alike.is_some_and(|alike| alike(one.path, other.path))
            }
            _ => false,
        }
    }

    fn kind(&self) -> Option<Digest> {
        Some(kind(self.reading.limits, self.options))
    }

    fn wants_earlier(&self, path: &[u8]) -> bool {
        let entry = Entry { path, kind: EntryKind::File, mode: 0o644, uid: 0, gid: 0, size: 0, layer: 0 };
        self.matcher.matches(&entry).any(|(_, pattern)| pattern.is_rewritten)
    }

    fn visit_earlier(&mut self, entry: &Entry<'_>, content: Content<'_>) {
        let Some(bytes) = content.bytes else { return };
        for (number, _) in self.matcher.matches(entry).filter(|(_, pattern)| pattern.is_rewritten) {
            let reader = &self.readers[number];
            if let Some(Read::Together(read)) = reader.cataloger.map(|cataloger| cataloger.read) {
                let limits = self.reading.limits;
                self.history.earlier(read, &reader.files, entry.path, entry.layer, bytes, limits);
            }
        }
    }

    fn visit(&mut self, entry: &Entry<'_>, content: Content<'_>) {
        match entry.kind {
            EntryKind::File => {
                self.detours.file(entry);
                if self.options.executables {
                    self.code.file(entry);
                }
                if let Some(sha256) = content.digest.filter(|_| is_executable(entry)) {
                    let path = lossy(entry.path);
                    self.executables.push(Executable { path, sha256, mode: entry.mode, layer: entry.layer });
                }
                let matching: Vec<_> = self.matcher.matches(entry).collect();
                let is_whole = matching.iter().any(|(_, pattern)| matches!(pattern.need, Need::Content));
                let extracted =
                    content.bytes.filter(|_| is_whole).and_then(|bytes| self.extract_from(entry, bytes));
                for (number, pattern) in matching {
                    let content = match (pattern.need, &extracted) {
                        (Need::Extract(_), Some(bytes)) => Content { bytes: Some(bytes), ..content },
                        _ => content,
                    };
                    self.file(number, pattern, entry, content);
                }
            }
            EntryKind::Symlink { target } => self.link(entry, target),
            EntryKind::Directory => {
                for (number, _) in self.matcher.matches(entry) {
                    self.readers[number].files.add(entry.path, entry.layer, None);
                }
            }
            EntryKind::Special => {}
        }
    }
}

fn is_executable(entry: &Entry<'_>) -> bool {
    entry.kind == EntryKind::File && entry.mode & 0o111 != 0
}
