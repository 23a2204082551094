//! The index against a model that keeps lists and looks at everything.

use std::collections::{BTreeMap, BTreeSet};

use lazaret_fleet::{Index, Knowledge, Start};
use lazaret_model::{
    Advisory, AdvisoryStatus, ContainerKey, Digest, Ecosystem, NamedPackage, Package, SourcePackage,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn digest(kind: u8, number: u8) -> Digest {
    let mut bytes = [0; 32];
    (bytes[0], bytes[31]) = (kind, number);
    Digest::from_bytes(bytes)
}

/// Versions are numbers here; how real ones are compared is not the index's business.
fn affects(advisory: &Advisory, version: &str) -> bool {
    let version: u32 = version.parse().unwrap();
    let below = |bound: &Option<String>| bound.as_ref().is_none_or(|bound| version < bound.parse().unwrap());
    let from = |bound: &Option<String>| bound.as_ref().is_none_or(|bound| version >= bound.parse().unwrap());
    below(&advisory.fixed) && from(&advisory.introduced)
}

/// Name, version, and whether it is of a module stream.
type Wanted = (u8, u8, bool);

#[derive(Debug, Clone)]
enum Step {
    Image { manifest: u8, release: u8, packages: Vec<Wanted> },
    Start { host: u8, container: u8, config: Option<u8> },
    End { host: u8, container: u8 },
    Ask { about: Wanted, is_binary: bool, release: u8, introduced: Option<u8>, denied: Option<u8> },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..6u8, 0..2u8, vec((0..4u8, 0..5u8, any::<bool>()), 0..6))
            .prop_map(|(manifest, release, packages)| Step::Image { manifest, release, packages }),
        (0..2u8, 0..6u8, proptest::option::of(0..4u8)).prop_map(|(host, container, config)| Step::Start {
            host,
            container,
            config
        }),
        (0..2u8, 0..6u8).prop_map(|(host, container)| Step::End { host, container }),
        (
            (0..4u8, 0..6u8, any::<bool>()),
            any::<bool>(),
            0..2u8,
            proptest::option::of(0..5u8),
            proptest::option::of(0..5u8)
        )
            .prop_map(|(about, is_binary, release, introduced, denied)| Step::Ask {
                about,
                is_binary,
                release,
                introduced,
                denied
            }),
    ]
}

/// Half of the ids look like an engine's, half like those of containers without one.
fn key(host: u8, container: u8) -> ContainerKey {
    let id = if container.is_multiple_of(2) { digest(9, container).hex() } else { format!("ns:{container}") };
    ContainerKey { host: format!("host-{host}"), id }
}

fn release(number: u8) -> String {
    format!("debian:{number}")
}

#[derive(Default)]
struct Model {
    /// Manifest → release and packages.
    images: BTreeMap<u8, (u8, Vec<Wanted>)>,
    containers: BTreeMap<(u8, u8), Option<u8>>,
}

/// Several manifests share a configuration.
fn config_of(manifest: u8) -> u8 {
    manifest / 2
}

impl Model {
    /// Manifests and containers that statements about one vulnerability are about.
    fn affected(&self, statements: &[Advisory]) -> (BTreeSet<Digest>, BTreeSet<ContainerKey>) {
        let says = |advisory: &Advisory, release_number: u8, (name, version, in_module): &Wanted| {
            let is_about = match advisory.names {
                NamedPackage::Source => advisory.package == format!("p{name}"),
                NamedPackage::Binary => advisory.package == format!("lib-p{name}"),
            };
            is_about
                && advisory.module == module(*in_module)
                && advisory.release == release(release_number)
                && affects(advisory, &version.to_string())
        };
        let bad = |release_number: u8, wanted: &Wanted| {
            let any = |denies: bool| {
                let is_one = |it: &&Advisory| (it.status == AdvisoryStatus::NotAffected) == denies;
                statements.iter().filter(is_one).any(|it| says(it, release_number, wanted))
            };
            any(false) && !any(true)
        };
        let images =
            self.images.iter().filter(|(_, (release, packages))| packages.iter().any(|p| bad(*release, p)));
        let images: BTreeSet<u8> = images.map(|(manifest, _)| *manifest).collect();
        let configs: BTreeSet<u8> = images.iter().map(|manifest| config_of(*manifest)).collect();
        let containers =
            self.containers.iter().filter(|(_, config)| config.is_some_and(|c| configs.contains(&c)));
        (
            images.into_iter().map(|manifest| digest(1, manifest)).collect(),
            containers.map(|((host, container), _)| key(*host, *container)).collect(),
        )
    }
}

fn module(is_in_one: bool) -> Option<String> {
    is_in_one.then(|| "nodejs:18".to_owned())
}

