//! What a sensor offers of this.

use std::path::Path;

use super::{Enforcer, GuardError, GuardRequest, SecretsRequest, StartsRequest, Watched};
use crate::sensor::Sensor;

impl Sensor {
    /// Whether executions can be refused, or why not.
    pub fn enforcement(&self) -> Result<(), &str> {
        self.enforcer.as_ref().map(|_| ()).map_err(String::as_str)
    }

    /// From its return on, nothing but the allowed contents is executed in the container. Takes about a
    /// millisecond and never waits for the container. On error nothing is guarded.
    pub fn guard(&self, request: &GuardRequest) -> Result<Vec<Watched>, GuardError> {
        self.refusing()?.guard(request)
    }

    /// Ends the guard of a container, normally after its end. `pid` is the one of the [`GuardRequest`]: if the
    /// container was started anew and guarded meanwhile, that guard stays.
    pub fn release(&self, container: &str, pid: u32) {
        if let Ok(enforcer) = &self.enforcer {
            enforcer.release(container, pid);
        }
    }

    /// From its return on, a program of a guarded container that no rule lets the asking one start is refused: the caller
    /// gets EPERM. It replaces what held before. What it cannot hold is returned, as subjects of sentences for people.
    ///
    /// Arguments are not compared. What the runtime starts itself and who comes in from outside is not held. A process that
    /// is allowed a script or a program is allowed its interpreter or loader once, by the way.
    ///
    /// # Errors
    /// As of [`guard`](Self::guard); then it is as before.
    pub fn hold_starts(&self, request: &StartsRequest) -> Result<Vec<String>, GuardError> {
        self.refusing()?.hold_starts(request)
    }

    /// Where scripts are that [`StartRule`]s name as they are called, which may be by a link: such names, and the places
    /// by which [`PathRule::start`](crate::PathRule::start) knows them.
    ///
    /// # Errors
    /// Nothing is known of the process, or of where its root will be.
    pub fn script_places(
        &self,
        container: (u32, &Path),
        names: &[&str],
    ) -> Result<Vec<(String, String)>, GuardError> {
        self.refusing()?.script_places(container, names)
    }

    /// Ends what [`hold_starts`](Self::hold_starts) began.
    pub fn release_starts(&self, container: &str) {
        if let Ok(enforcer) = &self.enforcer {
            enforcer.release_starts(container);
        }
    }

    /// From its return on, the container's secrets are opened by the programs that a rule names alone: others get EPERM.
    /// It replaces what held before. What it cannot keep is returned, as subjects of sentences for people.
    ///
    /// For kernels that take no programs at their security hooks, which hold a container without this process: see
    /// [`hold`](Self::hold). A mount or a namespace that the container makes gives files other names, so these are to be
    /// made deadly. Takes a walk through the container's own files, two seconds at most; no other file costs anything.
    ///
    /// # Errors
    /// As of [`guard`](Self::guard); then nothing is kept.
    pub fn keep_secrets(&self, request: &SecretsRequest) -> Result<Vec<String>, GuardError> {
        self.refusing()?.keep_secrets(request)
    }

    /// Ends what [`keep_secrets`](Self::keep_secrets) began.
    pub fn release_secrets(&self, container: &str) {
        if let Ok(enforcer) = &self.enforcer {
            enforcer.release_secrets(container);
        }
    }

    /// Number of guarded containers.
    pub fn guarded(&self) -> usize {
        self.enforcer.as_ref().map_or(0, Enforcer::guarded)
    }

    fn refusing(&self) -> Result<&Enforcer, GuardError> {
        self.enforcer.as_ref().map_err(|problem| GuardError::Unavailable(problem.clone()))
    }
}
