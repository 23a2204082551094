//! The judge of the authorization plugin: reads a request strictly, asks the policy, records, answers.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use lazaret_engine::docker::StoreReader;
use lazaret_engine::docker::request::{self, CreateContainer, CreateVolume, LogIn, RawRequest, Request};
use lazaret_model::{Digest, EngineOperation, Reason, RunConfiguration, Stage};
use lazaret_policy::Policy;

use super::intents::Intents;
use super::log_in::Door;
use super::{Answer, Judge, Wish};
use crate::admissions::{AdmissionStore, Admissions, Admitted};
use crate::break_glass::Grant;
use crate::canary::Canary;
use crate::desk::{self, Desk, Draft};

#[derive(Debug)]
pub struct Gate {
    pub stage: Stage,
    pub admissions: Arc<AdmissionStore>,
    pub engine_files: StoreReader,
    pub desk: Arc<Desk>,
    pub canary: Arc<Canary>,
    pub intents: Arc<Intents>,
    pub door: Door,
}

/// What was decided, before it is recorded.
struct Ruling {
    operation: &'static str,
    subject: String,
    image_config: Option<Digest>,
    reasons: Vec<Reason>,
    /// By whose leave somebody logs in to which container.
    grant: Option<(Arc<Grant>, String)>,
}

impl Judge for Gate {
    async fn judge(&self, wish: Wish) -> Answer {
        let begun = Instant::now();
        if self.canary.is_it(&wish.request_method, &wish.request_uri) {
            return Answer::allow();
        }
        let admissions = self.admissions.current();
        let Some(ruling) = self.rule(&wish, &admissions).await else { return Answer::allow() };
        let (grant, container) = ruling.grant.unzip();
        let mut draft = Draft {
            operation: ruling.operation,
            subject: ruling.subject,
            image_config: ruling.image_config,
            container,
            policy: admissions.policy.as_ref().map(|policy| policy.digest()),
            reasons: ruling.reasons,
            grant: grant.map(|grant| grant.mark()),
            begun,
        };
        if let Err(unrecorded) = self.desk.record(&self.desk.next_id(), &draft, Vec::new()).await {
            draft.reasons.push(unrecorded);
        }
        match draft.reasons.as_slice() {
            [] => Answer::allow(),
            reasons => Answer::refuse(desk::words(&draft.subject, reasons)),
        }
    }
}

impl Gate {
    /// `None`: nothing to decide.
    async fn rule(&self, wish: &Wish, admissions: &Admissions) -> Option<Ruling> {
        let content_type =
            wish.request_headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let raw = RawRequest {
            method: &wish.request_method,
            uri: &wish.request_uri,
            content_type: content_type.map(|(_, value)| value.as_str()),
            body: wish.request_body.as_deref(),
        };
        let request = match request::decode(&raw) {
            Ok(request) => request,
            Err(undecided) => {
                let reason = Reason {
                    rule: "undecided".to_owned(),
                    message: undecided.to_string(),
                    remedy: undecided.remedy().to_owned(),
                };
                let subject = format!("{} {}", shorten(&wish.request_method), shorten(&wish.request_uri));
                return Some(Ruling {
                    operation: "undecided",
                    subject,
                    image_config: None,
                    reasons: vec![reason],
                    grant: None,
                });
            }
        };
        Some(match request {
            // What would run is decided by the start hook, which sees what the engine made of the wish.
            Request::Read | Request::StartContainer { .. } => return None,
            Request::CreateContainer(create) => self.create(&create, admissions),
            Request::CreateVolume(volume) => create_volume(&volume, admissions),
            Request::Operation(operation) => {
                self.operate(&operation, wish.request_body.as_deref(), admissions)
            }
            Request::LogIn(log_in) => self.log_in(&log_in, wish.request_body.as_deref(), admissions).await,
        })
    }

    fn create(&self, create: &CreateContainer, admissions: &Admissions) -> Ruling {
        let mut ruling = Ruling {
            operation: "container-create",
            subject: format!("run {}", shorten(&create.image)),
            image_config: None,
            reasons: Vec::new(),
            grant: None,
        };
        let Some(policy) = &admissions.policy else {
            ruling.reasons.push(no_policy());
            return ruling;
        };
        // A volume that exists already may be a path of the host in disguise.
        let mut run = create.run.clone();
        self.engine_files.reveal_volumes(&mut run);
        match self.engine_files.image(&create.image) {
            Ok(Some(image)) => {
                // Who says nothing gets the image's own user, and root if that says nothing either.
                if run.user.is_empty() {
                    run.user = if image.user.is_empty() { "root".to_owned() } else { image.user };
                }
                ruling.image_config = Some(image.config);
                let admission = admit(policy, &self.stage, admissions, &create.image, image.config, &run);
                ruling.reasons = admission.err().unwrap_or_default();
            }
            // The engine will say that it has no such image, and clients then pull it and ask again. Should it
            // appear in between, it still cannot start: the start hook decides once more.
            Ok(None) => ruling.reasons = lazaret_policy::forbidden(policy, &run),
            Err(error) => ruling.reasons.push(Reason {
                rule: "image-unresolved".to_owned(),
                message: format!("it cannot be told which image {} is: {error}", shorten(&create.image)),
                remedy: "name it by digest, and see that `engine.data-root` in the agent's configuration is the engine's".to_owned(),
            }),
        }
        ruling
    }

