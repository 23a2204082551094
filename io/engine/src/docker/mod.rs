//! Docker: what is asked of it, what it is about to run, what it keeps, and how to speak to it.

pub mod json;
mod fields;
mod defaults;
mod volume;
pub mod request;
pub mod runtime_spec;
mod error;
mod store;
mod create_like;
mod client;

pub use client::{
    Client, ContainerDetails, EngineContainer, EngineEvent, EngineImage, EventKind, Health, NetworkAttachment,
};
pub use error::EngineError;
pub use fields::WrongSetting;
pub use store::{ContainerRecord, StoreReader, StoredImage};

/// Foreign text in messages: short, in one line.
fn shorten(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(101).collect();
    match clean.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}
