//! What was learned, kept and read again.

use lazaret_model::{Behaviour, FileOperation, Phase};
use lazaret_profile::learn::{Learned, MOST_STORED_BYTES, Observation, Replica, StoredError, Visit};
use lazaret_profile::{MOST_BYTES, Profile};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::facts::{PERL, connect, exec, file};
use crate::learning::{Seen, learn, seen};
use crate::shop;

fn again(learned: &Learned) -> Learned {
    Learned::from_json(&learned.to_json()).unwrap()
}

proptest! {
    #[test]
    fn what_was_learned_comes_back_as_it_was(all in vec(seen(), 0..250), cut in any::<Index>(), more in seen()) {
        let whole = learn(&all);
        prop_assert_eq!(&again(&whole), &whole);
        let (one, two) = all.split_at(if all.is_empty() { 0 } else { cut.index(all.len()) });
        let mut merged = again(&learn(one));
        prop_assert!(merged.merge(again(&learn(two))));
        prop_assert_eq!(&merged, &whole);
        prop_assert_eq!(merged.to_json(), whole.to_json());
        // It goes on learning as if it had never been away.
        let both: Vec<Seen> = all.iter().chain([&more]).cloned().collect();
        prop_assert!(merged.merge(learn([&more])));
        prop_assert_eq!(merged, learn(&both));
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes in vec(any::<u8>(), 0..400)) {
        prop_assert!(Learned::from_json(&bytes).is_err());
    }

    /// What is read in spite of the damage can be written, read, merged and drawn as a profile as ever.
    #[test]
    fn damage_is_refused_or_harmless(
        all in vec(seen(), 1..60),
        damage in vec((any::<Index>(), prop_oneof![any::<u8>(), Just(b'*'), Just(b'"'), Just(b'9')]), 1..4),
    ) {
        let mut bytes = learn(&all).to_json();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(learned) = Learned::from_json(&bytes) {
            prop_assert_eq!(&again(&learned), &learned);
            let profile = learned.profile(&shop::derived());
            prop_assert!(profile.text().len() <= MOST_BYTES);
            let mut merged = learned.clone();
            prop_assert!(merged.merge(learned.clone()));
            prop_assert_eq!(merged, learned);
        }
    }
}

fn observe(learned: &mut Learned, behaviour: &Behaviour) {
    let replica = Replica::of("one");
    let (at, phase, visit) = (7, Phase::Steady, Visit::Program);
    learned.observe(Observation { replica, at, phase, visit, behaviour });
}

#[test]
fn folded_and_overflowing_knowledge_comes_back() {
    let mut learned = shop::learned(7);
    for number in 0..3000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        observe(&mut learned, &file(PERL, &format!("/tmp/{number:x}/a*{a}"), FileOperation::Create));
        observe(&mut learned, &file(PERL, &format!("/d{}/{number}/x/**", number % 40), FileOperation::Write));
        observe(&mut learned, &connect(PERL, &format!("10.{a}.{b}.{c}"), 443, None));
        observe(&mut learned, &connect(PERL, &format!("2001:db8:{b}:{c}::1"), 443, None));
        observe(&mut learned, &connect(PERL, "::1", 80, Some(&format!("n{number}.example"))));
        observe(&mut learned, &exec(PERL, &[&format!("/bin/p{number}"), "--x", &number.to_string()]));
    }
    learned.taint(Replica(7));
    learned.gap(Replica(7), 9, 3);
    let bytes = learned.to_json();
    assert!(bytes.len() < MOST_STORED_BYTES / 4, "{}", bytes.len());
    assert_eq!(Learned::from_json(&bytes), Ok(learned.clone()));
    for number in 0..5000_u32 {
        observe(&mut learned, &file(PERL, &format!("/a{}/b{}/c", number % 97, number), FileOperation::Read));
        observe(&mut learned, &file(PERL, &format!("/{}/c", word(number)), FileOperation::Write));
    }
    assert_eq!(again(&learned), learned);
    let profile = again(&learned).profile(&shop::derived());
    assert_eq!(Profile::parse(&profile.text()), Ok(profile));
}

