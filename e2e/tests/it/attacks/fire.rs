//! Learning, attacking, and doing nothing wrong.

use std::collections::HashMap;
use std::time::Duration;

use lazaret_e2e::story::Image;
use lazaret_e2e::{Failure, Result, check, fail, until};

use super::corpus::{Case, Corpus, Via};
use super::told::{Alert, Told};
use super::victim::{Container, Host, Wish};
use crate::runner::say;

/// For what is on its way when an attack is over: what containers use is looked at every few seconds.
const LATE: Duration = Duration::from_secs(8);
const PATIENCE: Duration = Duration::from_secs(60);

/// Attacks that are fired at the same time.
const AT_ONCE: usize = 12;

pub(crate) struct Field {
    pub(crate) host: Host,
    pub(crate) told: Told,
    /// What was told of wishes for containers that no careful policy grants, by the case.
    refusals: HashMap<String, Vec<Alert>>,
    /// Whether the profile in force blocks.
    blocks: bool,
}

/// What came of an attack.
#[derive(Debug, Clone)]
pub(crate) struct Fired {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) expected: String,
    pub(crate) alerts: Vec<Alert>,
    /// Who kept it from happening, or ended who did it.
    pub(crate) by: Option<String>,
    /// What the attack itself said.
    pub(crate) said: String,
}

/// The application writes its shell's input there.
const HANDED_OVER: &str = "/srv/data/.rce.in";
/// Where something can be kept from happening by a rule of the container's own, not by the way it is created.
const ENFORCEABLE: &[&str] =
    &["drift.", "escape.", "evasion.io_uring", "file.write", "kernel.", "network.", "secret."];
/// What begins with a file of one's own, and comes to nothing where that file cannot be made.
const BEGINS_WITH_A_FILE: &[&str] = &["drift", "privilege"];

impl Fired {
    pub(crate) fn is_told(&self) -> bool {
        self.alerts.iter().any(|alert| alert.category == self.expected)
    }

    /// Whether it came no further than to a shell that was not started.
    pub(crate) fn is_without_shell(&self) -> bool {
        let is_other = |alert: &Alert| !is_refused_start(alert) && !alert.what.contains(HANDED_OVER);
        self.alerts.iter().any(is_refused_start) && !self.alerts.iter().any(is_other)
    }

    /// Whether it was in a dimension that is enforced, and went on.
    pub(crate) fn is_let_through(&self) -> bool {
        is_enforceable(&self.expected) && self.by.is_none()
    }
}

fn is_enforceable(category: &str) -> bool {
    ENFORCEABLE.iter().any(|start| category.starts_with(start))
}

impl Field {
    pub(crate) fn new(host: Host) -> Self {
        Self { host, told: Told::default(), refusals: HashMap::new(), blocks: false }
    }

    /// The lives of a few containers with nothing wrong in them, and what the server knows of them afterwards.
    pub(crate) fn learn(&self, replicas: usize) -> Result<()> {
        let host = &self.host;
        side_by_side(&vec![(); replicas], |()| {
            let container = host.begin(&host.create(&host.first)?)?;
            for _ in 0..10 {
                traffic(&container)?;
                std::thread::sleep(Duration::from_secs(1));
            }
            host.health_check(&container)?;
            host.stop(&container)?;
            host.remove(&container.id);
            Ok(())
        })?;
        until("the server to know what was learned", PATIENCE, || {
            let known = host.lab.ask(["profile", "learn", &host.first.by_digest]).ok()?;
            let counted = |what: &str| known["coverage"][what].as_u64().unwrap_or_default();
            let all = u64::try_from(replicas).unwrap_or(u64::MAX);
            (counted("starts") >= all && counted("stops") >= all).then_some(())
        })
    }

    /// Signs a profile and waits until the host holds containers to it.
    pub(crate) fn promote_profile(&mut self, image: &Image, arguments: &[&str], mode: &str) -> Result<()> {
        self.sign(image, arguments)?;
        let attack = |number: u32| ("/eval", format!("open(my $f,'>','/opt/{mode}-{number}'); 1"));
        self.in_force(image, attack, |alert| alert.mode == mode)
    }