    fn operate(&self, operation: &EngineOperation, body: Option<&[u8]>, admissions: &Admissions) -> Ruling {
        let reasons = if self.intents.take(operation, body) {
            Vec::new()
        } else {
            match &admissions.policy {
                Some(policy) => lazaret_policy::operation(policy, operation).err().unwrap_or_default(),
                None => vec![no_policy()],
            }
        };
        let operation_name = operation.action.name();
        let subject = format!("{operation_name} {}", shorten(&operation.subject));
        Ruling {
            operation: operation_name,
            subject: subject.trim_end().to_owned(),
            image_config: None,
            reasons,
            grant: None,
        }
    }

    /// Where the policy lets nobody in, a person may have broken the glass.
    async fn log_in(&self, wish: &LogIn, body: Option<&[u8]>, admissions: &Admissions) -> Ruling {
        let mut ruling = self.operate(&wish.operation, body, admissions);
        if ruling.reasons.is_empty() || admissions.policy.is_none() {
            return ruling;
        }
        match self.door.opens(wish).await {
            Ok(grant) => {
                ruling.reasons.clear();
                ruling.grant = Some(grant);
            }
            Err(Some(reason)) => ruling.reasons = vec![reason],
            Err(None) => {
                if let Some(reason) = ruling.reasons.first_mut() {
                    reason.remedy.push_str(&format!(
                        "; in an emergency, for a while and on record: lazaret break-glass open CONTAINER --host {} \
                         --reason TEXT",
                        self.desk.host()
                    ));
                }
            }
        }
        ruling
    }
}

fn create_volume(volume: &CreateVolume, admissions: &Admissions) -> Ruling {
    let operation = volume.operation();
    let reasons = match &admissions.policy {
        Some(policy) => {
            let mut reasons = lazaret_policy::operation(policy, &operation).err().unwrap_or_default();
            reasons.extend(lazaret_policy::forbidden(policy, &volume.run));
            reasons
        }
        None => vec![no_policy()],
    };
    let subject = format!("create-volume {}", shorten(&volume.name));
    Ruling {
        operation: operation.action.name(),
        subject: subject.trim_end().to_owned(),
        image_config: None,
        reasons,
        grant: None,
    }
}

/// Asks the policy about an image: `Ok` with what is proven of it. The same image may be known from several
/// repositories; one of them suffices, else the one with the fewest objections speaks.
pub fn admit(
    policy: &Policy,
    stage: &Stage,
    admissions: &Admissions,
    image: &str,
    config: Digest,
    run: &RunConfiguration,
) -> Result<Arc<Admitted>, Vec<Reason>> {
    let image = format!("{} (image {})", shorten(image), config.short());
    let wish = lazaret_policy::Wish { image: &image, run };
    let now = Timestamp::now();
    let mut objections: Option<Vec<Reason>> = None;
    for admitted in admissions.by_config(&config) {
        let admission = lazaret_policy::admit(policy, stage, &wish, Some(&admitted.evidence), now);
        if admission.allow {
            return Ok(Arc::clone(admitted));
        }
        if objections.as_ref().is_none_or(|known| admission.reasons.len() < known.len()) {
            objections = Some(admission.reasons);
        }
    }
    Err(objections.unwrap_or_else(|| lazaret_policy::admit(policy, stage, &wish, None, now).reasons))
}

pub fn no_policy() -> Reason {
    Reason {
        rule: "no-policy".to_owned(),
        message: "no policy has reached this host yet".to_owned(),
        remedy:
            "push one with `lazaret policy push`, and see with `lazaret-agent doctor` whether the agent is \
                 enrolled and reaches its server"
                .to_owned(),
    }
}

/// Foreign text in messages: short, in one line, without what a terminal would obey.
pub fn shorten(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(151).collect();
    match clean.char_indices().nth(150) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

/// Whether a path is where the engine keeps its data, for `doctor`.
pub fn has_image_store(data_root: &Path) -> Result<(), String> {
    // Any name makes the reader look into the store.
    StoreReader::new(data_root).resolve("lazaret-doctor").map(drop).map_err(|error| error.to_string())
}
