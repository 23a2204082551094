use std::path::Path;
use std::time::{Duration, Instant};

use lazaret_engine::docker::StoreReader;

use super::cell::Cell;
use super::{ALONE, Guard, PATIENCE};
use crate::world::{CONTAINER, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_holds_a_container_that_was_started_again_outlives_the_end_of_the_one_before() {
    if !nix::unistd::geteuid().is_root() {
        return crate::skipped("behaviour needs root");
    }
    let _alone = ALONE.lock().await;
    let world = World::new();
    let (Some(before), Some(after)) = (Cell::new(), Cell::again()) else {
        return crate::skipped("behaviour: no unified hierarchy (cgroup v2)");
    };
    let Some(guard) = Guard::start(&world, &before) else { return };
    assert!(before.run(&["true"]).status.success());
    // The hook of its next start comes before the news of its end.
    let record = StoreReader::new(world.data_root()).container(CONTAINER).unwrap();
    guard.keeper.hold(CONTAINER, (after.pid(), Path::new("/")), &record).unwrap();
    let (old, new) = (before.group_id(), after.group_id());
    let held = || guard.sensor.confined_groups();
    assert!(held().contains(&old) && held().contains(&new), "{:?}", held());
    drop(before);
    let until = Instant::now() + PATIENCE;
    while held().contains(&old) {
        assert!(Instant::now() < until, "what held the first run is not given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(held().contains(&new), "the second run is not held any more");
    guard.stop().await;
    assert!(after.run(&["true"]).status.success());
}
