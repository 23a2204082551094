//! From behaviour to profile.

use lazaret_model::{Behaviour, Dimension, FileOperation, Phase};
use lazaret_profile::learn::{Learned, Missing, Observation, Replica, Sessions, Visit};
use lazaret_profile::{MOST_BYTES, Pending, Profile};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::facts::{PERL, connect, entered, exec, file, listen, lookup};
use crate::shop;

#[derive(Debug, Clone)]
pub(crate) struct Seen {
    replica: u64,
    at: i64,
    phase: Phase,
    behaviour: Behaviour,
    taint: bool,
}

pub(crate) fn seen() -> impl Strategy<Value = Seen> {
    let by = || select(vec!["/a", "/b", "/c"]);
    let behaviour = prop_oneof![
        (by(), "/[ab]{1,2}(/[a-d][0-9]{0,2}){0,3}", select(FileOperation::ALL))
            .prop_map(|(by, path, operation)| file(by, &path, operation)),
        (by(), by(), vec("[a-c]{1,2}[0-9]{0,1}", 0..3)).prop_map(|(parent, path, arguments)| {
            let arguments: Vec<&str> =
                std::iter::once(path).chain(arguments.iter().map(String::as_str)).collect();
            exec(parent, &arguments)
        }),
        (by(), any::<[u8; 2]>(), 1..4_u16, proptest::option::of("[a-c]{1,2}\\.[a-b]{1,2}")).prop_map(
            |(by, [high, low], port, name)| connect(by, &format!("10.0.{high}.{low}"), port, name.as_deref())
        ),
        "[a-z]{1,2}[0-9]?\\.[ab]\\.test".prop_map(|name| lookup(&name)),
        (by(), any::<u16>()).prop_map(|(by, port)| listen(by, port)),
    ];
    (0..8_u64, 0..1000_i64, select(Phase::ALL), behaviour, prop::bool::weighted(0.05))
        .prop_map(|(replica, at, phase, behaviour, taint)| Seen { replica, at, phase, behaviour, taint })
}

pub(crate) fn learn<'s>(all: impl IntoIterator<Item = &'s Seen>) -> Learned {
    let mut learned = Learned::new(shop::derived().subject);
    for seen in all {
        let replica = Replica(seen.replica);
        let (at, phase, behaviour) = (seen.at, seen.phase, &seen.behaviour);
        learned.observe(Observation { replica, at, phase, visit: Visit::Program, behaviour });
        if seen.taint {
            learned.taint(replica);
        }
    }
    learned
}

proptest! {
    #[test]
    fn order_grouping_and_repetition_do_not_matter(all in vec(seen(), 0..250), cut in 0..250_usize, other in 0..250_usize) {
        let whole = learn(&all);
        prop_assert_eq!(&learn(all.iter().rev()), &whole);
        let (one, two) = (cut.min(other).min(all.len()), cut.max(other).min(all.len()));
        let [a, b, c] = [&all[..one], &all[one..two], &all[two..]].map(learn);
        let merged = |mut into: Learned, from: &Learned| { assert!(into.merge(from.clone())); into };
        let left = merged(merged(a.clone(), &b), &c);
        let right = merged(c.clone(), &merged(b.clone(), &a));
        prop_assert_eq!(&left, &whole);
        prop_assert_eq!(&right, &whole);
        prop_assert_eq!(&merged(left.clone(), &a), &whole);
        let profile = whole.profile(&shop::derived());
        prop_assert_eq!(Profile::parse(&profile.text()), Ok(profile));
    }
}

#[test]
fn another_image_teaches_nothing() {
    let mut learned = shop::learned(1);
    let mut subject = shop::derived().subject;
    subject.variant.command.push("--debug".to_owned());
    let before = learned.clone();
    assert!(!learned.merge(Learned::new(subject)));
    assert_eq!(learned, before);
}

