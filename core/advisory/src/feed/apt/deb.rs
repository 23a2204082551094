//! Taking the changelog out of a binary package (deb(5)): an `ar` archive whose member `data.tar.*` holds
//! the files, among them `usr/share/doc/PACKAGE/changelog.Debian.gz` (Debian Policy 12.7).

use std::io::Read;

use lazaret_model::Limits;

use super::inflate::{BOUND, Compression, inflate};
use super::tar::{Kind, Members, TarError};

/// What a package has in the place of its changelog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changelog {
    Found(Vec<u8>),
    /// The documentation directory or the changelog is a link to that of another package, which a package
    /// may have if both come from one source and it depends on the other.
    Elsewhere {
        package: String,
    },
    /// There is none: packages may be built without documentation.
    Missing,
}

#[derive(Debug, thiserror::Error)]
pub enum DebError {
    #[error("it is not a Debian package: {0}")]
    NotADeb(&'static str),
    #[error("its files are compressed in a way that is not known, `{0}`")]
    Compression(String),
    #[error("its files cannot be read: {0}")]
    Files(#[from] TarError),
    #[error("its changelog cannot be read: {0}")]
    Changelog(std::io::Error),
    #[error("its changelog is larger than {0} bytes")]
    Size(u64),
}

impl DebError {
    /// Whether a bound of [`Limits`] was reached, rather than the package being damaged.
    pub fn is_limit(&self) -> bool {
        match self {
            Self::Size(_) | Self::Files(TarError::Members { .. } | TarError::Name { .. }) => true,
            Self::Changelog(error) | Self::Files(TarError::Read(error)) => error.kind() == BOUND,
            _ => false,
        }
    }
}

/// The changelog's names, best first. A package whose version was made for Debian alone has no
/// `changelog.Debian`; in others `changelog` is the upstream one and is no use, but it only counts here
/// if the better names are missing, and then fails to parse.
const NAMES: [&str; 4] = ["changelog.Debian.gz", "changelog.Debian", "changelog.gz", "changelog"];

/// Takes the Debian changelog of `package` out of a binary package's bytes.
///
/// The extra changelog of a rebuild (`changelog.Debian.amd64.gz`) is left alone: it holds one entry that
/// says "rebuilt", and the source's own changelog lies beside it.
pub fn changelog_of(deb: &[u8], package: &str, limits: &Limits) -> Result<Changelog, DebError> {
    let (name, data) = data_member(deb)?;
    let compression = Compression::of_name(name).ok_or_else(|| DebError::Compression(name.to_owned()))?;
    let files = inflate(compression, data, limits.archive_bytes, limits).map_err(TarError::Read)?;
    let mut members = Members::new(files, limits.entries, limits.path_bytes);

    let directory = format!("usr/share/doc/{package}");
    let mut best: Option<(usize, Changelog)> = None;
    while let Some(member) = members.next()? {
        let Some(below) = member.path.strip_prefix(directory.as_bytes()) else { continue };
        if below.is_empty() {
            if let Kind::Symlink { target } = &member.kind {
                return Ok(elsewhere(target, package).unwrap_or(Changelog::Missing));
            }
            continue;
        }
        let name = below.strip_prefix(b"/").and_then(|name| std::str::from_utf8(name).ok());
        let Some(rank) = name.and_then(|name| NAMES.iter().position(|known| *known == name)) else {
            continue;
        };
        let found = match &member.kind {
            Kind::File => {
                let content = members.content(limits.file_bytes)?.ok_or(DebError::Size(limits.file_bytes))?;
                Changelog::Found(unpack(NAMES[rank], content, limits)?)
            }
            Kind::Symlink { target } => match elsewhere(target, package) {
                Some(found) => found,
                None => continue,
            },
            Kind::Other => continue,
        };
        if rank == 0 && matches!(found, Changelog::Found(_)) {
            return Ok(found);
        }
        if best.as_ref().is_none_or(|(known, _)| rank < *known) {
            best = Some((rank, found));
        }
    }
    Ok(best.map_or(Changelog::Missing, |(_, found)| found))
}

fn unpack(name: &str, content: Vec<u8>, limits: &Limits) -> Result<Vec<u8>, DebError> {
    if !name.ends_with(".gz") {
        return Ok(content);
    }
    let mut text = Vec::new();
    inflate(Compression::Gzip, &content, limits.file_bytes, limits)
        .and_then(|mut reader| reader.read_to_end(&mut text))
        .map_err(DebError::Changelog)?;
    Ok(text)
}

/// The other package that a link out of the documentation directory names: `../foo`, `foo`,
/// `/usr/share/doc/foo/changelog.gz`.
fn elsewhere(target: &[u8], package: &str) -> Option<Changelog> {
    let target = std::str::from_utf8(target).ok()?;
    let other = target
        .trim_start_matches("/usr/share/doc/")
        .split('/')
        .find(|part| !matches!(*part, "" | "." | ".."))?;
    let is_other = other != package && super::packages::is_package_name(other) && !NAMES.contains(&other);
    is_other.then(|| Changelog::Elsewhere { package: other.to_owned() })
}

/// The member `data.tar.*` of the outer archive (ar(5)) and its name.
fn data_member(deb: &[u8]) -> Result<(&str, &[u8]), DebError> {
    let mut rest =
        deb.strip_prefix(b"!<arch>\n").ok_or(DebError::NotADeb("it does not start with `!<arch>`"))?;
    while !rest.is_empty() {
        let (header, content) =
            rest.split_at_checked(60).ok_or(DebError::NotADeb("it ends within a member's header"))?;
        let size = std::str::from_utf8(header[48..58].trim_ascii())
            .ok()
            .and_then(|size| size.parse::<usize>().ok())
            .filter(|_| &header[58..] == b"`\n")
            .ok_or(DebError::NotADeb("a member's header is damaged"))?;
        let (member, after) =
            content.split_at_checked(size).ok_or(DebError::NotADeb("it ends within a member"))?;
        let name = std::str::from_utf8(header[..16].trim_ascii_end()).unwrap_or_default();
        let name = name.strip_suffix('/').unwrap_or(name);
        if name.starts_with("data.tar") {
            return Ok((name, member));
        }
        // Members start at even places.
        rest = after.get(size % 2..).unwrap_or_default();
    }
    Err(DebError::NotADeb("it has no member `data.tar`"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::super::tar::tests::member;
    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn xz(content: &[u8]) -> Vec<u8> {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = b"!<arch>\n".to_vec();
        for (name, content) in members {
            archive.extend(
                format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, content.len()).bytes(),
            );
            archive.extend(*content);
            if content.len() % 2 == 1 {
                archive.push(b'\n');
            }
        }
        archive
    }

    fn deb(files: &[Vec<u8>]) -> Vec<u8> {
        let tar = [files.concat(), vec![0; 1024]].concat();
        ar(&[("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz", &xz(&tar))])
    }

    fn read(deb: &[u8]) -> Changelog {
        changelog_of(deb, "foo", &Limits::default()).unwrap()
    }

    #[test]
    fn prefers_the_debian_changelog() {
        let upstream = member("./usr/share/doc/foo/changelog.gz", b'0', "", &gzip(b"upstream"));
        let debian = member("./usr/share/doc/foo/changelog.Debian.gz", b'0', "", &gzip(b"debian"));
        let rebuild = member("./usr/share/doc/foo/changelog.Debian.amd64.gz", b'0', "", &gzip(b"rebuild"));
        let other = member("./usr/share/doc/foo-doc/changelog.Debian.gz", b'0', "", &gzip(b"other"));
        assert_eq!(read(&deb(&[upstream.clone(), debian, rebuild])), Changelog::Found(b"debian".to_vec()));
        assert_eq!(read(&deb(&[upstream])), Changelog::Found(b"upstream".to_vec()));
        assert_eq!(read(&deb(&[other])), Changelog::Missing);
    }

    #[test]
    fn says_where_a_link_leads() {
        for (path, target) in [
            ("./usr/share/doc/foo", "bar"),
            ("./usr/share/doc/foo", "/usr/share/doc/bar"),
            ("./usr/share/doc/foo/changelog.Debian.gz", "../bar/changelog.Debian.gz"),
        ] {
            let answer = read(&deb(&[member(path, b'2', target, b"")]));
            assert_eq!(answer, Changelog::Elsewhere { package: "bar".into() }, "{path} {target}");
        }
        let inside = member("./usr/share/doc/foo/changelog.Debian.gz", b'2', "changelog.gz", b"");
        assert_eq!(read(&deb(&[inside])), Changelog::Missing);
    }

    #[test]
    fn reads_every_compression_of_the_files() {
        let tar = [member("./usr/share/doc/foo/changelog.Debian", b'0', "", b"text"), vec![0; 1024]].concat();
        for (name, data) in [
            ("data.tar", tar.clone()),
            ("data.tar.gz", gzip(&tar)),
            ("data.tar.xz", xz(&tar)),
            ("data.tar.zst/", zstd::encode_all(&tar[..], 3).unwrap()),
        ] {
            assert_eq!(
                read(&ar(&[("debian-binary", b"2.0\n"), (name, &data)])),
                Changelog::Found(b"text".to_vec())
            );
        }
        let odd = ar(&[("data.tar.lzma", b"")]);
        assert!(matches!(changelog_of(&odd, "foo", &Limits::default()), Err(DebError::Compression(_))));
    }

    #[test]
    fn limits_hold() {
        let large = member("./usr/share/doc/foo/changelog.Debian.gz", b'0', "", &gzip(&[b'a'; 5000]));
        let limits = Limits { file_bytes: 4999, ..Limits::default() };
        let error = changelog_of(&deb(&[large]), "foo", &limits).unwrap_err();
        assert!(error.is_limit(), "{error}");
        let limits = Limits { archive_bytes: 700, ..Limits::default() };
        let error = changelog_of(&deb(&[member("a", b'0', "", &[1; 2000])]), "foo", &limits).unwrap_err();
        assert!(error.is_limit(), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(changelog_of(&bytes, "foo", &Limits::default()).is_err());
            let _ = changelog_of(&[b"!<arch>\n", &bytes[..]].concat(), "foo", &Limits::default());
        }

        #[test]
        fn changed_packages_are_refused_or_read(at in any::<proptest::sample::Index>(), byte in any::<u8>(), cut in any::<proptest::sample::Index>()) {
            let file = member("./usr/share/doc/foo/changelog.Debian.gz", b'0', "", &gzip(b"debian"));
            let tar = [file, vec![0; 1024]].concat();
            let mut bytes = ar(&[("debian-binary", b"2.0\n"), ("data.tar", &tar)]);
            let _ = changelog_of(&bytes[..cut.index(bytes.len())], "foo", &Limits::default());
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = changelog_of(&bytes, "foo", &Limits::default());
        }
    }
}
