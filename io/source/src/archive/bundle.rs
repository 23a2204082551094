//! All layers of an image in one stream: a compressed archive, or what an engine exports.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};

use lazaret_model::{Digest, Limits, Platform, Visitor};

use super::layout::{self, Members, choose};
use crate::budget::Budget;
use crate::error::SourceError;
use crate::image::sha256;
use crate::layer::{
    Kind, LayerIndex, Opener, Shared, StreamInput, Taker, TarReader, Uncompressed, Wanted, WindowInput,
    clean, uncompressed, uncompressed_stream,
};
use crate::problems::{Problems, lossy};
use crate::tree::{Fetched, Indexed, LayerSource, Needs};

/// What is known of the image before the stream is read.
pub(crate) enum Known {
    /// Paths of its layers, lowest first.
    Layers(Vec<Vec<u8>>),
    /// Its configuration and platform; which members are layers is told by documents in the stream.
    Config(Digest, Platform),
}

pub(crate) struct Bundle {
    opener: Box<dyn Opener>,
    subject: String,
    known: Known,
    limits: Limits,
}

impl Bundle {
    pub(crate) fn new(opener: Box<dyn Opener>, subject: &str, known: Known, limits: &Limits) -> Self {
        Self { opener, subject: subject.to_owned(), known, limits: limits.clone() }
    }

    /// The layer that a member is, as far as that is known.
    fn position(&self, path: &[u8]) -> Option<u32> {
        match &self.known {
            Known::Layers(layers) => {
                layers.iter().position(|layer| layer == path).and_then(|at| at.try_into().ok())
            }
            Known::Config(..) => None,
        }
    }

    /// The paths of the layers, once all documents were read.
    fn layers(&self, members: &Documents, problems: &mut Problems) -> Vec<Vec<u8>> {
        let (config, platform) = match &self.known {
            Known::Layers(layers) => return layers.clone(),
            Known::Config(config, platform) => (config, platform),
        };
        match choose(members, &self.subject, None, platform) {
            Ok(chosen) if sha256(&chosen.config) == *config => chosen.layers,
            Ok(_) => {
                problems.malformed(&self.subject, "another image was exported than was asked for");
                Vec::new()
            }
            Err(error) => {
                problems.malformed(&self.subject, error.to_string());
                Vec::new()
            }
        }
    }
}

impl LayerSource for Bundle {
    fn index(&mut self, visitor: &dyn Visitor, budget: &mut Budget, problems: &mut Problems) -> Indexed {
        let shared = Shared::default();
        let mut taker = Taker::new(visitor, &shared);
        let mut read = ReadLayers::default();
        let mut layer = |path: &[u8], body: &mut dyn BufRead, budget: &mut Budget, _: &mut Problems| {
            let position = self.position(path);
            if position.is_some() || matches!(self.known, Known::Config(..)) {
                let wanted = Wanted::Ask { layer: position.unwrap_or_default() };
                let mut own = Problems::default();
                let index = layer_index(path, body, &mut taker, wanted, budget, &mut own);
                read.add(path, index, own);
            }
        };
        let members = match pass(&*self.opener, &self.subject, &self.limits, budget, problems, &mut layer) {
            Ok(members) => members,
            Err(error) => {
                problems.io(&self.subject, &error);
                return Indexed::default();
            }
        };
        let layers = self.layers(&members, problems);
        for (position, path) in (0..).zip(&layers) {
            let path = members.resolve(path);
            if let Some(&number) = read.numbers.get(path) {
                problems.append(std::mem::take(&mut read.problems[number]));
                continue;
            }
            // A layer may look like a document: an archive whose first name begins with a brace.
            let index = if let Some(bytes) = members.documents.get(path) {
                let wanted = Wanted::Ask { layer: position };
                layer_index(path, &mut &bytes[..], &mut taker, wanted, budget, problems)
            } else {
                problems.malformed(&self.subject, format!("it lacks its member {}", lossy(path)));
                LayerIndex::default()
            };
            read.add(path, index, Problems::default());
        }
        let layers = layers.iter().map(|path| read.numbers[members.resolve(path)]).collect();
        Indexed { archives: read.archives, layers }
    }

    fn fetch(
        &mut self,
        visitor: &dyn Visitor,
        needs: &Needs<'_>,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> Fetched {
        let shared = Shared::default();
        let mut taker = Taker::new(visitor, &shared);
        let mut fetched = Fetched::new();
        let mut number = 0;
        let mut told = Problems::default();
        let mut read = |path: &[u8], body: &mut dyn BufRead, budget: &mut Budget, _: &mut Problems| {
            if matches!(self.known, Known::Layers(_)) && self.position(path).is_none() {
                return;
            }
            if let Some(records) = needs.get(&number) {
                let index = layer_index(path, body, &mut taker, Wanted::These(records), budget, &mut told);
                fetched.insert(number, index.kept);
            }
            number += 1;
        };
        let result =
            pass(&*self.opener, &self.subject, &self.limits, budget, &mut Problems::default(), &mut read);
        if let Err(error) = result {
            problems.io(&self.subject, &error);
        }
        problems.append(told);
        fetched
    }
}

