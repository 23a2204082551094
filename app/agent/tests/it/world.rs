//! A host made of real parts: an engine's files, a signing key, admissions, and the plugin on a real socket.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazaret_agent::admissions::AdmissionStore;
use lazaret_agent::authz::gate::Gate;
use lazaret_agent::authz::intents::Intents;
use lazaret_agent::authz::log_in::Door;
use lazaret_agent::authz::{self, Answer};
use lazaret_agent::break_glass::BreakGlass;
use lazaret_agent::canary::Canary;
use lazaret_agent::clock;
use lazaret_agent::desk::Desk;
use lazaret_agent::spool::Spool;
use lazaret_engine::docker::StoreReader;
use lazaret_format::v1::{AdmissionSnapshot, AdmittedImage, AgentEvent, EnvelopeBody, EventKind, PolicyBody};
use lazaret_model::{DatabaseSnapshot, Digest, Outcome, Stage};
use lazaret_policy::Policy;
use lazaret_trust::{
    Envelope, ExecutablesPredicate, Predicate, ProfilePredicate, PromotionPredicate, SigningKey, Statement,
    VerdictPredicate,
};
use tokio::net::UnixListener;

use crate::plugin_server::post;

pub(crate) const GOOD: &str = "127.0.0.1:5055/shop:v2";
pub(crate) const OF_ROOT: &str = "127.0.0.1:5055/shop:root";
pub(crate) const NOT_PROMOTED: &str = "127.0.0.1:5055/shop:v1";
pub(crate) const CONTAINER: &str = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

pub(crate) struct World {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) spool: Spool,
    pub(crate) admissions: Arc<AdmissionStore>,
    pub(crate) intents: Arc<Intents>,
    pub(crate) glass: Arc<BreakGlass>,
    pub(crate) socket: PathBuf,
}

pub(crate) fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

impl World {
    /// With Lazaret's default policy, one image promoted to production and one known to nobody.
    pub(crate) fn new() -> Self {
        Self::with_policy(Policy::default_text())
    }

    /// Nothing came from a server yet.
    pub(crate) fn with_policy_unset() -> Self {
        Self::make(None)
    }

    pub(crate) fn with_policy(policy: &str) -> Self {
        Self::make(Some(policy))
    }

    fn make(policy: Option<&str>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        write_engine_files(&directory.path().join("docker"));
        let key = SigningKey::from_random([1; 32]).unwrap();
        let key_file = directory.path().join("key.pub");
        std::fs::write(&key_file, key.verifying_key().to_pem()).unwrap();
        let (admissions, _) =
            AdmissionStore::open(&directory.path().join("admissions.json"), &[key_file]).unwrap();
        if let Some(policy) = policy {
            let images = vec![
                promoted_image(&key, digest(1), good_config()),
                promoted_image(&key, digest(3), of(ROOT_CONFIG)),
            ];
            let snapshot = snapshot(1, policy, images);
            let lazaret_agent::admissions::Applied::New { complaints } = admissions.apply(snapshot).unwrap()
            else {
                panic!("not applied")
            };
            assert!(complaints.is_empty(), "{complaints:?}");
        }
        let spool = Spool::open(&directory.path().join("spool"), 1 << 20, [1; 16]).unwrap();
        let socket = directory.path().join("plugin.sock");
        let (glass, _) = BreakGlass::open(&directory.path().join("break-glass.json"), "testhost").unwrap();
        let glass = Arc::new(glass);
        let world = Self {
            glass,
            spool,
            admissions: Arc::new(admissions),
            intents: Arc::default(),
            socket,
            directory,
        };
        let listener = UnixListener::bind(&world.socket).unwrap();
        tokio::spawn(authz::serve(listener, Arc::new(world.gate()), std::future::pending()));
        world
    }

    /// The server sends admissions anew, with this profile for the good image as it runs in the container; signed or
    /// only said.
    pub(crate) fn send_profile(&self, revision: u64, profile: String, signed: bool) {
        let key = SigningKey::from_random([1; 32]).unwrap();
        let mut image = promoted_image(&key, digest(1), good_config());
        if signed {
            let predicate = Predicate::Profile(ProfilePredicate {
                config: good_config(),
                variant: "0".repeat(32),
                profile: profile.clone(),
                at: clock::now(),
            });
            let envelope = Statement::about("127.0.0.1:5055/shop", digest(1), predicate).sign(&key).unwrap();
            image.envelopes.insert(0, serde_json::from_slice(&envelope.to_json()).unwrap());
        }
        image.profile = Some(profile);
        self.admissions.apply(snapshot(revision, Policy::default_text(), vec![image])).unwrap();
    }

    fn gate(&self) -> Gate {
        Gate {
            stage: stage(),
            admissions: Arc::clone(&self.admissions),
            engine_files: StoreReader::new(self.data_root()),
            desk: Arc::new(Desk::new("testhost", self.spool.clone())),
            canary: Arc::new(Canary::default()),
            intents: Arc::clone(&self.intents),
            door: Door { glass: Arc::clone(&self.glass), engine_socket: self.engine_socket() },
        }
    }

    /// Where an engine would answer.
    pub(crate) fn engine_socket(&self) -> PathBuf {
        self.directory.path().join("engine.sock")
    }

    pub(crate) fn data_root(&self) -> PathBuf {
        self.directory.path().join("docker")
    }

    /// Asks as the engine does.
    pub(crate) async fn ask(&self, method: &str, uri: &str, body: &[u8]) -> Answer {
        let wish = wish(method, uri, (!body.is_empty()).then_some(body));
        let (status, answer) = post(&self.socket, "/AuthZPlugin.AuthZReq", wish.as_bytes()).await;
        assert_eq!(status, "HTTP/1.1 200 OK");
        serde_json::from_str(&answer).unwrap()
    }

