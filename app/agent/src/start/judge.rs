//! The judge of starts: image and settings as the engine wrote them down, the policy, the kernel's guard.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use lazaret_engine::docker::{ContainerRecord, StoreReader};
use lazaret_model::{Reason, Stage};
use lazaret_sensor::Sensor;

use super::begin::{Beginning, Beginnings, Shape, fingerprint};
use super::protocol::{Answer, Ask, Prepare, Prepared};
use super::withheld::Withheld;
use super::{Judge, specification};
use crate::admissions::{AdmissionStore, Admitted};
use crate::authz::gate::{admit, no_policy, shorten};
use crate::behaviour::keeper::Keeper;
use crate::clock;
use crate::desk::{self, Desk, Draft};
use crate::watch::inventory::{Inventory, started_event};
use crate::watch::process::{ProcessId, boot_id};
use crate::watch::running::Known;

#[derive(Debug)]
pub struct StartJudge {
    pub stage: Stage,
    pub admissions: Arc<AdmissionStore>,
    pub engine_socket: PathBuf,
    pub engine_files: StoreReader,
    pub desk: Arc<Desk>,
    pub sensor: Arc<Sensor>,
    pub inventory: Arc<Mutex<Inventory>>,
    pub keeper: Arc<Keeper>,
    pub beginnings: Beginnings,
}

/// What is asked for, as far as it could be read.
#[derive(Debug, Default)]
struct Facts {
    record: Option<ContainerRecord>,
    command: String,
    rootfs: PathBuf,
    admitted: Option<Arc<Admitted>>,
    /// What it holds itself to, in short.
    domain: Option<String>,
    withheld: Withheld,
}

impl Judge for StartJudge {
    async fn judge(&self, ask: Ask, hook: Option<PathBuf>) -> Answer {
        let begun = Instant::now();
        let mut facts = Facts::default();
        let admissions = self.admissions.current();
        let reasons = match &admissions.policy {
            None => vec![no_policy()],
            Some(policy) => {
                let decide = || {
                    let record = self
                        .engine_files
                        .container(&ask.id)
                        .map_err(|error| unreadable(&ask, &error.to_string()))?;
                    let image = facts.record.insert(record).clone();
                    let data_root = self.engine_files.data_root();
                    let mut spec = specification::read(&ask, &self.engine_socket, data_root, hook.as_deref())
                        .map_err(|why| unreadable(&ask, &why))?;
                    self.engine_files.reveal_volumes(&mut spec.run);
                    image.add_to(&mut spec.run);
                    facts.rootfs = spec.rootfs;
                    let begins = self.begins(&ask, &spec.shape, &image);
                    // Of what is refused, too.
                    facts.command = begins.as_ref().map(|begins| begins.command.clone()).unwrap_or_default();
                    let admitted = admit(
                        policy,
                        &self.stage,
                        &admissions,
                        &image.image_name,
                        image.image_config,
                        &spec.run,
                    )?;
                    self.guard(&ask, &facts.rootfs, &image, &admitted)?;
                    let begins = begins?;
                    facts.domain = begins.domain.as_ref().and_then(fingerprint);
                    facts.withheld = begins.withheld;
                    self.hold(&ask, &facts.rootfs, &image)?;
                    facts.admitted = Some(admitted);
                    Ok(())
                };
                // Files of a few kilobytes and one mark in the kernel: milliseconds, but not for this thread.
                tokio::task::block_in_place(decide).err().unwrap_or_default()
            }
        };
        let policy = admissions.policy.as_ref().map(|policy| policy.digest());
        self.answer(&ask, facts, policy, reasons, begun).await
    }

    async fn prepare(&self, ask: Prepare) -> Prepared {
        tokio::task::block_in_place(|| self.beginnings.prepare(&ask, &self.engine_files, &self.keeper))
    }
}

impl StartJudge {
    /// Nothing but the image's own executables runs in the container from here on.
    fn guard(
        &self,
        ask: &Ask,
        rootfs: &Path,
        record: &ContainerRecord,
        admitted: &Admitted,
    ) -> Result<(), Vec<Reason>> {
        let Some(allowed) = &admitted.executables else {
            let evidence = &admitted.evidence;
            return Err(vec![Reason {
                rule: "no-executables".to_owned(),
                message: format!(
                    "no signed statement lists the executables of {}@{}, so foreign ones could not be told",
                    evidence.repository, evidence.manifest
                ),
                remedy: format!(
                    "let `lazaret attest {}@{}` make one",
                    evidence.repository, evidence.manifest
                ),
            }]);
        };
        self.keeper.guard(&ask.id, (ask.pid, rootfs), record, allowed).map_err(|error| {
            vec![Reason {
                rule: "not-guarded".to_owned(),
                message: format!("the kernel cannot guard the container: {error}"),
                remedy: "see `lazaret-agent doctor`".to_owned(),
            }]
        })
    }