    fn sign(&self, image: &Image, arguments: &[&str]) -> Result<()> {
        let key = self.host.lab.folders.private_key().display().to_string();
        let command = ["profile", "promote", &image.by_digest, "--key", &key];
        self.host.lab.lazaret(command.into_iter().chain(arguments.iter().copied()))?.ok().map(drop)
    }

    /// Waits until something is told of an attack.
    fn in_force(
        &mut self,
        image: &Image,
        attack: impl Fn(u32) -> (&'static str, String),
        is_it: impl Fn(&Alert) -> bool,
    ) -> Result<()> {
        let probe = self.host.begin(&self.host.create(image)?)?;
        let mut number = 0;
        until("the profile to be in force", PATIENCE, || {
            number += 1;
            let (path, body) = attack(number);
            probe.attack(path, &body)?;
            let is_held = |told: &Told| told.of(&probe.id).iter().any(&is_it);
            self.told.listen(&self.host.lab, Duration::from_secs(1), is_held).ok().filter(|held| *held)
        })?;
        self.host.remove(&probe.id);
        Ok(())
    }

    /// The same profile, that blocks in all dimensions but one: what shells do shows how the others hold.
    pub(crate) fn enforce(&mut self, image: &Image) -> Result<()> {
        let file = self.promoted(image)?;
        let arguments = ["--profile", &file, "--enforce", "--mode", "processes=alert"];
        self.promote_profile(image, &arguments, "block")?;
        self.blocks = true;
        Ok(())
    }

    /// Nobody changes of a file of the image what is not its content.
    pub(crate) fn attributes(&mut self, image: &Image) -> Result<()> {
        let container = self.host.begin(&self.host.create(image)?)?;
        let attempts =
            ["chmod 4755", "chown 1", "touch -c -t 202001010000"].map(|how| format!("{how} /usr/bin/tac"));
        let said = container.attack("/rce", &attempts.join("; ")).unwrap_or_default();
        let refused = said.matches("not permitted").count();
        check!(refused == attempts.len(), "attributes of a file are changed: {said}");
        let is_told = |told: &Told| {
            let by_filter = |alert: &&Alert| alert.by.as_deref() == Some("seccomp");
            let categories =
                told.of(&container.id).iter().filter(by_filter).map(|alert| alert.category.as_str());
            let categories: Vec<&str> = categories.collect();
            categories.contains(&"privilege.setuid") && categories.contains(&"file.write")
        };
        let heard = self.told.listen(&self.host.lab, LATE, is_told)?;
        check!(heard, "refused changes of attributes are not told: {:#?}", self.told.of(&container.id));
        self.host.remove(&container.id);
        Ok(())
    }

    /// Ways out that the engine has closed are told when somebody tries them.
    pub(crate) fn attempts(&mut self, image: &Image) -> Result<()> {
        let container = self.host.begin(&self.host.create(image)?)?;
        container.attack("/rce", "ln -s /proc/sys/kernel/core_pattern /tmp/log; echo x > /tmp/log");
        let is_told = |told: &Told| {
            let is_it =
                |alert: &Alert| alert.category == "escape.attempt" && alert.what.contains("core_pattern");
            told.of(&container.id).iter().any(is_it)
        };
        let heard = self.told.listen(&self.host.lab, LATE, is_told)?;
        check!(heard, "an attempt to escape is not told: {:#?}", self.told.of(&container.id));
        self.host.remove(&container.id);
        Ok(())
    }

    /// The same profile, that blocks in all dimensions; also after the agent was killed.
    pub(crate) fn refuse_programs(&mut self, image: &Image) -> Result<()> {
        let file = self.promoted(image)?;
        self.sign(image, &["--profile", &file, "--enforce"])?;
        self.in_force(image, |_| ("/rce", "true".to_owned()), is_refused_start)?;
        let running = self.host.begin(&self.host.create(image)?)?;
        self.host.lab.agent.kill();
        self.host.lab.agent.restart()?;
        until("shells to be refused after the agent's own start", PATIENCE, || {
            running.attack("/rce", "id").filter(|said| said.contains("not permitted"))
        })?;
        self.host.remove(&running.id);
        Ok(())
    }

    /// The profile that is in force, in a file.
    fn promoted(&self, image: &Image) -> Result<String> {
        let folders = &self.host.lab.folders;
        let (key, file) = (folders.public_key().display().to_string(), folders.state().join("profile.yaml"));
        let file = file.display().to_string();
        let show = ["profile", "show", &image.by_digest, "--promoted", &key, "--out", &file];
        self.host.lab.lazaret(show)?.ok()?;
        Ok(file)
    }

    /// Fires what begins with a shell that the application starts.
    pub(crate) fn shells(&mut self, corpus: &Corpus) -> Result<Vec<Fired>> {
        let by_shell: Vec<&Case> = corpus.attacks().into_iter().filter(|case| case.by_shell()).collect();
        let mut fired = Vec::new();
        for cases in by_shell.chunks(AT_ONCE) {
            fired.extend(self.some(cases, |_, alerts| alerts.iter().any(is_refused_start))?);
        }
        Ok(fired)
    }

    /// What the policy of a careful owner says of the containers that some cases need.
    pub(crate) fn ask_for_trouble(&mut self, corpus: &Corpus) -> Result<()> {
        for case in corpus.attacks().into_iter().filter(|case| !case.run_args.is_empty()) {
            let before = self.told.refused.len();
            if let Wish::Granted(id) = self.host.wish(&self.host.first, &case.run_args)? {
                fail!("{} is granted its container: {} ({id})", case.id, case.run_args);
            }
            let is_told = |told: &Told| told.refused.len() > before;
            check!(
                self.told.listen(&self.host.lab, LATE, is_told)?,
                "the refusal of {} is not told",
                case.id
            );
            self.refusals.insert(case.id.clone(), self.told.refused.drain(before..).flatten().collect());
        }
        Ok(())
    }

    /// Fires all attacks, each at a container of its own, some at the same time.
    pub(crate) fn all(&mut self, corpus: &Corpus) -> Result<Vec<Fired>> {
        let mut fired = Vec::new();
        for cases in corpus.attacks().chunks(AT_ONCE) {
            let blocks = self.blocks;
            let some = self.some(cases, |case, alerts| {
                let expected = &case.expect.category;
                match blocks && is_enforceable(expected) {
                    true => prevented_by(alerts, expected).is_some(),
                    false => alerts.iter().any(|alert| alert.category == *expected),
                }
            })?;
            for one in &some {
                let told = match (one.is_told(), &one.by) {
                    (true, _) => "told",
                    (false, Some(_)) => "cut off",
                    (false, None) => "MISSED",
                };
                say(&format!(
                    "{} {:<24} {told:<7} {}",
                    one.id,
                    one.expected,
                    one.by.as_deref().unwrap_or("-")
                ));
                if std::env::var_os("LAZARET_ATTACKS_TELL").is_some() {
                    say(&format!("   {} {:#?}", one.said.trim(), one.alerts));
                }
            }
            fired.extend(some);
        }
        Ok(fired)
    }

    /// Fires some at the same time, and listens until of each what is expected is told, or for a while.
    fn some(&mut self, cases: &[&Case], is_told: impl Fn(&Case, &[Alert]) -> bool) -> Result<Vec<Fired>> {
        let host = &self.host;
        let aims = side_by_side(cases, |case| match host.wish(&host.first, &case.run_args)? {
            Wish::Granted(id) if case.via != Via::Create => host.begin(&id).map(Some),
            Wish::Granted(id) => {
                host.remove(&id);
                Ok(None)
            }
            Wish::Refused(_) => Ok(None),
        })?;
        let aimed: Vec<(&Case, Container)> =
            cases.iter().zip(aims).filter_map(|(case, aim)| Some((*case, aim?))).collect();
        // What their starts told is told before.
        self.told.listen(&host.lab, Duration::from_secs(1), |_| false)?;
        aimed.iter().for_each(|(_, aim)| self.told.forget(&aim.id));
        let said = side_by_side(&aimed, |(case, aim)| Ok(attack(host, case, aim)))?;
        self.told.listen(&host.lab, LATE, |told| {
            aimed.iter().all(|(case, aim)| is_told(case, told.of(&aim.id)))
        })?;
        side_by_side(&aimed, |(_, aim)| {
            host.remove(&aim.id);
            Ok(())
        })?;

        let mut said: HashMap<&str, (String, Vec<Alert>)> = aimed
            .iter()
            .zip(said)
            .map(|((case, aim), said)| (case.id.as_str(), (said, self.told.of(&aim.id).to_vec())))
            .collect();
        let outcome = |case: &&Case| {
            let (said, mut alerts) = said.remove(case.id.as_str()).unwrap_or_default();
            let by = prevented_by(&alerts, &case.expect.category);
            let refusal = self.refusals.get(&case.id).map(Vec::as_slice).unwrap_or_default();
            alerts.extend_from_slice(refusal);
            let by = by.or_else(|| refusal.first().and_then(|alert| alert.by.clone()));
            let (id, title, expected) = (case.id.clone(), case.title.clone(), case.expect.category.clone());
            Fired { id, title, expected, alerts, by, said }
        };
        Ok(cases.iter().map(outcome).collect())
    }

    /// What a healthy application and its engine do, on two containers. Returns what was told of it nevertheless.
    pub(crate) fn benign(&mut self, image: &Image) -> Result<Vec<Alert>> {
        let host = &self.host;
        let ids = side_by_side(&[(), ()], |()| {
            let container = host.begin(&host.create(image)?)?;
            for _ in 0..10 {
                traffic(&container)?;
            }
            host.health_check(&container)?;
            container.touch("app/tool")?;
            works(&container)?;
            host.stop(&container)?;
            let again = host.begin(&container.id)?;
            works(&again)?;
            host.stop(&again)?;
            Ok(container.id)
        })?;
        self.told.listen(&host.lab, Duration::from_secs(2), |_| false)?;
        ids.iter().for_each(|id| host.remove(id));
        Ok(ids.iter().flat_map(|id| self.told.of(id)).cloned().collect())
    }
}

fn traffic(container: &Container) -> Result<()> {
    for (path, times) in [("/", 20), ("/work", 10), ("/health", 20)] {
        (0..times).try_for_each(|_| container.get(path).map(drop))?;
    }
    Ok(())
}

fn works(container: &Container) -> Result<()> {
    check!(container.get("/work")?.contains("report ok"), "the application does not work any more");
    Ok(())
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
            host.lab.docker.docker(words).end().map(|ended| ended.said()).ok()
        }
        Via::Eval => aim.attack("/eval", &case.command),
        _ => aim.attack("/rce", &case.command),
    };
    said.unwrap_or_default()
}

fn is_refused_start(alert: &Alert) -> bool {
    alert.category == "process.unexpected" && alert.by.as_deref() == Some("fanotify")
}

/// Who prevented or ended it, or the way to it: a name server that cannot be reached is asked for nothing, and a program
/// that cannot be written is never started.
fn prevented_by(alerts: &[Alert], expected: &str) -> Option<String> {
    let area = expected.split('.').next().unwrap_or(expected);
    let mut itself = alerts.iter().filter(|alert| alert.category.starts_with(area)).peekable();
    let is_cut_off = BEGINS_WITH_A_FILE.contains(&area) && itself.peek().is_none();
    let way = alerts.iter().filter(|alert| is_cut_off && alert.category.starts_with("file."));
    itself.chain(way).find_map(|alert| alert.by.clone())
}
