use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lazaret_fleet::Index;
use lazaret_format::v1::InUse;
use lazaret_model::Digest;
use lazaret_profile::learn::Replica;
use lazaret_profile::used::Used;
use lazaret_store::{ImageRow, View};
use lazaret_trust::{Envelope, predicate_type};

use super::image::{ImageUse, Question, unwatched};
use super::join::Joiner;
use crate::app::App;
use crate::http::{Answer, ApiError};

/// Images of which it is remembered; a busy fleet runs hundreds.
const MOST_REMEMBERED: usize = 2048;

/// What was put together already. All of it can be put together again.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Grows with each change, so that nothing older than it is remembered.
    generation: u64,
    /// Images of which containers were watched; none before somebody asked.
    watched: Option<Arc<HashSet<Digest>>>,
    /// By manifest, with the configuration.
    images: HashMap<Digest, (Digest, Arc<ImageUse>)>,
}

impl Uses {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An agent told what is in use of images with this configuration, and it is durable.
    pub(crate) fn told(&self, config: &Digest) {
        self.forget(config);
        if let Some(watched) = &mut self.state().watched
            && !watched.contains(config)
        {
            Arc::make_mut(watched).insert(*config);
        }
    }

    /// Something new is stated about images with this configuration, and durable.
    pub(crate) fn forget(&self, config: &Digest) {
        let mut state = self.state();
        state.generation += 1;
        state.images.retain(|_, (known, _)| known != config);
    }
}

/// One question's look at what is in use.
#[derive(Debug)]
pub(crate) struct Lookup {
    generation: u64,
    needed: i64,
    watched: Option<Arc<HashSet<Digest>>>,
}

/// What is in use of one image.
#[derive(Debug)]
pub(crate) struct Found {
    /// `None`: nobody watched it.
    known: Option<(Arc<ImageUse>, Question)>,
}

impl Found {
    pub(crate) fn of_package(&self, name: &str, version: &str) -> InUse {
        let known = self.known.as_ref();
        known.map_or_else(unwatched, |(image, question)| image.of_package(name, version, question))
    }

    pub(crate) fn of_source(&self, name: &str) -> InUse {
        let known = self.known.as_ref();
        known.map_or_else(unwatched, |(image, question)| image.of_source(name, question))
    }
}

impl Lookup {
    /// Before the database is looked at. What was watched for less than `needed` seconds is not called unseen.
    pub(crate) fn new(uses: &Uses, needed: u32) -> Self {
        Self { generation: uses.state().generation, needed: i64::from(needed), watched: None }
    }

    pub(crate) async fn image(&mut self, view: &mut View<'_>, app: &App, row: &ImageRow) -> Answer<Found> {
        let uses = &app.memory.uses;
        let watched = match &self.watched {
            Some(watched) => watched,
            None => {
                let watched = self.all_watched(view, uses).await?;
                self.watched.insert(watched)
            }
        };
        if !watched.contains(&row.config) {
            return Ok(Found { known: None });
        }
        let remembered = uses.state().images.get(&row.manifest).map(|(_, image)| Arc::clone(image));
        let image = match remembered {
            Some(image) => image,
            None => {
                let image = Arc::new(put_together(view, app, row).await?);
                let mut state = uses.state();
                if state.generation == self.generation {
                    if state.images.len() >= MOST_REMEMBERED {
                        state.images.clear();
                    }
                    state.images.insert(row.manifest, (row.config, Arc::clone(&image)));
                }
                image
            }
        };
        let running = running(&app.memory.fleet().index, &row.config);
        Ok(Found { known: Some((image, Question { needed: self.needed, running })) })
    }

    async fn all_watched(&self, view: &mut View<'_>, uses: &Uses) -> Answer<Arc<HashSet<Digest>>> {
        if let Some(watched) = uses.state().watched.clone() {
            return Ok(watched);
        }
        let watched = Arc::new(view.used_images().await?);
        let mut state = uses.state();
        if state.generation == self.generation {
            state.watched = Some(Arc::clone(&watched));
        }
        Ok(watched)
    }
}

fn running(index: &Index, config: &Digest) -> Vec<Replica> {
    let Some(running) = index.running(config) else { return Vec::new() };
    index.containers(running).map(|container| Replica::of(&container.key.id)).collect()
}

async fn put_together(view: &mut View<'_>, app: &App, row: &ImageRow) -> Answer<ImageUse> {
    let rows = view.envelopes_of_type(row.id, predicate_type::FILES).await?;
    let packages = view.packages_of(row.id).await?;
    let (trusted, image) = (app.trusted.clone(), row.clone());
    let joiner = tokio::task::spawn_blocking(move || {
        // What is not readable any more states nothing.
        let envelopes: Vec<Envelope> =
            rows.iter().filter_map(|row| Envelope::parse(row.body.as_bytes(), row.body.len()).ok()).collect();
        let collected =
            lazaret_trust::evidence(&image.repository, image.manifest, image.config, &envelopes, &trusted);
        Joiner::new(collected.files().cloned())
    });
    let mut joiner = joiner.await.map_err(ApiError::internal)?;
    let mut after = 0;
    while let Some((id, body)) = view.next_used(&row.config, after).await? {
        after = id;
        let add = tokio::task::spawn_blocking(move || {
            let used = Used::from_json(&body)
                .map_err(|error| ApiError::internal(format!("what was used is not readable: {error}")))?;
            joiner.add(&used);
            Answer::Ok(joiner)
        });
        joiner = add.await.map_err(ApiError::internal)??;
    }
    let finish = tokio::task::spawn_blocking(move || joiner.finish(&packages));
    finish.await.map_err(ApiError::internal)
}
