//! Keeps the newest admissions, in memory for decisions and on disk for the time when the server is away.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use lazaret_format::v1::AdmissionSnapshot;
use lazaret_policy::Policy;
use lazaret_trust::VerifyingKey;

use super::Admissions;
use crate::failure::Failure;
use crate::files;

const CACHE_BYTES: u64 = 1 << 30;
const KEY_BYTES: u64 = 64 << 10;

#[derive(Debug)]
pub struct AdmissionStore {
    keys: Vec<VerifyingKey>,
    cache: PathBuf,
    current: RwLock<Arc<Admissions>>,
}

/// What became of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// In force and on disk. What is wrong with parts of it, one sentence each.
    New { complaints: Vec<String> },
    /// Nothing newer than what is in force.
    Same,
    /// Older than what is in force, which stays.
    RolledBack { offered: u64, kept: u64 },
}

impl AdmissionStore {
    /// Reads the trusted keys and what an earlier life of the agent kept. The second value says what is wrong
    /// with the latter.
    pub fn open(cache: &Path, trusted_keys: &[PathBuf]) -> Result<(Self, Vec<String>), Failure> {
        let keys = trusted_keys.iter().map(|path| read_key(path)).collect::<Result<Vec<_>, Failure>>()?;
        let store =
            Self { keys, cache: cache.to_owned(), current: RwLock::new(Arc::new(Admissions::empty())) };
        let mut complaints = Vec::new();
        if let Some(bytes) = files::read_optional(cache, CACHE_BYTES)? {
            match serde_json::from_slice::<AdmissionSnapshot>(&bytes) {
                Ok(snapshot) => {
                    let policy = match parse_policy(&snapshot.policy.text) {
                        _ if is_unset(&snapshot.policy.text) => None,
                        Ok(policy) => Some(policy),
                        Err(why) => {
                            complaints.push(format!("the kept policy is not valid, nothing is admitted until the server sends one: {why}"));
                            None
                        }
                    };
                    let (admissions, more) = Admissions::verify(&snapshot, policy, &store.keys, &Admissions::empty());
                    complaints.extend(more);
                    store.replace(admissions);
                }
                Err(error) => complaints.push(format!(
                    "the kept admissions {} are not readable ({error}); nothing is admitted until the server sends them",
                    cache.display()
                )),
            }
        }
        Ok((store, complaints))
    }

    /// What is in force now.
    pub fn current(&self) -> Arc<Admissions> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a snapshot of the server in force, if it is newer.
    pub fn apply(&self, mut snapshot: AdmissionSnapshot) -> Result<Applied, Failure> {
        let before = self.current();
        if snapshot.revision < before.revision {
            return Ok(Applied::RolledBack { offered: snapshot.revision, kept: before.revision });
        }
        if snapshot.revision == before.revision && before.revision != 0 {
            return Ok(Applied::Same);
        }
        let mut complaints = Vec::new();
        let policy = match parse_policy(&snapshot.policy.text) {
            _ if is_unset(&snapshot.policy.text) && before.policy.is_none() => None,
            Ok(policy) => Some(policy),
            Err(why) => {
                let instead = if before.policy.is_some() {
                    "the last valid one stays in force"
                } else {
                    "nothing is admitted"
                };
                complaints.push(format!("the server's policy is not valid, {instead}: {why}"));
                // The cache must hold what is in force: after a restart the valid policy still is.
                snapshot.policy.text = self.kept_policy_text().unwrap_or_default();
                before.policy.clone()
            }
        };
        let (admissions, more) = Admissions::verify(&snapshot, policy, &self.keys, &before);
        complaints.extend(more);
        let text = serde_json::to_vec(&snapshot).map_err(|error| Failure::Internal(error.to_string()))?;
        self.replace(admissions);
        // In force even if the disk is full: a withdrawn promotion must not go on being one.
        if let Err(failure) = files::replace(&self.cache, &text) {
            complaints.push(format!(
                "the newest admissions are in force, but would be forgotten by a restart: {failure}"
            ));
        }
        Ok(Applied::New { complaints })
    }

    fn kept_policy_text(&self) -> Option<String> {
        let bytes = files::read_bounded(&self.cache, CACHE_BYTES).ok()?;
        let kept: AdmissionSnapshot = serde_json::from_slice(&bytes).ok()?;
        parse_policy(&kept.policy.text).ok().map(|_| kept.policy.text)
    }

    fn replace(&self, admissions: Admissions) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(admissions);
    }
}

/// Forgets what the server sent so far, so that a server with another history is believed from its beginning.
pub fn forget(cache: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(cache) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::write(cache, error)),
        _ => Ok(()),
    }
}

fn parse_policy(text: &str) -> Result<Arc<Policy>, String> {
    Policy::parse(text, "policy").map(Arc::new).map_err(|error| error.to_string())
}

