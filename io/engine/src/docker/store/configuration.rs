//! What an image says about how it wants to be run, from the engine's copy of its configuration.

use std::collections::BTreeMap;

use lazaret_model::{Digest, HealthCheck, Image, ImageConfiguration, Platform};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};

use super::{CONTENT, EngineError, StoreReader, malformed, parse, read};

impl StoreReader {
    /// The image with this configuration, without its layers; `None` if the engine has none. What is answered hashes
    /// to the digest: the image said so itself.
    pub fn image_configuration(&self, config: Digest) -> Result<Option<Image>, EngineError> {
        let path = self.images()?.join(CONTENT).join(config.hex());
        let Some(bytes) = read(&path)? else { return Ok(None) };
        if Digest::from_bytes(Sha256::digest(&bytes).into()) != config {
            return Err(malformed(&path, "its content has another digest than its name"));
        }
        let file: File = parse(&path, &bytes)?;
        let platform = Platform { os: file.os, architecture: file.architecture, variant: file.variant };
        Ok(Some(Image {
            manifest: None,
            config,
            platform,
            created: file.created,
            configuration: file.config.map(Config::into_model).unwrap_or_default(),
            layers: Vec::new(),
        }))
    }
}

/// OCI image configuration, with Docker's additions.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    variant: Option<String>,
    created: Option<String>,
    config: Option<Config>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    user: Option<String>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    working_dir: Option<String>,
    env: Option<Vec<String>>,
    exposed_ports: Option<BTreeMap<String, IgnoredAny>>,
    volumes: Option<BTreeMap<String, IgnoredAny>>,
    labels: Option<BTreeMap<String, String>>,
    healthcheck: Option<Check>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Check {
    test: Option<Vec<String>>,
}

impl Config {
    fn into_model(self) -> ImageConfiguration {
        ImageConfiguration {
            user: self.user.unwrap_or_default(),
            entrypoint: self.entrypoint.unwrap_or_default(),
            command: self.cmd.unwrap_or_default(),
            working_directory: self.working_dir.unwrap_or_default(),
            environment: self.env.unwrap_or_default(),
            exposed_ports: self.exposed_ports.unwrap_or_default().into_keys().collect(),
            volumes: self.volumes.unwrap_or_default().into_keys().collect(),
            labels: self.labels.unwrap_or_default().into_iter().collect(),
            health_check: self.healthcheck.and_then(|check| check.test).map(|test| HealthCheck { test }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_says_how_it_is_run_and_nobody_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let content = r#"{"architecture":"amd64","os":"linux","config":{"User":"33","Cmd":["/app/serve","-x"],
            "Entrypoint":null,"ExposedPorts":{"80/tcp":{}},"Volumes":{"/srv":{}},
            "Healthcheck":{"Test":["CMD","/bin/check"],"Interval":1}},"rootfs":{"type":"layers"}}"#;
        let config = Digest::from_bytes(Sha256::digest(content).into());
        let images = folder.path().join("image/overlay2").join(CONTENT);
        std::fs::create_dir_all(&images).unwrap();
        std::fs::write(images.join(config.hex()), content).unwrap();
        let store = StoreReader::new(folder.path());
        let image = store.image_configuration(config).unwrap().unwrap();
        assert_eq!(image.platform.architecture, "amd64");
        assert_eq!(image.configuration.command, ["/app/serve", "-x"]);
        assert_eq!(image.configuration.exposed_ports, ["80/tcp"]);
        assert_eq!(image.configuration.volumes, ["/srv"]);
        assert_eq!(image.configuration.health_check.unwrap().test, ["CMD", "/bin/check"]);

        let other = Digest::from_bytes([7; 32]);
        assert_eq!(store.image_configuration(other).unwrap(), None);
        std::fs::write(images.join(other.hex()), content).unwrap();
        assert!(store.image_configuration(other).is_err(), "passed off under another name");
    }
}
