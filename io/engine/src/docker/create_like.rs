//! The wish to run a container like another one, from another image.
//!
//! Anonymous volumes are not carried over: the new container gets its own.

use std::collections::HashMap;

use bollard::models::{
    ContainerConfig, ContainerCreateBody, HostConfig, HostConfigCgroupnsModeEnum, ImageConfig,
};

/// What an engine writes into a container's configuration where the user said nothing. Said by a user, some of
/// it would be a wish to get out of the engine's configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct EngineDefaults {
    pub(super) runtime: Option<String>,
    /// Without cgroup v2, containers are in the host's cgroup namespace.
    pub(super) uses_cgroup_v1: bool,
}

impl EngineDefaults {
    fn take_out(&self, config: &mut HostConfig) {
        if config.runtime == self.runtime {
            config.runtime = None;
        }
        if self.uses_cgroup_v1 && config.cgroupns_mode == Some(HostConfigCgroupnsModeEnum::HOST) {
            config.cgroupns_mode = None;
        }
    }
}

/// Takes what the user asked for when the old container was made. Docker merges the image's defaults into
/// a container's configuration: what equals the old image's default was not asked for, so the new image's
/// default takes its place.
pub(super) fn create_body(
    image: &str,
    old: ContainerConfig,
    old_image: ImageConfig,
    mut host_config: Option<HostConfig>,
    defaults: &EngineDefaults,
    labels: HashMap<String, String>,
) -> ContainerCreateBody {
    if let Some(config) = &mut host_config {
        defaults.take_out(config);
    }
    let default_environment = old_image.env.unwrap_or_default();
    let default_labels = old_image.labels.unwrap_or_default();
    let environment = old.env.map(|own| subtract(own, &default_environment));
    let mut own_labels: HashMap<String, String> = old.labels.unwrap_or_default();
    own_labels.retain(|name, value| default_labels.get(name) != Some(value));
    own_labels.extend(labels);
    // An entrypoint of the user's own makes the engine drop the image's command, so the two go together.
    // Where nobody gave a name, the engine takes the beginning of the container's id.
    let own_name =
        old.hostname.filter(|name| !(name.len() == 12 && name.bytes().all(|b| b.is_ascii_hexdigit())));
    let own_process = old.entrypoint != old_image.entrypoint;
    ContainerCreateBody {
        image: Some(image.to_owned()),
        hostname: own_name,
        domainname: old.domainname.filter(|name| !name.is_empty()),
        user: unless_default(old.user, old_image.user),
        env: environment.filter(|own| !own.is_empty()),
        entrypoint: if own_process { old.entrypoint } else { None },
        cmd: if own_process { old.cmd } else { unless_default(old.cmd, old_image.cmd) },
        working_dir: unless_default(old.working_dir, old_image.working_dir),
        healthcheck: unless_default(old.healthcheck, old_image.healthcheck),
        exposed_ports: unless_default(old.exposed_ports, old_image.exposed_ports),
        volumes: unless_default(old.volumes, old_image.volumes),
        stop_signal: unless_default(old.stop_signal, old_image.stop_signal),
        stop_timeout: old.stop_timeout,
        tty: old.tty,
        open_stdin: old.open_stdin,
        labels: Some(own_labels),
        host_config,
        ..ContainerCreateBody::default()
    }
}

fn unless_default<T: PartialEq>(own: Option<T>, default: Option<T>) -> Option<T> {
    if own == default { None } else { own }
}

fn subtract(own: Vec<String>, defaults: &[String]) -> Vec<String> {
    own.into_iter().filter(|entry| !defaults.contains(entry)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(texts: &[&str]) -> Option<Vec<String>> {
        Some(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn defaults_of_the_old_image_are_not_carried_over() {
        let image = ImageConfig {
            cmd: strings(&["serve"]),
            env: strings(&["PATH=/bin", "VERSION=1"]),
            labels: Some(HashMap::from([("version".to_owned(), "1".to_owned())])),
            user: Some("app".to_owned()),
            ..ImageConfig::default()
        };
        let old = ContainerConfig {
            cmd: strings(&["serve"]),
            env: strings(&["PATH=/bin", "VERSION=1", "SHOP=main"]),
            labels: Some(HashMap::from([
                ("version".to_owned(), "1".to_owned()),
                ("team".to_owned(), "a".to_owned()),
            ])),
            user: Some("app".to_owned()),
            ..ContainerConfig::default()
        };
        let body =
            create_body("r/shop@sha256:1", old, image, None, &EngineDefaults::default(), HashMap::new());
        assert_eq!(body.cmd, None);
        assert_eq!(body.user, None);
        assert_eq!(body.env, strings(&["SHOP=main"]));
        assert_eq!(body.labels, Some(HashMap::from([("team".to_owned(), "a".to_owned())])));
    }

    #[test]
    fn what_the_user_chose_is_kept() {
        let image =
            ImageConfig { entrypoint: strings(&["/app"]), cmd: strings(&["a"]), ..ImageConfig::default() };
        let old = ContainerConfig {
            entrypoint: strings(&["/own"]),
            cmd: strings(&["a"]),
            ..ContainerConfig::default()
        };
        let body = create_body("r/shop", old, image, None, &EngineDefaults::default(), HashMap::new());
        assert_eq!((body.entrypoint, body.cmd), (strings(&["/own"]), strings(&["a"])));
    }

    #[test]
    fn what_the_engine_filled_in_was_not_asked_for() {
        let defaults = EngineDefaults { runtime: Some("lazaret".to_owned()), uses_cgroup_v1: true };
        let config = |runtime: &str| HostConfig {
            runtime: Some(runtime.to_owned()),
            cgroupns_mode: Some(HostConfigCgroupnsModeEnum::HOST),
            privileged: Some(false),
            ..HostConfig::default()
        };
        let make = |runtime: &str, hostname: &str| {
            let old = ContainerConfig { hostname: Some(hostname.to_owned()), ..ContainerConfig::default() };
            let labels = HashMap::new();
            create_body("r/shop", old, ImageConfig::default(), Some(config(runtime)), &defaults, labels)
        };
        let body = make("lazaret", "0123456789ab");
        let host_config = body.host_config.unwrap();
        assert_eq!((body.hostname, host_config.runtime, host_config.cgroupns_mode), (None, None, None));
        assert_eq!(host_config.privileged, Some(false));
        let body = make("kata", "shop");
        assert_eq!(body.hostname.as_deref(), Some("shop"));
        assert_eq!(body.host_config.unwrap().runtime.as_deref(), Some("kata"));
    }
}
