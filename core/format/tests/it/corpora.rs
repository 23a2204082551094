//! Files of the specifications that are too large to be kept here.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

/// The files of `archive` (a `.tar.zst` below the folder of corpora) whose path `wanted` accepts, or
/// `None`, with a loud line, where there are no corpora.
pub(crate) fn files(archive: &str, wanted: impl Fn(&str) -> bool) -> Option<BTreeMap<String, Vec<u8>>> {
    let folder = std::env::var_os("LAZARET_CORPORA").map(PathBuf::from);
    let folder =
        folder.unwrap_or_else(|| [env!("CARGO_MANIFEST_DIR"), "../../../shared/corpora"].iter().collect());
    let path = folder.join(archive);
    let Ok(packed) = std::fs::read(&path) else {
        skipped(&format!("no {}; set LAZARET_CORPORA to the folder of corpora", path.display()));
        return None;
    };
    let mut unpacker = zstd::Decoder::new(&packed[..]).expect("a zstd archive");
    unpacker.window_log_max(27).expect("a window of 128 MiB");
    let mut tar = Vec::new();
    unpacker.read_to_end(&mut tar).expect("a whole archive");
    Some(untar(&tar, wanted))
}

#[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
pub(crate) fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// Just enough of tar for these archives: regular files with ustar, GNU or PAX long names.
fn untar(tar: &[u8], wanted: impl Fn(&str) -> bool) -> BTreeMap<String, Vec<u8>> {
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes.split(|b| *b == 0).next().unwrap_or_default()).into_owned()
    };
    let (mut files, mut long_name, mut at) = (BTreeMap::new(), None, 0);
    while let Some(header) = tar.get(at..at + 512).filter(|header| header[0] != 0) {
        let size = usize::from_str_radix(text(&header[124..136]).trim(), 8).expect("an octal size");
        let content = &tar[at + 512..at + 512 + size];
        at += 512 + size.next_multiple_of(512);
        match header[156] {
            b'L' => long_name = Some(text(content)),
            b'x' => {
                let records = String::from_utf8_lossy(content).into_owned();
                long_name = records.lines().find_map(|line| Some(line.split_once(" path=")?.1.to_owned()));
            }
            b'0' | 0 => {
                let prefix =
                    if &header[257..263] == b"ustar\0" { text(&header[345..500]) } else { String::new() };
                let short = [prefix, text(&header[..100])].into_iter().filter(|part| !part.is_empty());
                let name = long_name.take().unwrap_or_else(|| short.collect::<Vec<_>>().join("/"));
                let name = name.trim_start_matches("./").to_owned();
                if wanted(&name) {
                    files.insert(name, content.to_vec());
                }
            }
            _ => long_name = None,
        }
    }
    files
}

/// Figures of a suite, for whoever runs the tests with `--nocapture`.
#[expect(clippy::print_stderr, reason = "figures are for people to read")]
pub(crate) fn tell(text: &str) {
    eprintln!("{text}");
}
