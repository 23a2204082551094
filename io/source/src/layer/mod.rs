//! One layer: a tar archive, perhaps compressed, read as the engines that unpack it read it.
//!
//! Container engines are written in Go and unpack layers with its `archive/tar`; people look into
//! them with GNU tar. Where both read on and agree, so does this reader. Where Go stops, it stops
//! and says so, because what follows is in no container. Where they disagree about what an
//! archive holds, it follows Go and records a problem: such an archive is made to be seen
//! differently by different readers.

mod header;
mod pax;
mod sparse;
mod input;
mod decompress;
mod path;
mod body;
mod reader;
mod access;
mod keep;
mod index;
mod stored;
mod hashed;
#[cfg(test)]
pub(crate) mod fixture;

use std::io::{self, Read};

pub(crate) use access::{Extent, InMemory};
pub(crate) use decompress::{
    Stream, Uncompressed, decoded, is_compressed, uncompressed, uncompressed_stream,
};
pub(crate) use hashed::{Hashed, Passed};
pub(crate) use index::{LayerIndex, OWN_NAME, Place, Record, Wanted, is_whiteout};
pub(crate) use input::{Input, StreamInput, Window, WindowInput, fill};
pub(crate) use keep::{Kept, Need, Shared, Taker, with_room};
pub(crate) use path::clean;
pub(crate) use reader::{Kind, TarReader};
pub(crate) use stored::{read as read_stored, write as write_stored};

/// The bytes of a layer as its source stores them.
pub(crate) enum LayerBytes {
    /// Part of a file: bodies can be passed over.
    Window(Window),
    /// Comes by once.
    Stream(Box<dyn Read + Send>),
}

/// Opens a layer, as often as it is asked.
pub(crate) trait Opener: Send + Sync {
    fn open(&self) -> io::Result<LayerBytes>;

    /// The part of a file that the layer is.
    fn window(&self) -> Option<&Window> {
        None
    }

    /// Whether a stream ends with an error where its bytes are not those of the digest by which the layer is named.
    fn verifies(&self) -> bool {
        false
    }
}

impl Opener for Window {
    fn open(&self) -> io::Result<LayerBytes> {
        Ok(LayerBytes::Window(self.clone()))
    }

    fn window(&self) -> Option<&Window> {
        Some(self)
    }
}

#[cfg(test)]
mod tests;
