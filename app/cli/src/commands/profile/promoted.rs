//! Profiles that lie beside an image, signed.

use std::path::Path;

use jiff::Timestamp;
use lazaret_profile::Profile;
use lazaret_trust::{Collected, ProfilePredicate, VerifyingKey};

use crate::args::RegistryArgs;
use crate::commands::by_digest;
use crate::evidence::Subject;
use crate::failure::Failure;
use crate::files;

/// A profile with when it was promoted.
#[derive(Debug)]
pub(super) struct Promoted {
    pub(super) profile: Profile,
    pub(super) at: Timestamp,
}

/// The newest one of a way to run the image, or of any. One that cannot be read is no profile: so says the agent too.
pub(super) fn newest(collected: &Collected, variant: Option<&str>) -> Option<Promoted> {
    let meant = |profile: &&ProfilePredicate| variant.is_none_or(|variant| variant == profile.variant);
    let newest = collected.profiles().into_iter().map(|(_, profile)| profile).find(meant)?;
    let profile = Profile::parse(&newest.profile).ok()?;
    let is_its_own =
        profile.subject.image == newest.config && profile.subject.variant.key() == newest.variant;
    is_its_own.then(|| Promoted { profile, at: newest.at.parse().unwrap_or(Timestamp::MIN) })
}

/// What was promoted of an image in its registry.
pub(super) async fn of(
    image: &str,
    key: &VerifyingKey,
    variant: Option<&str>,
    registries: &RegistryArgs,
) -> Result<Profile, Failure> {
    let (reference, manifest) = by_digest(image)?;
    let subject = Subject::fetch(reference, manifest, registries).await?;
    let collected = subject.evidence(&subject.attached().await?, std::slice::from_ref(key));
    newest(&collected, variant).map(|promoted| promoted.profile).ok_or_else(|| {
        Failure::input(format!("no profile lies beside {image} that was signed with key {}", key.key_id()))
            .hint("`lazaret profile promote` puts one there")
    })
}

pub(super) async fn show(
    image: &str,
    key: &Path,
    variant: Option<&str>,
    registries: &RegistryArgs,
) -> Result<Profile, Failure> {
    let pem = files::read_text(key, 64 << 10)?;
    let key = VerifyingKey::from_pem(&pem)
        .map_err(|error| Failure::input(format!("{} is not a usable public key: {error}", key.display())))?;
    of(image, &key, variant, registries).await
}
