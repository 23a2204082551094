//! Where decisions are made known: each gets its id, goes on record, and is put into words for the user.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use jiff::Timestamp;
use lazaret_format::v1::{EventKind, GrantMark, ReasonBody};
use lazaret_model::{Digest, Reason};

use crate::spool::{Importance, Spool, SpoolError};

/// Reasons that a refusal shows; more would not be read.
const SHOWN: usize = 3;
/// A policy or an image name may be long; what is kept of it is enough to recognise it.
const SUBJECT_CHARACTERS: usize = 300;

#[derive(Debug)]
pub struct Desk {
    host: String,
    spool: Spool,
    last: AtomicU64,
}

/// A decision that is about to be answered.
#[derive(Debug, Clone)]
pub struct Draft {
    /// `container-create`, `container-start`, or the word of an engine's operation.
    pub operation: &'static str,
    /// For people: `run 127.0.0.1:5055/shop:v1`.
    pub subject: String,
    pub image_config: Option<Digest>,
    pub container: Option<String>,
    /// Digest of the policy that decided; `None`: there is none.
    pub policy: Option<Digest>,
    /// Empty: allowed.
    pub reasons: Vec<Reason>,
    /// Why it is allowed although the policy refuses it.
    pub grant: Option<GrantMark>,
    pub begun: Instant,
}

impl Desk {
    pub fn new(host: &str, spool: Spool) -> Self {
        Self { host: host.to_owned(), spool, last: AtomicU64::new(0) }
    }

    /// `<host>-<number>`. The number is the time in microseconds, moved on where two decisions would share it:
    /// unique without being stored.
    pub fn next_id(&self) -> String {
        let now = u64::try_from(Timestamp::now().as_microsecond()).unwrap_or(0);
        let before =
            self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)));
        let number = before.map_or(now, |last| now.max(last + 1));
        format!("{}-{number}", self.host)
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub const fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Puts a decision on record, together with other events or not at all, before it is answered. What cannot
    /// be recorded is not allowed; a refusal stands, recorded or not.
    pub async fn record(&self, id: &str, draft: &Draft, with: Vec<EventKind>) -> Result<(), Reason> {
        let allow = draft.reasons.is_empty();
        let mut events = vec![decided(id, draft)];
        events.extend(with);
        let importance = if allow { Importance::Decision } else { Importance::Event };
        match self.spool.append(events, importance).await {
            Ok(_) => Ok(()),
            Err(error) if allow => Err(unrecorded(&error)),
            Err(error) => {
                tracing::error!(%error, subject = draft.subject, "a refusal could not be put on record");
                Ok(())
            }
        }
    }
}

fn decided(id: &str, draft: &Draft) -> EventKind {
    EventKind::Decided {
        decision: id.to_owned(),
        allow: draft.reasons.is_empty(),
        operation: draft.operation.to_owned(),
        subject: draft.subject.chars().take(SUBJECT_CHARACTERS).collect(),
        image_config: draft.image_config.map(|digest| digest.to_string()),
        container: draft.container.clone(),
        policy: draft.policy.map(|digest| digest.to_string()).unwrap_or_default(),
        reasons: draft.reasons.iter().map(reason_body).collect(),
        grant: draft.grant.clone(),
        micros: u64::try_from(draft.begun.elapsed().as_micros()).unwrap_or(u64::MAX),
    }
}

fn unrecorded(error: &SpoolError) -> Reason {
    let remedy = match error {
        SpoolError::Full { .. } => {
            "let lazaret-agent reach its server, so that the spool empties, or raise `spool-mebibytes`"
        }
        SpoolError::Disk(_) => "free space on the disk of lazaret-agent's state directory",
        SpoolError::TooLong => "make the request smaller",
        SpoolError::Stopped => "start lazaret-agent again",
    };
    Reason {
        rule: "not-recorded".to_owned(),
        message: format!("the decision cannot be put on record: {error}"),
        remedy: remedy.to_owned(),
    }
}

fn reason_body(reason: &Reason) -> ReasonBody {
    ReasonBody { rule: reason.rule.clone(), message: reason.message.clone(), remedy: reason.remedy.clone() }
}

/// A refusal as the user of the engine reads it: why, and what to do.
pub fn words(subject: &str, reasons: &[Reason]) -> String {
    let sentence = |reason: &Reason| match reason.remedy.as_str() {
        "" => reason.message.clone(),
        remedy => format!("{}; {remedy}", reason.message),
    };
    match reasons {
        [only] => format!("lazaret: {subject} refused: {}", sentence(only)),
        several => {
            let mut text = format!("lazaret: {subject} refused:");
            for reason in several.iter().take(SHOWN) {
                text.push_str("\n- ");
                text.push_str(&sentence(reason));
            }
            if several.len() > SHOWN {
                text.push_str(&format!(" (and {} more)", several.len() - SHOWN));
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(number: usize) -> Reason {
        Reason {
            rule: format!("r{number}"),
            message: format!("message {number}"),
            remedy: format!("do {number}"),
        }
    }

    fn draft(reasons: Vec<Reason>) -> Draft {
        Draft {
            operation: "container-create",
            subject: "run shop".to_owned(),
            image_config: None,
            container: None,
            policy: None,
            reasons,
            grant: None,
            begun: Instant::now(),
        }
    }

    #[test]
    fn refusals_are_short() {
        assert_eq!(words("run shop", &[reason(1)]), "lazaret: run shop refused: message 1; do 1");
        let many: Vec<Reason> = (1..=5).map(reason).collect();
        let text = words("run shop", &many);
        assert_eq!(text.lines().count(), 4);
        assert!(text.ends_with("- message 3; do 3 (and 2 more)"), "{text}");
    }

    #[tokio::test]
    async fn ids_are_unique_and_what_cannot_be_recorded_is_not_allowed() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path(), 1 << 20, [1; 16]).unwrap();
        let desk = Desk::new("h", spool.clone());
        let ids: std::collections::BTreeSet<String> = (0..1000).map(|_| desk.next_id()).collect();
        assert_eq!(ids.len(), 1000);
        desk.record("h-1", &draft(vec![]), vec![]).await.unwrap();
        spool.close();
        let refusal = desk.record("h-2", &draft(vec![]), vec![]).await.unwrap_err();
        assert!(refusal.message.contains("stopping") && !refusal.remedy.is_empty());
        assert!(desk.record("h-3", &draft(vec![reason(1)]), vec![]).await.is_ok(), "a refusal stands");
    }
}
