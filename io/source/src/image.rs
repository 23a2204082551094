//! Image configurations (OCI image specification, "Image Configuration") → [`Image`].

use std::collections::BTreeMap;

use lazaret_model::{Digest, HealthCheck, Image, ImageConfiguration, Layer, Platform};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::error::SourceError;

/// The configuration as it stands in archives, registries and, in part, in the engine's answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Document {
    architecture: String,
    os: String,
    variant: Option<String>,
    created: Option<String>,
    config: Option<Container>,
    rootfs: RootFs,
    history: Option<Vec<History>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Container {
    user: Option<String>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    working_dir: Option<String>,
    env: Option<Vec<String>>,
    exposed_ports: Option<BTreeMap<String, Value>>,
    volumes: Option<BTreeMap<String, Value>>,
    labels: Option<BTreeMap<String, String>>,
    healthcheck: Option<Health>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Health {
    test: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RootFs {
    diff_ids: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct History {
    created_by: Option<String>,
    comment: Option<String>,
    empty_layer: bool,
}

/// Keys that Go's JSON reader, and with it every engine, takes in any case.
const KEYS: &[&str] = &["architecture", "os", "variant", "created", "config", "rootfs", "history"];
const CONTAINER_KEYS: &[&str] =
    &["User", "Entrypoint", "Cmd", "WorkingDir", "Env", "ExposedPorts", "Volumes", "Labels", "Healthcheck"];

/// Reads a configuration. `sizes` are those of the stored layers, lowest first.
pub(crate) fn read(
    bytes: &[u8],
    subject: &str,
    manifest: Option<Digest>,
    sizes: &[u64],
) -> Result<Image, SourceError> {
    let corrupt = |why: String| SourceError::Corrupt { subject: subject.to_owned(), why };
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| corrupt(format!("the image configuration is not JSON ({error})")))?;
    check_keys(&value, KEYS).map_err(&corrupt)?;
    check_keys(&value["config"], CONTAINER_KEYS).map_err(&corrupt)?;
    check_keys(&value["rootfs"], &["type", "diff_ids"]).map_err(&corrupt)?;
    let document: Document = serde_json::from_value(value)
        .map_err(|error| corrupt(format!("the image configuration is malformed ({error})")))?;

    let diff_ids = document.rootfs.diff_ids.unwrap_or_default();
    if diff_ids.len() != sizes.len() {
        return Err(corrupt(format!(
            "its configuration lists {} layers, it has {}",
            diff_ids.len(),
            sizes.len()
        )));
    }
    let mut created_by = document
        .history
        .unwrap_or_default()
        .into_iter()
        .filter(|entry| !entry.empty_layer)
        .map(|entry| step(entry.created_by.unwrap_or_default(), entry.comment.unwrap_or_default()));
    let layers = diff_ids
        .iter()
        .zip(sizes)
        .map(|(diff_id, &size)| {
            let diff_id = diff_id.parse().map_err(|error| corrupt(format!("{error}")))?;
            Ok(Layer { diff_id, created_by: created_by.next().unwrap_or_default(), size })
        })
        .collect::<Result<_, SourceError>>()?;
    Ok(Image {
        manifest,
        config: sha256(bytes),
        platform: platform(document.os, document.architecture, document.variant),
        created: document.created,
        configuration: document.config.unwrap_or_default().into(),
        layers,
    })
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

pub(crate) fn platform(os: String, architecture: String, variant: Option<String>) -> Platform {
    Platform { os, architecture, variant: variant.filter(|variant| !variant.is_empty()) }
}

/// The history entry that brought a layer, for people: `docker import` leaves only a comment.
pub(crate) fn step(created_by: String, comment: String) -> String {
    if created_by.is_empty() { comment } else { created_by }
}

/// A key in another case than ours would be seen by the engine and not by us.
fn check_keys(value: &Value, known: &[&str]) -> Result<(), String> {
    let Some(object) = value.as_object() else { return Ok(()) };
    let odd = object
        .keys()
        .find(|key| known.iter().any(|known| known.eq_ignore_ascii_case(key) && *known != key.as_str()));
    match odd {
        Some(key) => Err(format!("its configuration has the oddly written key `{key}`")),
        None => Ok(()),
    }
}

impl From<Container> for ImageConfiguration {
    fn from(container: Container) -> Self {
        Self {
            user: container.user.unwrap_or_default(),
            entrypoint: container.entrypoint.unwrap_or_default(),
            command: container.cmd.unwrap_or_default(),
            working_directory: container.working_dir.unwrap_or_default(),
            environment: container.env.unwrap_or_default(),
            exposed_ports: container.exposed_ports.unwrap_or_default().into_keys().collect(),
            volumes: container.volumes.unwrap_or_default().into_keys().collect(),
            labels: container.labels.unwrap_or_default().into_iter().collect(),
            health_check: container
                .healthcheck
                .and_then(|check| check.test)
                .filter(|test| !test.is_empty())
                .map(|test| HealthCheck { test }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    #[test]
    fn reads_a_configuration() {
        let text = format!(
            r#"{{"architecture":"arm64","os":"linux","variant":"v8","created":"2026-01-02T03:04:05Z",
                "config":{{"User":"1000","Env":["A=b"],"Cmd":["run"],"Entrypoint":null,"ExposedPorts":{{"80/tcp":{{}}}},
                "Labels":{{"z":"1","a":"2"}},"Volumes":null,"Healthcheck":{{"Test":["CMD","/check"],"Interval":5}},"OnBuild":null}},
                "rootfs":{{"type":"layers","diff_ids":["{}","{}"]}},
                "history":[{{"created_by":"ADD file:1"}},{{"created_by":"CMD run","empty_layer":true}},{{"comment":"Imported from -"}}]}}"#,
            digest('1'),
            digest('2')
        );
        let image = read(text.as_bytes(), "x", None, &[10, 20]).unwrap();
        assert_eq!(image.config, sha256(text.as_bytes()));
        assert_eq!(image.platform.to_string(), "linux/arm64/v8");
        let layers: Vec<_> =
            image.layers.iter().map(|layer| (layer.created_by.as_str(), layer.size)).collect();
        assert_eq!(layers, [("ADD file:1", 10), ("Imported from -", 20)]);
        let configuration = image.configuration;
        assert_eq!((configuration.user.as_str(), configuration.command.len()), ("1000", 1));
        assert_eq!(configuration.exposed_ports, ["80/tcp"]);
        assert_eq!(configuration.labels[0], ("a".to_owned(), "2".to_owned()));
        assert_eq!(configuration.health_check.unwrap().test, ["CMD", "/check"]);
    }

    #[test]
    fn refuses_what_engines_would_read_differently() {
        let why = |text: &str| read(text.as_bytes(), "x", None, &[]).unwrap_err().to_string();
        assert!(why(r#"{"config":{"User":"nobody","user":"root"}}"#).contains("`user`"));
        assert!(why(r#"{"config":{},"Config":{}}"#).contains("`Config`"));
        assert!(why(r#"{"rootfs":{"diff_ids":["sha256:1"]}}"#).contains("lists 1 layers, it has 0"));
        assert!(why("{").contains("not JSON"));
        assert!(why(r#"{"history":3}"#).contains("malformed"));
        assert!(read(br#"{"rootfs":{"diff_ids":["sha256:1"]}}"#, "x", None, &[1]).is_err());
    }
}
