//! Each `testdata/mistakes/*.yaml` is a file with mistakes, its `.txt` what is said about them.
//! `UPDATE_GOLDEN=1` writes them anew.

use std::path::Path;

use lazaret_policy::Policy;

#[test]
fn every_mistake_is_shown_where_it_stands() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/mistakes");
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        seen += 1;
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let error = Policy::parse(&text, &name).expect_err(&name);
        let said = format!("{error}\n");
        let golden = path.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &said).unwrap();
        }
        assert_eq!(said, std::fs::read_to_string(&golden).unwrap_or_default(), "{name}");
    }
    assert!(seen >= 10, "{seen} files");
}

#[test]
fn the_default_policy_has_none() {
    let policy =
        Policy::parse(Policy::default_text(), "default.yaml").unwrap_or_else(|error| panic!("{error}"));
    let stages: Vec<&str> = policy.stages().iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(stages, ["dev", "qa", "prod"]);
}

#[test]
fn the_digest_is_of_the_text_as_written() {
    let one = Policy::parse("scan: []\n", "a").unwrap();
    let two = Policy::parse("scan:  []\n", "a").unwrap();
    assert_ne!(one.digest(), two.digest());
    assert_eq!(one.digest().hex(), "6bd8c3828bbd2a3915a5319a0010703d67d8c456d8952e018a3f818ad8239c32");
}
