//! Layers that are opened one by one.

use std::collections::HashMap;
use std::io;

use lazaret_model::Visitor;

use super::{Fetched, Indexed, LayerSource, Needs};
use crate::budget::Budget;
use crate::layer::{LayerIndex, Opener, Taker, Uncompressed, Wanted, uncompressed};
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
        taker: &mut Taker<'_>,
        wanted: Wanted<'_>,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> io::Result<LayerIndex> {
        Ok(match uncompressed(self.opener.open()?, budget)? {
            Uncompressed::Window(window) => LayerIndex::of_window(window, &self.label, budget, problems),
            Uncompressed::Stream(stream) => {
                LayerIndex::of_stream(stream, &self.label, taker, wanted, budget, problems)
            }
        })
    }
}

impl LayerSource for SeparateLayers {
    fn index(&mut self, visitor: &dyn Visitor, budget: &mut Budget, problems: &mut Problems) -> Indexed {
        let mut taker = Taker::new(visitor);
        let archives: Vec<LayerIndex> = (0..)
            .zip(&self.0)
            .map(|(number, layer)| {
                let wanted = Wanted::Ask { layer: number };
                layer.read(&mut taker, wanted, budget, problems).unwrap_or_else(|error| {
                    problems.io(&layer.label, &error);
                    LayerIndex::default()
                })
            })
            .collect();
        Indexed { layers: (0..archives.len()).collect(), archives }
    }

    fn fetch(
        &mut self,
        visitor: &dyn Visitor,
        needs: &Needs<'_>,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> Fetched {
        let mut taker = Taker::new(visitor);
        let mut fetched = Fetched::new();
        for (&number, records) in needs {
            let layer = &self.0[number];
            // The first pass told what is wrong with the archive.
            let mut again = Problems::default();
            let kept = match layer.read(&mut taker, Wanted::These(records), budget, &mut again) {
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
