//! Conformance cases collected from dpkg and other implementations, one CSV file each.

use std::path::PathBuf;

use lazaret_version::{Scheme, check, compare};

#[test]
fn order_agrees_with_the_corpora() {
    let Some(files) = files("compare_", "deb") else { return };
    let mut cases = 0;
    for (file, text) in files {
        for row in rows(&text) {
            let [_, a, op, b] = row.as_slice() else { panic!("{file}: {row:?} has not four columns") };
            let order = compare(Scheme::Deb, a, b);
            let holds = match op.as_str() {
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                "=" | "==" => order.is_eq(),
                ">=" => order.is_ge(),
                ">" => order.is_gt(),
                other => panic!("{file}: unknown operator {other}"),
            };
            assert!(holds, "{file}: {a} {op} {b}, but the order is {order:?}");
            cases += 1;
        }
    }
    assert!(cases > 14_000, "only {cases} cases were found");
}

#[test]
fn strictness_agrees_with_the_corpora() {
    let Some(files) = files("valid_", "deb") else { return };
    let mut cases = 0;
    for (file, text) in files {
        for row in rows(&text) {
            let [_, version, valid] = row.as_slice() else { panic!("{file}: {row:?} has not three columns") };
            let answer = check(Scheme::Deb, version);
            assert_eq!(answer.is_ok(), valid == "true", "{file}: {row:?}: {answer:?}");
            cases += 1;
        }
    }
    assert!(cases >= 31, "only {cases} cases were found");
}

/// The files of a kind that speak of Debian, by name.
fn files(kind: &str, ecosystem: &str) -> Option<Vec<(String, String)>> {
    let corpora = std::env::var_os("LAZARET_CORPORA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"),
        PathBuf::from,
    );
    let Ok(entries) = std::fs::read_dir(corpora.join("versions")) else {
        super::skipped(format_args!("no version corpora at {}; set LAZARET_CORPORA", corpora.display()));
        return None;
    };
    let mut files: Vec<(String, String)> = entries
        .map(|entry| entry.expect("the corpora folder is readable"))
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let wanted = name.starts_with(kind) && name.contains(ecosystem) && name.ends_with(".csv");
            wanted.then(|| (name, std::fs::read_to_string(entry.path()).expect("a corpus file is UTF-8")))
        })
        .collect();
    files.sort();
    Some(files)
}

/// Rows after the comments and the column names. A field may stand in double quotes.
fn rows(text: &str) -> impl Iterator<Item = Vec<String>> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .skip(1)
        .map(|line| line.split(',').map(|field| field.trim_matches('"').to_owned()).collect())
}
