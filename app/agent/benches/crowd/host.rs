//! A host of an agent: its configuration, the engine's files, and what the server sent.

use std::fs;
use std::path::PathBuf;

use lazaret_agent::admissions::AdmissionStore;
use lazaret_agent::clock;
use lazaret_agent::start::withheld::Withheld;
use lazaret_agent::watch::process::{ProcessId, boot_id};
use lazaret_agent::watch::running::{Known, Running};
use lazaret_format::v1::{AdmissionSnapshot, AdmittedImage, EnvelopeBody, PolicyBody};
use lazaret_model::{DatabaseSnapshot, Digest, Outcome};
use lazaret_policy::Policy;
use lazaret_sensor::Sensor;
use lazaret_trust::{
    ExecutablesPredicate, Predicate, PromotionPredicate, SigningKey, Statement, VerdictPredicate,
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::crowd::{self, Container};

const IMAGES: usize = 25;
const EXECUTABLES: u32 = 600;
const REPOSITORY: &str = "127.0.0.1:5055/crowd";

pub(crate) struct Host {
    place: TempDir,
    plugin: String,
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The configuration of an image.
fn configuration(image: usize) -> String {
    format!(r#"{{"config":{{"User":"app","Labels":{{"number":"{image}"}}}}}}"#)
}

fn digest_of(image: usize) -> Digest {
    Digest::from_bytes(hash(configuration(image).as_bytes()))
}

impl Host {
    pub(crate) fn new() -> Self {
        let place = TempDir::new().expect("no folder");
        let host = Self { plugin: format!("lz-crowd-{}", std::process::id()), place };
        for folder in ["state", "docker/image/overlay2/imagedb/content/sha256", "docker/containers"] {
            fs::create_dir_all(host.at(folder)).expect("no folder");
        }
        crowd::build_image(&host.at("image"));
        for image in 0..IMAGES {
            let name = digest_of(image).hex();
            let path = host.at("docker/image/overlay2/imagedb/content/sha256").join(name);
            fs::write(path, configuration(image)).expect("no image");
        }
        fs::write(host.at("docker/image/overlay2/repositories.json"), r#"{"Repositories":{}}"#)
            .expect("no list");
        let key = SigningKey::from_random([1; 32]).expect("no key");
        fs::write(host.at("key.pub"), key.verifying_key().to_pem()).expect("no key file");
        fs::write(host.at("state/agent.key"), "lz_none\n").expect("no agent key");
        // Nobody listens there: the agent tries now and then.
        let settings = format!(
            "state: {0}/state\nserver: http://127.0.0.1:9\nhost: crowd\nstage: prod\ntrusted-keys: [{0}/key.pub]\n\
             engine:\n  socket: {0}/engine.sock\n  data-root: {0}/docker\n  plugin: {1}\n",
            host.place.path().display(),
            host.plugin
        );
        fs::write(host.config(), settings).expect("no configuration");
        let program = hash(&fs::read(host.at("image/bin/live")).expect("no program"));
        let images = (0..IMAGES).map(|image| admitted(&key, image, program)).collect();
        let policy = PolicyBody { text: Policy::default_text().to_owned(), digest: String::new() };
        let snapshot = AdmissionSnapshot { revision: 1, at: clock::now(), policy, images };
        let (store, _) =
            AdmissionStore::open(&host.at("state/admissions.json"), &[host.at("key.pub")]).expect("no store");
        store.apply(snapshot).expect("not applied");
        host
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.place.path().join(path)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.at("agent.yaml")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.at("agent.log")
    }

    /// Whether the agent serves those who start containers.
    pub(crate) fn is_served(&self) -> bool {
        std::os::unix::net::UnixStream::connect(self.at("state/agent.sock")).is_ok()
    }

    /// The last lines of the agent.
    pub(crate) fn said(&self) -> String {
        let text = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn learned(&self) -> usize {
        fs::read_dir(self.at("state/learned")).map_or(0, Iterator::count)
    }

    /// As if this agent had admitted them before it was started anew.
    pub(crate) fn remember(&self, containers: &[Container]) {
        let (mut running, _) = Running::load(&self.at("state/running.json"), &boot_id()).expect("no list");
        for (number, container) in containers.iter().enumerate() {
            let image = digest_of(number % IMAGES);
            let folder = self.at("docker/containers").join(&container.id);
            fs::create_dir_all(&folder).expect("no folder");
            let record = serde_json::json!({
                "ID": container.id, "Image": image.to_string(), "Name": format!("/crowd-{number}"),
                "Config": {"Image": REPOSITORY, "User": "app"}, "Path": "/bin/live", "Args": [],
            });
            fs::write(folder.join("config.v2.json"), record.to_string()).expect("no record");
            let known = Known {
                name: format!("crowd-{number}"),
                image_name: REPOSITORY.to_owned(),
                image_config: Some(image.to_string()),
                decision: Some(format!("crowd-{number}")),
                command: "/bin/live".to_owned(),
                pid: container.pid,
                pid_started: ProcessId::of(container.pid).map_or(0, |process| process.started),
                started: clock::now(),
                domain: None,
                withheld: Withheld::default(),
            };
            running.insert(container.id.clone(), known);
        }
        running.save(&boot_id()).expect("not saved");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let pins = lazaret_agent::Config::load(&self.config()).map(|config| config.pins_directory());
        if let Ok(pins) = pins {
            let _ = Sensor::remove_pins(&pins);
        }
    }
}

/// An image as the server sends it: promoted, with the list of its executables.
fn admitted(key: &SigningKey, image: usize, program: [u8; 32]) -> AdmittedImage {
    let (config, now) = (digest_of(image), clock::now());
    let manifest = Digest::from_bytes(hash(format!("manifest {image}").as_bytes()));
    let none = Digest::from_bytes([0; 32]);
    let promotion = |to: &str| {
        Predicate::Promotion(PromotionPredicate {
            to: to.parse().expect("no stage"),
            from: None,
            config,
            evidence: vec![none],
            policy: none,
            at: now.clone(),
        })
    };
    let verdict = VerdictPredicate {
        outcome: Outcome::Pass,
        policy: none,
        database: DatabaseSnapshot { digest: none, built: now.clone(), advisories: 0 },
        findings: vec![],
        reasons: vec![],
        excepted: vec![],
        complete: true,
        config,
        at: now.clone(),
    };
    let others = (1..EXECUTABLES).map(|number| hash(format!("{image} {number}").as_bytes()));
    let executables = ExecutablesPredicate::new(config, others.chain([program]).collect());
    let predicates = [
        Predicate::Signature,
        Predicate::Verdict(verdict),
        promotion("dev"),
        promotion("qa"),
        promotion("prod"),
        Predicate::Executables(executables),
    ];
    let body = |predicate| {
        let envelope = Statement::about(REPOSITORY, manifest, predicate).sign(key).expect("not signed");
        serde_json::from_slice::<EnvelopeBody>(&envelope.to_json()).expect("no envelope")
    };
    AdmittedImage {
        repository: REPOSITORY.to_owned(),
        manifest: manifest.to_string(),
        config: config.to_string(),
        envelopes: predicates.map(body).to_vec(),
        profile: None,
    }
}
