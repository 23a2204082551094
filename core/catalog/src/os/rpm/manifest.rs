//! Lists in the place of a database: Azure Linux's distroless images, made with `rpm --query --all` before rpm was
//! removed. The long one has a line `name, version-release, time of installation, time of building, vendor, epoch,
//! size, architecture, epoch as a number, source` for each package, between tabs; the short one `name-version-release.architecture`.

use super::package;
use super::record::Record;
use crate::files::Files;
use crate::reading::{Reading, lossy};

pub(super) const DIRECTORY: &str = "var/lib/rpmmanifest";
pub(super) const SHORT: &str = "container-manifest-1";
pub(super) const LONG: &str = "container-manifest-2";

/// The long list, or the short one where that is all there is.
pub(super) fn read(files: &Files, reading: &mut Reading<'_>) {
    type Line = fn(&[u8]) -> Option<Parts<'_>>;
    for (name, parse) in [(LONG, long as Line), (SHORT, short)] {
        let named = |path: &[u8]| path.ends_with(name.as_bytes());
        let Some((path, layer, list)) = files.within(DIRECTORY).find(|(path, ..)| named(path)) else {
            continue;
        };
        let location = lossy(path);
        for (number, line) in (1..).zip(list.split(|&byte| byte == b'\n')) {
            let line = line.trim_ascii_end();
            if line.is_empty() || line.starts_with(b"gpg-pubkey") {
                continue;
            }
            let Some(found) = parse(line).and_then(|parts| package(&parts.record(), layer, &location)) else {
                reading.problems.malformed(&location, format!("line {number} is no package"));
                continue;
            };
            if !reading.package(found) {
                return;
            }
        }
        return;
    }
}

struct Parts<'a> {
    name: &'a [u8],
    version: Vec<u8>,
    architecture: &'a [u8],
    source_rpm: &'a [u8],
}

impl Parts<'_> {
    fn record(&self) -> Record<'_> {
        let Self { name, version, architecture, source_rpm } = self;
        Record { name, version, architecture, source_rpm, licence: b"", module: b"", files: b"" }
    }
}

fn long(line: &[u8]) -> Option<Parts<'_>> {
    let mut fields = line.split(|&byte| byte == b'\t');
    let (name, version) = (fields.next()?, fields.next()?);
    let epoch = fields.nth(3).filter(|epoch| !matches!(*epoch, b"(none)" | b""));
    let architecture = fields.nth(1)?;
    let source_rpm = fields.nth(1).unwrap_or_default();
    let version = match epoch {
        Some(epoch) => [epoch, b":", version].concat(),
        None => version.to_vec(),
    };
    let is_whole = !name.is_empty() && !version.is_empty();
    is_whole.then_some(Parts { name, version, architecture, source_rpm })
}

fn short(line: &[u8]) -> Option<Parts<'_>> {
    let back = |bytes: &[u8], wanted: u8| bytes.iter().rposition(|&byte| byte == wanted);
    let dot = back(line, b'.')?;
    let release = back(&line[..dot], b'-')?;
    let version = back(&line[..release], b'-')?;
    let (name, source_rpm) = (&line[..version], &b""[..]);
    let parts =
        Parts { name, version: line[version + 1..dot].to_vec(), architecture: &line[dot + 1..], source_rpm };
    (!name.is_empty()).then_some(parts)
}

#[cfg(test)]
mod tests {
    use lazaret_model::Limits;
    use proptest::prelude::*;

    use super::*;

    fn lines(lists: &[(&str, &str)]) -> (Vec<String>, usize) {
        let mut files = Files::default();
        for (name, text) in lists {
            files.add(format!("{DIRECTORY}/{name}").as_bytes(), 0, Some(text.as_bytes().to_vec()));
        }
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        read(&files, &mut reading);
        let (packages, problems) = reading.into_parts();
        let line = |it: lazaret_model::Package| {
            let architecture = it.architecture.unwrap_or_default();
            format!("{} {} {architecture} {}", it.name, it.version, it.source.name)
        };
        (packages.into_iter().map(line).collect(), problems.into_list().len())
    }

    const LONG_LIST: &str = "glibc\t2.35-2.cm2\t1\t2\tMicrosoft\t(none)\t3\tx86_64\t0\tglibc-2.35-2.cm2.src.rpm\n\
        vim-min\t9.0-1.cm2\t1\t2\tMicrosoft\t2\t3\tx86_64\t2\tvim-9.0-1.cm2.src.rpm\n\
        gpg-pubkey\t1-2\t1\t2\t(none)\t(none)\t0\t(none)\t0\t(none)\n";
    const SHORT_LIST: &str = "glibc-2.35-2.cm2.x86_64\nca-certs-1-3.cm2.noarch\n";

    #[test]
    fn reads_either_list() {
        let long = ["glibc 2.35-2.cm2 x86_64 glibc", "vim-min 2:9.0-1.cm2 x86_64 vim"].map(str::to_owned);
        assert_eq!(lines(&[(SHORT, SHORT_LIST), (LONG, LONG_LIST)]), (long.to_vec(), 0));
        let short = ["glibc 2.35-2.cm2 x86_64 glibc", "ca-certs 1-3.cm2 noarch ca-certs"].map(str::to_owned);
        assert_eq!(lines(&[(SHORT, SHORT_LIST)]), (short.to_vec(), 0));
    }

    #[test]
    fn other_lines_are_problems() {
        assert_eq!(lines(&[(LONG, "glibc\t2.35\n\n")]), (vec![], 1));
        assert_eq!(lines(&[(SHORT, "glibc\n-1-2.x\na.b\n")]), (vec![], 3));
    }

    proptest! {
        #[test]
        fn takes_any_text(text in "[a-z\t.\n-]{0,80}") {
            lines(&[(LONG, &text)]);
            lines(&[(SHORT, &text)]);
        }
    }
}
