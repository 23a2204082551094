use std::collections::{BTreeSet, HashMap};

use lazaret_format::purl::{self, Purl};
use lazaret_model::{Ecosystem, Package, PackageEvidence};
use lazaret_profile::used::{Seen, Used};
use lazaret_trust::{FilesPredicate, PackageFiles};

use super::image::{ImageUse, Use, Watched, When, Why};

/// Programs and libraries by which an interpreter is known; of languages that are not here it is never known whether one
/// ran: too many programs bring their own.
const INTERPRETERS: &[(&str, &[&str])] = &[
    ("java", &["java", "libjvm.so"]),
    ("perl", &["perl", "libperl.so"]),
    ("php", &["php", "libphp"]),
    ("python", &["python", "pypy", "libpython"]),
    ("ruby", &["ruby", "libruby"]),
];

/// Brings together what hosts saw of one image.
#[derive(Debug)]
pub(super) struct Joiner {
    files: Option<FilesPredicate>,
    seen: HashMap<u32, When>,
    /// Languages of which an interpreter ran.
    languages: BTreeSet<&'static str>,
    watched: Watched,
}

impl Joiner {
    pub(super) fn new(files: Option<FilesPredicate>) -> Self {
        let watched = Watched {
            stated: files.is_some(),
            complete: files.as_ref().is_some_and(|files| files.complete),
            ..Watched::default()
        };
        Self { files, seen: HashMap::new(), languages: BTreeSet::new(), watched }
    }

    /// Takes in what one host saw.
    pub(super) fn add(&mut self, used: &Used) {
        self.watched.agents += 1;
        self.watched.overflow |= !used.is_complete();
        for (container, watch) in used.containers().filter(|(_, watch)| watch.whole) {
            self.watched.whole.insert(container);
            self.watched.since = Some(self.watched.since.map_or(watch.since, |since| since.min(watch.since)));
            self.watched.longest = self.watched.longest.max(watch.last.saturating_sub(watch.since));
        }
        for (path, seen) in used.files() {
            if !self.file(path, seen) && self.watched.unlisted.is_none() {
                self.watched.unlisted = Some(path.to_owned());
            }
        }
        for (path, seen) in used.touched() {
            self.file(path, seen);
        }
    }

    /// False: it is not in the table.
    fn file(&mut self, path: &str, seen: &Seen) -> bool {
        let name = name(path);
        let ran = |(_, programs): &&(&str, &[&str])| programs.iter().any(|program| name.starts_with(program));
        self.languages.extend(INTERPRETERS.iter().filter(ran).map(|(language, _)| *language));
        let Some(place) = self.files.as_ref().and_then(|files| place(files, path)) else { return false };
        let new = When {
            first: seen.first,
            last: seen.last,
            containers: seen.containers.iter().copied().collect(),
        };
        match self.seen.get_mut(&place) {
            Some(known) => known.join(&new),
            None => drop(self.seen.insert(place, new)),
        }
        true
    }

    pub(super) fn finish(mut self, packages: &[Package]) -> ImageUse {
        let files = self.files.take();
        let stated = files.as_ref().map_or(&[][..], |files| files.files.packages());
        let paths = files.as_ref().map_or(&[][..], |files| files.files.paths());
        let loading = self.loading(paths);
        let mut uses =
            ImageUse { packages: HashMap::new(), sources: HashMap::new(), watched: Watched::default() };
        let of_purl = by_name(stated);
        for package in packages {
            let key = (package.ecosystem, package.name.clone(), package.version.clone());
            let mut one = Use::Unknown(Why::NoCode);
            let tables = of_purl.get(&key).map_or(&[][..], Vec::as_slice);
            for table in tables {
                one.join(&self.judge(package, table, paths, loading.as_ref()));
            }
            if tables.is_empty() && is_read(package) {
                one = Use::Unknown(Why::Interpreted);
            }
            join_into(&mut uses.sources, package.source.name.clone(), &one);
            join_into(&mut uses.packages, (package.name.clone(), package.version.clone()), &one);
        }
        uses.watched = self.watched;
        uses
    }

    /// When libraries were mapped: something loaded them.
    fn loading(&self, paths: &[String]) -> Option<When> {
        let is_library = |place: u32| {
            paths.get(place as usize).is_some_and(|path| name(path).contains(".so") && !is_loader(path))
        };
        let mut libraries = self.seen.iter().filter(|(place, _)| is_library(**place)).map(|(_, when)| when);
        let first = libraries.next()?.clone();
        Some(libraries.fold(first, |mut all, when| {
            all.join(when);
            all
        }))
    }

