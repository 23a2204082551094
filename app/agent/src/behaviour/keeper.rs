//! Holds containers to their profiles in the kernel: before their programs run, while they run, and again after the
//! agent was away.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lazaret_engine::docker::ContainerRecord;
use lazaret_format::v1::EventKind;
use lazaret_sensor::{
    Domain, ExecutableSet, GuardError, GuardRequest, NetworkPolicy, ResourceMeter, SecretPlace, SecretPlaces,
    SecretsRequest, Sensor, StartsRequest,
};

use super::expectation::{Expectation, Expectations};
use super::group;
use super::hold::{Hold, Means};
use crate::spool::Spool;
use crate::start::withheld::Withheld;

#[derive(Debug)]
pub struct Keeper {
    pub expectations: Expectations,
    sensor: Arc<Sensor>,
    spool: Spool,
    /// Control groups of containers that are looked at in full, and held to something.
    held: Mutex<HashMap<String, u64>>,
    places: Arc<SecretPlaces>,
}

impl Keeper {
    pub fn new(expectations: Expectations, sensor: Arc<Sensor>, spool: Spool) -> Self {
        let places: Vec<_> = lazaret_profile::secret_places().map(place).collect();
        // Where there is no kernel program, there is nothing that would ask for them.
        if let Err(problem) = sensor.name_secrets(&places) {
            tracing::warn!(%problem, "places of secrets are not known to the kernel");
        }
        let places = Arc::new(places.into_iter().collect());
        Self { expectations, sensor, spool, held: Mutex::default(), places }
    }

    /// Living processes of the session that this one began.
    pub fn session(&self, began: u32) -> Vec<u32> {
        self.sensor.session(began)
    }

    fn hold_of(&self, expectation: &Expectation) -> Hold {
        let mut hold = Hold::of(&expectation.profile, Means::of(&self.sensor));
        // Of what nobody promoted, nothing is put into a container.
        hold.domain = hold.domain.filter(|_| expectation.promoted);
        hold.starts = hold.starts.filter(|_| expectation.promoted);
        if !expectation.promoted {
            hold.withheld = Withheld::default();
        }
        hold
    }

    /// What is to be kept from the container by its system call filter.
    pub fn withheld(&self, record: &ContainerRecord) -> Withheld {
        self.hold_of(&self.expectation(record)).withheld
    }

    /// What the container is to hold itself to from its first program on, where nothing in the kernel does it.
    pub fn domain(&self, record: &ContainerRecord) -> Option<Domain> {
        self.hold_of(&self.expectation(record)).domain
    }

    /// A container goes on whose files are told, though its profile blocks them.
    pub fn tell_unheld(&self, name: &str, why: &str) {
        let what = format!("files are alerted on in container {name}: {why}");
        tracing::warn!("{what}");
        self.spool.note(EventKind::Gap { what, count: 1 });
    }

    /// What the container is expected to do. What of that is not known is told, once for each image.
    pub fn expectation(&self, record: &ContainerRecord) -> Arc<Expectation> {
        let (expectation, is_new) = self.expectations.of(record);
        if is_new {
            let config = record.image_config;
            tracing::info!(image = %config, promoted = expectation.promoted, "{}", expectation.summary());
            let beyond = self.hold_of(&expectation).beyond.into_iter();
            let beyond = beyond.map(|what| format!("image {config}: {what}"));
            for what in expectation.complaints.iter().cloned().chain(beyond) {
                tracing::warn!("{what}");
                self.spool.note(EventKind::Gap { what, count: 1 });
            }
        }
        expectation
    }

    /// From its return on, nothing but the image's own executables runs in the container; those that its profile binds
    /// to their places, only there. `rootfs` counts only before the container has made it its root.
    ///
    /// # Errors
    ///
    /// The kernel cannot decide on what is executed in it.
    pub fn guard(
        &self,
        container: &str,
        (pid, rootfs): (u32, &Path),
        record: &ContainerRecord,
        executables: &Arc<ExecutableSet>,
    ) -> Result<(), GuardError> {
        let allowed = match self.expectation(record).holds_places() {
            true => Arc::clone(executables),
            false => Arc::new(executables.anywhere()),
        };
        let request =
            GuardRequest { container: container.to_owned(), pid, rootfs: rootfs.to_owned(), allowed };
        self.sensor.guard(&request).map(drop)
    }

    /// From its return on, the kernel holds the container to what its profile blocks. `pid` is a process of it; `rootfs`
    /// counts only before the container has made it its root.
    ///
    /// # Errors
    ///
    /// The profile wants something blocked, and the kernel does not do it: why. Of a profile that nobody promoted
    /// this is only told: it was made here, of what works everywhere.
    pub fn hold(
        &self,
        container: &str,
        (pid, rootfs): (u32, &Path),
        record: &ContainerRecord,
    ) -> Result<(), String> {
        let expectation = self.expectation(record);
        let mut hold = self.hold_of(&expectation);
        self.hold_lasting_starts(container, (pid, rootfs), &mut hold);
        let put = self.put(container, pid, &hold).and_then(|group| {
            let contents = expectation.programs.clone().unwrap_or_default();
            self.hold_starts(container, (pid, rootfs), &hold)
                .and_then(|()| self.keep_secrets(container, (pid, rootfs), &hold, group.zip(Some(contents))))
                .inspect_err(|_| self.release(container))
        });
        match put {
            Err(why) if !expectation.promoted => {
                let what =
                    format!("programs in memory are not prevented in container {}: {why}", record.name);
                tracing::warn!("{what}");
                self.spool.note(EventKind::Gap { what, count: 1 });
                Ok(())
            }
            result => result,
        }
    }

