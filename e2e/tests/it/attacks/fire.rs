//! Learning, attacking, and doing nothing wrong.

use std::sync::Arc;
use std::time::Duration;

use lazaret_e2e::{Context, Failure, Result, Run, check, fail};
use lazaret_engine::docker::request::{RawRequest, Request, decode};
use lazaret_model::Digest;
use lazaret_policy::{Policy, forbidden};
use lazaret_profile::learn::Milestone;
use lazaret_sensor::{
    Deadly, ExecutableSet, GuardRequest, NetworkPolicy, PeerRule, PortRule, Protocol, Sensor,
};

use super::corpus::{Case, Corpus, Via};
use super::judge::{Alert, Judge};
use super::victim::{Container, Host};
use crate::runner::say;

/// For what is on its way when an attack is over.
const LATE: Duration = Duration::from_millis(250);

/// Attacks that are fired at the same time.
const AT_ONCE: usize = 10;

pub(crate) struct Field {
    pub(crate) sensor: Sensor,
    pub(crate) host: Host,
    pub(crate) judge: Judge,
    pub(crate) allowed: Vec<(String, Digest)>,
}

/// What came of an attack.
#[derive(Debug, Clone)]
pub(crate) struct Fired {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) expected: String,
    pub(crate) alerts: Vec<Alert>,
    /// Who kept it from happening, or ended who did it.
    pub(crate) by: Option<&'static str>,
    /// What the attack itself said.
    pub(crate) said: String,
}

/// Where something can be kept from happening by a rule of the container's own, not by the way it is created.
const ENFORCEABLE: &[&str] = &["drift.", "network."];

impl Fired {
    pub(crate) fn is_told(&self) -> bool {
        self.alerts.iter().any(|alert| alert.category == self.expected)
    }

    /// Whether it was in a dimension that is enforced, and went on.
    pub(crate) fn is_let_through(&self) -> bool {
        ENFORCEABLE.iter().any(|start| self.expected.starts_with(start)) && self.by.is_none()
    }
}

impl Field {
    /// The life of one container with nothing wrong in it.
    pub(crate) fn learn(&mut self) -> Result<()> {
        let container = self.start(false)?;
        self.traffic(&container)?;
        self.end(&container)
    }

    fn start(&mut self, confined: bool) -> Result<Container> {
        let id = self.host.create("")?;
        self.begin(&id, confined)
    }

    fn begin(&mut self, id: &str, confined: bool) -> Result<Container> {
        let Self { host, judge, sensor, .. } = self;
        judge.watch(id);
        let container = judge.meanwhile(|| host.begin(id))?;
        judge.runs(&container.id, container.pid, sensor);
        if confined {
            self.confine(&container)?;
        }
        self.judge.meanwhile(|| container.warm_up())?;
        self.serving(std::slice::from_ref(&container));
        Ok(container)
    }

    /// Phases are told apart by whole seconds.
    fn serving(&mut self, containers: &[Container]) {
        self.judge.listen(LATE);
        containers.iter().for_each(|container| self.judge.reach(&container.id, Milestone::Healthy));
        self.judge.listen(Duration::from_millis(1100));
    }

    fn traffic(&mut self, container: &Container) -> Result<()> {
        for _ in 0..30 {
            for path in ["/", "/work", "/health"] {
                container.get(path)?;
            }
            self.judge.listen(Duration::from_millis(20));
        }
        self.health_check(container)?;
        self.judge.listen(Duration::from_secs(3));
        Ok(())
    }

    fn health_check(&mut self, container: &Container) -> Result<()> {
        self.host.engine.docker(["exec", &container.id, "/app/tool", "report"]).ok()?;
        self.judge.listen(LATE);
        Ok(())
    }

    fn end(&mut self, container: &Container) -> Result<()> {
        self.judge.reach(&container.id, Milestone::StopRequested);
        let _ = self.host.engine.docker(["stop", "-t", "3", &container.id]).end();
        self.judge.listen(LATE);
        self.judge.stopped(&container.id);
        self.clear(std::slice::from_ref(container))
    }