    /// How it begins, and that it does so as its profile wants it.
    fn begins(&self, ask: &Ask, shape: &Shape, record: &ContainerRecord) -> Result<Beginning, Vec<Reason>> {
        let beginning = self.beginnings.of(&ask.id, shape, record, &self.keeper).map_err(not_held)?;
        if let Some(why) = beginning.unfit {
            self.keeper.tell_unheld(&record.name, why);
        }
        Ok(beginning)
    }

    /// What the container's profile blocks is refused by the kernel from here on.
    fn hold(&self, ask: &Ask, rootfs: &Path, record: &ContainerRecord) -> Result<(), Vec<Reason>> {
        self.keeper.hold(&ask.id, (ask.pid, rootfs), record).map_err(not_held)
    }

    /// Remembers, records, answers, in this order: a restarted agent must know whatever was allowed.
    async fn answer(
        &self,
        ask: &Ask,
        facts: Facts,
        policy: Option<lazaret_model::Digest>,
        reasons: Vec<Reason>,
        begun: Instant,
    ) -> Answer {
        let image = facts.record.as_ref().map_or("an unknown image", |record| record.image_name.as_str());
        let name = facts.record.as_ref().map_or("", |record| record.name.as_str());
        let mut draft = Draft {
            operation: "container-start",
            subject: format!(
                "start {} from {}",
                shorten(if name.is_empty() { &ask.id } else { name }),
                shorten(image)
            ),
            image_config: facts.record.as_ref().map(|record| record.image_config),
            container: Some(ask.id.clone()),
            policy,
            reasons,
            grant: None,
            begun,
        };
        let decision = self.desk.next_id();
        let mut with = Vec::new();
        let process = ProcessId::of(ask.pid);
        if draft.reasons.is_empty() {
            match (&facts.record, process) {
                (Some(record), Some(process)) => {
                    let begun = (facts.command, facts.domain, facts.withheld);
                    let known = known(record, process, begun, &decision);
                    let started = started_event(&ask.id, &known);
                    let (ended, saved) = {
                        let mut inventory = self.inventory();
                        let ended = inventory.admitted(&ask.id, known);
                        (ended, inventory.running().save(&boot_id()))
                    };
                    with.extend(ended);
                    with.push(started);
                    if let Err(failure) = saved {
                        draft
                            .reasons
                            .push(internal("the admission cannot be remembered", &failure.to_string()));
                    }
                }
                _ => draft
                    .reasons
                    .push(internal("the container's process is gone", &format!("process {}", ask.pid))),
            }
        }
        if !draft.reasons.is_empty() {
            with.retain(|event| matches!(event, lazaret_format::v1::EventKind::ContainerEnded { .. }));
        }
        if let Err(unrecorded) = self.desk.record(&decision, &draft, with).await {
            draft.reasons.push(unrecorded);
        }
        match draft.reasons.as_slice() {
            [] => Answer::allow(),
            reasons => {
                self.sensor.release(&ask.id, ask.pid);
                self.keeper.release(&ask.id);
                self.inventory().withdraw(&ask.id);
                // `words` names Lazaret; the hook does too.
                let text = desk::words(&draft.subject, reasons);
                Answer::refuse(text.strip_prefix("lazaret: ").unwrap_or(&text))
            }
        }
    }

    fn inventory(&self) -> std::sync::MutexGuard<'_, Inventory> {
        self.inventory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_held(why: String) -> Vec<Reason> {
    vec![Reason {
        rule: "not-held".to_owned(),
        message: format!("the kernel cannot hold the container to what its profile blocks: {why}"),
        remedy: "see `lazaret-agent doctor`; or promote a profile that alerts instead of blocking".to_owned(),
    }]
}

fn known(
    record: &ContainerRecord,
    process: ProcessId,
    (command, domain, withheld): (String, Option<String>, Withheld),
    decision: &str,
) -> Known {
    Known {
        name: record.name.clone(),
        image_name: record.image_name.clone(),
        image_config: Some(record.image_config.to_string()),
        decision: Some(decision.to_owned()),
        command: command.chars().take(1000).collect(),
        pid: process.pid,
        pid_started: process.started,
        started: clock::now(),
        domain,
        withheld,
    }
}

fn unreadable(ask: &Ask, why: &str) -> Vec<Reason> {
    vec![Reason {
        rule: "unreadable".to_owned(),
        message: format!("what container {} would run cannot be read: {why}", shorten(&ask.id)),
        remedy: "start it through the engine that this agent guards, without special settings; `engine.data-root` in \
                 the agent's configuration must be that engine's"
            .to_owned(),
    }]
}

fn internal(what: &str, why: &str) -> Reason {
    Reason { rule: "internal".to_owned(), message: format!("{what}: {why}"), remedy: "try again".to_owned() }
}
