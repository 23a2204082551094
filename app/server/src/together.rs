//! What many agents learned of an image is kept apart only while it is young: the rest is brought together, in one row
//! for each way to run the image. Merging is commutative and idempotent, so nothing is lost, and an agent that tells the
//! same again changes nothing. Questions stay cheap however many hosts run an image.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lazaret_profile::learn::{Learned, MOST_STORED_BYTES};
use lazaret_store::{LearnedRow, SettledRow};

use crate::app::App;
use crate::http::{Answer, ApiError};

/// What nobody told anew for so long has settled.
const SETTLED: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Younger than this, an agent may be about to tell it anew.
const YOUNG: SignedDuration = SignedDuration::from_secs(10);
/// Agents whose words about one image and way to run it are kept apart.
const MOST_OF_IMAGE: u32 = 64;
/// Images and ways to run them of one agent that are kept apart: more than an agent keeps itself.
const MOST_OF_AGENT: u32 = 512;
/// Ways to run an image: a hostile agent makes them up.
const MOST_VARIANTS: u64 = 64;
/// Rows of one round: so many bodies are in memory one after the other.
const MOST_OF_ROUND: u32 = 1024;
const PAUSE: Duration = Duration::from_secs(60);

/// Runs for ever; the first round is at once.
pub(crate) async fn bring_together(app: &App) {
    loop {
        if let Err(error) = round(app, Timestamp::now()).await {
            tracing::warn!("failed to bring together what agents learned: {}", error.body.message);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn round(app: &App, now: Timestamp) -> Answer<()> {
    let before = |age| now.checked_sub(age).map(|time| time.to_string()).map_err(ApiError::internal);
    let (settled, young) = (before(SETTLED)?, before(YOUNG)?);
    let mut rows = {
        let mut read = app.store.read().await?;
        read.view().learned_settled(&settled, MOST_OF_IMAGE, MOST_OF_AGENT, MOST_OF_ROUND).await?
    };
    rows.retain(|row| row.at < young);
    for rows in
        rows.chunk_by(|one, next| one.image_config == next.image_config && one.variant == next.variant)
    {
        let fate = fate(app, rows).await?;
        settle(app, rows.to_vec(), fate).await?;
    }
    Ok(())
}

/// What becomes of settled rows of one image and way to run it.
enum Fate {
    Together(LearnedRow, Vec<u8>),
    Dropped(&'static str),
}

async fn fate(app: &App, rows: &[SettledRow]) -> Answer<Fate> {
    let Some(SettledRow { image_config, variant, .. }) = rows.first() else {
        return Ok(Fate::Dropped("there is none"));
    };
    let mut read = app.store.read().await?;
    let mut view = read.view();
    if !view.images_with(image_config).await?.iter().any(|image| image.config == *image_config) {
        return Ok(Fate::Dropped("the image is not known here"));
    }
    let body = view.learned_together(image_config, variant).await?;
    if body.is_none() && view.variants_together(image_config).await? >= MOST_VARIANTS {
        return Ok(Fate::Dropped("the image is run in too many ways"));
    }
    let mut merged = match body {
        Some(body) => Some(merge(None, body).await?),
        None => None,
    };
    let mut told = String::new();
    for row in rows {
        let Some((subject, body)) = view.learned_row(row.id).await? else { continue };
        told = subject;
        merged = Some(merge(merged, body).await?);
    }
    let Some(merged) = merged else { return Ok(Fate::Dropped("there is none")) };
    let body = tokio::task::spawn_blocking(move || merged.to_json()).await.map_err(ApiError::internal)?;
    if body.len() > MOST_STORED_BYTES {
        return Ok(Fate::Dropped("together it is more than can be kept"));
    }
    let row = LearnedRow {
        image_config: *image_config,
        variant: variant.clone(),
        subject: told,
        agents: rows.len() as u64,
        at: rows.iter().map(|row| row.at.as_str()).max().unwrap_or_default().to_owned(),
    };
    Ok(Fate::Together(row, body))
}

/// All at once: what is dropped is in what was brought together.
async fn settle(app: &App, rows: Vec<SettledRow>, fate: Fate) -> Answer<()> {
    if let (Fate::Dropped(why), Some(first)) = (&fate, rows.first()) {
        let image = first.image_config;
        tracing::warn!(%image, agents = rows.len(), "what agents learned of an image is dropped: {why}");
    }
    let work = app.commits.run(move |change| {
        Box::pin(async move {
            if let Fate::Together(row, body) = &fate {
                change.write.put_learned_together(row, body).await?;
            }
            for row in &rows {
                change.write.drop_learned(row).await?;
            }
            Ok(())
        })
    });
    work.await
}

/// `body` and what is known already. Takes processor time, so it is done aside.
pub(crate) async fn merge(known: Option<Learned>, body: Vec<u8>) -> Answer<Learned> {
    let merge = tokio::task::spawn_blocking(move || {
        let other = Learned::from_json(&body)
            .map_err(|error| ApiError::internal(format!("what was learned is not readable: {error}")))?;
        let Some(mut known) = known else { return Ok(other) };
        match known.merge(other) {
            true => Ok(known),
            false => Err(ApiError::internal("what was learned of one image is about two")),
        }
    });
    merge.await.map_err(ApiError::internal)?
}
