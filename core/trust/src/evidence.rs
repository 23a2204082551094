use std::cmp::Reverse;
use std::collections::HashSet;

use jiff::Timestamp;
use lazaret_model::{Digest, Evidence, Outcome, Promotion};

use crate::{Envelope, Predicate, ProfilePredicate, Statement, VerdictPredicate, VerifyingKey};

/// What a heap of envelopes proves about one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    pub evidence: Evidence,
    /// Every statement that was believed, in the order of the envelopes.
    pub statements: Vec<Verified>,
    /// SHA-256 of each file the image may execute, ascending. `None`: no statement says.
    pub executables: Option<Vec<[u8; 32]>>,
    /// Where each of them lies: absolute paths, ascending. `None`: not every statement of them says.
    pub places: Option<Vec<(String, [u8; 32])>>,
    /// Digest of each envelope that proves nothing about this image, and why.
    pub rejected: Vec<(Digest, String)>,
}

/// A statement about the image, signed by a trusted key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Digest of the envelope.
    pub envelope: Digest,
    /// Id of the trusted key that signed it; the first, if several did.
    pub key: String,
    pub statement: Statement,
}

impl Collected {
    /// The newest attested verdict, which [`Evidence::scan`] is the outcome of.
    pub fn verdict(&self) -> Option<(&Verified, &VerdictPredicate)> {
        newest_verdict(&self.statements)
    }

    /// The newest profile of each way to run the image, newest first.
    pub fn profiles(&self) -> Vec<(&Verified, &ProfilePredicate)> {
        let mut profiles: Vec<_> = self
            .statements
            .iter()
            .filter_map(|verified| match &verified.statement.predicate {
                Predicate::Profile(profile) => Some((verified, profile)),
                _ => None,
            })
            .collect();
        // Of the same instant, whichever: but the same on every host.
        profiles.sort_by_key(|(verified, profile)| Reverse((instant(&profile.at), verified.envelope)));
        let mut told = HashSet::new();
        profiles.retain(|(_, profile)| told.insert(profile.variant.as_str()));
        profiles
    }
}

/// Decides what is proven of one image.
///
/// A statement counts if a trusted key signed it, if it is about `manifest`, and if the configuration it
/// names (where its kind names one) is `config`: a signed statement about another image, replayed here,
/// proves nothing. `repository` is only passed on: an image's identity is its digest.
///
/// `config` must be known to belong to `manifest`: see [`config_of_manifest`](crate::config_of_manifest).
pub fn evidence(
    repository: &str,
    manifest: Digest,
    config: Digest,
    envelopes: &[Envelope],
    keys: &[VerifyingKey],
) -> Collected {
    let mut statements: Vec<Verified> = Vec::new();
    let mut rejected = Vec::new();
    for envelope in envelopes {
        let digest = envelope.digest();
        match believe(envelope, manifest, config, keys) {
            Ok((key, statement)) => {
                // Key ids, further signatures and even an ECDSA signature itself can be spelled anew
                // without the key: what a key said once counts once.
                if !statements.iter().any(|known| known.key == key && known.statement == statement) {
                    statements.push(Verified { envelope: digest, key, statement });
                }
            }
            Err(reason) => rejected.push((digest, reason)),
        }
    }
    let has = |wanted: fn(&Predicate) -> bool| {
        statements.iter().any(|verified| wanted(&verified.statement.predicate))
    };
    let evidence = Evidence {
        manifest,
        config,
        repository: repository.to_owned(),
        signed: has(|predicate| matches!(predicate, Predicate::Signature)),
        has_sbom: has(|predicate| matches!(predicate, Predicate::Sbom(_))),
        scan: newest_verdict(&statements).map(|(_, verdict)| verdict.outcome),
        promotions: promotions(&statements),
    };
    let (executables, places) = (executables(&statements), places(&statements));
    Collected { evidence, statements, executables, places, rejected }
}

