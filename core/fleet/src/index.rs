use std::collections::HashMap;

use lazaret_model::{Advisory, ContainerKey, Digest, Package};
use roaring::RoaringBitmap;

use crate::containers::{Containers, Running, Start};
use crate::packages::{Packages, number, subjects};

/// Says whether an advisory speaks of this version of its package, whatever it says of it.
pub type SpeaksOf = fn(&Advisory, &str) -> bool;

/// Images, what is in them, and what runs of them.
#[derive(Debug)]
pub struct Index {
    pub(crate) speaks_of: SpeaksOf,
    pub(crate) packages: Packages,
    pub(crate) images: Vec<ImageEntry>,
    by_manifest: HashMap<Digest, u32>,
    by_config: HashMap<Digest, u32>,
    pub(crate) configs: Vec<Config>,
    containers: Containers,
}

/// An image as the index knows it.
#[derive(Debug)]
pub struct ImageEntry {
    pub manifest: Digest,
    pub config: Digest,
    pub(crate) config_number: u32,
    pub(crate) versions: Vec<u32>,
}

/// What an engine calls an image: containers name it, and it may be in several manifests.
#[derive(Debug, Default)]
pub(crate) struct Config {
    images: Vec<u32>,
    pub(crate) containers: RoaringBitmap,
}

impl Index {
    pub fn new(speaks_of: SpeaksOf) -> Self {
        Self {
            speaks_of,
            packages: Packages::default(),
            images: Vec::new(),
            by_manifest: HashMap::new(),
            by_config: HashMap::new(),
            configs: Vec::new(),
            containers: Containers::default(),
        }
    }

    /// Takes in an image; for one that is known the packages are replaced. `releases` are the keys under which
    /// advisories speak of its distribution.
    pub fn add_image(
        &mut self,
        manifest: Digest,
        config: Digest,
        releases: &[&str],
        packages: &[Package],
    ) -> u32 {
        let image = match self.by_manifest.get(&manifest) {
            Some(image) => *image,
            None => self.new_image(manifest, config),
        };
        for version in std::mem::take(&mut self.images[image as usize].versions) {
            self.packages.get_mut(version).images.remove(image);
        }
        let mut versions = Vec::with_capacity(packages.len());
        for package in packages {
            // Languages have no releases.
            let releases = if package.ecosystem.is_of_distribution() { releases } else { &[""] };
            for (name, version) in releases.iter().flat_map(|release| subjects(package, release)) {
                versions.push(self.packages.version(name, version, package.module.as_deref()));
            }
        }
        versions.sort_unstable();
        versions.dedup();
        for version in &versions {
            self.packages.get_mut(*version).images.insert(image);
        }
        versions.shrink_to_fit();
        self.images[image as usize].versions = versions;
        image
    }

    fn new_image(&mut self, manifest: Digest, config: Digest) -> u32 {
        let image = number(self.images.len());
        let config_number = self.config(config);
        self.images.push(ImageEntry { manifest, config, config_number, versions: Vec::new() });
        self.configs[config_number as usize].images.push(image);
        self.by_manifest.insert(manifest, image);
        image
    }

    fn config(&mut self, config: Digest) -> u32 {
        *self.by_config.entry(config).or_insert_with(|| {
            self.configs.push(Config::default());
            number(self.configs.len() - 1)
        })
    }

    /// A container runs. One that runs already under the same key is replaced.
    pub fn container_started(&mut self, start: &Start<'_>) {
        self.container_ended(start.key);
        let config = start.image_config.map(|config| self.config(config));
        let container = self.containers.insert(start, config);
        if let Some(config) = config {
            self.configs[config as usize].containers.insert(container);
        }
    }

    /// Answers whether it was known to run.
    pub fn container_ended(&mut self, key: &ContainerKey) -> bool {
        let Some((container, config)) = self.containers.remove(key) else { return false };
        if let Some(config) = config {
            self.configs[config as usize].containers.remove(container);
        }
        true
    }

    pub fn container_renamed(&mut self, key: &ContainerKey, name: &str) {
        self.containers.rename(key, name);
    }

    /// Forgets all containers, to be told anew what runs.
    pub fn forget_containers(&mut self) {
        self.containers = Containers::default();
        for config in &mut self.configs {
            config.containers.clear();
        }
    }

    /// The image with this number.
    pub fn image(&self, image: u32) -> Option<&ImageEntry> {
        self.images.get(image as usize)
    }

    pub fn image_number(&self, manifest: &Digest) -> Option<u32> {
        self.by_manifest.get(manifest).copied()
    }

    /// Running containers of a configuration, as a set of numbers.
    pub fn running(&self, config: &Digest) -> Option<&RoaringBitmap> {
        self.by_config.get(config).map(|config| &self.configs[*config as usize].containers)
    }

    /// Manifests that have this configuration, in the order in which they were added.
    pub fn manifests_of(&self, config: &Digest) -> impl Iterator<Item = Digest> {
        let images =
            self.by_config.get(config).map(|config| self.configs[*config as usize].images.as_slice());
        images.unwrap_or_default().iter().map(|image| self.images[*image as usize].manifest)
    }

    /// What is known of containers given by number.
    pub fn containers<'a>(&'a self, numbers: &'a RoaringBitmap) -> impl Iterator<Item = Running<'a>> {
        numbers.iter().filter_map(|container| self.containers.get(container))
    }

    /// Images, distinct package versions, running containers.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.images.len(), self.packages.len(), self.containers.len())
    }
}
