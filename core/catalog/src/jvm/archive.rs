//! Java archives: what they say of themselves, and the archives within them, reduced to a list of coordinates.
//!
//! Only the directory at the end and the few files that state coordinates are read; a stored archive within another is
//! read where it lies, a compressed one is inflated once.

use lazaret_model::{Extracted, Limits, PackageEvidence, RandomAccess};

use crate::in_memory::InMemory;
use crate::jvm::class_packages::ClassPackages;
use crate::jvm::file_name::FileName;
use crate::jvm::findings::Finding;
use crate::jvm::identify::{Clues, identify, is_similar};
use crate::jvm::inflate::{InflateError, Inflater};
use crate::jvm::manifest::Manifest;
use crate::jvm::pom::{Coordinates, Pom};
use crate::jvm::properties::properties;
use crate::jvm::zip::{Directory, Part, Place, STORED, ZipError};
use crate::pattern::Extractor;
use crate::reading::{Problems, lossy};

/// An archive that comes by once and is larger than memory's bound cannot be read: its directory is at the end.
pub(crate) const EXTRACTOR: Extractor = Extractor { whole, passing: None, alike: None };

/// Endings of archives; also of those within others.
pub(super) const ENDINGS: &[&str] =
    &[".jar", ".war", ".ear", ".par", ".sar", ".rar", ".hpi", ".jpi", ".lpkg", ".kar", ".nar"];

/// Files of other formats have these endings too.
const SHARED_ENDINGS: &[&str] = &[".par", ".sar", ".rar", ".kar", ".nar"];

/// Bytes of a manifest that are read: its main section stands first, what is said of single files follows.
const MANIFEST_BYTES: u64 = 64 << 10;
/// Longer texts of coordinates are none.
const POM_BYTES: u64 = 1 << 20;
/// Files within one archive that are looked into.
const MOST_INSIDE: usize = 20_000;
/// The bytes of one of their names, and of all.
const LONGEST_NAME: usize = 4 << 10;
const MOST_NAMES: usize = 4 << 20;
/// What it costs to look at an archive at all.
const ARCHIVE_WORK: u64 = 4 << 10;

fn whole(file: &mut dyn RandomAccess, path: &[u8], limits: &Limits) -> Extracted {
    if file.size() == 0 {
        return Extracted::default();
    }
    let mut walk = Walk {
        limits,
        inflater: Inflater::new(file.size(), limits),
        memory: limits.file_bytes,
        left: limits.packages,
        bytes: Vec::new(),
        problems: Problems::default(),
    };
    let location = lossy(path);
    let root = location.len();
    walk.archive(file, &location, root, 0);
    Extracted { bytes: walk.bytes, problems: walk.problems.into_list() }
}

struct Walk<'l> {
    limits: &'l Limits,
    inflater: Inflater,
    /// Bytes that archives within archives may still take, all that are open together.
    memory: u64,
    /// Packages that may still be found.
    left: usize,
    bytes: Vec<u8>,
    problems: Problems,
}

/// What an archive holds that matters.
#[derive(Default)]
struct Inside {
    manifest: Option<Place>,
    /// `pom.properties` and `pom.xml` by the directory that holds both; sorted.
    poms: Vec<(Vec<u8>, Place)>,
    archives: Vec<(Vec<u8>, Place)>,
    classes: ClassPackages,
    names: usize,
    left_out: usize,
}

