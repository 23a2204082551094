//! Entries that wait, and what a profile would have said.

use lazaret_model::{Dimension, FileOperation, Phase};
use lazaret_profile::{Decision, Mode, Modes, Profile, rehearse};

use crate::facts::{PERL, connect, exec, file};
use crate::shop;

/// Seven replicas, one of which did three things that no other did.
fn learned() -> lazaret_profile::learn::Learned {
    let mut learned = shop::learned(7);
    let lonely = [
        file(PERL, "/etc/hosts", FileOperation::Write),
        connect(PERL, "203.0.113.9", 4444, None),
        exec(PERL, &["/usr/bin/tac", "/etc/passwd"]),
    ];
    shop::observe(&mut learned, 7, 300, Phase::Steady, &lonely);
    learned
}

#[test]
fn a_person_accepts_and_drops_what_waits() {
    let profile = learned().profile(&shop::derived());
    let waiting = profile.waiting();
    let sections: Vec<&str> = waiting.iter().map(|one| one.section.as_str()).collect();
    assert_eq!(sections, ["users", "processes", "files", "network.connect"]);
    let file = &waiting[2];
    assert_eq!(file.entry, "{path: /etc/hosts, by: /usr/bin/perl, operations: [write]}");
    assert_eq!((file.pending.replicas, file.pending.of, file.pending.tainted), (1, 7, false));

    let mut decided = profile.clone();
    decided.decide(|one| match one.section.as_str() {
        "files" => Decision::Accept,
        "network.connect" => Decision::Drop,
        _ => Decision::Wait,
    });
    let text = decided.text();
    assert!(text.contains("- {path: /etc/hosts, by: /usr/bin/perl, operations: [write]}\n"), "{text}");
    assert!(!text.contains("203.0.113.9") && text.contains("/usr/bin/tac"), "{text}");
    let left: Vec<String> = decided.waiting().into_iter().map(|one| one.id).collect();
    assert_eq!(left, [waiting[0].id.clone(), waiting[1].id.clone()], "names of entries stay");
    assert_eq!(Profile::parse(&text), Ok(decided));
    // Looking changes nothing.
    assert_eq!(learned().profile(&shop::derived()), profile);
}

#[test]
fn a_profile_has_nothing_to_say_to_what_it_was_learned_from() {
    let mut profile = learned().profile(&shop::derived());
    profile.modes = Modes::all(Mode::Alert);
    profile.decide(|_| Decision::Accept);
    let observed = learned().profile(&shop::derived());
    assert_eq!(rehearse(&profile, shop::image_files(), &observed), []);
}

#[test]
fn what_a_profile_does_not_allow_is_told_beforehand() {
    let mut profile = shop::learned(7).profile(&shop::derived());
    profile.modes = Modes::all(Mode::Alert);
    let observed = learned().profile(&shop::derived());
    let said = rehearse(&profile, shop::image_files(), &observed);
    let told: Vec<_> = said.iter().map(|one| (one.dimension, one.category.name())).collect();
    let expected = [
        (Dimension::Users, "user.change"),
        (Dimension::Processes, "process.unexpected"),
        (Dimension::Files, "file.write"),
        (Dimension::Network, "network.connect"),
    ];
    assert_eq!(told, expected, "{said:?}");
    profile.modes.set(Dimension::Network, Mode::Off);
    assert_eq!(rehearse(&profile, shop::image_files(), &observed).len(), 3);
    // A narrower list of names than what was seen.
    for rule in &mut profile.files {
        if rule.path.as_str() == "/srv/data/tmp-*" {
            rule.path = lazaret_profile::Pattern::literal("/srv/data/tmp-1");
        }
    }
    let said = rehearse(&profile, shop::image_files(), &shop::learned(7).profile(&shop::derived()));
    assert_eq!(said.len(), 3, "write, create and rename: {said:?}");
}
