//! Layers that are opened one by one.

use std::collections::HashMap;
use std::io;

use lazaret_model::{Entry, Want};

use super::{Fetched, Indexed, LayerSource, Needs};
use crate::budget::Budget;
use crate::layer::{LayerIndex, Opener, Uncompressed, Wanted, uncompressed};
use crate::problems::Problems;

pub(crate) struct Layer {
    /// What problems with the layer as a whole are about.
    pub(crate) label: String,
    pub(crate) opener: Box<dyn Opener>,
}

pub(crate) struct SeparateLayers(pub(crate) Vec<Layer>);

impl Layer {
    fn read(
        &self,
        wanted: &mut Wanted<'_>,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> io::Result<LayerIndex> {
        Ok(match uncompressed(self.opener.open()?, budget)? {
            Uncompressed::Window(window) => LayerIndex::of_window(window, &self.label, budget, problems),
            Uncompressed::Stream(stream) => {
                LayerIndex::of_stream(stream, &self.label, wanted, budget, problems)
            }
        })
    }
}

impl LayerSource for SeparateLayers {
    fn index(
        &mut self,
        want: &mut dyn FnMut(&Entry<'_>) -> Want,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> Indexed {
        let archives: Vec<LayerIndex> = (0..)
            .zip(&self.0)
            .map(|(number, layer)| {
                let mut wanted = Wanted::Ask { layer: number, want: &mut *want };
                layer.read(&mut wanted, budget, problems).unwrap_or_else(|error| {
                    problems.io(&layer.label, &error);
                    LayerIndex::default()
                })
            })
            .collect();
        Indexed { layers: (0..archives.len()).collect(), archives }
    }

    fn fetch(&mut self, needs: &Needs, budget: &mut Budget, problems: &mut Problems) -> Fetched {
        let mut fetched = Fetched::new();
        for (&number, records) in needs {
            let layer = &self.0[number];
            // The first pass told what is wrong with the archive.
            let mut again = Problems::default();
            let kept = match layer.read(&mut Wanted::These(records), budget, &mut again) {
                Ok(index) => index.kept,
                Err(error) => {
                    problems.io(&layer.label, &error);
                    HashMap::new()
                }
            };
            fetched.insert(number, kept);
        }
        fetched
    }
}
