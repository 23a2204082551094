//! Real attacks on a real application: what is told of them after its traffic was learned, and what is prevented.

mod corpus;
mod fire;
mod judge;
mod table;
mod victim;

use lazaret_e2e::{Failure, Result, check};
use lazaret_model::Digest;
use lazaret_profile::{Mode, derive};
use lazaret_sensor::{Options, Sensor, SensorEvent};
use tokio::sync::mpsc::Receiver;

use self::corpus::Corpus;
use self::fire::{Field, Fired};
use self::judge::Judge;
use self::victim::{Host, image_executables, image_files};
use crate::runner::say;
use crate::world::World;

/// Containers that are learned from.
const REPLICAS: usize = 3;
/// Of attacks that are told as what they are, in hundredths and for each category.
const RECALL: usize = 95;

pub(crate) fn are_told_and_prevented(_: &mut World) -> Result<()> {
    let corpus = match Corpus::find() {
        Ok(corpus) => corpus,
        Err(missing) => {
            say(&format!("SKIPPED: attacks::are_told_and_prevented: {missing}; set LAZARET_CORPORA"));
            return Ok(());
        }
    };
    let Some((sensor, events)) = observing() else { return Ok(()) };
    let host = Host::start(&corpus)?;
    let found = host.executables()?;
    let derived = derive(&host.image()?, &image_executables(&found));
    let Some(sightings) = sensor.sightings() else { lazaret_e2e::fail!("there are no sightings") };
    let mut field = Field {
        judge: Judge::new((sightings, events), derived, image_files(&found)),
        allowed: found.iter().map(|(path, digest, _)| (path.clone(), Digest::from_bytes(*digest))).collect(),
        sensor,
        host,
    };
    for _ in 0..REPLICAS {
        field.learn()?;
    }
    let profile = field.judge.settle(Mode::Alert);
    say(&format!("learned from {REPLICAS} replicas: {} bytes of profile", profile.text().len()));

    held(&mut field, &corpus).map_err(|failure| {
        Failure::new(format!("{failure}\nend of the engine's log:\n{}", field.host.engine.log_end()))
    })
}

fn held(field: &mut Field, corpus: &Corpus) -> Result<()> {
    let told = field.all(corpus, false)?;
    if std::env::var_os("LAZARET_ATTACKS_TELL").is_some() {
        table::print(&told, &[]);
    }
    let wrong = field.benign(false)?;
    field.judge.settle(Mode::Block);
    let prevented = field.all(corpus, true)?;
    let wrong_blocked = field.benign(true)?;
    table::print(&told, &prevented);
    let missed = table::below(&told, RECALL);
    check!(missed.is_empty(), "attacks were not told as what they are: {missed}");
    check!(wrong.is_empty(), "what is harmless was told: {wrong:?}");
    check!(wrong_blocked.is_empty(), "what is harmless was told or kept from happening: {wrong_blocked:?}");
    let let_through: Vec<&Fired> = prevented.iter().filter(|fired| fired.is_let_through()).collect();
    check!(let_through.is_empty(), "could have been prevented and was not: {let_through:#?}");
    check!(field.judge.gaps == 0, "{} events were lost", field.judge.gaps);
    Ok(())
}

/// A sensor of which everything works, or a loud line.
fn observing() -> Option<(Sensor, Receiver<SensorEvent>)> {
    let skipped = |why: &str| say(&format!("SKIPPED: attacks::are_told_and_prevented: {why}"));
    let options = Options { observe: true, sightings: 1 << 18, ..Options::default() };
    let (sensor, events) = Sensor::start(&options).map_err(|why| skipped(&why.to_string())).ok()?;
    for part in
        [sensor.tracing(), sensor.observation(), sensor.requests(), sensor.network(), sensor.enforcement()]
    {
        part.map_err(skipped).ok()?;
    }
    Some((sensor, events))
}
