//! What the agent told of each container, as `lazaret events` shows it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use lazaret_e2e::{Context, Lab, Result};
use serde_json::Value;

/// Something that was told of one container, or of the wish for one.
#[derive(Debug, Clone)]
pub(crate) struct Alert {
    pub(crate) category: String,
    pub(crate) what: String,
    /// What kept it from happening or ended who did it, in the words of the event.
    pub(crate) by: Option<String>,
    /// `alert` or `block`; empty where no profile had a say.
    pub(crate) mode: String,
}

#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Up to this position the events were read.
    read: u64,
    containers: HashMap<String, Vec<Alert>>,
    /// Of each container that was not to be created, in their order.
    pub(crate) refused: Vec<Vec<Alert>>,
    /// What the agent says that it did not see or tell.
    pub(crate) gaps: Vec<String>,
}

const PAUSE: Duration = Duration::from_millis(500);

impl Told {
    /// Listens until something holds, or for as long as it may take.
    pub(crate) fn listen(
        &mut self,
        lab: &Lab,
        limit: Duration,
        holds: impl Fn(&Self) -> bool,
    ) -> Result<bool> {
        let until = Instant::now() + limit;
        loop {
            self.hear(lab)?;
            if holds(self) {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            std::thread::sleep(PAUSE);
        }
    }

    pub(crate) fn of(&self, container: &str) -> &[Alert] {
        self.containers.get(container).map_or(&[], Vec::as_slice)
    }

    /// What was told so far is no matter any more.
    pub(crate) fn forget(&mut self, container: &str) {
        self.containers.remove(container);
    }

    fn hear(&mut self, lab: &Lab) -> Result<()> {
        let after = self.read.to_string();
        let shown = lab.lazaret(["--format", "json", "events", "--since", &after])?.ok()?;
        for line in shown.stdout.lines() {
            let stored: Value = serde_json::from_str(line).context(|| format!("not an event: {line}"))?;
            self.read = self.read.max(stored["position"].as_u64().unwrap_or_default());
            self.take(&stored["event"]);
        }
        Ok(())
    }

    fn take(&mut self, event: &Value) {
        let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
        let alert = match event["kind"].as_str() {
            Some("deviation") => {
                let (outcome, rung, answer) = (text("outcome"), text("rung"), text("answer"));
                let by = match outcome.as_str() {
                    "prevented" => Some(rung),
                    "killed" => Some(format!("{rung}, after the act")),
                    _ if answer.contains("was killed afterwards") => {
                        Some("SIGKILL, after the act".to_owned())
                    }
                    _ => None,
                };
                Alert { category: text("category"), what: text("what"), by, mode: text("mode") }
            }
            Some("execution-denied") => {
                let what = format!("{} executed {}: {}", text("by"), text("path"), text("reason"));
                Alert { category: text("category"), what, by: Some(text("rung")), mode: String::new() }
            }
            Some("decided") if event["allow"] == false && event["operation"] == "container-create" => {
                let reasons = event["reasons"].as_array().into_iter().flatten();
                self.refused.push(reasons.map(of_refusal).collect());
                return;
            }
            Some("gap") => {
                self.gaps.push(format!("{} ({})", text("what"), event["count"]));
                return;
            }
            _ => return,
        };
        self.containers.entry(text("container")).or_default().push(alert);
    }
}

/// What a container was to be given of its host is what somebody could have escaped by.
fn of_refusal(reason: &Value) -> Alert {
    let rule = reason["rule"].as_str().unwrap_or_default();
    let category = if rule.contains("mounts") { "volume.unexpected" } else { "escape.config" };
    let what = reason["message"].as_str().unwrap_or_default().to_owned();
    let by = Some("admission".to_owned());
    Alert { category: category.to_owned(), what, by, mode: String::new() }
}
