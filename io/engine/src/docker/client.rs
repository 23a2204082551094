//! The engine's API, as far as the agent and the command line use it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bollard::models::{
    ContainerInspectResponse, ContainerSummaryStateEnum, EndpointSettings, EventMessage, HealthStatusEnum,
    NetworkConnectRequest, NetworkDisconnectRequest, SystemInfoCgroupVersionEnum,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, EventsOptionsBuilder, InspectContainerOptions,
    ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder,
    StartContainerOptions, StopContainerOptionsBuilder,
};
use futures_util::{Stream, StreamExt as _};
use lazaret_model::Digest;

use super::EngineError;
use super::create_like::{EngineDefaults, create_body};

/// Seconds for one call. Stopping a container takes as long as the container does, on top of this.
const TIMEOUT_SECONDS: u64 = 60;

#[derive(Debug, Clone)]
pub struct Client {
    docker: bollard::Docker,
    socket: PathBuf,
}

/// A container as the engine lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineContainer {
    pub id: String,
    /// Without the leading slash.
    pub name: String,
    /// What the user called the image.
    pub image: String,
    pub image_config: Option<Digest>,
    pub running: bool,
    pub labels: HashMap<String, String>,
}

/// An image as the engine knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineImage {
    /// Digest of its configuration: the engine's image ID.
    pub config: Digest,
    /// `repository:tag`.
    pub names: Vec<String>,
    /// `repository@sha256:…`: where it was pulled from or pushed to, by manifest.
    pub repository_digests: Vec<String>,
}