    pub(crate) async fn create(&self, body: &str) -> Answer {
        self.ask("POST", "/v1.41/containers/create", body.as_bytes()).await
    }

    /// Everything on record.
    pub(crate) fn events(&self) -> Vec<AgentEvent> {
        self.spool.outbox().read(100_000, 64 << 20).events
    }

    /// What was decided: operation, subject, whether it was allowed.
    pub(crate) fn decisions(&self) -> Vec<(String, String, bool)> {
        let decided = |event: AgentEvent| match event.what {
            EventKind::Decided { operation, subject, allow, .. } => Some((operation, subject, allow)),
            _ => None,
        };
        self.events().into_iter().filter_map(decided).collect()
    }
}

fn snapshot(revision: u64, policy: &str, images: Vec<AdmittedImage>) -> AdmissionSnapshot {
    let policy = PolicyBody { text: policy.to_owned(), digest: String::new() };
    AdmissionSnapshot { revision, at: clock::now(), policy, images }
}

pub(crate) fn stage() -> Stage {
    "prod".parse().unwrap()
}

pub(crate) fn wish(method: &str, uri: &str, body: Option<&[u8]>) -> String {
    use base64::Engine as _;
    let mut wish = serde_json::json!({
        "RequestMethod": method,
        "RequestUri": uri,
        "RequestHeaders": {"Content-Type": "application/json"},
    });
    if let Some(body) = body {
        wish["RequestBody"] = base64::engine::general_purpose::STANDARD.encode(body).into();
    }
    wish.to_string()
}

const GOOD_CONFIG: &str = r#"{"config":{"User":"app"}}"#;
const BAD_CONFIG: &str = "{}";
/// Promoted, but it names no user: its processes are root's.
const ROOT_CONFIG: &str = r#"{"config":{}}"#;

fn of(text: &str) -> Digest {
    use sha2::{Digest as _, Sha256};
    Digest::from_bytes(Sha256::digest(text).into())
}

/// Digest of the promoted image's configuration.
pub(crate) fn good_config() -> Digest {
    of(GOOD_CONFIG)
}

/// Digest of the other image's configuration.
pub(crate) fn bad_config() -> Digest {
    of(BAD_CONFIG)
}

/// An engine that has two images and one container.
fn write_engine_files(root: &Path) {
    let (good, bad) = (good_config(), bad_config());
    let content = root.join("image/overlay2/imagedb/content/sha256");
    std::fs::create_dir_all(&content).unwrap();
    for (image, text) in [(good, GOOD_CONFIG), (bad, BAD_CONFIG), (of(ROOT_CONFIG), ROOT_CONFIG)] {
        std::fs::write(content.join(image.hex()), text).unwrap();
    }
    let repositories = serde_json::json!({"Repositories": {"127.0.0.1:5055/shop": {
        GOOD: good.to_string(),
        NOT_PROMOTED: bad.to_string(),
        OF_ROOT: of(ROOT_CONFIG).to_string(),
        format!("127.0.0.1:5055/shop@{}", digest(1)): good.to_string(),
    }}});
    std::fs::write(root.join("image/overlay2/repositories.json"), repositories.to_string()).unwrap();
    write_container(root, good, GOOD);
}

pub(crate) fn write_container(root: &Path, image: Digest, name: &str) {
    let container = root.join("containers").join(CONTAINER);
    std::fs::create_dir_all(&container).unwrap();
    let record = serde_json::json!({
        "ID": CONTAINER, "Image": image.to_string(), "Name": "/shop", "Config": {"Image": name, "User": "app"},
        "Path": "/bin/sh", "Args": ["-c", "serve"],
    });
    std::fs::write(container.join("config.v2.json"), record.to_string()).unwrap();
}

fn promoted_image(key: &SigningKey, manifest: Digest, config: Digest) -> AdmittedImage {
    let now = clock::now();
    let promotion = |to: &str| {
        Predicate::Promotion(PromotionPredicate {
            to: to.parse().unwrap(),
            from: None,
            config,
            // The bill of material, which agents are not sent.
            evidence: vec![digest(77)],
            policy: digest(0),
            at: now.clone(),
        })
    };
    let verdict = VerdictPredicate {
        outcome: Outcome::Pass,
        policy: digest(0),
        database: DatabaseSnapshot { digest: digest(0), built: now.clone(), advisories: 0 },
        findings: vec![],
        reasons: vec![],
        excepted: vec![],
        complete: true,
        config,
        at: now.clone(),
    };
    let shell = {
        use sha2::{Digest as _, Sha256};
        Sha256::digest(std::fs::read("/bin/sh").unwrap()).into()
    };
    let predicates = [
        Predicate::Signature,
        Predicate::Verdict(verdict),
        promotion("dev"),
        promotion("qa"),
        promotion("prod"),
        Predicate::Executables(ExecutablesPredicate::new(config, vec![shell])),
    ];
    let sign = |predicate| Statement::about("127.0.0.1:5055/shop", manifest, predicate).sign(key).unwrap();
    let body = |envelope: Envelope| serde_json::from_slice::<EnvelopeBody>(&envelope.to_json()).unwrap();
    AdmittedImage {
        repository: "127.0.0.1:5055/shop".to_owned(),
        manifest: manifest.to_string(),
        config: config.to_string(),
        envelopes: predicates.map(sign).map(body).to_vec(),
        profile: None,
    }
}