impl Walk<'_> {
    fn archive(&mut self, file: &mut dyn RandomAccess, location: &str, root: usize, depth: u32) {
        if let Err(error) = self.read(file, location, root, depth) {
            let shared = SHARED_ENDINGS.iter().any(|ending| location.ends_with(ending));
            if !(shared && matches!(error, InflateError::Zip(ZipError::NoArchive))) {
                self.problem(location, &error);
            }
        }
    }

    fn read(
        &mut self,
        file: &mut dyn RandomAccess,
        location: &str,
        root: usize,
        depth: u32,
    ) -> Result<(), InflateError> {
        self.inflater.spend(ARCHIVE_WORK)?;
        let directory = Directory::find(file)?;
        self.inflater.spend(directory.bytes.min(file.size()))?;
        let mut inside = Inside::default();
        // Entries before the damage count.
        let whole = directory.each(file, |entry| inside.add(entry.name, entry.place));
        inside.poms.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        if inside.left_out > 0 {
            let detail = format!("{} files within are not looked into", inside.left_out);
            self.problems.limit(location, detail);
        }
        self.coordinates(file, location, root, &inside);
        for (name, place) in &inside.archives {
            let name = lossy(name);
            self.within(file, &name, *place, &format!("{location}!/{name}"), root, depth + 1);
        }
        Ok(whole?)
    }

    /// An archive within an archive.
    fn within(
        &mut self,
        file: &mut dyn RandomAccess,
        name: &str,
        place: Place,
        location: &str,
        root: usize,
        depth: u32,
    ) {
        if depth > self.limits.depth {
            let detail = format!("more than {} archives within one another", self.limits.depth);
            return self.problems.limit(location, detail);
        }
        if place.method == STORED && !place.encrypted {
            return match place.content(file, name) {
                Ok(offset) => {
                    self.archive(&mut Part { file, offset, bytes: place.compressed }, location, root, depth)
                }
                Err(error) => self.problem(location, &error.into()),
            };
        }
        match self.inflater.whole(file, place, name, self.memory) {
            Ok(bytes) => {
                let taken = bytes.len() as u64;
                self.memory -= taken;
                self.archive(&mut InMemory(&bytes), location, root, depth);
                self.memory += taken;
            }
            Err(error) => self.problem(location, &error),
        }
    }

    /// Finds out what the archive itself is, and what was copied into it.
    fn coordinates(&mut self, file: &mut dyn RandomAccess, location: &str, root: usize, inside: &Inside) {
        let manifest = inside.manifest.map_or_else(Manifest::default, |place| {
            let bytes = self.inflater.beginning(file, place, "META-INF/MANIFEST.MF", MANIFEST_BYTES);
            Manifest::parse(&bytes.unwrap_or_else(|error| {
                self.problem(&format!("{location}!/META-INF/MANIFEST.MF"), &error);
                Vec::new()
            }))
        });
        let name = location.rsplit('/').next().unwrap_or(location);
        let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
        let own = FileName::parse(stem);
        let stated = self.poms(file, location, &own, inside);
        let is_own = |coordinates: &Coordinates| is_similar(own.name, &coordinates.artifact);
        // An application that copied others into itself, and says nothing of itself in Maven's way.
        let unsaid = !stated.iter().any(|(coordinates, _)| is_own(coordinates));
        let is_sure = |it: &Coordinates| own.version.is_some() && it.group != it.artifact;
        if unsaid && (stated.len() != 1 || own.version.is_some()) {
            let clues = Clues { location, stem, manifest: &manifest, classes: &inside.classes };
            if let Some((coordinates, evidence)) = identify(&clues)
                && (stated.is_empty() || is_sure(&coordinates))
            {
                self.found(&coordinates, evidence, location, root, &manifest.licences);
            }
        }
        let alone = stated.len() == 1;
        for (coordinates, licences) in stated {
            let own = licences.is_empty() && (alone || is_own(&coordinates));
            let licences = if own { &manifest.licences } else { &licences };
            self.found(&coordinates, PackageEvidence::Installed, location, root, licences);
        }
    }

    /// What files of Maven say: the archive's own coordinates and those of what was copied into it.
    fn poms(
        &mut self,
        file: &mut dyn RandomAccess,
        location: &str,
        own: &FileName<'_>,
        inside: &Inside,
    ) -> Vec<(Coordinates, Vec<String>)> {
        let mut found = Vec::new();
        for files in inside.poms.chunk_by(|a, b| directory(&a.0) == directory(&b.0)) {
            let mut coordinates = Coordinates::default();
            let mut licences = Vec::new();
            for (name, place) in files {
                let name = lossy(name);
                let subject = format!("{location}!/{name}");
                let bytes = match self.inflater.whole(file, *place, &name, POM_BYTES) {
                    Ok(bytes) => bytes,
                    Err(error) => {
                        self.problem(&subject, &error);
                        continue;
                    }
                };
                let text = String::from_utf8_lossy(&bytes);
                if name.ends_with(".properties") {
                    for (key, value) in properties(&text) {
                        match key {
                            "groupId" => value.clone_into(&mut coordinates.group),
                            "artifactId" => value.clone_into(&mut coordinates.artifact),
                            "version" => value.clone_into(&mut coordinates.version),
                            _ => {}
                        }
                    }
                } else {
                    let (pom, whole) = Pom::parse(&text);
                    if let Err(detail) = whole {
                        self.problems.malformed(subject, detail);
                    }
                    let parent = pom.parent.unwrap_or_default().coordinates;
                    let said = |text: &str| {
                        pom.properties.get(property(text)).map_or(text, String::as_str).to_owned()
                    };
                    fill(&mut coordinates.group, said(&pom.coordinates.group), parent.group);
                    fill(&mut coordinates.artifact, said(&pom.coordinates.artifact), String::new());
                    fill(&mut coordinates.version, said(&pom.coordinates.version), parent.version);
                    licences = pom.licences;
                }
            }
            // What a build was to fill in, the file's name says.
            if !is_said(&coordinates.version)
                && is_similar(own.name, &coordinates.artifact)
                && let Some(version) = own.version
            {
                version.clone_into(&mut coordinates.version);
            }
            if is_said(&coordinates.group) && is_said(&coordinates.artifact) && is_said(&coordinates.version)
            {
                found.push((coordinates, licences));
            }
        }
        found
    }

    fn found(
        &mut self,
        it: &Coordinates,
        evidence: PackageEvidence,
        location: &str,
        root: usize,
        licences: &[String],
    ) {
        if self.left == 0 || self.bytes.len() as u64 > self.limits.document_bytes {
            return self.problems.limit(location, "too many packages in one archive");
        }
        self.left -= 1;
        Finding {
            name: format!("{}:{}", it.group, it.artifact),
            version: it.version.clone(),
            within: location[root..].to_owned(),
            evidence,
            licences: licences.to_vec(),
        }
        .write(&mut self.bytes);
    }

    fn problem(&mut self, subject: &str, error: &InflateError) {
        self.problems.push(error.of(subject));
    }
}

