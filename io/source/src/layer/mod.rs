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
#[cfg(test)]
pub(crate) mod fixture;

use std::io::{self, Read};

pub(crate) use access::{Extent, InMemory};
pub(crate) use decompress::{Uncompressed, uncompressed, uncompressed_stream};
pub(crate) use index::{LayerIndex, OWN_NAME, Place, Record, Wanted, is_whiteout};
pub(crate) use input::{Input, StreamInput, Window, WindowInput};
pub(crate) use keep::{Kept, Need, Shared, Taker, with_room};
pub(crate) use path::clean;
pub(crate) use reader::{Kind, TarReader};

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
}

impl Opener for Window {
    fn open(&self) -> io::Result<LayerBytes> {
        Ok(LayerBytes::Window(self.clone()))
    }
}

#[cfg(test)]
mod tests;
