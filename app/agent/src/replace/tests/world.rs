use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use lazaret_engine::docker::{ContainerDetails, EngineContainer, EngineError, Health, NetworkAttachment};

use super::super::advance::Hands;

/// An engine that keeps the rules that matter here, and dies on command.
#[derive(Debug, Default)]
pub(super) struct World(pub(super) Mutex<State>);

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) containers: BTreeMap<String, Made>,
    pub(super) made: u32,
    /// Calls that succeed until one is cut off: before it has an effect, or after.
    pub(super) fuel: Option<(usize, bool)>,
    pub(super) new_image_is: Image,
    pub(super) refuses: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Image {
    #[default]
    Healthy,
    Unhealthy,
    Ends,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) running: bool,
    pub(super) labels: HashMap<String, String>,
    pub(super) networks: BTreeMap<String, Vec<String>>,
    /// Listens on a port of the host.
    pub(super) listens: bool,
}

pub(super) const OLD: &str = "old0";

impl World {
    pub(super) fn new(new_image_is: Image) -> Self {
        let aliases = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let old = Made {
            name: "shop".to_owned(),
            image: "v1".to_owned(),
            running: true,
            labels: HashMap::new(),
            networks: [("front".to_owned(), aliases(&["www"])), ("back".to_owned(), aliases(&[]))].into(),
            listens: false,
        };
        Self(Mutex::new(State {
            containers: [(OLD.to_owned(), old)].into(),
            new_image_is,
            ..State::default()
        }))
    }

    fn call<T>(
        &self,
        name: &'static str,
        effect: impl FnOnce(&mut State) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let mut state = self.0.lock().unwrap();
        let dies = || EngineError::Unreachable { socket: "/s".into(), why: "killed".to_owned() };
        let cut = match &mut state.fuel {
            Some((0, after)) => Some(*after),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        if cut == Some(false) {
            return Err(dies());
        }
        if state.refuses == Some(name) {
            return Err(EngineError::Failed {
                what: name.to_owned(),
                message: "it does not want to".to_owned(),
            });
        }
        let result = effect(&mut state);
        if cut == Some(true) { Err(dies()) } else { result }
    }
}

fn made<'a>(state: &'a mut State, container: &str) -> Result<&'a mut Made, EngineError> {
    let id = state
        .containers
        .iter()
        .find(|(id, made)| *id == container || made.name == container)
        .map(|(id, _)| id.clone());
    id.and_then(|id| state.containers.get_mut(&id))
        .ok_or_else(|| EngineError::NotFound { what: format!("container {container}") })
}

impl Hands for World {
    async fn containers(&self) -> Result<Vec<EngineContainer>, EngineError> {
        self.call("containers", |state| {
            let read = |(id, made): (&String, &Made)| EngineContainer {
                id: id.clone(),
                name: made.name.clone(),
                image: made.image.clone(),
                image_config: None,
                running: made.running,
                labels: made.labels.clone(),
            };
            Ok(state.containers.iter().map(read).collect())
        })
    }

    async fn inspect(&self, container: &str) -> Result<ContainerDetails, EngineError> {
        self.call("inspect", |state| {
            let image = state.new_image_is;
            let found = made(state, container)?.clone();
            let id = state.containers.iter().find(|(_, made)| **made == found).unwrap().0.clone();
            let health = match image {
                Image::Unhealthy if id != OLD => Health::Unhealthy("curl: (7) refused".to_owned()),
                _ => Health::Healthy,
            };
            let attachment = |(network, aliases): (&String, &Vec<String>)| NetworkAttachment {
                network: network.clone(),
                aliases: aliases.clone(),
            };
            Ok(ContainerDetails {
                id,
                name: found.name,
                image_config: None,
                running: found.running,
                pid: None,
                started: String::new(),
                exit_code: Some(3),
                health,
                labels: found.labels,
                networks: found.networks.iter().map(attachment).collect(),
                published: found.listens.then(|| "0.0.0.0:80/tcp".to_owned()).into_iter().collect(),
            })
        })
    }

    async fn pull(&self, _: &str) -> Result<(), EngineError> {
        self.call("pull", |_| Ok(()))
    }

    async fn create_like(
        &self,
        old: &str,
        image: &str,
        name: &str,
        labels: HashMap<String, String>,
    ) -> Result<String, EngineError> {
        self.call("create", |state| {
            let listens = made(state, old)?.listens;
            assert!(state.containers.values().all(|other| other.name != name), "the name is taken");
            state.made += 1;
            let id = format!("new{}", state.made);
            let networks = [("front".to_owned(), Vec::new())].into();
            let new = Made {
                name: name.to_owned(),
                image: image.to_owned(),
                running: false,
                labels,
                networks,
                listens,
            };
            state.containers.insert(id.clone(), new);
            Ok(id)
        })
    }

    async fn start(&self, container: &str) -> Result<(), EngineError> {
        self.call("start", |state| {
            let runs = state.new_image_is != Image::Ends || container == OLD;
            if made(state, container)?.listens
                && state.containers.iter().any(|(id, other)| id != container && other.running)
            {
                return Err(EngineError::Failed {
                    what: "start".to_owned(),
                    message: "the port is taken".to_owned(),
                });
            }
            made(state, container)?.running = runs;
            Ok(())
        })
    }

    async fn stop(&self, container: &str, _: u32) -> Result<(), EngineError> {
        self.call("stop", |state| {
            made(state, container)?.running = false;
            Ok(())
        })
    }

    async fn remove(&self, container: &str) -> Result<(), EngineError> {
        self.call("remove", |state| {
            made(state, container)?;
            state.containers.remove(container);
            Ok(())
        })
    }

    async fn rename(&self, container: &str, name: &str) -> Result<(), EngineError> {
        self.call("rename", |state| {
            let taken = state.containers.values().any(|other| other.name == name);
            if taken {
                return Err(EngineError::Failed {
                    what: "rename".to_owned(),
                    message: "the name is taken".to_owned(),
                });
            }
            name.clone_into(&mut made(state, container)?.name);
            Ok(())
        })
    }

    async fn connect(&self, network: &str, container: &str, aliases: &[String]) -> Result<(), EngineError> {
        self.call("connect", |state| {
            let before = made(state, container)?.networks.insert(network.to_owned(), aliases.to_vec());
            assert_eq!(before, None, "it is connected already");
            Ok(())
        })
    }

    async fn disconnect(&self, network: &str, container: &str) -> Result<(), EngineError> {
        self.call("disconnect", |state| {
            assert!(made(state, container)?.networks.remove(network).is_some(), "it is not connected");
            // Somebody must always answer.
            if container == OLD && !made(state, OLD)?.listens {
                let serves = |made: &Made| {
                    made.running
                        && made
                            .networks
                            .get(network)
                            .is_some_and(|names| names.iter().any(|name| name == "shop"))
                };
                assert!(state.containers.values().any(serves), "nobody serves {network}");
            }
            Ok(())
        })
    }

    async fn pause(&self) {}
}
