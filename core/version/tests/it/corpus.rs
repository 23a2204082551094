//! Agreement with the tables of other implementations: every row holds, but for the exceptions listed.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use lazaret_version::range::{Language, Range};
use lazaret_version::{Scheme, check, compare};

use crate::exceptions;

#[test]
fn orders_agree_with_the_tables() {
    agree("compare_", 35_000, |table, row| {
        let [ecosystem, a, op, b] = row else { panic!("{table}: {row:?} has not four columns") };
        let order = compare(scheme(ecosystem), a, b);
        match op.as_str() {
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            "=" | "==" => order.is_eq(),
            ">=" => order.is_ge(),
            ">" => order.is_gt(),
            other => panic!("{table}: unknown operator {other}"),
        }
    });
}

#[test]
fn checks_agree_with_the_tables() {
    agree("valid_", 430, |table, row| {
        let [ecosystem, version, valid] = row else { panic!("{table}: {row:?} has not three columns") };
        check(scheme(ecosystem), version).is_ok() == (valid == "true")
    });
}

#[test]
fn ranges_agree_with_the_tables() {
    agree("range_", 1_500, |table, row| {
        let [ecosystem, range, version, expected] = row else {
            panic!("{table}: {row:?} has not four columns")
        };
        // This table was taken over with its columns exchanged.
        let (range, version) =
            if table == "range_go_pep440_version_specifier" { (version, range) } else { (range, version) };
        match Range::parse_as(language(ecosystem), scheme(ecosystem), range) {
            Ok(range) => range.contains(version) == (expected == "true"),
            Err(_) => false,
        }
    });
}

/// The scheme of each ecosystem that the tables name.
fn scheme(ecosystem: &str) -> Scheme {
    match ecosystem {
        "pypi" => Scheme::Pep440,
        "npm-loose" | "npm-includePrerelease" => Scheme::Npm,
        name => Scheme::from_name(name).unwrap_or_else(|| panic!("no scheme for {name}")),
    }
}

/// node-semver has modes; every other ecosystem has the language of its scheme.
fn language(ecosystem: &str) -> Language {
    match ecosystem {
        "npm-loose" => Language::NpmLoose,
        "npm-includePrerelease" => Language::NpmWithPrereleases,
        name => Language::of(scheme(name)),
    }
}

/// Asks every row of every table of a kind, prints the figures, and fails on a disagreement that is not
/// listed and on an exception that is not needed.
fn agree(kind: &str, at_least: usize, holds: impl Fn(&str, &[String]) -> bool) {
    let Some(tables) = tables(kind) else { return };
    let (mut asked, mut wrong) = (0, Vec::new());
    for (table, text) in tables {
        let listed = exceptions::of(&table);
        let (mut rows_of_table, mut agreed, mut used) = (0, 0, BTreeSet::new());
        for row in rows(&text) {
            rows_of_table += 1;
            let written = row.join(",");
            let exception = listed.iter().position(|(except, _)| *except == written);
            let row: Vec<String> = if table.ends_with("_pypi_packaging") {
                row.iter().map(|field| unescaped(field)).collect()
            } else {
                row
            };
            match (holds(&table, &row), exception) {
                (true, None) => agreed += 1,
                (false, Some(at)) => _ = used.insert(at),
                (false, None) => wrong.push(format!("{table}: {written}")),
                (true, Some(_)) => {
                    wrong.push(format!("{table}: {written} agrees, yet is listed as an exception"))
                }
            }
        }
        let unused = listed.iter().enumerate().filter(|(at, _)| !used.contains(at));
        wrong.extend(
            unused.map(|(_, (row, _))| format!("{table}: no disagreeing row for the exception {row}")),
        );
        let _ = writeln!(std::io::stderr(), "{table}: {agreed}/{rows_of_table} (exceptions {})", used.len());
        asked += rows_of_table;
    }
    assert!(wrong.is_empty(), "{} disagreements:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked >= at_least, "only {asked} rows were found");
}

/// The tables of a kind, by name.
fn tables(kind: &str) -> Option<Vec<(String, String)>> {
    let corpora = std::env::var_os("LAZARET_CORPORA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"),
        PathBuf::from,
    );
    let Ok(entries) = std::fs::read_dir(corpora.join("versions")) else {
        super::skipped(format_args!("no version tables at {}; set LAZARET_CORPORA", corpora.display()));
        return None;
    };
    let mut tables: Vec<(String, String)> = entries
        .map(|entry| entry.expect("the corpora folder is readable"))
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let table = name.strip_suffix(".csv").filter(|table| table.starts_with(kind))?;
            Some((table.to_owned(), std::fs::read_to_string(entry.path()).expect("a table is UTF-8")))
        })
        .collect();
    tables.sort();
    Some(tables)
}

/// Rows after the comments and the column names.
fn rows(text: &str) -> impl Iterator<Item = Vec<String>> {
    text.lines().skip_while(|line| line.starts_with("# ")).skip(1).map(fields)
}

/// The tables taken from Python sources have its escapes.
fn unescaped(field: &str) -> String {
    let escapes = [
        ("\\t", "\t"),
        ("\\n", "\n"),
        ("\\u0130", "\u{130}"),
        ("\\N{NARROW NO-BREAK SPACE}", "\u{202f}"),
        ("\\N{PARAGRAPH SEPARATOR}", "\u{2029}"),
    ];
    escapes.iter().fold(field.to_owned(), |field, (escape, text)| field.replace(escape, text))
}

/// A field may stand in double quotes, and a quote in it is doubled.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let field = fields.last_mut().expect("there is always a field");
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => field.push(c),
        }
    }
    fields
}
