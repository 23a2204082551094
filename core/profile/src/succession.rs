//! The profile of a new build of an image, until it has one of its own.

use std::collections::HashMap;

use lazaret_model::{Digest, Dimension, RUNTIME};

use crate::derive::ImageExecutable;
use crate::modes::Mode;
use crate::profile::{ANY, FileRule, Profile, State};

/// What the predecessor was seen to do, as far as the new image still has the programs for it.
///
/// What the image itself says comes from `derived`. What was blocked because it was never seen is only told of now:
/// the new build may do new things. What the image alone decides is blocked as before.
pub fn provisional(predecessor: &Profile, derived: &Profile, executables: &[ImageExecutable<'_>]) -> Profile {
    let digests: HashMap<&str, [u8; 32]> = executables
        .iter()
        .map(|executable| (executable.path.trim_start_matches('/'), executable.sha256))
        .collect();
    let digest = |path: &str| digests.get(path.trim_start_matches('/')).copied().map(Digest::from_bytes);
    let remains = |by: &str| by == ANY || by == RUNTIME || digest(by).is_some();

    let mut profile = predecessor.clone();
    profile.subject = derived.subject.clone();
    profile.state = State::Provisional;
    profile.executables = derived.executables.clone();
    profile.login = derived.login.clone();
    profile.volumes.extend(derived.volumes.iter().cloned());
    let is_known = |port| predecessor.network.listen.iter().any(|known| known.port == port);
    profile.network.listen.extend(derived.network.listen.iter().filter(|one| !is_known(one.port)).cloned());

    profile.processes.retain(|process| remains(&process.executable) && remains(&process.parent));
    for process in &mut profile.processes {
        process.digest = process.digest.and(digest(&process.executable));
    }
    // How the new image is started is for it to say.
    let is_first = |parent: &str| parent == RUNTIME;
    if !derived.processes.is_empty() && derived.subject.variant.command != predecessor.subject.variant.command
    {
        profile.processes.retain(|process| !is_first(&process.parent));
        profile.processes.extend(derived.processes.iter().cloned());
    }
    profile.users.retain(|user| remains(&user.by));
    if profile.users.is_empty() {
        profile.users.clone_from(&derived.users);
    }
    profile.libraries.added.retain(|library| remains(&library.by));
    let of_remaining = |rules: &mut Vec<FileRule>| rules.retain(|rule| remains(&rule.by));
    of_remaining(&mut profile.files);
    of_remaining(&mut profile.secrets);
    let network = &mut profile.network;
    network.listen.retain(|rule| remains(&rule.by));
    network.connect.retain(|rule| remains(&rule.by));
    network.raw.retain(|raw| remains(&raw.by));

    for dimension in Dimension::ALL {
        let is_of_image = derived.modes.of(*dimension) == Mode::Block;
        if profile.modes.of(*dimension) == Mode::Block && !is_of_image {
            profile.modes.set(*dimension, Mode::Alert);
        }
    }
    profile.sort();
    profile
}
