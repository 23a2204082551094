//! What a container is expected to do: the profile that was promoted with its image, else what the image itself and
//! the attested list of its executables tell.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lazaret_engine::docker::{ContainerRecord, StoreReader};
use lazaret_model::{Digest, Dimension, Image, ImageConfiguration, Platform};
use lazaret_profile::check::{Compiled, ImageFiles};
use lazaret_profile::{Action, ImageExecutable, Mode, Permission, Profile, Subject, derive};
use lazaret_sensor::ExecutableSet;

use crate::admissions::{AdmissionStore, Admissions};

/// Profiles that are kept ready. More are made again when they are asked for.
const MOST_READY: usize = 256;

/// A profile, ready for questions.
#[derive(Debug)]
pub struct Expectation {
    pub profile: Profile,
    pub compiled: Compiled,
    /// It was promoted with the image; else it is derived from the image alone.
    pub promoted: bool,
    /// What the image may execute; `None`: no statement says.
    pub programs: Option<Arc<ExecutableSet>>,
    /// What could not be used or is not known, one sentence each.
    pub complaints: Vec<String>,
}

/// Makes expectations, each once for the admissions in force.
#[derive(Debug)]
pub struct Expectations {
    admissions: Arc<AdmissionStore>,
    engine_files: StoreReader,
    ready: Mutex<Ready>,
}

#[derive(Debug, Default)]
struct Ready {
    revision: u64,
    made: BTreeMap<Subject, Arc<Expectation>>,
}

impl Expectations {
    pub fn new(admissions: Arc<AdmissionStore>, engine_files: StoreReader) -> Self {
        Self { admissions, engine_files, ready: Mutex::default() }
    }

    /// Changes with the admissions: what was answered before is then to be asked again.
    pub fn revision(&self) -> u64 {
        self.admissions.current().revision
    }

    pub fn engine_files(&self) -> &StoreReader {
        &self.engine_files
    }

    /// What the container is expected to do. The second value says that this is the first time it was asked for.
    pub fn of(&self, record: &ContainerRecord) -> (Arc<Expectation>, bool) {
        let admissions = self.admissions.current();
        let (image, complaint) = self.image(record);
        // Named as `derive` names it, for this run's command instead of the image's.
        let subject = Subject { image: image.config, variant: lazaret_profile::variant(&image) };
        {
            let mut ready = self.lock();
            if ready.revision != admissions.revision || ready.made.len() >= MOST_READY {
                *ready = Ready { revision: admissions.revision, made: BTreeMap::new() };
            }
            if let Some(made) = ready.made.get(&subject) {
                return (Arc::clone(made), false);
            }
        }
        let mut expectation = expect(&image, &subject, &admissions);
        expectation.complaints.extend(complaint);
        let expectation = Arc::new(expectation);
        self.lock().made.insert(subject, Arc::clone(&expectation));
        (expectation, true)
    }

    /// The image as the container runs it.
    fn image(&self, record: &ContainerRecord) -> (Image, Option<String>) {
        let (mut image, complaint) = match self.engine_files.image_configuration(record.image_config) {
            Ok(Some(image)) => (image, None),
            Ok(None) => {
                (unknown(record.image_config), Some("the engine has no configuration of it".to_owned()))
            }
            Err(error) => (unknown(record.image_config), Some(error.to_string())),
        };
        if image.platform.architecture.is_empty() {
            image.platform.architecture = architecture();
        }
        image.configuration.entrypoint = Vec::new();
        image.configuration.command.clone_from(&record.command);
        image.configuration.user.clone_from(&record.user);
        let complaint = complaint.map(|why| {
            format!("ports, volumes and health check of image {} are not known: {why}", record.image_config)
        });
        (image, complaint)
    }

    fn lock(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn expect(image: &Image, subject: &Subject, admissions: &Admissions) -> Expectation {
    let admitted = admissions.by_config(&image.config);
    let mut complaints = Vec::new();
    let programs = admitted.iter().find_map(|admitted| admitted.executables.clone());
    let digests: Vec<[u8; 32]> =
        programs.iter().flat_map(|set| set.iter()).map(|digest| *digest.as_bytes()).collect();
    let files = || ImageFiles { digests: digests.iter().copied().collect(), ..ImageFiles::default() };
    for text in admitted.iter().flat_map(|admitted| &admitted.profiles) {
        match Profile::parse(text) {
            Ok(profile) if profile.subject == *subject => {
                let compiled = Compiled::new(&profile, files());
                return Expectation { profile, compiled, promoted: true, programs, complaints };
            }
            // Of the same image, run in another way: that one is not asked for.
            Ok(profile) if profile.subject.image == subject.image => {}
            Ok(profile) => complaints.push(format!(
                "the profile that came with image {} is about {}, so it is not used",
                image.config, profile.subject.image
            )),
            Err(error) => complaints.push(format!(
                "the profile that came with image {} cannot be used, the one derived from the image is: {error}",
                image.config
            )),
        }
    }
    // The attested list names contents only: where they lie, and which of them give rights, is not in it.
    let executables: Vec<_> = digests
        .iter()
        .map(|sha256| ImageExecutable { path: "", sha256: *sha256, mode: 0, capable: false })
        .collect();
    let mut profile = derive(image, &executables);
    if executables.is_empty() {
        profile.executables.listed = None;
    }
    let compiled = Compiled::new(&profile, files());
    Expectation { profile, compiled, promoted: false, programs, complaints }
}

/// This host's, in Go's words.
fn architecture() -> String {
    let name = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    name.to_owned()
}

fn unknown(config: Digest) -> Image {
    Image {
        manifest: None,
        config,
        platform: Platform { os: "linux".to_owned(), architecture: architecture(), variant: None },
        created: None,
        configuration: ImageConfiguration::default(),
        layers: Vec::new(),
    }
}

impl Expectation {
    /// Whether programs of the image may be executed only where the image has them. A copy elsewhere may be how a
    /// service works: until a person promoted a profile that refuses drift, it is told and goes on.
    pub fn holds_places(&self) -> bool {
        self.promoted
            && self.profile.executables.drift == Permission::Deny
            && self.profile.modes.of(Dimension::Executables) == Mode::Block
            && self.profile.modes.action(Dimension::Executables) != Action::Alert
    }

    /// Whether a program that was executed from this place, with a content of the image, is where the image has it.
    /// Where nobody stated that, it is.
    pub fn has_place(&self, path: &str) -> bool {
        self.holds_places() || self.programs.as_ref().and_then(|set| set.has_place(path)).unwrap_or(true)
    }

    /// For the log: what holds in which dimension.
    pub fn summary(&self) -> String {
        let mut text = format!("{} profile", self.profile.state.name());
        for dimension in Dimension::ALL {
            let mode = self.profile.modes.of(*dimension);
            let _ = write!(text, ", {} {}", dimension.name(), mode.name());
        }
        text
    }
}
