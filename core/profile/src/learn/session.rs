//! Who comes into a container: its own health check, or somebody.

use std::collections::BTreeMap;

use lazaret_model::{Behaviour, Fact, Session};

/// On whose behalf a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Visit {
    /// The container's own program.
    Program,
    /// The check that the image orders.
    HealthCheck,
    /// A person, or a tool of one.
    Login,
}

/// The sessions of one container.
#[derive(Debug, Clone, Default)]
pub struct Sessions {
    entered: BTreeMap<u32, Visit>,
}

/// Sessions that are remembered. The numbers are those of processes, which come back: old ones mean nothing.
const MOST_SESSIONS: usize = 4096;

impl Sessions {
    /// Tells on whose behalf something happened. `health_check` is the command that the engine executes for the
    /// image's health check; a session that begins with exactly this is one.
    pub fn visit(&mut self, behaviour: &Behaviour, health_check: &[String]) -> Visit {
        let Session::Entered(number) = behaviour.actor.session else { return Visit::Program };
        if let Fact::Exec(execution) = &behaviour.fact
            && execution.entered
        {
            let is_check = !health_check.is_empty()
                && !execution.terminal
                && !execution.arguments_cut
                && execution.arguments == health_check;
            let visit = if is_check { Visit::HealthCheck } else { Visit::Login };
            if self.entered.len() >= MOST_SESSIONS {
                self.entered.pop_first();
            }
            self.entered.insert(number, visit);
            return visit;
        }
        // Whose beginning was missed is nobody's.
        self.entered.get(&number).copied().unwrap_or(Visit::Login)
    }
}
