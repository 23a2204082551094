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
    profile.decide(|one| match () {
        () if names(accept, &one.id) => Decision::Accept,
        () if names(drop, &one.id) => Decision::Drop,
        () if names(accept, ALL) => Decision::Accept,
        () if names(drop, ALL) => Decision::Drop,
        () => Decision::Wait,
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