    fn judge(
        &self,
        package: &Package,
        table: &PackageFiles,
        paths: &[String],
        loading: Option<&When>,
    ) -> Use {
        let mut one = Use::Unknown(Why::NoCode);
        for place in &table.files {
            let is_loader = paths.get(*place as usize).is_some_and(|path| is_loader(path));
            one.join(&match self.seen.get(place).or(loading.filter(|_| is_loader)) {
                Some(when) => Use::Seen(when.clone()),
                // The kernel maps it together with the program, and tells nobody.
                None if is_loader => Use::Unknown(Why::Loader),
                None => Use::Unseen,
            });
        }
        let may_run = |language: &String| {
            !INTERPRETERS.iter().any(|(known, _)| known == language)
                || self.languages.contains(language.as_str())
        };
        if is_read(package) || table.read_by.iter().any(may_run) {
            one.join(&Use::Unknown(Why::Interpreted));
        } else if !table.read_by.is_empty() {
            one.join(&Use::Unseen);
        }
        one
    }
}

/// Packages of languages, as far as they are not linked into programs.
fn is_read(package: &Package) -> bool {
    package.evidence == PackageEvidence::Installed && !package.ecosystem.is_of_distribution()
}

/// The tables of packages, by what the bill of material calls those.
fn by_name(stated: &[PackageFiles]) -> HashMap<(Ecosystem, String, String), Vec<&PackageFiles>> {
    let mut tables: HashMap<_, Vec<&PackageFiles>> = HashMap::with_capacity(stated.len());
    for table in stated {
        let named = Purl::parse(&table.purl).ok().and_then(|purl| purl::named(&purl));
        if let Some(package) = named.map(|named| named.package) {
            tables.entry((package.ecosystem, package.name, package.version)).or_default().push(table);
        }
    }
    tables
}

/// By its path, and as it was called before the merger of `/` and `/usr`: scripts are told by the name they were called by.
fn place(files: &FilesPredicate, path: &str) -> Option<u32> {
    let merged = || {
        let top = path.strip_prefix('/')?.split('/').next()?;
        ["bin", "sbin", "lib", "lib64", "lib32", "libx32"].contains(&top).then(|| format!("/usr{path}"))
    };
    files.files.place(path).or_else(|| files.files.place(&merged()?))
}

fn join_into<K: std::hash::Hash + Eq>(uses: &mut HashMap<K, Use>, key: K, one: &Use) {
    match uses.get_mut(&key) {
        Some(known) => known.join(one),
        None => drop(uses.insert(key, one.clone())),
    }
}

