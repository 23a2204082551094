//! `lazaret profile promote`: from what was learned to what agents hold containers to.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use lazaret_model::Dimension;
use lazaret_pipeline::{Scan, ScanOptions};
use lazaret_profile::{Profile, derive, diff, provisional};
use lazaret_trust::{Predicate, ProfilePredicate, SigningKey, Statement};
use serde::Serialize;

use super::{ChangeLine, decisions, executables, learned, lines, promoted, read, shown};
use crate::args::{ProfilePromoteArgs, SourceArgs};
use crate::client::Client;
use crate::commands::{by_digest, key};
use crate::evidence::Subject;
use crate::failure::{Code, Failure, Outcome};
use crate::images;
use crate::output::{plain, print, print_json, remark};
use crate::settings::Settings;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    image: String,
    config: String,
    variant: String,
    /// Digest of the signed statement; none: nothing was to be signed.
    envelope: Option<String>,
    modes: BTreeMap<&'static str, &'static str>,
    changes: Vec<ChangeLine<'a>>,
}

pub(super) async fn run(settings: &Settings, args: &ProfilePromoteArgs) -> Outcome {
    let (reference, manifest) = by_digest(&args.image)?;
    let key = key::read(&args.key.key)?;
    let client = Client::new(settings)?;
    let subject = Subject::fetch(reference, manifest, &args.registries).await?;
    let scan = scan(settings, args, &subject).await?;
    let derived = derive(&scan.image, &executables(&scan));

    let mut profile = proposed(settings, args, &client, &key, &scan, &derived).await?;
    if profile.subject.image != subject.config {
        let other = profile.subject.image;
        return Err(Failure::input(format!(
            "the profile is of {other}, {} is {}",
            args.image, subject.config
        ))
        .hint("--from takes the profile of another build of the image over"));
    }
    let variant = profile.subject.variant.key();
    let trusted = [key.verifying_key().clone()];
    let present = promoted::newest(&subject.evidence(&subject.attached().await?, &trusted), Some(&variant));
    let before = present.as_ref().map(|present| &present.profile);
    decisions::decide(&mut profile, &args.accept, &args.drop)?;
    if args.profile.is_none() {
        decisions::carry_on(&mut profile, before);
    }
    decisions::set_modes(&mut profile, &args.modes, args.enforce);

    let changes = diff(before.unwrap_or(&derived), &profile);
    if !settings.json() {
        if before.is_none() {
            remark(settings, "nothing was promoted before: compared with what the image says of itself");
        }
        print(&shown(settings, &changes))?;
    }
    decisions::nothing_waits(&profile)?;
    let is_new = before != Some(&profile);
    let envelope = match is_new && !args.dry_run {
        true => {
            let at = later_than(present.as_ref().map(|present| present.at));
            Some(sign(&subject, &client, &key, &profile, at).await?)
        }
        false => None,
    };
    if settings.json() {
        let mode = |dimension: &Dimension| (dimension.name(), profile.modes.of(*dimension).name());
        return print_json(&Answer {
            image: subject.reference.to_string(),
            config: subject.config.to_string(),
            variant,
            envelope,
            modes: Dimension::ALL.iter().map(mode).collect(),
            changes: lines(&changes),
        });
    }
    match envelope {
        Some(digest) => print(&format!("{} has a profile\n{digest}\n", subject.reference))?,
        None if is_new => remark(settings, "nothing was signed: --dry-run"),
        None => remark(settings, "this profile is promoted already: nothing was signed"),
    }
    Ok(())
}

/// The image as it is now: nothing that is signed comes from a cache.
async fn scan(settings: &Settings, args: &ProfilePromoteArgs, subject: &Subject) -> Result<Scan, Failure> {
    let (registries, limits) = (args.registries.clone(), args.limits.clone());
    let source = SourceArgs { registries, limits, ..SourceArgs::default() };
    let options = ScanOptions { executables: true, ..ScanOptions::default() };
    let target = format!("registry:{}", subject.reference);
    let scan = images::scan(settings, &target, &source, None, None, options).await?.scan;
    if scan.image.config != subject.config {
        return Err(Failure::input(format!("{} changed while it was read", subject.reference)));
    }
    for problem in &scan.problems {
        remark(settings, &format!("not read: {}", plain(&problem.to_string())));
    }
    Ok(scan)
}

/// What is to be promoted: a file, what a predecessor did, or what was learned.
async fn proposed(
    settings: &Settings,
    args: &ProfilePromoteArgs,
    client: &Client,
    key: &SigningKey,
    scan: &Scan,
    derived: &Profile,
) -> Result<Profile, Failure> {
    if let Some(file) = &args.profile {
        return read(file);
    }
    let variant = args.variant.as_deref();
    if let Some(from) = &args.from {
        let is_file = from.ends_with(".yaml") || from.ends_with(".yml");
        let predecessor = match from.strip_prefix("profile:").or(is_file.then_some(from)) {
            Some(file) => read(Path::new(file))?,
            None => promoted::of(from, key.verifying_key(), variant, &args.registries).await?,
        };
        return Ok(provisional(&predecessor, derived, &executables(scan)));
    }
    let body = learned::fetch(client, scan.image.config, variant).await?;
    for missing in body.missing.iter().filter(|missing| missing.rule != "pending") {
        remark(settings, &format!("learning is not done: {}", plain(&missing.message)));
    }
    Ok(learned::upon(&learned::stored(&body)?, derived.clone()))
}

/// Now; or just after what was promoted before, should the clock of whoever did that go ahead: the newest counts.
fn later_than(present: Option<Timestamp>) -> Timestamp {
    let next = present.map(|at| at.saturating_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX));
    next.map_or_else(Timestamp::now, |next| next.max(Timestamp::now()))
}

/// Signs, stores beside the image, and tells the server. Answers the statement's digest.
async fn sign(
    subject: &Subject,
    client: &Client,
    key: &SigningKey,
    profile: &Profile,
    at: Timestamp,
) -> Result<String, Failure> {
    let predicate = Predicate::Profile(ProfilePredicate {
        config: subject.config,
        variant: profile.subject.variant.key(),
        profile: profile.text(),
        at: at.to_string(),
    });
    let statement = Statement::about(&subject.repository(), subject.manifest, predicate);
    let envelope = subject.attach(&statement, key).await?;
    let digest = envelope.digest().to_string();
    let image = subject.upload(client, std::slice::from_ref(&envelope)).await?;
    match image.rejected.iter().find(|rejected| rejected.rule == digest) {
        None => Ok(digest),
        Some(why) => Err(Failure::new(
            Code::ServerRefused,
            format!(
                "the profile lies beside {}, but the server does not take it: {}",
                subject.reference, why.message
            ),
        )
        .hint("the server must trust the key: `lazaret serve --trusted-key`")),
    }
}
