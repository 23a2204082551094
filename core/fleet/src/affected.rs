use lazaret_model::{Advisory, SourcePackage};
use roaring::RoaringBitmap;

use crate::index::Index;
use crate::knowledge::Knowledge;
use crate::packages::PackageName;

/// Who has what some advisories are about.
#[derive(Debug)]
pub struct Affected<'i> {
    /// Each vulnerable version of each package, as long as an image has it.
    pub hits: Vec<Hit<'i>>,
    /// Numbers of all images.
    pub images: RoaringBitmap,
    /// Numbers of all running containers.
    pub containers: RoaringBitmap,
}

#[derive(Debug, Clone, Copy)]
pub struct Hit<'i> {
    /// Place of the advisory in the question.
    pub advisory: usize,
    pub source: &'i SourcePackage,
    pub images: &'i RoaringBitmap,
}

impl Index {
    /// Compares each advisory once with each distinct version of its package.
    pub fn affected(&self, advisories: &[Advisory]) -> Affected<'_> {
        let mut hits = Vec::new();
        let mut images = RoaringBitmap::new();
        for (place, advisory) in advisories.iter().enumerate() {
            for version in self.packages.versions_of(&PackageName::of_advisory(advisory)) {
                if !version.images.is_empty() && (self.affects)(advisory, &version.source.version) {
                    images |= &version.images;
                    hits.push(Hit { advisory: place, source: &version.source, images: &version.images });
                }
            }
        }
        let mut configs: Vec<u32> =
            images.iter().map(|image| self.images[image as usize].config_number).collect();
        configs.sort_unstable();
        configs.dedup();
        let mut containers = RoaringBitmap::new();
        for config in configs {
            containers |= &self.configs[config as usize].containers;
        }
        Affected { hits, images, containers }
    }

    /// What is known to be wrong with the packages of one image.
    pub fn findings<'a>(
        &'a self,
        image: u32,
        knowledge: &'a Knowledge,
    ) -> Vec<(&'a Advisory, &'a SourcePackage)> {
        let Some(entry) = self.image(image) else { return Vec::new() };
        let mut findings = Vec::new();
        for version in &entry.versions {
            let name = self.packages.name_of(*version);
            let version = self.packages.get(*version);
            let about = knowledge
                .of_package(name)
                .filter(|advisory| (self.affects)(advisory, &version.source.version));
            findings.extend(about.map(|advisory| (advisory, &version.source)));
        }
        findings
    }
}
