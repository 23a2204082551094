//! Takes out of the kernel what an agent leaves there on purpose when it ends: for hosts that it is taken from.

use lazaret_sensor::Sensor;

use crate::config::Config;
use crate::failure::Failure;
use crate::spool;

/// What it did, for people.
///
/// # Errors
/// An agent runs with this configuration: it would believe in what is gone.
pub fn run(config: &Config) -> Result<String, Failure> {
    let pins = config.pins_directory();
    if !pins.try_exists().map_err(|source| Failure::read(&pins, source))? {
        return Ok(format!("there is nothing of this agent in the kernel ({})", pins.display()));
    }
    let _no_agent_runs = spool::lock(&config.spool_directory())?;
    Sensor::remove_pins(&pins).map_err(|source| {
        Failure::Local(format!("cannot remove {}: {source}; run it as root", pins.display()))
    })?;
    Ok(format!("removed {}: containers are held to their profiles no longer", pins.display()))
}
