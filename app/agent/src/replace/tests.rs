//! A replacement that is killed at each single step, and goes on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use lazaret_engine::docker::{ContainerDetails, EngineContainer, EngineError, Health, NetworkAttachment};
use lazaret_format::v1::ReplacementBody;

use super::advance::{Hands, LABEL, advance};
use super::journal::{Journal, Phase, Shelf};
use super::recover;

/// An engine that keeps the rules that matter here, and dies on command.
#[derive(Debug, Default)]
struct World(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    containers: BTreeMap<String, Made>,
    made: u32,
    /// Calls that succeed until one is cut off: before it has an effect, or after.
    fuel: Option<(usize, bool)>,
    new_image_is: Image,
    refuses: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Image {
    #[default]
    Healthy,
    Unhealthy,
    Ends,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Made {
    name: String,
    image: String,
    running: bool,
    labels: HashMap<String, String>,
    networks: BTreeMap<String, Vec<String>>,
    /// Listens on a port of the host.
    listens: bool,
}

const OLD: &str = "old0";

impl World {
    fn new(new_image_is: Image) -> Self {
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

fn body(state: &str) -> ReplacementBody {
    ReplacementBody {
        id: "r1".to_owned(),
        host: "h".to_owned(),
        container: "shop".to_owned(),
        image: "v2".to_owned(),
        health_seconds: 60,
        state: state.to_owned(),
        steps: vec![],
        successor: None,
        requested: String::new(),
    }
}

/// Works until the end or until the engine dies; the journal on the shelf is all that is left of it.
async fn live(world: &World, shelf: &Shelf) -> Option<Phase> {
    let mut journal = shelf.load().unwrap().pop().unwrap();
    for _ in 0..100 {
        if journal.phase.is_final() {
            return Some(journal.phase);
        }
        let result = advance(world, &mut journal).await;
        if matches!(result, Err(EngineError::Unreachable { .. })) {
            return None;
        }
        shelf.save(&journal).unwrap();
    }
    panic!("it does not end: {journal:?}");
}

fn check(world: &World, phase: Phase, what: &str) {
    let state = world.0.lock().unwrap();
    let old = &state.containers[OLD];
    match phase {
        Phase::Done => {
            assert_eq!(state.containers.len(), 2, "{what}");
            let new = state.containers.values().find(|made| made.labels.contains_key(LABEL)).unwrap();
            assert!(new.running && new.name == "shop" && new.image == "v2", "{what}: {new:?}");
            assert_eq!(new.networks["front"], ["www", "shop"], "{what}");
            assert_eq!(new.networks["back"], ["shop"], "{what}");
            assert!(
                !old.running && old.name == "shop-replaced-old0" && old.networks.is_empty(),
                "{what}: {old:?}"
            );
        }
        Phase::RolledBack => {
            assert_eq!(state.containers.len(), 1, "{what}");
            assert!(old.running && old.name == "shop", "{what}: {old:?}");
            assert_eq!(
                (&old.networks["front"][..], &old.networks["back"][..]),
                (&["www".to_owned()][..], &[][..]),
                "{what}"
            );
        }
        other => panic!("{what}: ended {other:?}"),
    }
}

async fn killed_at_each_step(image: Image, expected: Phase) {
    for listens in [false, true] {
        killed_at_each_step_with(image, expected, listens).await;
    }
}

async fn killed_at_each_step_with(image: Image, expected: Phase, listens: bool) {
    let mut longest = 0;
    for after in [false, true] {
        for fuel in 0.. {
            let directory = tempfile::tempdir().unwrap();
            let shelf = Shelf::open(directory.path()).unwrap();
            shelf.save(&Journal::new(&body("planned"))).unwrap();
            let world = World::new(image);
            {
                let mut state = world.0.lock().unwrap();
                state.fuel = Some((fuel, after));
                state.containers.get_mut(OLD).unwrap().listens = listens;
            }
            let first = live(&world, &shelf).await;
            world.0.lock().unwrap().fuel = None;
            let what = format!("killed {} call {fuel}", if after { "after" } else { "before" });
            let phase = live(&world, &shelf).await.unwrap();
            assert_eq!(phase, expected, "{what}");
            check(&world, phase, &what);
            if first.is_some() {
                longest = fuel;
                break;
            }
        }
    }
    assert!(longest > 5, "too few steps were tried: {longest}");
}

#[tokio::test]
async fn a_healthy_image_takes_over_wherever_it_is_killed() {
    killed_at_each_step(Image::Healthy, Phase::Done).await;
}

#[tokio::test]
async fn an_unhealthy_image_is_rolled_back_wherever_it_is_killed() {
    killed_at_each_step(Image::Unhealthy, Phase::RolledBack).await;
}

#[tokio::test]
async fn an_image_that_ends_is_rolled_back_wherever_it_is_killed() {
    killed_at_each_step(Image::Ends, Phase::RolledBack).await;
}

#[tokio::test]
async fn whatever_the_engine_refuses_the_old_container_goes_on() {
    for refuses in ["pull", "create", "connect", "disconnect", "stop"] {
        let directory = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(directory.path()).unwrap();
        shelf.save(&Journal::new(&body("planned"))).unwrap();
        let world = World::new(Image::Healthy);
        world.0.lock().unwrap().refuses = Some(refuses);
        let mut journal = shelf.load().unwrap().pop().unwrap();
        while journal.phase != Phase::RollingBack {
            advance(&world, &mut journal).await.unwrap();
            shelf.save(&journal).unwrap();
        }
        assert!(journal.trouble.as_ref().unwrap().contains("does not want to"), "{journal:?}");
        world.0.lock().unwrap().refuses = None;
        let phase = live(&world, &shelf).await.unwrap();
        assert_eq!(phase, Phase::RolledBack);
        check(&world, phase, refuses);
    }
}

#[tokio::test]
async fn a_container_that_does_not_run_is_refused_up_front() {
    let world = World::new(Image::Healthy);
    world.0.lock().unwrap().containers.get_mut(OLD).unwrap().running = false;
    let mut journal = Journal::new(&body("planned"));
    advance(&world, &mut journal).await.unwrap();
    assert_eq!(journal.phase, Phase::Failed);
    let mut journal = Journal { container: "nobody".to_owned(), ..Journal::new(&body("planned")) };
    advance(&world, &mut journal).await.unwrap();
    assert!(journal.phase == Phase::Failed && journal.steps[0].text.contains("nobody"), "{journal:?}");
    assert_eq!(world.0.lock().unwrap().containers.len(), 1);
}

#[tokio::test]
async fn lost_notes_leave_one_container_serving() {
    for listens in [false, true] {
        lost_notes_leave_one(listens).await;
    }
}

async fn lost_notes_leave_one(listens: bool) {
    for fuel in 0.. {
        let directory = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(directory.path()).unwrap();
        shelf.save(&Journal::new(&body("planned"))).unwrap();
        let world = World::new(Image::Healthy);
        {
            let mut state = world.0.lock().unwrap();
            state.fuel = Some((fuel, true));
            state.containers.get_mut(OLD).unwrap().listens = listens;
        }
        let first = live(&world, &shelf).await;
        world.0.lock().unwrap().fuel = None;
        let mut journal = recover(&world, &body("waiting-for-health")).await.unwrap();
        while !journal.phase.is_final() {
            advance(&world, &mut journal).await.unwrap();
        }
        let state = world.0.lock().unwrap();
        let serving: Vec<&Made> = state.containers.values().filter(|made| made.running).collect();
        assert_eq!(serving.len(), 1, "after call {fuel}: {state:?}");
        assert_eq!(serving[0].name, "shop", "after call {fuel}");
        if first.is_some() {
            break;
        }
    }
}