#[test]
fn what_was_seen_is_in_the_profile() {
    let profile = shop::learned(3).profile(&shop::derived());
    let text = profile.text();
    for line in [
        "state: learned",
        r#"{path: /app/tool, digest: sha256:0101010101010101010101010101010101010101010101010101010101010101, parent: /usr/bin/perl, arguments: [["report"]]}"#,
        r#"parent: "@runtime", arguments: [[/app/victim.pl]], phases: [start]}"#,
        "- {path: /srv/data/app.pid, by: /usr/bin/perl, operations: [write, create, delete]}",
        r#"- {path: "/srv/data/tmp-*", by: /usr/bin/perl, operations: [write, create, rename]}"#,
        "- {path: /run/secrets/db_password, by: /usr/bin/perl, operations: [read], phases: [start]}",
        "- {transport: tcp, port: 8080, by: /usr/bin/perl}",
        r#"- {transport: tcp, to: "name:db.internal", port: 5432, by: /usr/bin/perl}"#,
        "replicas: 3, starts: 6, stops: 3, gaps: 0",
        "health-check: [/app/tool, \"report\"]",
        "set-user-id: [/usr/bin/su]",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn what_one_of_many_did_waits_for_a_person() {
    let evil = file(PERL, "/etc/hosts", FileOperation::Write);
    let rule = |learned: &Learned| {
        let profile = learned.profile(&shop::derived());
        profile.files.into_iter().find(|rule| rule.path.as_str() == "/etc/hosts").unwrap().seen.pending
    };
    let mut few = shop::learned(4);
    shop::observe(&mut few, 4, 300, Phase::Steady, std::slice::from_ref(&evil));
    assert_eq!(rule(&few), None);
    let mut many = shop::learned(7);
    shop::observe(&mut many, 7, 300, Phase::Steady, std::slice::from_ref(&evil));
    assert_eq!(rule(&many), Some(Pending { replicas: 1, of: 7, tainted: false }));
    shop::observe(&mut many, 6, 301, Phase::Steady, std::slice::from_ref(&evil));
    assert_eq!(rule(&many), None);
    // What both did who broke a rule is not better for being done twice.
    many.taint(Replica(7));
    many.taint(Replica(6));
    assert_eq!(rule(&many), Some(Pending { replicas: 2, of: 7, tainted: true }));
    assert!(
        !many
            .profile(&shop::derived())
            .text()
            .contains("tmp-*\", by: /usr/bin/perl, operations: [write, create, rename], pending")
    );
}

#[test]
fn learning_is_done_when_nothing_new_comes() {
    let learned = shop::learned(3);
    let missing = |now, pending| learned.completion(now, pending).missing;
    assert_eq!(missing(1000, 0), [Missing::Quiet { seconds: 800, needed: 3600 }]);
    assert_eq!(missing(3800, 2), [Missing::Pending { entries: 2 }]);
    assert!(learned.completion(3800, 0).is_done());
    let mut fresh = Learned::new(shop::derived().subject);
    shop::observe(&mut fresh, 1, 0, Phase::Start, &shop::start());
    assert_eq!(fresh.completion(9999, 0).missing, [Missing::Restart, Missing::Stop]);
    fresh.gap(Replica(1), 1, 2);
    assert!(fresh.completion(9999, 0).missing.contains(&Missing::Gap { times: 2 }));
    // Something new after a long pause: the next such pause must be waited for, thrice.
    shop::observe(&mut fresh, 1, 10_000, Phase::Steady, &shop::request(1));
    assert!(
        fresh.completion(20_000, 0).missing.contains(&Missing::Quiet { seconds: 10_000, needed: 30_000 })
    );
}

#[test]
fn a_profile_stays_small_whatever_happens() {
    let mut random = 1_u64;
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random >> 33
    };
    let mut learned = shop::learned(1);
    for _ in 0..30_000 {
        let number = next();
        let word: String = (0..6)
            .map(|shift| char::from(b'a' + u8::try_from((number >> (4 * shift)) % 26).unwrap()))
            .collect();
        let behaviours = [
            file(PERL, &format!("/tmp/{number:x}"), FileOperation::Create),
            file(PERL, &format!("/var/cache/{word}"), FileOperation::Write),
            file(PERL, &format!("/d/{}/{}/{word}", number % 40, number % 70), FileOperation::Write),
            connect(
                PERL,
                &format!("{}.{}.{}.{}", number % 200 + 1, number % 251, number % 13, number % 7),
                443,
                None,
            ),
            lookup(&format!("{word}.{number:x}.example.com")),
        ];
        shop::observe(&mut learned, 1, 5, Phase::Steady, &behaviours);
    }
    let profile = learned.profile(&shop::derived());
    let text = profile.text();
    assert!(text.len() <= MOST_BYTES, "{}", text.len());
    assert!(profile.wide.is_empty(), "{:?}", profile.wide);
    for path in ["/tmp/*", "/var/cache/*", "/var/log/app/app.log", "/srv/data/tmp-*"] {
        assert!(profile.files.iter().any(|rule| rule.path.as_str() == path), "{path}\n{text}");
    }
    // Secrets and programs are never folded: beyond what fits they are told as too many.
    for number in 0..400 {
        let path = format!("/run/secrets/s{number}");
        shop::observe(
            &mut learned,
            1,
            5,
            Phase::Steady,
            &[file(PERL, &path, FileOperation::Read), exec(PERL, &[&format!("/x{number}")])],
        );
    }
    let profile = learned.profile(&shop::derived());
    // Who runs as whom is kept for each program.
    assert_eq!(profile.wide, [Dimension::Users, Dimension::Processes, Dimension::Secrets]);
    assert!(profile.secrets.iter().all(|rule| rule.path.as_literal().is_some()));
    assert!(profile.text().len() <= MOST_BYTES);
    // Names as long as they can be.
    for number in 0..200 {
        let path = format!("/{}{number}", "x".repeat(4000));
        shop::observe(
            &mut learned,
            1,
            5,
            Phase::Steady,
            &[exec(&path, &[&path, &path]), file(&path, &path, FileOperation::Write)],
        );
    }
    assert!(learned.profile(&shop::derived()).text().len() <= MOST_BYTES);
}

#[test]
fn passwords_on_command_lines_are_not_kept() {
    let mut learned = shop::learned(1);
    shop::observe(
        &mut learned,
        1,
        5,
        Phase::Steady,
        &[exec(PERL, &["/app/tool", "--db-password=hunter2", "a\nb*"])],
    );
    let profile = learned.profile(&shop::derived());
    let text = profile.text();
    assert!(!text.contains("hunter2") && text.contains(r#"["--db-password=*", "a\u000ab\\x2a"]"#), "{text}");
    assert_eq!(Profile::parse(&text), Ok(profile));
}

#[test]
fn health_checks_are_no_log_ins() {
    let check = shop::derived().login.health_check;
    let mut sessions = Sessions::default();
    let mut visit = |behaviour: &Behaviour| sessions.visit(behaviour, &check);
    assert_eq!(visit(&crate::facts::entrypoint()), Visit::Program);
    assert_eq!(visit(&entered(50, &["/app/tool", "report"])), Visit::HealthCheck);
    assert_eq!(visit(&entered(51, &["/app/tool", "report", "--all"])), Visit::Login);
    assert_eq!(visit(&entered(52, &["/bin/sh"])), Visit::Login);
    let child = |session| {
        let mut child = exec("/app/tool", &["/bin/date"]);
        child.actor.session = lazaret_model::Session::Entered(session);
        child
    };
    assert_eq!(visit(&child(50)), Visit::HealthCheck);
    assert_eq!(visit(&child(52)), Visit::Login);
    assert_eq!(visit(&child(99)), Visit::Login, "whose beginning was missed");
    // What is done in a log-in is never learned.
    let mut learned = shop::learned(1);
    let before = learned.clone();
    let behaviour = &child(52);
    learned.observe(Observation {
        replica: Replica(1),
        at: 1,
        phase: Phase::Steady,
        visit: Visit::Login,
        behaviour,
    });
    assert_eq!(learned, before);
}