fn is_loader(path: &str) -> bool {
    ["ld-linux", "ld-musl-", "ld64.so", "ld.so."].iter().any(|start| name(path).starts_with(start))
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use lazaret_format::v1::InUse;
    use lazaret_model::{Digest, FileOrigin, SourcePackage};
    use lazaret_profile::learn::Replica;
    use lazaret_trust::FileTable;

    use super::*;
    use crate::usage::image::Question;

    const ONE: Replica = Replica(1);
    const HOUR: i64 = 3600;

    fn package(ecosystem: Ecosystem, name: &str, source: &str) -> Package {
        let source = SourcePackage { name: source.to_owned(), version: "1".to_owned() };
        Package { source, ..Package::new(ecosystem, name, "1") }
    }

    fn packages() -> Vec<Package> {
        vec![
            package(Ecosystem::Deb, "libssl3", "openssl"),
            package(Ecosystem::Deb, "openssl", "openssl"),
            package(Ecosystem::Deb, "curl", "curl"),
            package(Ecosystem::Deb, "perl-base", "perl"),
            package(Ecosystem::Deb, "libjs", "libjs"),
            package(Ecosystem::Deb, "musl", "musl"),
            package(Ecosystem::Deb, "tzdata", "tzdata"),
            package(Ecosystem::PyPi, "pillow", "pillow"),
            package(Ecosystem::PyPi, "requests", "requests"),
        ]
    }

    fn files() -> FilesPredicate {
        let table = [
            ("pkg:deb/debian/libssl3@1", &["/usr/lib/libssl.so.3"][..], &[][..]),
            ("pkg:deb/debian/openssl@1", &["/usr/bin/openssl"], &[]),
            ("pkg:deb/debian/curl@1", &["/usr/bin/curl"], &[]),
            ("pkg:deb/debian/perl-base@1", &["/usr/bin/perl"], &["perl"]),
            ("pkg:deb/debian/libjs@1", &["/usr/bin/js"], &["javascript"]),
            ("pkg:deb/debian/musl@1", &["/lib/ld-musl-x86_64.so.1"], &[]),
            ("pkg:pypi/pillow@1", &["/usr/lib/python3/PIL/_imaging.so"], &[]),
        ];
        let texts = |list: &[&str]| -> Vec<String> { list.iter().map(|text| (*text).to_owned()).collect() };
        let paths = table.iter().flat_map(|(_, files, _)| files.iter()).chain(&["/app", "/usr/bin/python3"]);
        let links = |path: &str| if path == "/usr/bin/curl" { texts(&["/usr/bin/c"]) } else { Vec::new() };
        let (files, complete) = FileTable::new(
            paths.map(|path| ((*path).to_owned(), links(path))).collect::<Vec<_>>(),
            table.iter().map(|(purl, files, read)| ((*purl).to_owned(), texts(files), texts(read))),
        );
        assert!(complete);
        FilesPredicate { config: Digest::from_bytes([1; 32]), complete, files }
    }

    /// Watched for an hour from its start, it ran these.
    fn used(paths: &[&str]) -> Used {
        let mut used = Used::new(Digest::from_bytes([1; 32]));
        used.started(ONE, 0);
        for path in paths {
            used.saw(ONE, 60, path, FileOrigin::Image);
        }
        used.watched(ONE, HOUR);
        used
    }

    fn join(files: Option<FilesPredicate>, used: &[Used]) -> ImageUse {
        let mut joiner = Joiner::new(files);
        used.iter().for_each(|used| joiner.add(used));
        joiner.finish(&packages())
    }

    fn question() -> Question {
        Question { needed: HOUR, running: vec![ONE] }
    }

    /// State, and why.
    fn states(image: &ImageUse, question: &Question) -> Vec<String> {
        let one = |package: &Package| {
            let found = image.of_package(&package.name, "1", question);
            let why = found.why.split_whitespace().last().unwrap_or_default();
            format!("{} {} {why}", package.name, found.state).trim_end().to_owned()
        };
        packages().iter().map(one).collect()
    }

    #[test]
    fn what_ran_is_in_use_and_what_nobody_could_have_seen_is_unknown() {
        let image = join(Some(files()), &[used(&["/app", "/usr/lib/libssl.so.3"])]);
        assert_eq!(
            states(&image, &question()),
            [
                "libssl3 in-use",
                "openssl not-seen",
                "curl not-seen",
                // No perl ran, so nothing read its modules; of JavaScript nobody knows.
                "perl-base not-seen",
                "libjs unknown sees",
                // Something loaded the library.
                "musl in-use",
                "tzdata unknown read",
                "pillow unknown sees",
                "requests unknown sees",
            ]
        );
        let of_source = image.of_source("openssl", &question());
        assert_eq!((of_source.state.as_str(), of_source.containers), (InUse::IN_USE, 1));
        assert_eq!(of_source.since.as_deref(), Some("1970-01-01T00:01:00Z"));
        let not_seen = image.of_source("curl", &question());
        assert_eq!((not_seen.observed_seconds, not_seen.containers), (3600, 1));
        assert_eq!(not_seen.since.as_deref(), Some("1970-01-01T00:00:00Z"));
    }

    #[test]
    fn interpreters_loaders_and_extension_modules() {
        let image =
            join(Some(files()), &[used(&["/app", "/usr/bin/perl", "/usr/lib/python3/PIL/_imaging.so"])]);
        let state = |name: &str| image.of_package(name, "1", &question()).state;
        assert_eq!(
            (state("perl-base"), state("pillow")),
            (InUse::IN_USE.to_owned(), InUse::IN_USE.to_owned())
        );
        assert_eq!(state("requests"), InUse::UNKNOWN, "its modules may be read");
        let image = join(Some(files()), &[used(&["/app"])]);
        assert_eq!(image.of_package("musl", "1", &question()).state, InUse::UNKNOWN);
        let image = join(Some(files()), &[used(&["/usr/bin/c", "/bin/openssl"])]);
        let state = |name: &str| image.of_package(name, "1", &question()).state;
        assert_eq!((state("curl"), state("openssl")), (InUse::IN_USE.to_owned(), InUse::IN_USE.to_owned()));
    }

    #[test]
    fn without_evidence_nothing_is_called_unseen() {
        let mut late = Used::new(Digest::from_bytes([1; 32]));
        late.watched(ONE, HOUR);
        let mut gap = used(&["/app"]);
        gap.missed(ONE, 100);
        let mut full = used(&["/app"]);
        full.saw(ONE, 1, "cut", FileOrigin::Image);
        let cut = FilesPredicate { complete: false, ..files() };
        let another = Question { running: vec![ONE, Replica(2)], ..question() };
        let longer = Question { needed: HOUR + 1, ..question() };
        for (image, question, word) in [
            (join(Some(files()), &[]), question(), "no agent"),
            (join(None, &[used(&["/app"])]), question(), "attest it again"),
            (join(Some(cut), &[used(&["/app"])]), question(), "than are stated"),
            (join(Some(files()), &[late]), question(), "1 of its 1 running"),
            (join(Some(files()), &[gap]), question(), "1 of its 1 running"),
            (join(Some(files()), &[full]), question(), "than it keeps"),
            (join(Some(files()), &[used(&["/opt/odd"])]), question(), "/opt/odd ran"),
            (join(Some(files()), &[used(&["/app"])]), another, "1 of its 2 running"),
            (join(Some(files()), &[used(&["/app"])]), longer, "3600 of the 3601"),
        ] {
            let found = image.of_package("curl", "1", &question);
            assert_eq!(found.state, InUse::UNKNOWN, "{word}: {found:?}");
            assert!(found.why.contains(word), "{word}: {found:?}");
        }
        let image = join(Some(files()), &[used(&["/app"])]);
        assert!(image.of_package("other", "1", &question()).why.contains("bill of material"));
        assert_eq!(image.of_package("curl", "1", &question()).state, InUse::NOT_SEEN);
    }
}
