use lazaret_e2e::{Result, check};

use crate::world::World;

pub(crate) fn is_told_from_build_to_replacement(world: &mut World) -> Result<()> {
    let (_, told) = world.told()?;
    check!(told.times.len() == 10, "the story has ten steps, {} were told", told.times.len());
    check!(
        told.scanned.old > told.scanned.new,
        "the old image has no more vulnerabilities than the new one: {:?}",
        told.scanned
    );
    Ok(())
}
