use lazaret_model::{Advisory, AdvisoryStatus, SourcePackage};
use roaring::RoaringBitmap;

use crate::index::Index;
use crate::knowledge::Knowledge;
use crate::packages::{PackageName, Version};

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
    /// Compares each advisory once with each distinct version of its package. Those that say that a package is not
    /// affected take back what others say of the same vulnerability.
    pub fn affected(&self, advisories: &[Advisory]) -> Affected<'_> {
        let denials = Denials::among(advisories.iter());
        let mut hits = Vec::new();
        let mut images = RoaringBitmap::new();
        for (place, advisory) in advisories.iter().enumerate() {
            let name = PackageName::of_advisory(advisory);
            for version in self.packages.versions_of(&name) {
                if !version.images.is_empty() && self.is_affected(advisory, &name, version, &denials) {
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
            let denials = Denials::among(knowledge.of_package(name));
            let about = knowledge
                .of_package(name)
                .filter(|advisory| self.is_affected(advisory, name, version, &denials));
            findings.extend(about.map(|advisory| (advisory, &version.source)));
        }
        findings
    }

    fn is_affected(
        &self,
        advisory: &Advisory,
        name: &PackageName,
        version: &Version,
        denials: &Denials<'_>,
    ) -> bool {
        let speaks_of = |advisory: &Advisory| {
            advisory.module.as_deref() == version.module.as_deref()
                && (self.speaks_of)(advisory, &version.source.version)
        };
        let denies = |(about, denial): &(PackageName, &Advisory)| {
            about == name && is_same_vulnerability(denial, advisory) && speaks_of(denial)
        };
        advisory.status != AdvisoryStatus::NotAffected && speaks_of(advisory) && !denials.0.iter().any(denies)
    }
}

/// Statements that packages are not affected, with what they are about.
struct Denials<'a>(Vec<(PackageName, &'a Advisory)>);

impl<'a> Denials<'a> {
    fn among(advisories: impl Iterator<Item = &'a Advisory>) -> Self {
        let denials = advisories.filter(|advisory| advisory.status == AdvisoryStatus::NotAffected);
        Self(denials.map(|denial| (PackageName::of_advisory(denial), denial)).collect())
    }
}

/// An advisory under an id of its own may be about several CVEs: it is denied by its own id, or with the only one that
/// it is about.
fn is_same_vulnerability(denial: &Advisory, advisory: &Advisory) -> bool {
    let mut about = advisory.aliases.iter().filter(|alias| alias.starts_with("CVE-"));
    denial.id == advisory.id
        || !advisory.id.starts_with("CVE-") && about.next() == Some(&denial.id) && about.next().is_none()
}
