//! What a person says to entries that wait, and which modes a promoted profile has.

use lazaret_model::Dimension;
use lazaret_profile::{Decision, Mode, Profile, Waiting};

use crate::failure::{Code, Failure};
use crate::output::plain;

const ALL: &str = "all";

/// Does what was said to what waits. What was named and does not wait is a mistake.
pub(super) fn decide(profile: &mut Profile, accept: &[String], drop: &[String]) -> Result<(), Failure> {
    let waiting = profile.waiting();
    let is_known = |name: &&String| name.as_str() == ALL || waiting.iter().any(|one| one.id == **name);
    if let Some(unknown) = accept.iter().chain(drop).find(|name| !is_known(name)) {
        return Err(Failure::input(format!("no entry `{}` waits in the profile", plain(unknown)))
            .hint("`lazaret profile learn IMAGE` names those that do"));
    }
    let names = |list: &[String], name: &str| list.iter().any(|one| one == name);
    if let Some(both) = accept.iter().find(|name| names(drop, name)) {
        return Err(Failure::new(Code::Usage, format!("`{both}` is both accepted and dropped")));
    }
    // Who is named counts before `all`.
    let (accept_all, drop_all) = (names(accept, ALL), names(drop, ALL));
    profile.decide(|one| {
        if names(accept, &one.id) {
            Decision::Accept
        } else if drop_all && !accept_all || names(drop, &one.id) {
            Decision::Drop
        } else if accept_all {
            Decision::Accept
        } else {
            Decision::Wait
        }
    });
    Ok(())
}

/// Refuses while something waits: a profile that is enforced must say of everything that was seen what it is.
pub(super) fn nothing_waits(profile: &Profile) -> Result<(), Failure> {
    let waiting = profile.waiting();
    if waiting.is_empty() {
        return Ok(());
    }
    let line = |one: &Waiting| {
        let why = if one.pending.tainted { ", broke a rule" } else { "" };
        let (done, of) = (one.pending.replicas, one.pending.of);
        format!("\n  {}  {} ({done} of {of}{why}): {}", one.id, one.section, plain(&one.entry))
    };
    let lines: String = waiting.iter().map(line).collect();
    let message = format!("{} entries wait for a person{lines}", waiting.len());
    Err(Failure::new(Code::Refused, message).hint("say --accept ENTRY or --drop ENTRY of each, or of `all`"))
}

/// Modes and actions that were promoted before are carried on. Without any, learning ends here and deviations are told.
pub(super) fn carry_on(profile: &mut Profile, present: Option<&Profile>) {
    for dimension in Dimension::ALL {
        match present {
            Some(present) => {
                profile.modes.set(*dimension, present.modes.of(*dimension));
                profile.modes.set_action(*dimension, present.modes.action(*dimension));
            }
            None if profile.modes.of(*dimension) == Mode::Learn => profile.modes.set(*dimension, Mode::Alert),
            None => {}
        }
    }
}

/// What is said now counts before everything; the last word of several.
pub(super) fn set_modes(profile: &mut Profile, said: &[(Dimension, Mode)], enforce: bool) {
    if enforce {
        Dimension::ALL.iter().for_each(|dimension| profile.modes.set(*dimension, Mode::Block));
    }
    said.iter().for_each(|(dimension, mode)| profile.modes.set(*dimension, *mode));
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"version: 1
image: sha256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a
variant: {command: [/a], user: "root", architecture: "amd64"}
state: learned
modes: {files: learn, network: "off", executables: block}
executables: {drift: deny, memory: deny, loader: deny}
libraries: {outside-image: deny}
files:
  - {path: /one, by: /a, operations: [write], pending: {replicas: 1, of: 7}}
  - {path: /three, by: /a, operations: [write], pending: {replicas: 1, of: 7, tainted: true}}
  - {path: /two, by: /a, operations: [write], pending: {replicas: 1, of: 7}}
"#;

    fn profile() -> Profile {
        Profile::parse(TEXT).unwrap()
    }

    fn left(accept: &[&str], drop: &[&str]) -> (Vec<String>, usize) {
        let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let mut profile = profile();
        decide(&mut profile, &texts(accept), &texts(drop)).unwrap();
        let paths = profile.files.iter().map(|rule| rule.path.to_string()).collect();
        (paths, profile.waiting().len())
    }

    #[test]
    fn who_is_named_counts_before_all() {
        let ids: Vec<String> = profile().waiting().into_iter().map(|one| one.id).collect();
        let one = ids[0].as_str();
        assert_eq!(left(&[], &[]).1, 3);
        assert_eq!(left(&["all"], &[]), (vec!["/one".into(), "/three".into(), "/two".into()], 0));
        assert_eq!(left(&[], &["all"]), (vec![], 0));
        assert_eq!(left(&["all"], &[one]), (vec!["/three".into(), "/two".into()], 0));
        assert_eq!(left(&[one], &["all"]), (vec!["/one".into()], 0));
        assert_eq!(left(&[one], &[]).1, 2);
    }

    #[test]
    fn what_waits_is_told_entry_by_entry() {
        let failure = nothing_waits(&profile()).unwrap_err();
        assert_eq!(failure.code, Code::Refused);
        for words in
            ["3 entries wait", "files (1 of 7): {path: /one,", "files (1 of 7, broke a rule): {path: /three,"]
        {
            assert!(failure.message.contains(words), "{words}: {}", failure.message);
        }
        let mut unknown = profile();
        assert_eq!(decide(&mut unknown, &["nothing".to_owned()], &[]).unwrap_err().code, Code::Input);
        let both = ["all".to_owned()];
        assert_eq!(decide(&mut unknown, &both, &both).unwrap_err().code, Code::Usage);
    }

    #[test]
    fn learning_ends_with_a_promotion_and_modes_are_carried_on() {
        let (files, network) = (Dimension::Files, Dimension::Network);
        let mut first = profile();
        carry_on(&mut first, None);
        set_modes(&mut first, &[(network, Mode::Block)], false);
        let modes = |profile: &Profile| (profile.modes.of(files), profile.modes.of(network));
        assert_eq!(modes(&first), (Mode::Alert, Mode::Block));
        assert_eq!(first.modes.of(Dimension::Executables), Mode::Block);
        let mut second = profile();
        carry_on(&mut second, Some(&first));
        assert_eq!(modes(&second), (Mode::Alert, Mode::Block));
        set_modes(&mut second, &[(network, Mode::Learn), (network, Mode::Off)], true);
        assert_eq!(modes(&second), (Mode::Block, Mode::Off));
    }
}
