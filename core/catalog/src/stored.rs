//! What was found in a tree, as bytes for another run. Only programs of the same version read it, and only whole.

use lazaret_model::{
    Digest, Distribution, Ecosystem, Limits, Package, PackageEvidence, Problem, ProblemKind, SourcePackage,
};
use sha2::{Digest as _, Sha256};

use crate::catalog::{Catalog, Executable, Options};
use crate::code::{Code, CodeFile};

const PROBLEMS: [ProblemKind; 4] =
    [ProblemKind::Malformed, ProblemKind::Limit, ProblemKind::Unreadable, ProblemKind::Unsupported];

/// Names all that a catalog depends on besides the tree and the version of this program.
pub fn kind(limits: &Limits, options: Options) -> Digest {
    Digest::from_bytes(Sha256::digest(format!("{limits:?} {options:?}")).into())
}

impl Catalog {
    /// The catalog as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { distribution, packages, executables, code, apt_sources, yum_sources, problems } = self;
        let mut out = Writer(Vec::with_capacity(packages.len() * 200 + 256));
        out.list(distribution.as_slice(), |out, distribution| {
            let Distribution { id, version, codename, title } = distribution;
            out.text(id);
            [version, codename, title].into_iter().for_each(|text| out.option(text.as_ref()));
        });
        out.list(packages, Writer::package);
        out.list(executables, |out, executable| {
            let Executable { path, sha256, mode, layer } = executable;
            out.text(path);
            out.0.extend_from_slice(sha256);
            out.number(u32::from(*mode));
            out.number(*layer);
        });
        out.list(&code.files, |out, CodeFile { path, names, packages }| {
            out.text(path);
            out.list(names, |out, name| out.text(name));
            out.list(packages, |out, place| out.number(*place));
        });
        out.list(&code.read, |out, (place, languages)| {
            out.number(*place);
            out.list(languages, |out, language| out.text(language));
        });
        for sources in [apt_sources, yum_sources] {
            out.list(sources, |out, (path, content)| {
                out.text(path);
                out.bytes(content);
            });
        }
        out.list(problems, |out, Problem { kind, subject, detail }| {
            out.number(position(&PROBLEMS, *kind));
            out.text(subject);
            out.text(detail);
        });
        out.0
    }

    /// The catalog of these bytes; none if they are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut input = Reader(bytes);
        let mut distributions = input.list(|input| {
            Some(Distribution {
                id: input.text()?,
                version: input.option()?,
                codename: input.option()?,
                title: input.option()?,
            })
        })?;
        let catalog = Self {
            distribution: distributions.pop(),
            packages: input.list(Reader::package)?,
            executables: input.list(|input| {
                Some(Executable {
                    path: input.text()?,
                    sha256: input.take(32)?.try_into().ok()?,
                    mode: input.number()?.try_into().ok()?,
                    layer: input.number()?,
                })
            })?,
            code: Code {
                files: input.list(|input| {
                    let (path, names) = (input.text()?, input.list(Reader::text)?);
                    Some(CodeFile { path, names, packages: input.list(Reader::number)? })
                })?,
                read: input.list(|input| Some((input.number()?, input.list(Reader::text)?)))?,
            },
            apt_sources: input.list(Reader::file)?,
            yum_sources: input.list(Reader::file)?,
            problems: input.list(|input| {
                let kind = *PROBLEMS.get(input.number()? as usize)?;
                Some(Problem::new(kind, input.text()?, input.text()?))
            })?,
        };
        input.0.is_empty().then_some(catalog)
    }
}

fn position<T: PartialEq>(all: &[T], one: T) -> u32 {
    all.iter().position(|other| *other == one).and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX)
}

struct Writer(Vec<u8>);

impl Writer {
    fn package(&mut self, package: &Package) {
        let Package {
            ecosystem,
            name,
            version,
            architecture,
            source,
            location,
            layer,
            evidence,
            licences,
            owner,
            module,
        } = package;
        self.number(position(Ecosystem::ALL, *ecosystem));
        self.number(position(PackageEvidence::ALL, *evidence));
        self.number(*layer);
        for text in [name, version, location, &source.name, &source.version] {
            self.text(text);
        }
        for text in [architecture, owner, module] {
            self.option(text.as_ref());
        }
        self.list(licences, |out, licence| out.text(licence));
    }

    fn list<T>(&mut self, all: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.length(all.len());
        all.iter().for_each(|one| each(self, one));
    }