/// What one feed says, and a second one that denies it from a version on.
fn statements(
    about: Wanted,
    is_binary: bool,
    of: u8,
    introduced: Option<u8>,
    denied: Option<u8>,
) -> Vec<Advisory> {
    let (package, fixed, in_module) = about;
    let (names, name) = match is_binary {
        true => (NamedPackage::Binary, format!("lib-p{package}")),
        false => (NamedPackage::Source, format!("p{package}")),
    };
    let id = format!("CVE-{name}-{of}-{in_module}-{introduced:?}-{fixed:?}-{denied:?}");
    let advisory = Advisory {
        fixed: Some(fixed.to_string()),
        introduced: introduced.map(|version| version.to_string()),
        feed: "test".to_owned(),
        module: module(in_module),
        names,
        ..Advisory::new(id, Ecosystem::Deb, release(of), name)
    };
    let denial = denied.map(|version| Advisory {
        fixed: None,
        introduced: Some(version.to_string()),
        status: AdvisoryStatus::NotAffected,
        feed: "vex".to_owned(),
        ..advisory.clone()
    });
    [Some(advisory), denial].into_iter().flatten().collect()
}

fn package(&(name, version, in_module): &Wanted) -> Package {
    Package {
        module: module(in_module),
        source: SourcePackage { name: format!("p{name}"), version: version.to_string() },
        ..Package::new(Ecosystem::Deb, format!("lib-p{name}"), version.to_string())
    }
}

proptest! {
    #[test]
    fn the_index_agrees_with_a_model_that_looks_at_everything(steps in vec(step(), 1..80)) {
        let mut index = Index::new(affects);
        let mut knowledge = Knowledge::new();
        let mut model = Model::default();
        let mut asked = Vec::new();
        for step in steps {
            match step {
                Step::Image { manifest, release: number, packages } => {
                    let list: Vec<Package> = packages.iter().map(package).collect();
                    let key = release(number);
                    index.add_image(digest(1, manifest), digest(2, config_of(manifest)), &["other", &key], &list);
                    model.images.insert(manifest, (number, packages));
                }
                Step::Start { host, container, config } => {
                    let image_config = config.map(|config| digest(2, config));
                    let start = Start { key: &key(host, container), name: "old", image_config, started: "now" };
                    index.container_started(&start);
                    index.container_renamed(&key(host, container), "new");
                    model.containers.insert((host, container), config);
                }
                Step::End { host, container } => {
                    let known = model.containers.remove(&(host, container)).is_some();
                    prop_assert_eq!(index.container_ended(&key(host, container)), known);
                }
                Step::Ask { about, is_binary, release, introduced, denied } => {
                    let statements = statements(about, is_binary, release, introduced, denied);
                    let (images, containers) = model.affected(&statements);
                    let answer = index.affected(&statements);
                    let answered: BTreeSet<Digest> =
                        answer.images.iter().map(|image| index.image(image).unwrap().manifest).collect();
                    prop_assert_eq!(&answered, &images);
                    let running: Vec<_> = index.containers(&answer.containers).collect();
                    prop_assert!(running.iter().all(|container| container.name == "new"));
                    prop_assert_eq!(running.into_iter().map(|c| c.key).collect::<BTreeSet<_>>(), containers);
                    let of_hits: BTreeSet<u32> = answer.hits.iter().flat_map(|hit| hit.images.iter()).collect();
                    prop_assert_eq!(of_hits, answer.images.iter().collect::<BTreeSet<_>>());
                    if asked.iter().all(|known: &Vec<Advisory>| known[0].id != statements[0].id) {
                        statements.iter().for_each(|statement| knowledge.insert(statement.clone()));
                        asked.push(statements);
                    }
                }
            }
        }
        // The other direction: what is known of each image.
        for manifest in model.images.keys() {
            let image = index.image_number(&digest(1, *manifest)).unwrap();
            let found: BTreeSet<&str> = index.findings(image, &knowledge).iter().map(|(a, _)| a.id.as_str()).collect();
            let expected = asked.iter().filter(|statements| model.affected(statements).0.contains(&digest(1, *manifest)));
            prop_assert_eq!(found, expected.map(|statements| statements[0].id.as_str()).collect::<BTreeSet<_>>());
        }
        prop_assert_eq!(index.counts().2, model.containers.len());
        for config in 0..4 {
            let running = index.running(&digest(2, config)).map_or(0, |containers| containers.len());
            let expected = model.containers.values().filter(|of| **of == Some(config)).count() as u64;
            prop_assert_eq!(running, expected);
            let manifests: BTreeSet<Digest> = index.manifests_of(&digest(2, config)).collect();
            let expected = model.images.keys().filter(|manifest| config_of(**manifest) == config);
            prop_assert_eq!(manifests, expected.map(|manifest| digest(1, *manifest)).collect::<BTreeSet<_>>());
        }
    }
}
