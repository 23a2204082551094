//! What a container is held to since its start, as far as changes of files are concerned.

use lazaret_model::{Fact, FileOperation, Session};
use lazaret_sensor::{Domain, Observation, Outcome, Rung};
use nix::errno::Errno;

use crate::start::begin::fingerprint;

/// Where a container lets itself change files since its start (Landlock).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holding {
    /// Anywhere.
    Nothing,
    To(Domain),
    /// It was started under a profile that is not known any more.
    Something,
}

impl Holding {
    /// `begun`: what was remembered of its start.
    pub(super) fn of(begun: Option<&str>, domain: Option<Domain>) -> Self {
        match (begun, domain) {
            (None, _) => Self::Nothing,
            (Some(begun), Some(domain)) if fingerprint(&domain).as_deref() == Some(begun) => Self::To(domain),
            (Some(_), _) => Self::Something,
        }
    }

    /// Whether the container would begin otherwise now.
    pub(super) fn is_behind(&self, domain: Option<&Domain>) -> bool {
        match (self, domain) {
            (Self::Nothing, domain) => domain.is_some(),
            (Self::To(begun), domain) => Some(begun) != domain,
            (Self::Something, _) => true,
        }
    }

    /// What became of a change of a file that failed. `None`: something else than this was the reason, as missing
    /// permissions always are.
    pub(super) fn judge(&self, observation: &Observation) -> Option<Outcome> {
        let Fact::File(access) = &observation.behaviour.fact else { return Some(observation.outcome) };
        if !has_error_of_domain(observation.outcome) || !is_change(access.operation) {
            return None;
        }
        match (self, observation.behaviour.actor.session) {
            // The other name of what is moved or linked may be the one.
            (Self::To(domain), Session::Main) => {
                let names = std::iter::once(&access.path).chain(access.other.as_ref());
                let refused = names.into_iter().any(|name| !domain.allows(name, access.operation));
                refused.then_some(Outcome::Refused(Rung::Landlock))
            }
            (Self::Something, Session::Main) => Some(observation.outcome),
            _ => None,
        }
    }
}

/// Landlock never says that an operation is not permitted, or that a file system is read-only.
const fn has_error_of_domain(outcome: Outcome) -> bool {
    const DENIED: i32 = Errno::EACCES as i32;
    const ELSEWHERE: i32 = Errno::EXDEV as i32;
    matches!(outcome, Outcome::Failed(DENIED | ELSEWHERE))
}

/// Whether Landlock knows of it.
const fn is_change(operation: FileOperation) -> bool {
    use FileOperation::{Attributes, Connect, Read, SetUserId};
    !matches!(operation, Read | Connect | Attributes | SetUserId)
}

#[cfg(test)]
mod tests {
    use lazaret_model::{FileAccess, FileOrigin};
    use lazaret_sensor::PathRule;

    use super::*;
    use crate::behaviour::testing::observation;

    #[test]
    fn a_change_that_failed_is_refused_by_what_its_container_is_held_to_alone() {
        let rule = PathRule::new("/data/**", None, &[FileOperation::Rename]).unwrap();
        let domain = Domain::of(&[rule]).unwrap();
        let held = Holding::To(domain.clone());
        let failed = Outcome::Failed(13);
        let of = |path: &str, other: Option<&str>, session| {
            let (path, other) = (path.to_owned(), other.map(str::to_owned));
            let access =
                FileAccess { path, operation: FileOperation::Rename, other, origin: FileOrigin::Upper };
            let mut observation = Observation { outcome: failed, ..observation(Fact::File(access)) };
            observation.behaviour.actor.session = session;
            observation
        };
        let refused = Some(Outcome::Refused(Rung::Landlock));
        assert_eq!(held.judge(&of("/etc/x", None, Session::Main)), refused);
        assert_eq!(held.judge(&of("/data/x", Some("/etc/x"), Session::Main)), refused);
        assert_eq!(held.judge(&of("/data/x", None, Session::Main)), None, "its permissions are missing");
        assert_eq!(held.judge(&of("/etc/x", None, Session::Entered(7))), None, "who comes in is not held");
        assert_eq!(Holding::Nothing.judge(&of("/etc/x", None, Session::Main)), None);
        assert_eq!(Holding::Something.judge(&of("/etc/x", None, Session::Main)), Some(failed));
        let read_only = |path| Observation { outcome: Outcome::Failed(30), ..of(path, None, Session::Main) };
        for other in [&held, &Holding::Something] {
            assert_eq!(other.judge(&read_only("/etc/x")), None, "that is the file system's");
        }
        let mut reading = of("/etc/x", None, Session::Main);
        let Fact::File(access) = &mut reading.behaviour.fact else { unreachable!() };
        access.operation = FileOperation::Read;
        assert_eq!(held.judge(&reading), None, "reading stays free");
        let begun = fingerprint(&domain);
        assert_eq!(Holding::of(begun.as_deref(), Some(domain.clone())), held);
        assert_eq!(Holding::of(Some("other"), Some(domain.clone())), Holding::Something);
        assert_eq!(Holding::of(None, Some(domain.clone())), Holding::Nothing);
        assert!(!held.is_behind(Some(&domain)) && !Holding::Nothing.is_behind(None));
        assert!(held.is_behind(None) && Holding::Nothing.is_behind(Some(&domain)));
    }
}