    fn option(&mut self, text: Option<&String>) {
        self.list(text.as_slice(), |out, text| out.text(text));
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Most lengths are below 255: those take one byte.
    fn length(&mut self, length: usize) {
        match u8::try_from(length) {
            Ok(length) if length < u8::MAX => self.0.push(length),
            _ => {
                self.0.push(u8::MAX);
                self.0.extend_from_slice(&(length as u64).to_le_bytes());
            }
        }
    }

    fn number(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn package(&mut self) -> Option<Package> {
        let ecosystem = *Ecosystem::ALL.get(self.number()? as usize)?;
        let evidence = *PackageEvidence::ALL.get(self.number()? as usize)?;
        let layer = self.number()?;
        let (name, version, location) = (self.text()?, self.text()?, self.text()?);
        let source = SourcePackage { name: self.text()?, version: self.text()? };
        let (architecture, owner, module) = (self.option()?, self.option()?, self.option()?);
        let licences = self.list(Self::text)?;
        Some(Package {
            ecosystem,
            name,
            version,
            architecture,
            source,
            location,
            layer,
            evidence,
            licences,
            owner,
            module,
        })
    }

    /// Path and content.
    fn file(&mut self) -> Option<(String, Vec<u8>)> {
        Some((self.text()?, self.bytes()?.to_vec()))
    }

    fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.length()?;
        // Everything takes a byte at least: what is stated need not be there.
        let mut all = Vec::with_capacity(length.min(self.0.len()));
        for _ in 0..length {
            all.push(each(self)?);
        }
        Some(all)
    }

    fn option(&mut self) -> Option<Option<String>> {
        self.list(Self::text).map(|mut texts| texts.pop())
    }

    fn text(&mut self) -> Option<String> {
        std::str::from_utf8(self.bytes()?).ok().map(str::to_owned)
    }

    fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = self.length()?;
        self.take(length)
    }

    fn length(&mut self) -> Option<usize> {
        match self.take(1)? {
            [u8::MAX] => u64::from_le_bytes(self.take(8)?.try_into().ok()?).try_into().ok(),
            [length] => Some(usize::from(*length)),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packages() -> impl Strategy<Value = Package> {
        let texts = prop::collection::vec(".{0,20}", 5);
        let options = prop::collection::vec(prop::option::of(".{0,300}"), 3);
        let licences = prop::collection::vec("[a-z]{0,5}", 0..3);
        let kinds = (prop::sample::select(Ecosystem::ALL), prop::sample::select(PackageEvidence::ALL));
        (texts, options, licences, kinds, any::<u32>()).prop_map(
            |(texts, options, licences, kinds, layer)| {
                let [name, version, location, source_name, source_version]: [String; 5] =
                    texts.try_into().unwrap();
                let [architecture, owner, module]: [Option<String>; 3] = options.try_into().unwrap();
                let source = SourcePackage { name: source_name, version: source_version };
                let (ecosystem, evidence) = kinds;
                Package {
                    ecosystem,
                    name,
                    version,
                    architecture,
                    source,
                    location,
                    layer,
                    evidence,
                    licences,
                    owner,
                    module,
                }
            },
        )
    }

    fn files() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
        prop::collection::vec((".{0,9}", prop::collection::vec(any::<u8>(), 0..600)), 0..3)
    }

    fn catalogs() -> impl Strategy<Value = Catalog> {
        let problem = (prop::sample::select(&PROBLEMS[..]), ".{0,9}", ".{0,9}")
            .prop_map(|(kind, subject, detail)| Problem::new(kind, subject, detail));
        let executable = (".{0,9}", any::<[u8; 32]>(), any::<u16>(), any::<u32>())
            .prop_map(|(path, sha256, mode, layer)| Executable { path, sha256, mode, layer });
        let texts = || prop::collection::vec(".{0,9}", 0..3);
        let places = || prop::collection::vec(any::<u32>(), 0..3);
        let file = (".{0,9}", texts(), places()).prop_map(|(path, names, packages)| CodeFile {
            path,
            names,
            packages,
        });
        let read = prop::collection::vec((any::<u32>(), texts()), 0..3);
        let code = (prop::collection::vec(file, 0..3), read).prop_map(|(files, read)| Code { files, read });
        let distribution = prop::collection::vec(prop::option::of(".{0,9}"), 4).prop_map(|mut texts| {
            let id = texts.pop()??;
            let [version, codename, title]: [Option<String>; 3] = texts.try_into().ok()?;
            Some(Distribution { id, version, codename, title })
        });
        (
            distribution,
            prop::collection::vec(packages(), 0..5),
            prop::collection::vec(executable, 0..3),
            code,
            files(),
            files(),
            prop::collection::vec(problem, 0..3),
        )
            .prop_map(
                |(distribution, packages, executables, code, apt_sources, yum_sources, problems)| Catalog {
                    distribution,
                    packages,
                    executables,
                    code,
                    apt_sources,
                    yum_sources,
                    problems,
                },
            )
    }

    proptest! {
        #[test]
        fn comes_back_as_it_was(catalog in catalogs()) {
            prop_assert_eq!(Catalog::from_bytes(&catalog.to_bytes()), Some(catalog));
        }

        #[test]
        fn any_bytes_are_read_or_refused(catalog in catalogs(), at in any::<prop::sample::Index>(), byte in any::<u8>(), noise in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = catalog.to_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            for bytes in [&bytes[..], &bytes[..at], &noise] {
                if let Some(read) = Catalog::from_bytes(bytes) {
                    prop_assert_eq!(Catalog::from_bytes(&read.to_bytes()), Some(read));
                }
            }
            prop_assert_eq!(Catalog::from_bytes(&[&catalog.to_bytes()[..], b"x"].concat()), None);
        }
    }

    #[test]
    fn whatever_changes_a_catalog_changes_its_kind() {
        let (limits, options) = (Limits::default(), Options::default());
        let usual = kind(&limits, options);
        assert_eq!(usual, kind(&limits.clone(), options));
        assert_ne!(usual, kind(&Limits { packages: 1, ..limits.clone() }, options));
        assert_ne!(usual, kind(&limits, Options { declared: true, ..options }));
        assert_ne!(usual, kind(&limits, Options { executables: true, ..options }));
    }
}