    /// Returns the container's control group, if that is known or needed.
    fn put(&self, container: &str, pid: u32, hold: &Hold) -> Result<Option<u64>, String> {
        let group = match group::of(pid, container) {
            Ok(group) => group,
            // Without groups of their own containers cannot be told apart from what is not looked at in full.
            Err(_) if hold.is_nothing() => {
                return self.sensor.watch_all().map(|()| None).map_err(|error| error.to_string());
            }
            Err(why) => return Err(why),
        };
        self.held().insert(container.to_owned(), group);
        self.sensor.watch_group(group).map_err(|error| error.to_string())?;
        hold.put(&self.sensor, group).map(|()| Some(group)).map_err(|error| {
            self.release(container);
            error.to_string()
        })
    }

    /// Where permission events are what refuses to open secrets.
    fn keep_secrets(
        &self,
        container: &str,
        (pid, rootfs): (u32, &Path),
        hold: &Hold,
        known: Option<(u64, Arc<ExecutableSet>)>,
    ) -> Result<(), String> {
        let (Some(rules), Some((cgroup_id, contents))) = (&hold.secrets, known) else {
            self.sensor.release_secrets(container);
            return Ok(());
        };
        let request = SecretsRequest {
            container: container.to_owned(),
            cgroup_id,
            pid,
            rootfs: rootfs.to_owned(),
            places: Arc::clone(&self.places),
            rules: rules.clone(),
            contents,
        };
        self.tell_beyond(container, self.sensor.keep_secrets(&request).map_err(|error| error.to_string())?);
        Ok(())
    }

    /// What programs at security hooks are to refuse, too: they stay when the agent is gone.
    fn hold_lasting_starts(&self, container: &str, process: (u32, &Path), hold: &mut Hold) {
        let Some(starts) = hold.starts.as_ref().filter(|starts| starts.lasts) else { return };
        let names: Vec<&str> = starts.rules.iter().map(|rule| rule.program.as_str()).collect();
        let scripts = self.sensor.script_places(process, &names).map_err(|error| error.to_string());
        match scripts.and_then(|scripts| starts.by_place(&scripts)) {
            Ok(rules) => hold.held.starts = Some(rules),
            Err(why) => {
                let what = format!("programs that others start while no agent runs ({why})");
                self.tell_beyond(container, vec![what]);
            }
        }
    }

    fn hold_starts(&self, container: &str, (pid, rootfs): (u32, &Path), hold: &Hold) -> Result<(), String> {
        let Some(rules) = hold.starts.as_ref().map(|starts| starts.rules.clone()) else {
            self.sensor.release_starts(container);
            return Ok(());
        };
        let (container_id, rootfs) = (container.to_owned(), rootfs.to_owned());
        let request = StartsRequest { container: container_id, pid, rootfs, rules };
        self.tell_beyond(container, self.sensor.hold_starts(&request).map_err(|error| error.to_string())?);
        Ok(())
    }

    fn tell_beyond(&self, container: &str, beyond: Vec<String>) {
        for what in beyond {
            let what = format!("container {container}: {what} are alerted on");
            tracing::warn!("{what}");
            self.spool.note(EventKind::Gap { what, count: 1 });
        }
    }

    /// Measures what the container of a process uses.
    pub fn meter(&self, pid: u32) -> Option<ResourceMeter> {
        self.sensor.meter(pid).ok()
    }

    /// The container reaches nobody any more. Connections that are open stay so.
    pub fn quarantine(&self, container: &str, group: u64) -> Result<(), String> {
        self.held().insert(container.to_owned(), group);
        let policy = NetworkPolicy { peers: Some(Vec::new()), ports: None };
        self.sensor.confine_network(group, &policy).map_err(|error| error.to_string())
    }

    /// Ends what held a run of a container, after its end. It may have been started again by then, and is held since: that
    /// stays, however late the end of the one before is heard of.
    pub fn release_run(&self, container: &str, group: u64) {
        let is_held_anew = self.held().get(container).is_some_and(|held| *held != group);
        match is_held_anew {
            true => self.sensor.release_group(group),
            false => self.release(container),
        }
    }

    /// Ends what holds a container.
    pub fn release(&self, container: &str) {
        self.sensor.release_starts(container);
        self.sensor.release_secrets(container);
        if let Some(group) = self.held().remove(container) {
            self.sensor.release_group(group);
        }
    }

    /// Ends what an earlier agent left for containers that are gone.
    pub fn release_others(&self) {
        let held: Vec<u64> = self.held().values().copied().collect();
        for group in self.sensor.confined_groups() {
            if !held.contains(&group) {
                self.sensor.release_group(group);
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn place(place: lazaret_profile::SecretPlace) -> SecretPlace<'static> {
    match place {
        lazaret_profile::SecretPlace::Whole(path) => SecretPlace::Whole(path),
        lazaret_profile::SecretPlace::Anywhere(names) => SecretPlace::Anywhere(names),
        lazaret_profile::SecretPlace::OfProcess(name) => SecretPlace::OfProcess(name),
    }
}
