//! The products of a CSAF document: packages, and the releases that they are in.

use std::collections::HashMap;

use super::super::releases::{self, Product as Platform};
use super::document::{Branch, Product, Tree};

/// Packages in releases, by the ids of the products that they are.
#[derive(Debug, Default)]
pub(super) struct Products<'d> {
    components: HashMap<&'d str, Component<'d>>,
    /// Products that are none of ours, and the name of the product that they are in.
    others: HashMap<&'d str, &'d str>,
}

/// A package of a release.
#[derive(Debug)]
pub(super) struct Component<'d> {
    pub(super) release: String,
    pub(super) name: &'d str,
    /// With its epoch, if that is not 0.
    pub(super) version: Option<String>,
    pub(super) is_source: bool,
    pub(super) module: Option<String>,
}

/// Deepest chain of relationships: a package of a module of a repository.
const MOST_STEPS: usize = 4;

impl<'d> Products<'d> {
    pub(super) fn read(tree: &'d Tree) -> Self {
        let mut plain: HashMap<&str, &Product> = HashMap::new();
        tree.branches.iter().for_each(|branch| collect(branch, &mut plain));
        plain.extend(tree.full_product_names.iter().map(|product| (product.product_id.as_str(), product)));
        let related: HashMap<&str, (&str, &str)> = tree
            .relationships
            .iter()
            .map(|relation| {
                let inner = relation.product_reference.as_str();
                (
                    relation.full_product_name.product_id.as_str(),
                    (inner, relation.relates_to_product_reference.as_str()),
                )
            })
            .collect();
        let mut found = Self::default();
        for (&id, &(inner, outer)) in &related {
            match resolve(inner, outer, &plain, &related) {
                Ok(component) => drop(found.components.insert(id, component)),
                Err(other) => drop(found.others.insert(id, other)),
            }
        }
        found
    }

    /// Else the name of what it is instead, or of what it is in.
    pub(super) fn find<'p>(&'p self, product: &'p str) -> Result<&'p Component<'d>, &'p str> {
        self.components
            .get(product)
            .ok_or_else(|| self.others.get(product).copied().unwrap_or("products that are no packages"))
    }
}

fn collect<'d>(branch: &'d Branch, plain: &mut HashMap<&'d str, &'d Product>) {
    if let Some(product) = &branch.product {
        plain.insert(&product.product_id, product);
    }
    branch.branches.iter().for_each(|branch| collect(branch, plain));
}

fn resolve<'d>(
    inner: &'d str,
    outer: &'d str,
    plain: &HashMap<&'d str, &'d Product>,
    related: &HashMap<&'d str, (&'d str, &'d str)>,
) -> Result<Component<'d>, &'d str> {
    let purl =
        |id: &str| plain.get(id).and_then(|product| product.product_identification_helper.purl.as_deref());
    let package = purl(inner)
        .and_then(Purl::parse)
        .filter(|purl| purl.kind == "rpm")
        .ok_or("products that are no packages")?;
    let (mut platform, mut module) = (outer, None);
    for _ in 0..MOST_STEPS {
        let Some(&(middle, next)) = related.get(platform) else { break };
        let stream = purl(middle).and_then(Purl::parse).filter(|purl| purl.kind == "rpmmod");
        module = stream.and_then(|purl| purl.module()).or(module);
        platform = next;
    }
    let product = plain.get(platform).ok_or("products of unknown platforms")?;
    let release = release(product).ok_or(product.name.as_str())?;
    // Red Hat says the stream in a qualifier, too: `rpmmod=nodejs:18:…`.
    let module = module.or_else(|| {
        let mut parts = package.qualifier("rpmmod")?.split(':');
        Some(format!("{}:{}", parts.next()?, parts.next()?))
    });
    let epoch = package.qualifier("epoch").filter(|epoch| *epoch != "0");
    let version = package.version.map(|version| match epoch {
        Some(epoch) => {
            format!("{epoch}:{}", version.replace("%2B", "+").replace("%5E", "^").replace("%7E", "~"))
        }
        None => version.replace("%2B", "+").replace("%5E", "^").replace("%7E", "~"),
    });
    Ok(Component {
        release,
        name: package.name,
        version,
        is_source: package.qualifier("arch") == Some("src"),
        module,
    })
}

/// A release by its CPE, or by its name. The lines of support that subscribers pay for have other CPEs.
fn release(product: &Product) -> Option<String> {
    if let Some(cpe) = &product.product_identification_helper.cpe {
        let mut parts = cpe.trim_start_matches("cpe:/").split(':').skip(1);
        if let (Some("redhat"), Some(name), Some(version)) = (parts.next(), parts.next(), parts.next()) {
            let major = version.split('.').next()?;
            let is_number = (1..=2).contains(&major.len()) && major.bytes().all(|byte| byte.is_ascii_digit());
            return (name == "enterprise_linux" && is_number).then(|| releases::key("rhel", major));
        }
    }
    match releases::product(&product.name)? {
        Platform::Release(_, key) => Some(key),
        Platform::Other => None,
    }
}

/// The parts of a package URL that matter here.
#[derive(Debug)]
struct Purl<'d> {
    kind: &'d str,
    name: &'d str,
    version: Option<&'d str>,
    qualifiers: &'d str,
}

impl<'d> Purl<'d> {
    fn parse(text: &'d str) -> Option<Self> {
        let rest = text.strip_prefix("pkg:")?;
        let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let (path, version) =
            rest.rsplit_once('@').map_or((rest, None), |(path, version)| (path, Some(version)));
        let (kind, path) = path.split_once('/')?;
        let name = path.rsplit('/').next().filter(|name| (1..=200).contains(&name.len()))?;
        Some(Self {
            kind,
            name,
            version: version.filter(|version| (1..=200).contains(&version.len())),
            qualifiers,
        })
    }

    fn qualifier(&self, name: &str) -> Option<&'d str> {
        self.qualifiers
            .split('&')
            .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
            .map(|(_, value)| value)
    }

    /// `pkg:rpmmod/redhat/nodejs@18:8090…` to `nodejs:18`.
    fn module(&self) -> Option<String> {
        let stream = self.version?.split([':', '%']).next()?;
        Some(format!("{}:{stream}", self.name))
    }
}
