//! What enforces each side of behaviour on this host, from what was just tried.

use lazaret_model::Dimension;
use lazaret_sensor::Mechanism;

use super::Check;

/// One line for each dimension. `tried`: what [`lazaret_sensor::probe`] found.
pub(super) fn checks(tried: &[Mechanism]) -> Vec<Check> {
    let works = |name: &str| tried.iter().any(|mechanism| mechanism.name == name && mechanism.result.is_ok());
    let here = Rungs {
        fanotify: works("fanotify"),
        opening: works("fanotify-open"),
        seen: works("observation"),
        network: works("network"),
        starts: works("exec-tracing"),
        security: works("bpf-lsm"),
        landlock: works("landlock"),
        filter: works("seccomp"),
    };
    Dimension::ALL.iter().map(|dimension| here.check(*dimension)).collect()
}

/// What works here.
#[derive(Debug, Clone, Copy)]
struct Rungs {
    fanotify: bool,
    /// Permission events refuse to open.
    opening: bool,
    /// System calls are seen, and can end a process.
    seen: bool,
    network: bool,
    starts: bool,
    /// Programs at security hooks refuse.
    security: bool,
    /// Processes can give rights up.
    landlock: bool,
    /// Filters of system calls refuse.
    filter: bool,
}

/// What is left of a dimension without any mechanism.
const UNSEEN: &str = "not seen, so neither learned nor alerted on";
const TOLD: &str = "alerted on: nothing on this host refuses it";

impl Rungs {
    fn check(self, dimension: Dimension) -> Check {
        let (is_whole, detail) = match dimension {
            Dimension::Executables => self.executables(),
            Dimension::Network if self.network => {
                (true, "prevented: peers and ports that are not listed are refused (cgroup-bpf)".to_owned())
            }
            Dimension::Files | Dimension::Secrets if self.security => {
                (true, "prevented: what no rule names is refused (bpf-lsm)".to_owned())
            }
            Dimension::Files if self.landlock => (
                true,
                "prevented: a container changes files only below places that its profile names (landlock), from its next start \
                 on; mode, owner, times and attributes, and what comes in from outside (`docker exec`), are alerted on"
                    .to_owned(),
            ),
            Dimension::Secrets if self.opening => (
                true,
                "prevented while the agent runs: opening what the profile does not name is refused (fanotify); without \
                 it nobody is asked, and what only BPF LSM refuses (environment and memory of processes, renaming, \
                 deleting) is alerted on"
                    .to_owned(),
            ),
            Dimension::Users if self.security => (
                true,
                "prevented: a process takes no user that is not listed (bpf-lsm); programs that start as one are \
                 alerted on"
                    .to_owned(),
            ),
            Dimension::Libraries if self.security => (
                true,
                "prevented: code without a file in a directory is refused (bpf-lsm); other code from outside the \
                 image is alerted on"
                    .to_owned(),
            ),
            Dimension::SystemCalls | Dimension::Volumes if self.security => (
                true,
                "prevented where the kernel has a hook for it (bpf-lsm); else the process is ended when the call \
                 returns (bpf-kill)"
                    .to_owned(),
            ),
            Dimension::SystemCalls | Dimension::Volumes if self.seen && self.filter => (
                true,
                "prevented: calls for what the profile does not name are kept from a container (seccomp), from its next \
                 start on; until then, and for memory of processes in procfs, the process is ended when the call \
                 returns (bpf-kill)"
                    .to_owned(),
            ),
            Dimension::SystemCalls | Dimension::Volumes if self.seen => (
                true,
                "the process is ended when the call returns (bpf-kill): not called prevented".to_owned(),
            ),
            Dimension::Processes if self.fanotify && self.security => (
                true,
                "prevented: a program that the profile does not let another one start is refused, by where it is \
                 (bpf-lsm), and while the agent runs by what it holds (fanotify); arguments, and what is started in \
                 sessions (`docker exec`), are alerted on"
                    .to_owned(),
            ),
            Dimension::Processes if self.fanotify => (
                true,
                "prevented while the agent runs: a program that the profile does not let another one start is refused \
                 (fanotify); arguments, and what is started in sessions (`docker exec`), are alerted on"
                    .to_owned(),
            ),
            Dimension::Login if self.starts => (
                true,
                "alerted on; where the admission policy lets nobody log in, the engine refuses `docker exec` and \
                 `docker attach` before"
                    .to_owned(),
            ),
            Dimension::Processes | Dimension::Users if self.starts => (true, TOLD.to_owned()),
            Dimension::Libraries | Dimension::Files | Dimension::Secrets | Dimension::Capabilities
                if self.seen =>
            {
                (true, TOLD.to_owned())
            }
            Dimension::Resources => (true, "alerted on: read from the control group every few seconds".to_owned()),
            _ => (false, UNSEEN.to_owned()),
        };
        let name = name(dimension);
        match is_whole {
            true => Check::good(name, detail),
            false => Check::bad(name, detail, "see the mechanisms above"),
        }
    }