impl Inside {
    fn add(&mut self, name: &[u8], place: Place) {
        let list = if name == b"META-INF/MANIFEST.MF" {
            self.manifest = Some(place);
            return;
        } else if name.ends_with(b"/pom.properties")
            || (name.starts_with(b"META-INF/maven/") && name.ends_with(b"/pom.xml"))
        {
            &mut self.poms
        } else if ENDINGS.iter().any(|ending| name.ends_with(ending.as_bytes())) {
            &mut self.archives
        } else {
            return self.classes.add(name);
        };
        self.names += name.len();
        if name.len() <= LONGEST_NAME && list.len() < MOST_INSIDE && self.names < MOST_NAMES {
            list.push((name.to_vec(), place));
        } else {
            self.left_out += 1;
        }
    }
}

fn directory(path: &[u8]) -> &[u8] {
    path.iter().rposition(|&byte| byte == b'/').map_or(&[], |slash| &path[..slash])
}

/// Fills in what a surer file has not said.
fn fill(place: &mut String, own: String, inherited: String) {
    if !is_said(place) {
        *place = if own.is_empty() { inherited } else { own };
    }
}

/// The name in `${name}`.
fn property(text: &str) -> &str {
    text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or_default()
}

/// Not empty, and not left to a build.
fn is_said(text: &str) -> bool {
    !text.is_empty() && !text.contains("${")
}