    fn clear(&mut self, containers: &[Container]) -> Result<()> {
        let Self { host, judge, sensor, .. } = self;
        for container in containers {
            sensor.release(&container.id, container.pid);
            sensor.release_group(container.group);
        }
        judge.meanwhile(|| {
            side_by_side(containers, |container| {
                host.remove(&container.id);
                Ok(())
            })
        })?;
        judge.listen(Duration::ZERO);
        containers.iter().for_each(|container| judge.forget(&container.id));
        Ok(())
    }

    /// What an agent does for a profile that blocks.
    fn confine(&self, container: &Container) -> Result<()> {
        let allowed: ExecutableSet = self.allowed.iter().cloned().collect();
        let request = GuardRequest {
            container: container.id.clone(),
            pid: container.pid,
            rootfs: container.merged.clone(),
            allowed: Arc::new(allowed),
        };
        self.sensor.guard(&request).context(|| "the container cannot be guarded".to_owned())?;
        let peers = vec![PeerRule {
            protocol: Some(Protocol::Tcp),
            network: "198.51.100.2".parse().context(|| "an address".to_owned())?,
            prefix: 32,
            port: Some(5432),
        }];
        let ports = vec![PortRule { protocol: Protocol::Tcp, port: 8080 }];
        let policy = NetworkPolicy { peers: Some(peers), ports: Some(ports) };
        let failed = || "the container cannot be confined".to_owned();
        self.sensor.confine_network(container.group, &policy).context(failed)?;
        // Whether a file is the image's is decided by its content, where it can be.
        let is_by_content = |act: &Deadly| matches!(act, Deadly::ExecuteUpper | Deadly::ExecuteMounted);
        let deadly: Vec<Deadly> = Deadly::ALL.iter().copied().filter(|act| !is_by_content(act)).collect();
        self.sensor.make_deadly(container.group, &deadly).context(failed)
    }

    /// Fires all attacks, each at a container of its own, some at the same time.
    pub(crate) fn all(&mut self, corpus: &Corpus, confined: bool) -> Result<Vec<Fired>> {
        let mut fired = Vec::new();
        for cases in corpus.attacks().chunks(AT_ONCE) {
            let some = self.some(cases, confined)?;
            for one in &some {
                let told = if one.is_told() { "told" } else { "MISSED" };
                say(&format!("{} {:<24} {told:<7} {}", one.id, one.expected, one.by.unwrap_or("-")));
                if std::env::var_os("LAZARET_ATTACKS_TELL").is_some() && confined {
                    say(&format!("   {} {:?}", one.said.trim(), one.alerts));
                }
            }
            fired.extend(some);
        }
        Ok(fired)
    }

    fn some(&mut self, cases: &[&Case], confined: bool) -> Result<Vec<Fired>> {
        let Self { host, judge, sensor, .. } = self;
        let asked = side_by_side(cases, |case| asked(host, &case.run_args))?;
        let running: Vec<&&Case> = cases.iter().filter(|case| case.via != Via::Create).collect();
        let ids = side_by_side(&running, |case| host.create(&case.run_args))?;
        ids.iter().for_each(|id| judge.watch(id));
        let containers = judge.meanwhile(|| side_by_side(&ids, |id| host.begin(id)))?;
        for container in &containers {
            judge.runs(&container.id, container.pid, sensor);
        }
        for container in containers.iter().filter(|_| confined) {
            self.confine(container)?;
        }
        self.judge.meanwhile(|| side_by_side(&containers, Container::warm_up))?;
        self.serving(&containers);
        containers.iter().for_each(|container| drop(self.judge.alerts(&container.id)));
        let aims: Vec<(&Case, &Container)> = running.into_iter().copied().zip(&containers).collect();
        let host = &self.host;
        let said = self.judge.meanwhile(|| side_by_side(&aims, |(case, aim)| Ok(attack(host, case, aim))))?;
        self.judge.listen(LATE);
        let mut told: Vec<(Vec<Alert>, String)> =
            containers.iter().map(|container| self.judge.alerts(&container.id)).zip(said).collect();
        self.clear(&containers)?;

        let outcome = |(case, mut alerts): (&&Case, Vec<Alert>)| {
            let mut said = String::new();
            if case.via != Via::Create && !told.is_empty() {
                let (more, words) = told.remove(0);
                alerts.extend(more);
                said = words;
            }
            let by = prevented_by(&alerts, &case.expect.category);
            let (id, title, expected) = (case.id.clone(), case.title.clone(), case.expect.category.clone());
            Fired { id, title, expected, alerts, by, said }
        };
        Ok(cases.iter().zip(asked).map(outcome).collect())
    }

