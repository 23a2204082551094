//! Trees of criteria to rows.
//!
//! A tree says when a system is vulnerable. Of what is joined by AND, the platform, the module stream and the bounds
//! of one package's version belong together; every package is a statement of its own, so that a tree which asks for
//! two packages at once gives two rows.

use std::borrow::Cow;
use std::collections::HashSet;
use std::rc::Rc;

use lazaret_model::{Advisory, AdvisoryStatus, Ecosystem, ProblemKind, Severity};

use super::super::line::one_line;
use super::super::parsed::Parsed;
use super::super::releases::{self, Product, product};
use super::definition::{Definition, Kind, MOST_PLATFORMS};
use super::tests_of::{Asked, Bound, Tests};
use super::vendor::Vendor;

/// What a branch of the tree is about.
#[derive(Debug, Clone, Default)]
struct Branch {
    /// Names of products; without any, those of the definition.
    products: Rc<[String]>,
    module: Option<String>,
}

/// One package of one release, once for all ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Statement {
    ecosystem: Ecosystem,
    release: String,
    package: String,
    module: Option<String>,
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
    status: AdvisoryStatus,
}

/// What the leaves of one AND say of the same packages.
#[derive(Debug, Default)]
struct Stretch<'t> {
    names: &'t [Cow<'t, str>],
    introduced: Option<&'t str>,
    fixed: Option<&'t str>,
    last_affected: Option<&'t str>,
    is_not_affected: bool,
    /// Something was asked of the package itself, and not only of who made it.
    says: bool,
}

struct Walk<'w> {
    definition: &'w Definition<'w>,
    children: Vec<Vec<usize>>,
    tests: &'w Tests<'w>,
    vendor: Vendor,
    found: Vec<Statement>,
    known: HashSet<Statement>,
    parsed: &'w mut Parsed,
    missing: u64,
}

pub(super) fn rows(definition: &Definition<'_>, tests: &Tests<'_>, vendor: Vendor, parsed: &mut Parsed) {
    if definition.criteria.is_empty() {
        return;
    }
    let mut children = vec![Vec::new(); definition.criteria.len()];
    for (place, criterion) in definition.criteria.iter().enumerate().skip(1) {
        if let Some(siblings) = children.get_mut(criterion.parent) {
            siblings.push(place);
        }
    }
    let (found, known) = (Vec::new(), HashSet::new());
    let mut walk = Walk { definition, children, tests, vendor, found, known, parsed, missing: 0 };
    walk.node(0, &Branch::default());
    let (found, missing) = (walk.found, walk.missing);
    let subject =
        definition.cves.first().or(definition.others.first()).map_or(&*definition.id, String::as_str);
    if missing > 0 {
        let detail = format!("{missing} of its tests are not in the file or compare in no known way");
        parsed.problem(ProblemKind::Malformed, subject, detail);
    }
    if definition.cves.is_empty() && definition.others.is_empty() {
        return parsed.problem(ProblemKind::Malformed, subject, "it names no vulnerability");
    }
    emit(definition, vendor, found, parsed);
}

fn emit(definition: &Definition<'_>, vendor: Vendor, found: Vec<Statement>, parsed: &mut Parsed) {
    let (ids, aliases) = match definition.cves.as_slice() {
        [] => definition.others.split_at(1),
        cves => (cves, definition.others.as_slice()),
    };
    // A vulnerability's own definition has its id for a title.
    let describes = ids.iter().any(|id| definition.title.starts_with(id.as_str()));
    let text = if describes && !definition.description.is_empty() {
        &*definition.description
    } else {
        definition.title.as_str()
    };
    let summary = one_line(text, 240);
    for id in ids {
        for statement in &found {
            if parsed.is_full() {
                return;
            }
            parsed.row(Advisory {
                aliases: aliases.to_vec(),
                names: vendor.names(),
                introduced: statement.introduced.clone(),
                fixed: statement.fixed.clone(),
                last_affected: statement.last_affected.clone(),
                status: statement.status,
                module: statement.module.clone(),
                severity: definition.severity.unwrap_or(Severity::Unknown),
                summary: summary.clone(),
                published: definition.published.clone(),
                ..Advisory::new(id, statement.ecosystem, &statement.release, &statement.package)
            });
        }
    }
}

