//! One replacement, step by step. Each step looks at what is before it acts, so that doing it again after a
//! crash does no harm: the journal says how far it was meant to be, the engine how far it is.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use lazaret_engine::docker::{ContainerDetails, EngineContainer, EngineError, Health};

use super::journal::{Journal, Network, Old, Phase};
use crate::clock;

/// Labels by which a successor is found again.
pub const LABEL: &str = "lazaret.replacement";
pub const LABEL_REPLACES: &str = "lazaret.replaces";
/// The name that is handed over.
pub const LABEL_NAME: &str = "lazaret.replaces-name";

/// Without a health check a container is taken for healthy after it ran so long.
const TRIAL: Duration = Duration::from_secs(10);
const STOP_SECONDS: u32 = 10;

/// What a replacement asks of the engine.
pub trait Hands: Send + Sync {
    fn containers(&self) -> impl Future<Output = Result<Vec<EngineContainer>, EngineError>> + Send;
    fn inspect(&self, container: &str) -> impl Future<Output = Result<ContainerDetails, EngineError>> + Send;
    fn pull(&self, image: &str) -> impl Future<Output = Result<(), EngineError>> + Send;
    fn create_like(
        &self,
        old: &str,
        image: &str,
        name: &str,
        labels: HashMap<String, String>,
    ) -> impl Future<Output = Result<String, EngineError>> + Send;
    fn start(&self, container: &str) -> impl Future<Output = Result<(), EngineError>> + Send;
    fn stop(&self, container: &str, seconds: u32) -> impl Future<Output = Result<(), EngineError>> + Send;
    fn remove(&self, container: &str) -> impl Future<Output = Result<(), EngineError>> + Send;
    fn rename(&self, container: &str, name: &str) -> impl Future<Output = Result<(), EngineError>> + Send;
    fn connect(
        &self,
        network: &str,
        container: &str,
        aliases: &[String],
    ) -> impl Future<Output = Result<(), EngineError>> + Send;
    fn disconnect(
        &self,
        network: &str,
        container: &str,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;
    /// Passes time between two looks at a container's health.
    fn pause(&self) -> impl Future<Output = ()> + Send;
}

/// Does the work of the journal's phase and enters the next. An error is the engine's, not the new image's:
/// what is wrong with that ends in a roll-back.
pub async fn advance(hands: &impl Hands, journal: &mut Journal) -> Result<(), EngineError> {
    let done = match journal.phase {
        Phase::Planned => prepare(hands, journal).await,
        Phase::Starting => start(hands, journal).await,
        Phase::Waiting => wait(hands, journal).await,
        Phase::Shifting => shift(hands, journal).await,
        Phase::Retiring => retire(hands, journal).await,
        Phase::RollingBack => return roll_back(hands, journal).await,
        Phase::Done | Phase::RolledBack | Phase::Failed => return Ok(()),
    };
    match done {
        Ok(()) => Ok(()),
        // Away, not unwilling: go on when it is back.
        Err(error @ EngineError::Unreachable { .. }) => Err(error),
        Err(error) if journal.phase == Phase::Planned => {
            journal.enter(Phase::Failed, error.to_string());
            Ok(())
        }
        Err(error) => {
            give_up(journal, error.to_string());
            Ok(())
        }
    }
}

fn give_up(journal: &mut Journal, why: String) {
    journal.enter(Phase::RollingBack, format!("rolling back: {why}"));
    journal.trouble = Some(why);
}

async fn prepare(hands: &impl Hands, journal: &mut Journal) -> Result<(), EngineError> {
    let old = hands.inspect(&journal.container).await?;
    if !old.running {
        journal.enter(
            Phase::Failed,
            format!(
                "{} does not run, so there is nothing to take over from; start the new image by itself",
                old.name
            ),
        );
        return Ok(());
    }
    let networks = old.networks.into_iter().filter(|attachment| is_users_own(&attachment.network));
    journal.old = Some(Old {
        id: old.id,
        name: old.name.clone(),
        networks: networks
            .map(|attachment| Network { name: attachment.network, aliases: attachment.aliases })
            .collect(),
        ports: old.published.clone(),
    });
    let way = match old.published.as_slice() {
        [] => format!("starting {} beside {}", journal.image, old.name),
        ports => format!(
            "starting {} in place of {}, which stops first: it publishes {} on the host, where two containers cannot \
             listen at once (on a network with an alias nobody would have to wait)",
            journal.image,
            old.name,
            ports.join(", ")
        ),
    };
    journal.enter(Phase::Starting, way);
    Ok(())
}

fn is_users_own(network: &str) -> bool {
    !matches!(network, "bridge" | "host" | "none")
}

async fn start(hands: &impl Hands, journal: &mut Journal) -> Result<(), EngineError> {
    let Some(old) = journal.old.clone() else {
        journal.enter(Phase::Failed, "the notes of this replacement are incomplete; ask for it again");
        return Ok(());
    };
    let successor = match successor(hands, &journal.id).await? {
        Some(successor) => successor.id,
        None => {
            hands.pull(&journal.image).await?;
            let name = format!("{}-successor-{}", old.name, short(&journal.id));
            let labels = [(LABEL, &journal.id), (LABEL_REPLACES, &old.id), (LABEL_NAME, &old.name)];
            let labels = labels.map(|(label, value)| (label.to_owned(), value.clone()));
            hands.create_like(&old.id, &journal.image, &name, labels.into()).await?
        }
    };
    journal.successor = Some(successor.clone());
    if !hands.inspect(&successor).await?.running {
        if !old.ports.is_empty() && hands.inspect(&old.id).await?.running {
            hands.stop(&old.id, STOP_SECONDS).await?;
        }
        hands.start(&successor).await?;
    }
    journal.waiting_since = Some(clock::now());
    journal.enter(
        Phase::Waiting,
        format!(
            "{} started; waiting up to {} s for it to become healthy",
            short(&successor),
            journal.health_seconds
        ),
    );
    Ok(())
}

async fn wait(hands: &impl Hands, journal: &mut Journal) -> Result<(), EngineError> {
    let successor = journal.successor.clone().unwrap_or_default();
    let since: Timestamp =
        journal.waiting_since.as_deref().and_then(|at| at.parse().ok()).unwrap_or_else(Timestamp::now);
    let allowed = Duration::from_secs(journal.health_seconds.into());
    let trial = TRIAL.min(allowed);
    loop {
        let found = hands.inspect(&successor).await?;
        let waited = Duration::try_from(Timestamp::now().duration_since(since)).unwrap_or_default();
        if !found.running {
            let code = found.exit_code.map(|code| format!(" with exit code {code}")).unwrap_or_default();
            give_up(journal, format!("the new container ended{code}; see its image's logs"));
            return Ok(());
        }
        match found.health {
            Health::Healthy => {
                journal.enter(Phase::Shifting, format!("healthy after {} s", waited.as_secs()));
                return Ok(());
            }
            Health::None if waited >= trial => {
                journal.enter(
                    Phase::Shifting,
                    format!(
                        "the image has no HEALTHCHECK: the container ran for {} s and is taken for healthy",
                        waited.as_secs()
                    ),
                );
                return Ok(());
            }
            Health::Unhealthy(output) => {
                give_up(journal, format!("the new container is unhealthy: {}", or_silent(&output)));
                return Ok(());
            }
            Health::Starting | Health::None if waited >= allowed => {
                give_up(
                    journal,
                    format!("the new container did not become healthy within {} s", journal.health_seconds),
                );
                return Ok(());
            }
            Health::Starting | Health::None => hands.pause().await,
        }
    }
}

fn or_silent(output: &str) -> &str {
    if output.is_empty() { "its health check failed without a word" } else { output }
}

/// The successor answers to the old container's names on each network before the old one leaves it.
async fn shift(hands: &impl Hands, journal: &mut Journal) -> Result<(), EngineError> {
    let (Some(old), Some(successor)) = (journal.old.clone(), journal.successor.clone()) else {
        give_up(journal, "the notes of this replacement are incomplete".to_owned());
        return Ok(());
    };
    for network in &old.networks {
        let mut aliases = network.aliases.clone();
        if !aliases.contains(&old.name) {
            aliases.push(old.name.clone());
        }
        attach(hands, &network.name, &successor, &aliases).await?;
    }
    if !hands.inspect(&successor).await?.running {
        give_up(journal, "the new container ended while it took over".to_owned());
        return Ok(());
    }
    for network in &old.networks {
        let present = hands.inspect(&old.id).await?;
        if present.networks.iter().any(|attachment| attachment.network == network.name) {
            hands.disconnect(&network.name, &old.id).await?;
        }
    }
    let names: Vec<&str> = old.networks.iter().map(|network| network.name.as_str()).collect();
    journal.enter(
        Phase::Retiring,
        match names.is_empty() {
            true => format!("{} is on no network of its own: only its name is handed over", old.name),
            false => format!("the new container answers to {} on {}", old.name, names.join(", ")),
        },
    );
    Ok(())
}

/// Attaches a container with exactly these names; one that is attached without them is attached again.
async fn attach(
    hands: &impl Hands,
    network: &str,
    container: &str,
    aliases: &[String],
) -> Result<(), EngineError> {
    let present = hands.inspect(container).await?;
    match present.networks.iter().find(|attachment| attachment.network == network) {
        Some(attachment) if aliases.iter().all(|alias| attachment.aliases.contains(alias)) => return Ok(()),
        Some(_) => hands.disconnect(network, container).await?,
        None => {}
    }
    hands.connect(network, container, aliases).await
}

async fn retire(hands: &impl Hands, journal: &mut Journal) -> Result<(), EngineError> {
    let (Some(old), Some(successor)) = (journal.old.clone(), journal.successor.clone()) else {
        give_up(journal, "the notes of this replacement are incomplete".to_owned());
        return Ok(());
    };
    let retired = format!("{}-replaced-{}", old.name, short(&old.id));
    let mut remarks = Vec::new();
    match hands.inspect(&old.id).await {
        Ok(present) => {
            if present.running {
                hands.stop(&old.id, STOP_SECONDS).await?;
            }
            // From here on the new container serves alone: a name that cannot be given is no reason to go back.
            if present.name == old.name
                && let Err(error) = hands.rename(&old.id, &retired).await
            {
                unless_away(error, &mut remarks)?;
            }
        }
        // Run with --rm: stopping it removed it.
        Err(EngineError::NotFound { .. }) => {}
        Err(error) => return Err(error),
    }
    if hands.inspect(&successor).await?.name != old.name
        && let Err(error) = hands.rename(&successor, &old.name).await
    {
        unless_away(error, &mut remarks)?;
    }
    let remarks = remarks.iter().map(|remark| format!("; {remark}")).collect::<String>();
    journal.enter(
        Phase::Done,
        format!(
            "{} now runs {}; the old container is stopped and kept as {retired}{remarks}",
            old.name, journal.image
        ),
    );
    Ok(())
}

fn unless_away(error: EngineError, remarks: &mut Vec<String>) -> Result<(), EngineError> {
    match error {
        EngineError::Unreachable { .. } => Err(error),
        EngineError::NotFound { .. } => Ok(()),
        other => {
            remarks.push(other.to_string());
            Ok(())
        }
    }
}

/// Puts everything back as the journal says it was: first the old container, unless the new one has its ports. Errors are answered, so that the caller tries again.
async fn roll_back(hands: &impl Hands, journal: &mut Journal) -> Result<(), EngineError> {
    let trouble = journal.trouble.clone().unwrap_or_default();
    if journal.old.as_ref().is_some_and(|old| !old.ports.is_empty()) {
        remove_successors(hands, &journal.id).await?;
    }
    if let Some(old) = &journal.old {
        match hands.inspect(&old.id).await {
            Ok(present) => {
                for network in &old.networks {
                    attach(hands, &network.name, &old.id, &network.aliases).await?;
                }
                if present.name != old.name {
                    hands.rename(&old.id, &old.name).await?;
                }
                if !present.running {
                    hands.start(&old.id).await?;
                }
            }
            Err(EngineError::NotFound { .. }) => {
                journal.say(format!("the old container {} is gone and cannot be brought back", old.name));
            }
            Err(error) => return Err(error),
        }
    }
    remove_successors(hands, &journal.id).await?;
    let name = journal.old.as_ref().map_or(journal.container.as_str(), |old| &old.name);
    let text = format!("rolled back, {name} goes on as before: {trouble}");
    journal.enter(Phase::RolledBack, text);
    Ok(())
}

async fn remove_successors(hands: &impl Hands, id: &str) -> Result<(), EngineError> {
    while let Some(successor) = successor(hands, id).await? {
        match hands.remove(&successor.id).await {
            Ok(()) | Err(EngineError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The container that was made for a replacement.
pub async fn successor(hands: &impl Hands, id: &str) -> Result<Option<EngineContainer>, EngineError> {
    let all = hands.containers().await?;
    Ok(all.into_iter().find(|container| container.labels.get(LABEL).is_some_and(|label| label == id)))
}

fn short(id: &str) -> String {
    id.chars().take(12).collect()
}
