//! The text form.

use lazaret_profile::{MOST_BYTES, Profile, ProfileError, SCHEMA};
use proptest::prelude::*;

use crate::made;

const SAMPLE: &str = include_str!("../../testdata/shop.yaml");

proptest! {
    #[test]
    fn a_profile_comes_back_from_its_text(profile in made::profile()) {
        let text = profile.text();
        let read = Profile::parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&read, &profile, "{}", text);
        prop_assert_eq!(read.text(), text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,300}") {
        let _ = Profile::parse(&text);
    }

    #[test]
    fn a_changed_text_is_read_or_refused(place in 0..SAMPLE.len(), piece in "[\\PC\\n]{0,6}", cut in 0..9_usize) {
        let start = SAMPLE.floor_char_boundary(place);
        let end = SAMPLE.floor_char_boundary(place + cut);
        let text = format!("{}{piece}{}", &SAMPLE[..start], &SAMPLE[end..]);
        if let Ok(profile) = Profile::parse(&text) {
            prop_assert_eq!(Profile::parse(&profile.text()), Ok(profile));
        }
    }

    #[test]
    fn the_published_schema_accepts_what_is_written(profile in made::profile()) {
        let (schemas, index) = schema();
        let value: serde_json::Value = serde_saphyr::from_str(&profile.text()).unwrap();
        prop_assert!(schemas.validate(&value, index).is_ok(), "{}", profile.text());
    }
}

fn schema() -> (boon::Schemas, boon::SchemaIndex) {
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("profile.json", serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let index = compiler.compile("profile.json", &mut schemas).unwrap();
    (schemas, index)
}

#[test]
fn the_sample_is_in_its_one_form() {
    let profile = Profile::parse(SAMPLE).unwrap();
    assert_eq!(profile.text(), SAMPLE);
    let (schemas, index) = schema();
    let value: serde_json::Value = serde_saphyr::from_str(SAMPLE).unwrap();
    if let Err(error) = schemas.validate(&value, index) {
        panic!("{error}");
    };
}

#[test]
fn every_mistake_is_shown_where_it_stands() {
    for (from, to, place, words) in [
        (
            "state: learned",
            "state: lerned",
            "5",
            "unknown state `lerned`; allowed here: derived, provisional, learned",
        ),
        ("users:", "user:", "", "unknown field `user`"),
        ("operations: [append]", "operations: [append, erase]", "", "unknown operation `erase`"),
        ("path: /app/tool", "path: app/tool", "", "`app/tool` is not an absolute path"),
        ("version: 1", "version: 2", "", "version 2 is not known here"),
        ("version: 1", "version: 1\nversion: 1", "2", "version"),
        ("port: 8080", "port: 80800", "", "`80800` is not a port"),
        ("to: \"name:db.internal\"", "to: db.internal", "", "`db.internal` is not a peer"),
        ("/srv/data/tmp-*", "/srv/**/tmp-*", "", "`**` stands at the end of a pattern only"),
        ("system-calls: [", "system-calls: [open_sesame, ", "", "`open_sesame` is not a system call"),
        ("capabilities: [", "capabilities: [CAP_CHOWN, ", "", "`CAP_CHOWN` is not a capability"),
        ("state: learned", "state: &a learned", "", "anchor"),
        ("uid: 33", "uid: -1", "", ""),
        ("uid: 33", "uid: 4294967296", "", ""),
        ("state: learned", "state: !!binary learned", "", ""),
        ("modes:", "<<: {state: learned}\nmodes:", "", ""),
    ] {
        assert!(SAMPLE.contains(from), "{from}");
        let error = Profile::parse(&SAMPLE.replacen(from, to, 1)).expect_err(to);
        let text = error.to_string();
        assert!(text.contains(words), "{to}: {text}");
        assert!(text.contains(place), "{to}: {text}");
    }
    let two = format!("{SAMPLE}---\n{SAMPLE}");
    assert!(matches!(Profile::parse(&two), Err(ProfileError::Malformed(_))));
    assert!(matches!(Profile::parse(""), Err(ProfileError::Malformed(_))));
}

#[test]
fn bombs_cost_nothing() {
    let large = format!("{SAMPLE}#{}", "x".repeat(MOST_BYTES));
    assert_eq!(Profile::parse(&large), Err(ProfileError::Large { bytes: large.len() }));
    for text in ["[".repeat(60_000), "{a: ".repeat(15_000), "- ".repeat(30_000), "a: &a [*a]\n".repeat(5_000)]
    {
        assert!(Profile::parse(&text).is_err());
    }
}