impl<'w> Walk<'w> {
    /// Goes as deep as the elements lie, which [`Xml`](super::super::xml::Xml) bounds.
    fn node(&mut self, place: usize, branch: &Branch) {
        match &self.definition.criteria[place].kind {
            Kind::Other => {}
            Kind::Test { .. } => self.leaves(&[place], branch),
            Kind::Any => {
                for child in std::mem::take(&mut self.children[place]) {
                    self.node(child, branch);
                }
            }
            Kind::All => {
                let children = std::mem::take(&mut self.children[place]);
                let branch = self.branch(&children, branch);
                let is_leaf =
                    |child: &usize| matches!(self.definition.criteria[*child].kind, Kind::Test { .. });
                let (leaves, inner): (Vec<usize>, Vec<usize>) = children.into_iter().partition(is_leaf);
                self.leaves(&leaves, &branch);
                for child in inner {
                    self.node(child, &branch);
                }
            }
        }
    }

    fn comment(&self, place: usize) -> Option<&'w str> {
        let definition = self.definition;
        match &definition.criteria[place].kind {
            Kind::Test { comment, .. } => Some(comment),
            _ => None,
        }
    }

    fn platform(&self, place: usize) -> Option<&'w str> {
        let name = self.comment(place)?.strip_suffix(" is installed")?;
        product(name).map(|_| name)
    }

    fn branch(&mut self, children: &[usize], outer: &Branch) -> Branch {
        let mut branch = outer.clone();
        let mut products = Vec::new();
        for &child in children {
            if let Some(name) = self.platform(child) {
                products.push(name.to_owned());
            } else if matches!(self.definition.criteria[child].kind, Kind::Any) {
                let all: Option<Vec<&str>> =
                    self.children[child].iter().map(|&leaf| self.platform(leaf)).collect();
                products.extend(all.unwrap_or_default().into_iter().map(str::to_owned));
            }
            let module = self.comment(child).and_then(|comment| {
                comment.strip_prefix("Module ")?.strip_suffix(" is enabled").map(str::to_owned)
            });
            branch.module = module.or(branch.module);
        }
        if products.len() > MOST_PLATFORMS {
            let definition = self.definition;
            let subject = definition.cves.first().map_or(&*definition.id, String::as_str);
            self.parsed.problem(ProblemKind::Limit, subject, "it is for more products than are read");
            products.truncate(MOST_PLATFORMS);
        }
        if !products.is_empty() {
            branch.products = products.into();
        }
        branch
    }

    /// Leaves that are joined by AND.
    fn leaves(&mut self, places: &[usize], branch: &Branch) {
        let mut stretches: Vec<Stretch<'w>> = Vec::new();
        for &place in places {
            let definition = self.definition;
            let Kind::Test { test, comment } = &definition.criteria[place].kind else { continue };
            if self.platform(place).is_some() || comment.starts_with("Module ") {
                continue;
            }
            let Some(asked) = self.tests.ask(test) else {
                self.missing += 1;
                continue;
            };
            // Bounds of one package stand side by side.
            let near = stretches.len().saturating_sub(8);
            let at = stretches.iter().skip(near).position(|stretch| stretch.names == asked.names);
            let at = at.map_or(stretches.len(), |at| at + near);
            if at == stretches.len() {
                stretches.push(Stretch { names: asked.names, ..Stretch::default() });
            }
            if !stretches[at].add(&asked, comment, self.vendor) {
                self.missing += 1;
            }
        }
        for stretch in stretches.iter().filter(|stretch| stretch.says) {
            self.state(stretch, branch);
        }
    }

    fn state(&mut self, stretch: &Stretch<'_>, branch: &Branch) {
        let own: Rc<[String]>;
        let products = if branch.products.is_empty() {
            own = self.definition.platforms.iter().map(|name| name.trim().to_owned()).collect();
            &own
        } else {
            &branch.products
        };
        let version = stretch.fixed.or(stretch.last_affected).or(stretch.introduced);
        for name in products.iter() {
            let release = match microsoft(self.vendor, version) {
                Some(release) => Some(Product::Release(Ecosystem::Rpm, release)),
                None => product(name),
            };
            let Some(Product::Release(ecosystem, release)) = release else {
                self.parsed.pass_over(name);
                continue;
            };
            for package in stretch.names {
                // Debian's generator lost some names of source packages in the tests.
                let package = if package.is_empty() { &self.definition.product } else { package };
                self.add(stretch, branch, ecosystem, &release, package);
            }
        }
    }

    fn add(
        &mut self,
        stretch: &Stretch<'_>,
        branch: &Branch,
        ecosystem: Ecosystem,
        release: &str,
        package: &str,
    ) {
        let text = |version: Option<&str>| version.map(|version| plain(version).to_owned());
        let resolved = self.definition.resolutions.iter().find(|(_, component)| component.trim() == package);
        let status = match stretch.fixed {
            _ if stretch.is_not_affected || self.definition.does_not_apply => AdvisoryStatus::NotAffected,
            None => resolved.map_or(AdvisoryStatus::Affected, |(status, _)| *status),
            Some(_) => AdvisoryStatus::Affected,
        };
        let is_affected = status != AdvisoryStatus::NotAffected;
        let bounds = [stretch.introduced, stretch.fixed, stretch.last_affected]
            .map(|bound| bound.filter(|_| is_affected));
        let statement = Statement {
            ecosystem,
            release: release.to_owned(),
            package: one_line(package, 200),
            module: branch.module.clone(),
            introduced: text(bounds[0]),
            fixed: text(bounds[1]),
            last_affected: text(bounds[2].filter(|_| bounds[1].is_none())),
            status,
        };
        if !package.is_empty() && self.known.insert(statement.clone()) {
            self.found.push(statement);
        }
    }
}

