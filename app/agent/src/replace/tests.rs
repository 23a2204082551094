//! A replacement that is killed at each single step, and goes on.

mod world;

use lazaret_engine::docker::EngineError;
use lazaret_format::v1::ReplacementBody;

use super::advance::{LABEL, advance};
use super::journal::{Journal, Phase, Shelf};
use super::recover;
use world::{Image, Made, OLD, World};

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