fn believe(
    envelope: &Envelope,
    manifest: Digest,
    config: Digest,
    keys: &[VerifyingKey],
) -> Result<(String, Statement), String> {
    let content = envelope.verify(keys).map_err(|error| error.to_string())?;
    let statement = Statement::of(&content).map_err(|error| error.to_string())?;
    if !statement.is_about(manifest) {
        let about = statement.subjects.iter().find_map(|subject| subject.digest);
        return Err(match about {
            Some(other) => format!("the statement is about {other}, not about {manifest}"),
            None => "the statement names no sha256 of what it is about".to_owned(),
        });
    }
    match statement.predicate.config() {
        Some(other) if other != config => Err(format!(
            "the statement is about an image with the configuration {other}, but {manifest} has {config}"
        )),
        _ => Ok((content.keys[0].to_owned(), statement)),
    }
}

/// Of two verdicts of the same instant the refusal counts.
fn newest_verdict(statements: &[Verified]) -> Option<(&Verified, &VerdictPredicate)> {
    let verdicts = statements.iter().filter_map(|verified| match &verified.statement.predicate {
        Predicate::Verdict(verdict) => Some((verified, verdict)),
        _ => None,
    });
    verdicts.max_by_key(|(_, verdict)| (instant(&verdict.at), verdict.outcome == Outcome::Refuse))
}

/// Newest last.
fn promotions(statements: &[Verified]) -> Vec<Promotion> {
    let mut promotions: Vec<Promotion> = statements
        .iter()
        .filter_map(|verified| match &verified.statement.predicate {
            Predicate::Promotion(promotion) => Some(Promotion {
                to: promotion.to.clone(),
                from: promotion.from.clone(),
                key: verified.key.clone(),
                envelope: verified.envelope,
                at: promotion.at.clone(),
            }),
            _ => None,
        })
        .collect();
    promotions.sort_by_key(|promotion| (instant(&promotion.at), promotion.envelope));
    promotions
}

/// One image has one list. Should two disagree, only what both allow is allowed.
fn executables(statements: &[Verified]) -> Option<Vec<[u8; 32]>> {
    let lists = statements.iter().filter_map(|verified| match &verified.statement.predicate {
        Predicate::Executables(executables) => Some(&executables.files),
        _ => None,
    });
    lists.fold(None, |allowed: Option<Vec<[u8; 32]>>, list| match allowed {
        None => Some(list.clone()),
        Some(mut allowed) => {
            allowed.retain(|file| list.binary_search(file).is_ok());
            Some(allowed)
        }
    })
}

/// Where all lists agree.
fn places(statements: &[Verified]) -> Option<Vec<(String, [u8; 32])>> {
    let mut lists = statements.iter().filter_map(|verified| match &verified.statement.predicate {
        Predicate::Executables(executables) => Some(executables.by_place()),
        _ => None,
    });
    let first = lists.next()??;
    let others: Vec<_> = lists.collect::<Option<_>>()?;
    let agreed =
        first.into_iter().filter(|(path, file)| others.iter().all(|other| other.get(path) == Some(file)));
    Some(agreed.map(|(path, file)| (path.to_owned(), file)).collect())
}