impl<'t> Stretch<'t> {
    /// Whether what was asked makes a stretch of versions.
    fn add(&mut self, asked: &Asked<'t>, comment: &str, vendor: Vendor) -> bool {
        if comment.ends_with(" is not affected") {
            (self.is_not_affected, self.says) = (true, true);
            return true;
        }
        if asked.is_of_others {
            return true;
        }
        self.says = true;
        match asked.version {
            None => {}
            Some((Bound::Less, zero)) if is_zero(zero) => self.is_not_affected = vendor != Vendor::Debian,
            Some((Bound::Less, version)) => self.fixed = Some(version),
            Some((Bound::AtMost, version)) => self.last_affected = Some(version),
            Some((Bound::Equal, version)) => {
                (self.introduced, self.last_affected) = (Some(version), Some(version));
            }
            // Rather one version too many: there is no way to say that the first one is not meant.
            Some((Bound::AtLeast | Bound::Greater, version)) if is_zero(version) => {}
            Some((Bound::AtLeast | Bound::Greater, version)) => self.introduced = Some(version),
            Some((Bound::Unknown, _)) => {
                self.says = false;
                return false;
            }
        }
        true
    }
}

/// `0`, `0:0`, `0:0-0`.
fn is_zero(version: &str) -> bool {
    version.bytes().all(|byte| matches!(byte, b'0' | b':' | b'-'))
}

/// An epoch of 0 is none.
fn plain(version: &str) -> &str {
    version.strip_prefix("0:").unwrap_or(version)
}

/// Microsoft's releases are told by the ends of versions only: `2.6.7-3.azl3`, `1.0-1.cm2`.
fn microsoft(vendor: Vendor, version: Option<&str>) -> Option<String> {
    const ENDS: &[(&str, &str)] = &[("azl", "azurelinux"), ("cm", "mariner")];
    let (_, end) = version.filter(|_| vendor == Vendor::Microsoft)?.rsplit_once('.')?;
    ENDS.iter().find_map(|(letters, key)| {
        let number = end.strip_prefix(letters)?;
        let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| releases::key(key, number))
    })
}