fn read_key(path: &Path) -> Result<VerifyingKey, Failure> {
    let bytes = files::read_bounded(path, KEY_BYTES).map_err(|source| Failure::read(path, source))?;
    let text = String::from_utf8_lossy(&bytes);
    VerifyingKey::from_pem(&text).map_err(|error| Failure::Configuration {
        path: path.to_owned(),
        why: format!(
            "it is not a public key ({error}); `lazaret key generate` makes a pair, name its lazaret.pub"
        ),
    })
}

/// A server to which no policy was pushed yet sends none. Nothing is admitted, but nothing was lost either.
fn is_unset(policy: &str) -> bool {
    policy.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use lazaret_format::v1::{AdmittedImage, EnvelopeBody, PolicyBody, SignatureBody};
    use lazaret_model::Digest;
    use lazaret_trust::{
        Envelope, ExecutablesPredicate, Predicate, PromotionPredicate, SigningKey, Statement,
    };

    use super::*;

    const POLICY: &str = "stages: [{prod: {requires: [signature]}}]\n";
    const AT: &str = "2026-11-22T00:00:00Z";

    fn digest(byte: u8) -> Digest {
        Digest::from_bytes([byte; 32])
    }

    fn key(byte: u8) -> SigningKey {
        SigningKey::from_random([byte; 32]).unwrap()
    }

    fn body(envelope: &Envelope) -> EnvelopeBody {
        serde_json::from_slice(&envelope.to_json()).unwrap()
    }

    /// An image whose statements are signed by one key: `config` is what the server says, `stated` what was signed.
    fn image(manifest: u8, config: u8, stated: u8, by: &SigningKey) -> AdmittedImage {
        let statements = [
            Predicate::Signature,
            Predicate::Promotion(PromotionPredicate {
                to: "prod".parse().unwrap(),
                from: None,
                config: digest(stated),
                evidence: vec![],
                policy: digest(0),
                at: AT.to_owned(),
            }),
            Predicate::Executables(ExecutablesPredicate::new(digest(stated), vec![[2; 32], [1; 32]])),
        ];
        let sign =
            |predicate| Statement::about("r.example/shop", digest(manifest), predicate).sign(by).unwrap();
        AdmittedImage {
            repository: "r.example/shop".to_owned(),
            manifest: digest(manifest).to_string(),
            config: digest(config).to_string(),
            envelopes: statements.map(sign).iter().map(body).collect(),
            profile: None,
        }
    }

    fn snapshot(revision: u64, policy: &str, images: Vec<AdmittedImage>) -> AdmissionSnapshot {
        let policy = PolicyBody { text: policy.to_owned(), digest: String::new() };
        AdmissionSnapshot { revision, at: AT.to_owned(), policy, images }
    }

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            std::fs::write(directory.path().join("key.pub"), key(1).verifying_key().to_pem()).unwrap();
            Self(directory)
        }

        fn open(&self) -> (AdmissionStore, Vec<String>) {
            let keys = [self.0.path().join("key.pub")];
            AdmissionStore::open(&self.0.path().join("admissions.json"), &keys).unwrap()
        }
    }

    #[test]
    fn survives_a_restart_without_the_server() {
        let place = Place::new();
        let (store, _) = place.open();
        let applied = store.apply(snapshot(3, POLICY, vec![image(1, 2, 2, &key(1))])).unwrap();
        assert_eq!(applied, Applied::New { complaints: vec![] });
        assert_eq!(store.apply(snapshot(3, POLICY, vec![])).unwrap(), Applied::Same);
        let (store, complaints) = place.open();
        assert!(complaints.is_empty());
        let current = store.current();
        assert_eq!((current.revision, current.images()), (3, 1));
        let admitted = &current.by_config(&digest(2))[0];
        assert!(admitted.evidence.signed && admitted.evidence.is_promoted_to(&"prod".parse().unwrap()));
        let executables = admitted.executables.as_ref().unwrap();
        assert!(
            executables.len() == 2 && executables.contains(&digest(1)) && executables.contains(&digest(2))
        );
        assert!(current.policy.is_some() && current.by_config(&digest(1)).is_empty());
    }

    #[test]
    fn believes_signatures_and_not_the_server() {
        let place = Place::new();
        let (store, _) = place.open();
        let stranger = image(1, 2, 2, &key(9));
        let another_config = image(3, 4, 5, &key(1));
        let mut only_signed = image(6, 7, 7, &key(1));
        only_signed.envelopes.truncate(1);
        let Applied::New { complaints } =
            store.apply(snapshot(1, POLICY, vec![stranger, another_config, only_signed])).unwrap()
        else {
            panic!("not applied")
        };
        assert_eq!(complaints.len(), 3, "{complaints:?}");
        assert_eq!(store.current().images(), 0);
    }

    #[test]
    fn a_promotion_vouches_for_the_bill_of_material_that_is_not_sent() {
        let promotion = |manifest: u8, evidence: Vec<Digest>| {
            let promotion = Predicate::Promotion(PromotionPredicate {
                to: "prod".parse().unwrap(),
                from: None,
                config: digest(2),
                evidence,
                policy: digest(0),
                at: AT.to_owned(),
            });
            Statement::about("r.example/shop", digest(manifest), promotion).sign(&key(1)).unwrap()
        };
        for (with_bill, expected) in [(false, false), (true, true)] {
            let place = Place::new();
            let (store, _) = place.open();
            let mut image = image(1, 2, 2, &key(1));
            let mut named: Vec<Digest> = image
                .envelopes
                .iter()
                .map(|body| Envelope::parse(&serde_json::to_vec(body).unwrap(), 1 << 20).unwrap().digest())
                .collect();
            named.extend(with_bill.then(|| digest(77)));
            image.envelopes.push(body(&promotion(1, named)));
            store.apply(snapshot(1, POLICY, vec![image])).unwrap();
            assert_eq!(store.current().by_config(&digest(2))[0].evidence.has_sbom, expected);
        }
    }

    #[test]
    fn tampering_with_the_cache_gains_nothing() {
        let place = Place::new();
        place.open().0.apply(snapshot(1, POLICY, vec![image(1, 2, 2, &key(1))])).unwrap();
        let path = place.0.path().join("admissions.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace(&digest(2).to_string(), &digest(8).to_string())).unwrap();
        let (store, complaints) = place.open();
        assert_eq!((store.current().images(), complaints.len()), (0, 1));
        std::fs::write(&path, "{").unwrap();
        let (store, complaints) = place.open();
        assert!(store.current().policy.is_none() && complaints[0].contains("not readable"));
    }

    #[test]
    fn a_bad_policy_keeps_the_last_good_one_even_over_a_restart() {
        let place = Place::new();
        let (store, _) = place.open();
        let Applied::New { complaints } = store.apply(snapshot(1, "stages: 7", vec![])).unwrap() else {
            panic!()
        };
        assert!(complaints[0].contains("nothing is admitted"), "{complaints:?}");
        store.apply(snapshot(2, POLICY, vec![])).unwrap();
        let good = store.current().policy.clone().unwrap().digest();
        let Applied::New { complaints } = store.apply(snapshot(3, "stages: 7", vec![])).unwrap() else {
            panic!()
        };
        assert!(complaints[0].contains("stays in force"), "{complaints:?}");
        assert_eq!(store.current().policy.clone().unwrap().digest(), good);
        let (store, complaints) = place.open();
        assert!(complaints.is_empty());
        assert_eq!((store.current().revision, store.current().policy.clone().unwrap().digest()), (3, good));
    }

    #[test]
    fn a_server_cannot_go_back() {
        let place = Place::new();
        let (store, _) = place.open();
        store.apply(snapshot(5, POLICY, vec![])).unwrap();
        let offered = store.apply(snapshot(4, POLICY, vec![image(1, 2, 2, &key(1))])).unwrap();
        assert_eq!(offered, Applied::RolledBack { offered: 4, kept: 5 });
        assert_eq!(place.open().0.current().images(), 0);
        forget(&place.0.path().join("admissions.json")).unwrap();
        let (store, _) = place.open();
        assert!(matches!(store.apply(snapshot(4, POLICY, vec![])).unwrap(), Applied::New { .. }));
    }

    #[test]
    fn a_full_disk_does_not_keep_an_old_promotion_in_force() {
        let place = Place::new();
        let (store, _) = place.open();
        store.apply(snapshot(1, POLICY, vec![image(1, 2, 2, &key(1))])).unwrap();
        // A directory where the file should be: replacing it fails whoever the user is.
        std::fs::remove_file(place.0.path().join("admissions.json")).unwrap();
        std::fs::create_dir_all(place.0.path().join("admissions.json/x")).unwrap();
        let Applied::New { complaints } = store.apply(snapshot(2, POLICY, vec![])).unwrap() else { panic!() };
        assert!(complaints[0].contains("forgotten by a restart"), "{complaints:?}");
        assert_eq!(store.current().images(), 0);
    }

    #[test]
    fn a_trusted_key_that_is_none_ends_the_start() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pub");
        std::fs::write(&path, "no key").unwrap();
        let failure = AdmissionStore::open(&directory.path().join("a"), &[path]).unwrap_err();
        assert_eq!(failure.exit_code(), 3);
    }

    #[test]
    fn signatures_are_read_as_the_server_writes_them() {
        let envelope =
            Statement::about("r.example/shop", digest(1), Predicate::Signature).sign(&key(1)).unwrap();
        let EnvelopeBody { signatures, .. } = body(&envelope);
        let [SignatureBody { keyid, .. }] = &signatures[..] else { panic!("{signatures:?}") };
        assert_eq!(keyid, key(1).key_id());
    }
}