/// Statements were read strictly, so their times parse; the oldest instant for one that was built otherwise.
fn instant(at: &str) -> Timestamp {
    at.parse().unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use lazaret_model::{DatabaseSnapshot, Stage};

    use super::*;
    use crate::key::tests::key;
    use crate::{ExecutablesPredicate, PromotionPredicate, digest_of};

    fn manifest() -> Digest {
        digest_of(b"manifest")
    }

    fn config() -> Digest {
        digest_of(b"config")
    }

    fn signed(manifest: Digest, predicate: Predicate, by: u8) -> Envelope {
        Statement::about("r.example/shop", manifest, predicate).sign(&key(by)).unwrap()
    }

    fn verdict(outcome: Outcome, at: &str) -> Predicate {
        Predicate::Verdict(VerdictPredicate {
            outcome,
            policy: digest_of(b"p"),
            database: DatabaseSnapshot { digest: digest_of(b"d"), built: at.to_owned(), advisories: 0 },
            findings: vec![],
            reasons: vec![],
            excepted: vec![],
            complete: true,
            config: config(),
            at: at.to_owned(),
        })
    }

    fn promotion(to: &str, at: &str, config: Digest) -> Predicate {
        let (to, evidence) = (to.parse().unwrap(), vec![]);
        Predicate::Promotion(PromotionPredicate {
            to,
            from: None,
            config,
            evidence,
            policy: digest_of(b"p"),
            at: at.to_owned(),
        })
    }

    fn collect(envelopes: &[Envelope]) -> Collected {
        evidence("r.example/shop", manifest(), config(), envelopes, &[key(1).verifying_key().clone()])
    }

    #[test]
    fn gathers_what_trusted_keys_say() {
        let list = ExecutablesPredicate::new(config(), vec![[2; 32], [1; 32]]);
        let collected = collect(&[
            signed(manifest(), promotion("qa", "2026-11-02T00:00:00Z", config()), 1),
            signed(manifest(), Predicate::Signature, 1),
            signed(manifest(), Predicate::Sbom("{}".to_owned()), 1),
            signed(manifest(), verdict(Outcome::Pass, "2026-11-01T00:00:00Z"), 1),
            signed(manifest(), promotion("dev", "2026-11-01T23:59:59.5Z", config()), 1),
            signed(manifest(), Predicate::Executables(list), 1),
        ]);
        let evidence = &collected.evidence;
        assert!(evidence.signed && evidence.has_sbom && collected.rejected.is_empty());
        assert_eq!(evidence.scan, Some(Outcome::Pass));
        let stages: Vec<&str> = evidence.promotions.iter().map(|p| p.to.as_str()).collect();
        assert_eq!(stages, ["dev", "qa"]);
        assert_eq!(evidence.promotions[0].key, key(1).key_id());
        assert_eq!(evidence.promotions[1].envelope, collected.statements[0].envelope);
        assert!(evidence.is_promoted_to(&"qa".parse::<Stage>().unwrap()));
        assert_eq!(collected.executables, Some(vec![[1; 32], [2; 32]]));
        assert_eq!(collected.statements.len(), 6);
    }

    #[test]
    fn a_replayed_statement_is_rejected_with_a_reason() {
        let other = digest_of(b"another image");
        let collected = collect(&[
            signed(other, Predicate::Signature, 1),
            signed(manifest(), promotion("prod", "2026-11-02T00:00:00Z", other), 1),
            signed(manifest(), Predicate::Executables(ExecutablesPredicate::new(other, vec![])), 1),
            signed(manifest(), Predicate::Signature, 2),
            Envelope::sign("text/plain", b"hello".to_vec(), &key(1)),
        ]);
        assert!(collected.statements.is_empty() && !collected.evidence.signed);
        assert!(collected.evidence.promotions.is_empty() && collected.executables.is_none());
        let reasons: Vec<&str> = collected.rejected.iter().map(|(_, reason)| reason.as_str()).collect();
        for (reason, word) in reasons.iter().zip([
            "is about sha256",
            "configuration",
            "configuration",
            "no trusted key",
            "text/plain",
        ]) {
            assert!(reason.contains(word), "{reason}");
        }
        assert_eq!(reasons.len(), 5);
    }

    #[test]
    fn nothing_is_proven_to_one_who_trusts_nobody() {
        let envelopes = [signed(manifest(), Predicate::Signature, 1)];
        let collected = evidence("r.example/shop", manifest(), config(), &envelopes, &[]);
        assert!(!collected.evidence.signed);
        assert!(collected.rejected[0].1.contains("no key is trusted"));
    }

    #[test]
    fn the_newest_verdict_counts() {
        let old = signed(manifest(), verdict(Outcome::Pass, "2026-11-01T12:00:00+02:00"), 1);
        let new = signed(manifest(), verdict(Outcome::Refuse, "2026-11-01T10:00:01Z"), 1);
        for envelopes in [[old.clone(), new.clone()], [new.clone(), old.clone()]] {
            let collected = collect(&envelopes);
            assert_eq!(collected.evidence.scan, Some(Outcome::Refuse));
            assert_eq!(collected.verdict().unwrap().0.envelope, new.digest());
        }
        let same = signed(manifest(), verdict(Outcome::Pass, "2026-11-01T10:00:01Z"), 1);
        assert_eq!(collect(&[new.clone(), same.clone()]).evidence.scan, Some(Outcome::Refuse));
        assert_eq!(collect(&[same, new]).evidence.scan, Some(Outcome::Refuse));
    }

    #[test]
    fn lists_that_disagree_allow_what_both_allow() {
        let list = |files: &[[u8; 32]]| {
            signed(manifest(), Predicate::Executables(ExecutablesPredicate::new(config(), files.to_vec())), 1)
        };
        let collected = collect(&[list(&[[1; 32], [2; 32]]), list(&[[2; 32], [3; 32]])]);
        assert_eq!(collected.executables, Some(vec![[2; 32]]));
    }

    fn profile(variant: char, text: &str, at: &str, config: Digest) -> Predicate {
        Predicate::Profile(ProfilePredicate {
            config,
            variant: variant.to_string().repeat(32),
            profile: text.to_owned(),
            at: at.to_owned(),
        })
    }

    #[test]
    fn the_newest_profile_of_each_variant_counts() {
        let day = |number: u8| format!("2026-11-{number:02}T00:00:00Z");
        let mut envelopes = vec![
            signed(manifest(), profile('a', "second", &day(2), config()), 1),
            signed(manifest(), profile('b', "other", &day(3), config()), 1),
            signed(manifest(), profile('a', "first", &day(1), config()), 1),
            // Not evidence: another key, another image's configuration, another image.
            signed(manifest(), profile('a', "strange", &day(9), config()), 2),
            signed(manifest(), profile('a', "replayed", &day(9), digest_of(b"another")), 1),
            signed(digest_of(b"another"), profile('a', "foreign", &day(9), config()), 1),
        ];
        for _ in 0..envelopes.len() {
            envelopes.rotate_left(1);
            let collected = collect(&envelopes);
            let texts: Vec<&str> =
                collected.profiles().into_iter().map(|(_, profile)| profile.profile.as_str()).collect();
            assert_eq!(texts, ["other", "second"]);
            assert_eq!(collected.rejected.len(), 3);
        }
    }

    /// A profile is a statement about the digest: wherever the image is promoted to, it is there.
    #[test]
    fn a_promotion_takes_the_profile_along() {
        let known = signed(manifest(), profile('a', "text", "2026-11-01T00:00:00Z", config()), 1);
        let promoted = signed(manifest(), promotion("prod", "2026-11-02T00:00:00Z", config()), 1);
        let elsewhere = evidence(
            "other.example/production/shop",
            manifest(),
            config(),
            &[known.clone(), promoted],
            &[key(1).verifying_key().clone()],
        );
        assert_eq!(elsewhere.profiles()[0].0.envelope, known.digest());
        assert!(elsewhere.evidence.is_promoted_to(&"prod".parse::<Stage>().unwrap()));
    }

    #[test]
    fn what_a_key_says_twice_counts_once() {
        let promotion = signed(manifest(), promotion("dev", "2026-11-01T00:00:00Z", config()), 1);
        let mut respelled = promotion.clone();
        respelled.countersign(&key(2));
        assert_ne!(respelled.digest(), promotion.digest());
        let collected = collect(&[promotion.clone(), respelled, promotion]);
        assert_eq!((collected.statements.len(), collected.evidence.promotions.len()), (1, 1));
    }
}