/// What a replacement needs to know of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerDetails {
    pub id: String,
    pub name: String,
    pub image_config: Option<Digest>,
    pub running: bool,
    pub pid: Option<u32>,
    /// RFC 3339; empty if it never started.
    pub started: String,
    pub exit_code: Option<i64>,
    pub health: Health,
    pub labels: HashMap<String, String>,
    pub networks: Vec<NetworkAttachment>,
    /// Host ports that are published, `127.0.0.1:8080/tcp`.
    pub published: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// The image has no health check.
    None,
    Starting,
    Healthy,
    /// With the output of the last check.
    Unhealthy(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkAttachment {
    pub network: String,
    pub aliases: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineEvent {
    pub container: String,
    pub name: String,
    pub image: String,
    pub kind: EventKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    Start,
    Die { exit_code: Option<i32> },
    Rename,
    Destroy,
}

impl Client {
    /// Connects and agrees on an API version; needs a running engine.
    pub async fn connect(socket: &Path) -> Result<Self, EngineError> {
        let fail = |error: &bollard::errors::Error| EngineError::Unreachable {
            socket: socket.to_owned(),
            why: error.to_string(),
        };
        let path = socket.to_string_lossy();
        let docker = bollard::Docker::connect_with_unix(&path, TIMEOUT_SECONDS, bollard::API_DEFAULT_VERSION)
            .map_err(|error| fail(&error))?
            .negotiate_version()
            .await
            .map_err(|error| fail(&error))?;
        Ok(Self { docker, socket: socket.to_owned() })
    }

    pub async fn ping(&self) -> Result<(), EngineError> {
        self.docker.ping().await.map(drop).map_err(|error| self.fail(error, "answer a ping", "engine"))
    }

    /// The image that the engine has under a name or an ID; `None` if it has none.
    pub async fn image(&self, name: &str) -> Result<Option<EngineImage>, EngineError> {
        let what = format!("image {name}");
        let found = match self.docker.inspect_image(name).await {
            Ok(found) => found,
            Err(error) => {
                return match self.fail(error, &format!("inspect {what}"), &what) {
                    EngineError::NotFound { .. } => Ok(None),
                    other => Err(other),
                };
            }
        };
        let config = found.id.unwrap_or_default().parse().map_err(|error: lazaret_model::DigestError| {
            EngineError::Failed { what: format!("inspect {what}"), message: error.to_string() }
        })?;
        let names = found.repo_tags.unwrap_or_default();
        Ok(Some(EngineImage { config, names, repository_digests: found.repo_digests.unwrap_or_default() }))
    }

    /// All containers, running or not.
    pub async fn containers(&self) -> Result<Vec<EngineContainer>, EngineError> {
        let options = ListContainersOptionsBuilder::new().all(true).build();
        let found = self.docker.list_containers(Some(options)).await;
        let found = found.map_err(|error| self.fail(error, "list its containers", "containers"))?;
        let read = |summary: bollard::models::ContainerSummary| EngineContainer {
            id: summary.id.unwrap_or_default(),
            name: first_name(summary.names.unwrap_or_default()),
            image: summary.image.unwrap_or_default(),
            image_config: summary.image_id.and_then(|id| id.parse().ok()),
            running: summary.state == Some(ContainerSummaryStateEnum::RUNNING),
            labels: summary.labels.unwrap_or_default(),
        };
        Ok(found.into_iter().map(read).collect())
    }

    /// Events of containers from now on. The stream ends when the engine goes away.
    pub fn watch(&self) -> impl Stream<Item = Result<EngineEvent, EngineError>> + use<'_> {
        let filters = HashMap::from([
            ("type", vec!["container"]),
            ("event", vec!["start", "die", "rename", "destroy"]),
        ]);
        let options = EventsOptionsBuilder::new().filters(&filters).build();
        self.docker.events(Some(options)).filter_map(|event| async {
            match event {
                Ok(message) => read_event(message).map(Ok),
                Err(error) => Some(Err(self.fail(error, "report events", "events"))),
            }
        })
    }

    pub async fn inspect(&self, container: &str) -> Result<ContainerDetails, EngineError> {
        self.inspect_raw(container).await.map(read_details)
    }

    /// The container of a prepared command, by its 64-digit id, and whether the command would have all privileges.
    pub async fn prepared(&self, command: &str) -> Result<(String, bool), EngineError> {
        let found = self.docker.inspect_exec(command).await;
        let what = format!("command {command}");
        let found = found.map_err(|error| self.fail(error, &format!("inspect {what}"), &what))?;
        // What is not said counts as the worse.
        let privileged = found.process_config.and_then(|process| process.privileged).unwrap_or(true);
        Ok((found.container_id.unwrap_or_default(), privileged))
    }

    /// Creates a container like `old`, from another image, on no network but the one `old` was made with,
    /// and with none of its aliases: it must not be found before it is healthy. Returns its id.
    pub async fn create_like(
        &self,
        old: &str,
        image: &str,
        name: &str,
        labels: HashMap<String, String>,
    ) -> Result<String, EngineError> {
        let old = self.inspect_raw(old).await?;
        let old_image = old.image.clone().unwrap_or_default();
        let what = format!("image {old_image}");
        let image_config = self.docker.inspect_image(&old_image).await;
        let image_config =
            image_config.map_err(|error| self.fail(error, "inspect", &what))?.config.unwrap_or_default();
        let defaults = self.defaults().await?;
        let config = old.config.unwrap_or_default();
        let body = create_body(image, config, image_config, old.host_config, &defaults, labels);
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let made = self.docker.create_container(Some(options), body).await;
        Ok(made
            .map_err(|error| {
                self.fail(error, &format!("create {name} from {image}"), &format!("image {image}"))
            })?
            .id)
    }

    async fn defaults(&self) -> Result<EngineDefaults, EngineError> {
        let info = self.docker.info().await.map_err(|error| self.fail(error, "describe itself", "engine"))?;
        let uses_cgroup_v1 = info.cgroup_version != Some(SystemInfoCgroupVersionEnum::_2);
        Ok(EngineDefaults { runtime: info.default_runtime, uses_cgroup_v1 })
    }

    pub async fn start(&self, container: &str) -> Result<(), EngineError> {
        let done = self.docker.start_container(container, None::<StartContainerOptions>).await;
        done.map_err(|error| self.container_failure(error, "start", container))
    }

    /// Asks the container to stop and kills it after the timeout.
    pub async fn stop(&self, container: &str, timeout_seconds: u32) -> Result<(), EngineError> {
        let timeout = i32::try_from(timeout_seconds).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(timeout).build();
        let done = self.docker.stop_container(container, Some(options)).await;
        done.map_err(|error| self.container_failure(error, "stop", container))
    }

    /// Removes a container, running or not.
    pub async fn remove(&self, container: &str) -> Result<(), EngineError> {
        let options = RemoveContainerOptionsBuilder::new().force(true).build();
        let done = self.docker.remove_container(container, Some(options)).await;
        done.map_err(|error| self.container_failure(error, "remove", container))
    }

    pub async fn rename(&self, container: &str, name: &str) -> Result<(), EngineError> {
        let options = RenameContainerOptionsBuilder::new().name(name).build();
        let done = self.docker.rename_container(container, options).await;
        done.map_err(|error| self.container_failure(error, "rename", container))
    }

    pub async fn connect_network(
        &self,
        network: &str,
        container: &str,
        aliases: &[String],
    ) -> Result<(), EngineError> {
        let request = network_connect_body(container, aliases);
        let done = self.docker.connect_network(network, request).await;
        done.map_err(|error| {
            self.fail(error, &format!("connect {container} to {network}"), &format!("network {network}"))
        })
    }

    pub async fn disconnect_network(&self, network: &str, container: &str) -> Result<(), EngineError> {
        let request = NetworkDisconnectRequest { container: container.to_owned(), force: Some(false) };
        let done = self.docker.disconnect_network(network, request).await;
        let what = format!("disconnect {container} from {network}");
        done.map_err(|error| self.fail(error, &what, &format!("network {network}")))
    }

    async fn inspect_raw(&self, container: &str) -> Result<ContainerInspectResponse, EngineError> {
        let found = self.docker.inspect_container(container, None::<InspectContainerOptions>).await;
        found.map_err(|error| self.container_failure(error, "inspect", container))
    }

    fn container_failure(&self, error: bollard::errors::Error, verb: &str, container: &str) -> EngineError {
        let what = format!("container {container}");
        self.fail(error, &format!("{verb} {what}"), &what)
    }

    fn fail(&self, error: bollard::errors::Error, doing: &str, object: &str) -> EngineError {
        use bollard::errors::Error;
        match error {
            Error::DockerResponseServerError { status_code: 404, .. } => {
                EngineError::NotFound { what: object.to_owned() }
            }
            Error::DockerResponseServerError { status_code: 403, message } => {
                EngineError::Refused { what: format!("to {doing}"), message }
            }
            Error::DockerResponseServerError { message, .. } => {
                EngineError::Failed { what: doing.to_owned(), message }
            }
            Error::JsonDataError { message, .. } => EngineError::Failed { what: doing.to_owned(), message },
            other => EngineError::Unreachable { socket: self.socket.clone(), why: other.to_string() },
        }
    }
}

/// The body of the request that [`Client::connect_network`] sends, for a plugin that must recognise it.
fn network_connect_body(container: &str, aliases: &[String]) -> NetworkConnectRequest {
    let endpoint = EndpointSettings { aliases: Some(aliases.to_vec()), ..EndpointSettings::default() };
    NetworkConnectRequest { container: container.to_owned(), endpoint_config: Some(endpoint) }
}

fn first_name(names: Vec<String>) -> String {
    let own = names.iter().find(|name| !name.trim_start_matches('/').contains('/'));
    own.or(names.first()).map_or_else(String::new, |name| name.trim_start_matches('/').to_owned())
}

fn read_event(message: EventMessage) -> Option<EngineEvent> {
    let actor = message.actor?;
    let attributes = actor.attributes.unwrap_or_default();
    let get = |name: &str| attributes.get(name).cloned().unwrap_or_default();
    let kind = match message.action?.as_str() {
        "start" => EventKind::Start,
        "die" => EventKind::Die { exit_code: get("exitCode").parse().ok() },
        "rename" => EventKind::Rename,
        "destroy" => EventKind::Destroy,
        _ => return None,
    };
    Some(EngineEvent { container: actor.id?, name: get("name"), image: get("image"), kind })
}

fn read_details(found: ContainerInspectResponse) -> ContainerDetails {
    let state = found.state.unwrap_or_default();
    let id = found.id.unwrap_or_default();
    let short = id.get(..12).unwrap_or_default().to_owned();
    let networks = found.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    let attachment = |(network, endpoint): (String, EndpointSettings)| {
        // The engine adds the container's own short id to its aliases.
        let aliases =
            endpoint.aliases.unwrap_or_default().into_iter().filter(|alias| *alias != short).collect();
        NetworkAttachment { network, aliases }
    };
    let mut networks: Vec<_> = networks.into_iter().map(attachment).collect();
    networks.sort_unstable_by(|a, b| a.network.cmp(&b.network));
    let bindings = found.host_config.and_then(|config| config.port_bindings).unwrap_or_default();
    let mut published: Vec<String> = bindings
        .into_iter()
        .flat_map(|(port, bindings)| {
            bindings.unwrap_or_default().into_iter().map(move |binding| (port.clone(), binding))
        })
        .map(|(port, binding)| {
            let protocol = port.split_once('/').map_or("tcp", |(_, protocol)| protocol);
            format!(
                "{}:{}/{protocol}",
                binding.host_ip.unwrap_or_default(),
                binding.host_port.unwrap_or_default()
            )
        })
        .collect();
    published.sort_unstable();
    ContainerDetails {
        id,
        name: found.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        image_config: found.image.and_then(|image| image.parse().ok()),
        running: state.running.unwrap_or(false),
        pid: state.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0),
        started: state.started_at.unwrap_or_default(),
        exit_code: state.exit_code,
        health: read_health(state.health),
        labels: found.config.and_then(|config| config.labels).unwrap_or_default(),
        networks,
        published,
    }
}

fn read_health(health: Option<bollard::models::Health>) -> Health {
    let Some(health) = health else { return Health::None };
    match health.status {
        Some(HealthStatusEnum::HEALTHY) => Health::Healthy,
        Some(HealthStatusEnum::STARTING) => Health::Starting,
        Some(HealthStatusEnum::UNHEALTHY) => {
            let last = health.log.unwrap_or_default().into_iter().next_back();
            Health::Unhealthy(
                last.and_then(|check| check.output).unwrap_or_default().trim().chars().take(500).collect(),
            )
        }
        _ => Health::None,
    }
}