    /// What a healthy application and its engine do, on two containers. Returns what was told of it nevertheless.
    pub(crate) fn benign(&mut self, confined: bool) -> Result<Vec<Alert>> {
        let mut alerts = Vec::new();
        for _ in 0..2 {
            let container = self.start(confined)?;
            alerts.extend(asked(&self.host, "")?);
            for (path, times) in [("/", 200), ("/work", 100), ("/health", 200)] {
                for _ in 0..times {
                    container.get(path)?;
                }
                self.judge.listen(LATE);
            }
            self.health_check(&container)?;
            // The file becomes one of the container's own layer and holds what it held.
            Run::new("touch").args([container.merged.join("app/tool").display().to_string()]).ok()?;
            check!(container.get("/work")?.contains("report ok"), "the touched program did not run");
            self.judge.listen(LATE);
            self.judge.reach(&container.id, Milestone::StopRequested);
            self.host.engine.docker(["stop", "-t", "3", &container.id]).ok()?;
            self.judge.listen(LATE);
            alerts.extend(self.judge.alerts(&container.id));
            self.sensor.release(&container.id, container.pid);

            let again = self.begin(&container.id, confined)?;
            check!(
                again.get("/work")?.contains("report ok"),
                "the application does not work after a restart"
            );
            self.judge.listen(LATE);
            self.judge.reach(&again.id, Milestone::StopRequested);
            self.host.engine.docker(["stop", "-t", "3", &again.id]).ok()?;
            self.judge.listen(LATE);
            alerts.extend(self.judge.alerts(&again.id));
            self.clear(std::slice::from_ref(&again))?;
        }
        Ok(alerts)
    }
}

/// What is said of the request to make such a container: what it asks of its host that the policy refuses.
fn asked(host: &Host, arguments: &str) -> Result<Vec<Alert>> {
    let body = host.request(arguments)?.to_string();
    let raw = RawRequest {
        method: "POST",
        uri: "/v1.41/containers/create",
        content_type: Some("application/json"),
        body: Some(body.as_bytes()),
    };
    let Ok(Request::CreateContainer(create)) = decode(&raw) else {
        fail!("the request cannot be read: {body}")
    };
    let policy = Policy::parse("stages: []\n", "policy.yaml").context(|| "the empty policy".to_owned())?;
    let alert = |reason: lazaret_model::Reason| Alert {
        category: if reason.rule.contains("mounts") { "volume.unexpected" } else { "escape.config" },
        what: reason.message,
        by: Some("admission"),
    };
    Ok(forbidden(&policy, &create.run).into_iter().map(alert).collect())
}

/// Does the same with each of a few things at the same time. The first failure counts.
fn side_by_side<T: Sync, R: Send>(items: &[T], job: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = items.iter().map(|item| scope.spawn(|| job(item))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(Failure::new("a thread failed"))))
            .collect()
    })
}

fn attack(host: &Host, case: &Case, aim: &Container) -> String {
    let said = match case.via {
        Via::Exec => {
            let words = ["exec", &aim.id, "sh", "-c", "id; cat /etc/hostname"];
            host.engine.docker(words).end().map(|ended| ended.said()).ok()
        }
        Via::Eval => aim.attack("/eval", &case.command),
        _ => aim.attack("/rce", &case.command),
    };
    said.unwrap_or_default()
}

/// Who prevented or ended it, or the way to it: a name server that cannot be reached is asked for nothing.
fn prevented_by(alerts: &[Alert], expected: &str) -> Option<&'static str> {
    let area = expected.split('.').next().unwrap_or(expected);
    alerts.iter().filter(|alert| alert.category.starts_with(area)).find_map(|alert| alert.by)
}
