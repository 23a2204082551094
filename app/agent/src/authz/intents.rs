//! What the agent itself is about to ask of the engine, where others are refused: a replacement moves network
//! aliases and renames containers. Each is announced right before the request, counts once, and not for long.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lazaret_model::{EngineAction, EngineOperation};
use serde_json::Value;

const LIFETIME: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub struct Intents {
    announced: Mutex<Vec<Intent>>,
}

#[derive(Debug)]
struct Intent {
    operation: EngineOperation,
    body: Option<Value>,
    until: Instant,
}

impl Intents {
    /// Announces a request with this body (`None`: without one).
    pub fn announce(&self, action: EngineAction, subject: &str, body: Option<Value>) {
        let operation = EngineOperation { action, subject: subject.to_owned() };
        self.lock().push(Intent { operation, body, until: Instant::now() + LIFETIME });
    }

    /// Whether this very request was announced. The announcement is used up.
    pub fn take(&self, operation: &EngineOperation, body: Option<&[u8]>) -> bool {
        let now = Instant::now();
        let mut announced = self.lock();
        announced.retain(|intent| intent.until > now);
        let found = announced
            .iter()
            .position(|intent| intent.operation == *operation && same(intent.body.as_ref(), body));
        found.map(|place| announced.swap_remove(place)).is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Intent>> {
        self.announced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Equal values of equal compact length: a key that comes twice, which the engine would read in its own way,
/// makes the text longer than the value.
fn same(announced: Option<&Value>, body: Option<&[u8]>) -> bool {
    match (announced, body) {
        (None, None) => true,
        (Some(value), Some(body)) => {
            let Ok(text) = std::str::from_utf8(body) else { return false };
            let compact: String = text.trim_ascii().to_owned();
            serde_json::from_str::<Value>(&compact)
                .is_ok_and(|given| given == *value && given.to_string().len() == compact.len())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operation(subject: &str) -> EngineOperation {
        EngineOperation { action: EngineAction::ConnectNetwork, subject: subject.to_owned() }
    }

    #[test]
    fn an_announcement_counts_once_and_for_one_request() {
        let intents = Intents::default();
        let body = json!({"Container": "a", "EndpointConfig": {"Aliases": ["shop"]}});
        intents.announce(EngineAction::ConnectNetwork, "shopnet", Some(body.clone()));
        for (subject, text) in [
            ("other", body.to_string()),
            ("shopnet", r#"{"Container":"b","EndpointConfig":{"Aliases":["shop"]}}"#.to_owned()),
            (
                "shopnet",
                r#"{"Container":"a","EndpointConfig":{"x":1},"EndpointConfig":{"Aliases":["shop"]}}"#
                    .to_owned(),
            ),
            (
                "shopnet",
                r#"{"Container":"a","container":"b","EndpointConfig":{"Aliases":["shop"]}}"#.to_owned(),
            ),
            ("shopnet", String::new()),
        ] {
            assert!(!intents.take(&operation(subject), Some(text.as_bytes())), "{subject} {text}");
        }
        assert!(!intents.take(&operation("shopnet"), None));
        assert!(intents.take(&operation("shopnet"), Some(format!("{body}\n").as_bytes())));
        assert!(!intents.take(&operation("shopnet"), Some(body.to_string().as_bytes())));
    }

    #[test]
    fn an_announcement_expires() {
        let intents = Intents::default();
        intents.announce(EngineAction::ConnectNetwork, "shopnet", None);
        intents.lock()[0].until = Instant::now();
        assert!(!intents.take(&operation("shopnet"), None));
    }
}