    fn executables(self) -> (bool, String) {
        match (self.fanotify, self.starts) {
            (true, true) => (
                true,
                "prevented: foreign contents are refused (fanotify), programs in memory die before their first \
                 instruction (bpf-kill)"
                    .to_owned(),
            ),
            (true, false) => (
                false,
                "prevented: foreign contents are refused (fanotify); programs in memory are not seen".to_owned(),
            ),
            (false, true) => (false, "programs in memory die (bpf-kill); foreign contents run".to_owned()),
            (false, false) => (false, UNSEEN.to_owned()),
        }
    }
}

const fn name(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Users => "block users",
        Dimension::Processes => "block processes",
        Dimension::Executables => "block executables",
        Dimension::Libraries => "block libraries",
        Dimension::Volumes => "block volumes",
        Dimension::Files => "block files",
        Dimension::Secrets => "block secrets",
        Dimension::Network => "block network",
        Dimension::Capabilities => "block capabilities",
        Dimension::SystemCalls => "block system-calls",
        Dimension::Login => "block login",
        Dimension::Resources => "block resources",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(working: &[&'static str]) -> Vec<Mechanism> {
        let names = [
            "exec-tracing",
            "fanotify",
            "fanotify-open",
            "observation",
            "io-uring",
            "network",
            "bpf-lsm",
            "landlock",
            "seccomp",
        ];
        let result =
            |name| if working.contains(&name) { Ok("tried".to_owned()) } else { Err("no".to_owned()) };
        names.map(|name| Mechanism { name, purpose: "", result: result(name) }).into()
    }

    fn of(checks: &[Check], name: &str) -> (bool, String) {
        let check = checks.iter().find(|check| check.name == name).unwrap();
        (check.ok, check.detail.clone())
    }

    #[test]
    fn nothing_is_promised_that_was_not_found_to_work() {
        let none = checks(&tried(&[]));
        assert_eq!(none.len(), Dimension::ALL.len());
        assert!(none.iter().all(|check| !check.detail.contains("prevented:")), "{none:?}");
        assert!(!of(&none, "block network").0);

        let all = checks(&tried(&["exec-tracing", "fanotify", "observation", "network"]));
        assert!(all.iter().all(|check| check.ok), "{all:?}");
        assert!(of(&all, "block network").1.contains("cgroup-bpf"));
        for name in ["block executables", "block processes"] {
            assert!(of(&all, name).1.starts_with("prevented") && of(&all, name).1.contains("fanotify"));
        }
        assert!(of(&all, "block files").1.contains("nothing on this host refuses it"));
        assert!(!of(&all, "block system-calls").1.starts_with("prevented"));

        assert!(of(&all, "block secrets").1.contains("nothing on this host refuses it"));
        let events = checks(&tried(&["exec-tracing", "fanotify", "fanotify-open", "observation"]));
        assert!(of(&events, "block secrets").1.starts_with("prevented while the agent runs"));

        let landlock = checks(&tried(&["exec-tracing", "observation", "landlock"]));
        assert!(of(&landlock, "block files").1.starts_with("prevented: a container"));
        assert!(of(&landlock, "block secrets").1.contains("nothing on this host refuses it"));

        let filters = checks(&tried(&["exec-tracing", "observation", "seccomp"]));
        for name in ["block system-calls", "block volumes"] {
            assert!(of(&filters, name).1.starts_with("prevented: calls"));
        }

        let hooks = checks(&tried(&["exec-tracing", "fanotify", "observation", "network", "bpf-lsm"]));
        for name in ["block files", "block secrets", "block users", "block system-calls", "block processes"] {
            assert!(of(&hooks, name).1.starts_with("prevented") && of(&hooks, name).1.contains("bpf-lsm"));
        }

        let some = checks(&tried(&["exec-tracing", "observation"]));
        for name in ["block executables", "block processes"] {
            assert!(!of(&some, name).1.starts_with("prevented"));
        }
        assert!(!of(&some, "block network").0);
    }
}