/// Letters only: these do not look made up.
fn word(number: u32) -> String {
    number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

#[test]
fn what_cannot_have_been_learned_is_refused() {
    let mut learned = shop::learned(2);
    observe(&mut learned, &connect(PERL, "192.0.2.1", 443, None));
    let text = String::from_utf8(learned.to_json()).unwrap();
    for (from, to, what) in [
        (r#""version":1"#, r#""version":2"#, "version 2"),
        (r#""version":1"#, r#""version":1,"more":0"#, "unknown field"),
        (r#""user":"root""#, r#""user":"""#, "a user without a name"),
        (r#""=srv""#, r#""=s/rv""#, "a name"),
        (r#""=srv""#, r#""=""#, "a path"),
        (r#""=srv""#, r#""~a**b""#, "a name"),
        (r#""=srv""#, r#""=s\nrv""#, "a name"),
        ("/run/secrets/db_password", "/run/secrets/*", "a secret"),
        (r#"[0,"/usr/bin/perl""#, r#"[0,"perl""#, "a path"),
        (r#""192.0.0.0""#, r#""192.0.2.0""#, "a network"),
        (r#""192.0.0.0""#, r#""2001::""#, "a network"),
        (r#""192.0.0.0""#, r#""~""#, "a network"),
        (r#""directories":["#, r#""directories":[],"x":["#, "unknown field"),
    ] {
        assert!(text.contains(from), "{from}\n{text}");
        let error = Learned::from_json(text.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert!(error.to_string().contains(what), "{to}: {error}");
    }
    let large = vec![b' '; MOST_STORED_BYTES + 1];
    assert_eq!(Learned::from_json(&large), Err(StoredError::Large { bytes: MOST_STORED_BYTES + 1 }));
}

/// A tree cannot be larger than the directories that were counted, nor those more than learning keeps.
#[test]
fn lists_hold_no_more_than_learning_does() {
    let empty = String::from_utf8(Learned::new(shop::derived().subject).to_json()).unwrap();
    let none = r#""files":{"wide":false,"directories":[],"trees":[]}"#;
    assert!(empty.contains(none), "{empty}");
    let files = |directories: u32, ways: u32| {
        let numbers: Vec<_> = (0..directories).map(|number| number.to_string()).collect();
        let ways: Vec<_> = (0..ways).map(|way| format!(r#"[["={}","=x"],0,[0,1,[1]]]"#, word(way))).collect();
        let (numbers, ways) = (numbers.join(","), ways.join(","));
        let files =
            format!(r#""files":{{"wide":false,"directories":[{numbers}],"trees":[["/a",[{ways}]]]}}"#);
        Learned::from_json(empty.replace(none, &files).as_bytes())
    };
    assert!(files(20, 20).is_ok());
    assert!(files(20, 21).unwrap_err().to_string().contains("more directories"));
    assert_eq!(files(257, 1), Err(StoredError::TooMany { what: "directories", most: 256 }));
    let replicas: Vec<_> = (0..1025).map(|number| number.to_string()).collect();
    let tainted = format!(r#""tainted":{{"kept":[{}]"#, replicas.join(","));
    let many = empty.replace(r#""tainted":{"kept":[]"#, &tainted);
    let error = Learned::from_json(many.as_bytes()).unwrap_err();
    assert_eq!(error, StoredError::TooMany { what: "replicas", most: 1024 });
}

#[test]
fn a_variant_has_one_name() {
    let variant = shop::derived().subject.variant;
    assert_eq!(variant.key().len(), 32);
    let mut split = variant.clone();
    split.command = vec![variant.command.join(" ")];
    let mut user = variant.clone();
    user.user.push('1');
    assert_ne!(split.key(), variant.key());
    assert_ne!(user.key(), variant.key());
    assert_eq!(variant.clone().key(), variant.key());
}