/// The layers of a stream in the order in which they came.
#[derive(Default)]
struct ReadLayers {
    archives: Vec<LayerIndex>,
    /// What is wrong with each. An engine's export has members that are no layers and no documents
    /// (`VERSION`): what they are is only known at the end, and then only real layers are complained of.
    problems: Vec<Problems>,
    numbers: HashMap<Vec<u8>, usize>,
}

impl ReadLayers {
    fn add(&mut self, path: &[u8], index: LayerIndex, problems: Problems) {
        self.numbers.insert(path.to_vec(), self.archives.len());
        self.archives.push(index);
        self.problems.push(problems);
    }
}

fn layer_index(
    path: &[u8],
    body: &mut dyn BufRead,
    taker: &mut Taker<'_>,
    wanted: Wanted<'_>,
    budget: &mut Budget,
    problems: &mut Problems,
) -> LayerIndex {
    let label = format!("layer {}", lossy(path));
    match uncompressed_stream(body, budget) {
        Ok(stream) => LayerIndex::of_stream(stream, &label, taker, wanted, budget, problems),
        Err(error) => {
            problems.io(label, &error);
            LayerIndex::default()
        }
    }
}

/// Reads the documents of an archive, and passes over all else.
pub(crate) fn documents(
    opener: &dyn Opener,
    subject: &str,
    limits: &Limits,
) -> Result<Documents, SourceError> {
    let corrupt = |why: String| SourceError::Corrupt { subject: subject.to_owned(), why };
    let mut problems = Problems::default();
    let mut budget = Budget::new(limits);
    let members = pass(opener, subject, limits, &mut budget, &mut problems, &mut |_, _, _, _| {})
        .map_err(|error| corrupt(error.to_string()))?;
    layout::sound(problems, subject)?;
    Ok(members)
}

/// What was read of the files of an archive.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    documents: HashMap<Vec<u8>, Vec<u8>>,
    sizes: HashMap<Vec<u8>, u64>,
    links: HashMap<Vec<u8>, Vec<u8>>,
}

impl Documents {
    fn resolve<'a>(&'a self, path: &'a [u8]) -> &'a [u8] {
        self.links.get(path).map_or(path, Vec::as_slice)
    }
}

impl Members for Documents {
    fn size(&self, path: &[u8]) -> Option<u64> {
        self.sizes.get(self.resolve(path)).copied()
    }

    fn document(&self, path: &[u8], subject: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let path = self.resolve(path);
        match (self.documents.get(path), self.sizes.get(path)) {
            (Some(bytes), _) => Ok(Some(bytes.clone())),
            (None, Some(_)) => {
                let why = format!("{} should be a document and is none", lossy(path));
                Err(SourceError::Corrupt { subject: subject.to_owned(), why })
            }
            (None, None) => Ok(None),
        }
    }
}

type ReadLayer<'a> = dyn FnMut(&[u8], &mut dyn BufRead, &mut Budget, &mut Problems) + 'a;

/// Reads an archive from front to back; what is no document is given to `read`.
fn pass(
    opener: &dyn Opener,
    subject: &str,
    limits: &Limits,
    budget: &mut Budget,
    problems: &mut Problems,
    read: &mut ReadLayer<'_>,
) -> io::Result<Documents> {
    match uncompressed(opener.open()?, budget)? {
        Uncompressed::Window(input) => {
            let mut reader: TarReader<WindowInput> = TarReader::new(input, subject);
            Ok(members(&mut reader, limits, budget, problems, read))
        }
        Uncompressed::Stream(input) => {
            let mut reader: TarReader<StreamInput<_>> = TarReader::new(input, subject);
            let members = members(&mut reader, limits, budget, problems, read);
            if let Some(rest) = reader.rest()
                && let Err(error) = rest.drain()
            {
                problems.io(subject, &error);
            }
            Ok(members)
        }
    }
}

fn members<I: crate::layer::Input>(
    reader: &mut TarReader<I>,
    limits: &Limits,
    budget: &mut Budget,
    problems: &mut Problems,
    read: &mut ReadLayer<'_>,
) -> Documents {
    let mut members = Documents::default();
    let mut path = Vec::new();
    while let Some(member) = reader.next(problems) {
        clean(reader.name(), &mut path);
        if let Err(exceeded) = budget.take_entry(path.len() + reader.link().len()) {
            problems.limit(lossy(&path), exceeded);
            break;
        }
        match member.kind {
            Kind::File if member.segments.is_none() => {}
            Kind::Symlink | Kind::HardLink => {
                members.links.insert(path.clone(), layout::link(&path, reader.link(), member.kind));
                continue;
            }
            _ => continue,
        }
        members.sizes.insert(path.clone(), member.stored);
        let mut body = reader.stored_body();
        if member.stored > limits.document_bytes || !looks_like_json(&mut body) {
            read(&path, &mut body, budget, problems);
            continue;
        }
        let mut bytes = Vec::new();
        let result = match budget.keep(member.stored) {
            Ok(()) => body.read_to_end(&mut bytes).map(drop),
            Err(exceeded) => Err(exceeded.io()),
        };
        match result {
            Ok(()) => {
                members.documents.insert(path.clone(), bytes);
            }
            Err(error) => problems.io(lossy(&path), &error),
        }
    }
    members
}

fn looks_like_json(body: &mut impl BufRead) -> bool {
    // A failing read is noticed by whoever reads on.
    body.fill_buf().is_ok_and(|start| matches!(start.first(), Some(b'{' | b'[')))
}
