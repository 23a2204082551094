//! Real attacks on a real application, on a host with Lazaret: what its agent tells of them after the application's
//! traffic was learned and its profile promoted, and what it prevents.

mod corpus;
mod fire;
mod table;
mod told;
mod victim;

use lazaret_e2e::{Failure, Result, check};

use self::corpus::Corpus;
use self::fire::{Field, Fired};
use self::victim::Host;
use crate::runner::say;
use crate::world::{World, last_words};

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
    let mut field = Field::new(Host::start(&corpus)?);
    held(&mut field, &corpus)
        .map_err(|failure| Failure::new(format!("{failure}\n{}", last_words(&field.host.lab))))
}

fn held(field: &mut Field, corpus: &Corpus) -> Result<()> {
    let (first, next) = (field.host.first.clone(), field.host.next.clone());
    field.learn(REPLICAS)?;
    field.promote_profile(&first, &["--accept", "all"], "alert")?;
    field.ask_for_trouble(corpus)?;
    let mut wrong = field.benign(&first)?;
    field.attempts(&first)?;
    field.host.be_careless()?;
    let told = field.all(corpus)?;

    field.host.promote(&next)?;
    field.promote_profile(&next, &["--from", &first.by_digest], "alert")?;
    wrong.extend(field.benign(&next)?);

    field.enforce(&first)?;
    let prevented = field.all(corpus)?;
    field.attributes(&first)?;
    let mut wrong_blocked = field.benign(&first)?;
    field.refuse_programs(&first)?;
    let shells = field.shells(corpus)?;
    wrong_blocked.extend(field.benign(&first)?);

    table::print(&told, &prevented, &shells);
    field.told.gaps.iter().for_each(|gap| say(&format!("gap: {gap}")));
    let missed = table::below(&told, RECALL);
    check!(missed.is_empty(), "attacks were not told as what they are: {missed}");
    check!(wrong.is_empty(), "what is harmless was told: {wrong:#?}");
    check!(wrong_blocked.is_empty(), "what is harmless was told or kept from happening: {wrong_blocked:#?}");
    let let_through: Vec<&Fired> = prevented.iter().filter(|fired| fired.is_let_through()).collect();
    check!(let_through.is_empty(), "could have been prevented and was not: {let_through:#?}");
    let started: Vec<&Fired> = shells.iter().filter(|fired| !fired.is_without_shell()).collect();
    check!(started.is_empty(), "a shell was started that the profile does not name: {started:#?}");
    let late = |fired: &&Fired| fired.by.as_ref().is_some_and(|by| by.contains("after the act"));
    let ended: Vec<&Fired> = prevented.iter().filter(late).collect();
    check!(ended.is_empty(), "had its effect before it was ended: {ended:#?}");
    let lost: Vec<&String> = field.told.gaps.iter().filter(|gap| gap.contains("no room")).collect();
    check!(lost.is_empty(), "events were lost: {lost:#?}");
    Ok(())
}
