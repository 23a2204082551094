//! `updateinfo.xml` of repositories for yum, dnf and zypper (createrepo_c's `cr_xml_parse_updateinfo`, libsolv's
//! `repo_updateinfoxml.c`): what each update repairs, and the binary packages that it brings.
//!
//! An update is for the release that its collection, title or `<release>` names; repositories whose words are none
//! of a release's (`Amazon Linux 2`'s say nothing) are told by their packages (`.amzn2`, `.el9`, `.fc40`).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use lazaret_model::{Advisory, Ecosystem, Limits, NamedPackage, ProblemKind, Severity};

use super::line::one_line;
use super::parsed::{FeedError, Parsed, check_stream, document_of};
use super::releases::{self, Product, product};
use super::words;
use super::xml::{Node, Tag, Xml, XmlError};

pub const FEED: &str = "updateinfo";

const EXPECTED: &str = "a repository's updateinfo";

/// One `<update>`.
#[derive(Debug, Default)]
struct Update {
    from: String,
    kind: String,
    id: String,
    title: String,
    severity: Option<Severity>,
    issued: Option<String>,
    /// CVEs and, without any, the other ids of its references.
    ids: Vec<String>,
    /// Words that may name the release.
    products: Vec<String>,
    packages: Vec<Package>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Package {
    name: String,
    version: String,
    module: Option<String>,
}

pub fn parse(bytes: &[u8], name: &str, limits: &Limits) -> Result<Parsed, FeedError> {
    parse_into(Parsed::new(FEED), bytes, name, limits)
}

/// The same of a repository that a system of this release gets its packages from: updates that name no release are
/// for it.
pub fn parse_for(release: &str, bytes: &[u8], limits: &Limits) -> Result<Parsed, FeedError> {
    let mut parsed = Parsed::new(FEED);
    parsed.release = Some(release.to_owned());
    parse_into(parsed, bytes, "", limits)
}

fn parse_into(mut parsed: Parsed, bytes: &[u8], name: &str, limits: &Limits) -> Result<Parsed, FeedError> {
    check_stream(bytes, limits)?;
    let mut repository = Repository::default();
    read(bytes, &mut parsed, &mut repository).map_err(|error| FeedError::not(EXPECTED, &error))?;
    Ok(parsed.finish(repository.document(name)))
}

/// What tells the repositories of a distribution apart: a newer file takes the place of what the same one said, and
/// of nothing else. An update may be in several, with the packages that each of them brings.
#[derive(Debug, Default)]
struct Repository {
    /// How many updates name a collection.
    collections: BTreeMap<String, u64>,
    architectures: BTreeSet<String>,
}

/// Collections and architectures that are told apart; real repositories have a handful.
const MOST_NAMES: usize = 1_000;

impl Repository {
    fn add(&mut self, collection: &str, architecture: &str) {
        // A module's is named after its repository: `appstream__2__nodejs__16`.
        let collection = collection.split("__").next().unwrap_or_default();
        if let Some(count) = self.collections.get_mut(collection) {
            *count += 1;
        } else if self.collections.len() < MOST_NAMES {
            self.collections.insert(one_line(collection, 100), 1);
        }
        let is_one = !matches!(architecture, "" | "noarch" | "src" | "nosrc");
        if is_one && !self.architectures.contains(architecture) && self.architectures.len() < MOST_NAMES {
            self.architectures.insert(one_line(architecture, 20));
        }
    }

    /// Files are named after their digest, which every new one has its own of.
    fn document(&self, path: &str) -> String {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let most = self.collections.iter().max_by_key(|(_, count)| **count).map_or("", |(name, _)| name);
        let architectures: Vec<&str> = self.architectures.iter().map(String::as_str).take(20).collect();
        document_of(&format!("{folder} {most} {}", architectures.join(" ")))
    }
}

fn read(bytes: &[u8], parsed: &mut Parsed, repository: &mut Repository) -> Result<(), XmlError> {
    let mut xml = Xml::new(bytes)?;
    let mut is_updateinfo = false;
    while let Some(node) = xml.next()? {
        let Node::Open(tag) = node else { continue };
        match tag.name() {
            "updates" => is_updateinfo = true,
            "update" => {
                parsed.documents += 1;
                let update = update(&mut xml, &tag, repository)?;
                add(update, parsed);
            }
            _ => {}
        }
    }
    if is_updateinfo { Ok(()) } else { Err(XmlError::Syntax { at: 0, reason: "no `updates`".to_owned() }) }
}

fn update<'d>(xml: &mut Xml<'d>, tag: &Tag<'d>, repository: &mut Repository) -> Result<Update, XmlError> {
    let attribute = |tag: &Tag<'d>, name: &str| tag.attribute(name).unwrap_or_default().into_owned();
    let mut found =
        Update { from: attribute(tag, "from"), kind: attribute(tag, "type"), ..Update::default() };
    let own = xml.depth();
    let (mut module, mut collection) = (None, String::new());
    let mut others = Vec::new();
    while xml.depth() >= own {
        let Node::Open(tag) = xml.next()?.ok_or(XmlError::End)? else { continue };
        match tag.name() {
            "id" => found.id = xml.text()?.trim().to_owned(),
            "title" => found.title = one_line(&xml.text()?, 240),
            "severity" => found.severity = Some(words::severity(&xml.text()?)),
            "issued" => found.issued = words::timestamp(&attribute(&tag, "date")),
            "release" => found.products.push(xml.text()?.trim().to_owned()),
            // A collection is the list of packages of one module stream, or of a repository.
            "collection" => {
                module = None;
                collection = attribute(&tag, "short");
            }
            "name" => found.products.push(xml.text()?.trim().to_owned()),
            "module" => module = Some(format!("{}:{}", attribute(&tag, "name"), attribute(&tag, "stream"))),
            "reference" => {
                let (kind, id, title) =
                    (attribute(&tag, "type"), attribute(&tag, "id"), attribute(&tag, "title"));
                found.ids.extend(words::cves(&id).chain(words::cves(&title)).map(str::to_owned));
                if kind == "cve" && words::is_id(&id) && !words::is_cve(&id) {
                    others.push(id);
                }
            }
            "package" => {
                repository.add(&collection, &attribute(&tag, "arch"));
                found.packages.extend(package(&tag, module.as_deref()));
            }
            _ => {}
        }
    }
    // Those of Fedora name the ids in the title only.
    let titled: Vec<String> = words::cves(&found.title).map(str::to_owned).collect();
    found.ids.extend(titled);
    if found.ids.is_empty() {
        found.ids = others;
    }
    let mut seen = HashSet::new();
    found.ids.retain(|id| seen.insert(id.clone()));
    let mut seen = HashSet::new();
    found.products.retain(|name| seen.insert(name.clone()));
    Ok(found)
}

/// Sources are in the list too, and are not what is installed.
fn package(tag: &Tag<'_>, module: Option<&str>) -> Option<Package> {
    let attribute = |name: &str| tag.attribute(name).unwrap_or_default();
    let (name, version) = (attribute("name"), attribute("version"));
    if name.is_empty() || version.is_empty() || matches!(&*attribute("arch"), "src" | "nosrc") {
        return None;
    }
    let epoch = attribute("epoch");
    let epoch = if matches!(&*epoch, "" | "0") { String::new() } else { format!("{epoch}:") };
    Some(Package {
        name: one_line(&name, 200),
        version: one_line(&format!("{epoch}{version}-{}", attribute("release")), 200),
        module: module.map(|module| one_line(module, 100)),
    })
}

fn add(update: Update, parsed: &mut Parsed) {
    if update.kind != "security" && update.ids.is_empty() {
        return parsed.pass_over("updates that are not about security");
    }
    let ids = if update.ids.is_empty() { vec![update.id.clone()] } else { update.ids };
    let named: Vec<String> = update
        .products
        .iter()
        .chain([&update.title])
        .filter_map(|name| match product(name) {
            Some(Product::Release(_, release)) => Some(release),
            _ => None,
        })
        .collect();
    let mut seen = HashSet::new();
    let aliases: Vec<String> =
        [&update.id].into_iter().filter(|id| words::is_id(id)).map(ToString::to_string).collect();
    for package in update.packages {
        let release = named.first().cloned().or_else(|| tagged(&package.version, &update.from));
        let Some(release) = release.or_else(|| parsed.release.clone()) else {
            parsed.pass_over(update.products.first().unwrap_or(&update.from));
            continue;
        };
        // The same version for several architectures.
        if seen.contains(&package) || parsed.is_full() {
            continue;
        }
        for id in ids.iter().filter(|id| words::is_id(id)) {
            parsed.row(Advisory {
                aliases: aliases.iter().filter(|alias| *alias != id).cloned().collect(),
                names: NamedPackage::Binary,
                fixed: Some(package.version.clone()),
                module: package.module.clone(),
                severity: update.severity.unwrap_or(Severity::Unknown),
                summary: update.title.clone(),
                published: update.issued.clone(),
                ..Advisory::new(id, Ecosystem::Rpm, &release, &package.name)
            });
        }
        seen.insert(package);
    }
    if !ids.iter().any(|id| words::is_id(id)) {
        parsed.problem(ProblemKind::Malformed, &update.title, "it names no id");
    }
}

/// The release that a package was built for, by the end of its version: `1.2-3.amzn2.0.1`, `1.2-3.el9_2`. Who sent
/// the update tells apart those that end with `el`.
fn tagged(version: &str, from: &str) -> Option<String> {
    let (_, release) = version.rsplit_once('-')?;
    let digits = |rest: &str| {
        let end = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..end).filter(|digits| (1..=4).contains(&digits.len())).map(str::to_owned)
    };
    release.split(['.', '+', '_']).find_map(|part| {
        if let Some(number) = part.strip_prefix("amzn").and_then(digits) {
            return Some(releases::key("amzn", &number));
        }
        if let Some(number) = part.strip_prefix("fc").and_then(digits) {
            return Some(releases::key("fedora", &number));
        }
        let number = part.strip_prefix("el").and_then(digits)?;
        const SENDERS: &[(&str, &str)] =
            &[("rockylinux", "rocky"), ("almalinux", "almalinux"), ("oracle", "ol"), ("redhat.com", "rhel")];
        let sender = SENDERS.iter().find(|(sender, _)| from.contains(sender))?;
        Some(releases::key(sender.1, &number))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UPDATES: &str = r#"<?xml version="1.0"?><updates>
      <update from="packager@almalinux.org" status="final" type="security" version="2"><id>ALSA-2022:1</id>
       <title>Important: nodejs:16 security update</title><issued date="2022-01-02 03:04:05"/><severity>Important</severity>
       <references><reference href="x" id="CVE-2022-0001" title="CVE-2022-0001" type="cve"/><reference href="y" id="ALSA-2022:1" type="self"/></references>
       <pkglist><collection short="almalinux-8-appstream"><name>almalinux-8-appstream</name>
        <module name="nodejs" stream="16" version="1" context="a" arch="x86_64"/>
        <package name="nodejs" version="16.1" release="2.module_el8.5+1" epoch="1" arch="x86_64" src="s"><filename>f</filename></package>
        <package name="nodejs" version="16.1" release="2.module_el8.5+1" epoch="1" arch="aarch64"/>
        <package name="npm" version="8" release="1.el8_5" epoch="0" arch="src"/></collection>
        <collection><name>x</name><package name="b" version="2" release="3.el8_5" arch="noarch"/></collection></pkglist></update>
      <update from="e" type="bugfix"><id>X-1</id></update>
      <update from="updates@fedoraproject.org" type="security"><id>FEDORA-2024-aa</id><title>b: CVE-2024-0001</title><release>Fedora 40</release>
       <pkglist><collection><package name="b" version="1" release="1.fc40" arch="noarch"/></collection></pkglist></update>
      <update from="linux-security@amazon.com" type="security"><id>ALAS2-2024-1</id><references><reference id="CVE-2024-0002" type="cve"/></references>
       <pkglist><collection><name>Amazon Linux</name><package name="c" version="1" release="1.amzn2.0.1" arch="noarch"/></collection></pkglist></update>
      <update from="maint-coord@suse.de" type="security"><id>openSUSE-SU-2024-1</id><release>openSUSE Leap 15.4</release>
       <pkglist><collection><package name="d" version="1" release="1" arch="noarch"/></collection></pkglist></update></updates>"#;

    #[test]
    fn updates_name_packages_of_releases_and_streams() {
        let parsed = parse(UPDATES.as_bytes(), "updateinfo.xml", &Limits::default()).unwrap();
        let rows: Vec<_> = parsed
            .advisories
            .iter()
            .map(|row| {
                let fixed = row.fixed.as_deref().unwrap_or_default();
                format!("{} {} {} {fixed} {:?}", row.id, row.release, row.package, row.module.as_deref())
            })
            .collect();
        assert_eq!(
            rows,
            [
                "CVE-2022-0001 almalinux:8 nodejs 1:16.1-2.module_el8.5+1 Some(\"nodejs:16\")",
                "CVE-2022-0001 almalinux:8 b 2-3.el8_5 None",
                "CVE-2024-0001 fedora:40 b 1-1.fc40 None",
                "CVE-2024-0002 amzn:2 c 1-1.amzn2.0.1 None",
                "openSUSE-SU-2024-1 opensuse-leap:15.4 d 1-1 None",
            ]
        );
        assert_eq!(parsed.advisories[0].aliases, ["ALSA-2022:1"]);
        assert_eq!(parsed.passed_over.values().sum::<u64>(), 1);
    }

    #[test]
    fn repositories_are_told_apart() {
        let of = |collection: &str, architectures: &[&str], path: &str| {
            let mut repository = Repository::default();
            architectures.iter().for_each(|architecture| repository.add(collection, architecture));
            repository.document(path)
        };
        let base = of("almalinux-8-baseos", &["noarch", "x86_64", "i686"], "updateinfo.xml");
        assert_eq!(base, of("almalinux-8-baseos", &["i686", "x86_64"], "abc-updateinfo.xml"));
        for other in [
            of("almalinux-8-appstream", &["i686", "x86_64"], "updateinfo.xml"),
            of("almalinux-8-baseos", &["aarch64"], "updateinfo.xml"),
            of("almalinux-8-baseos", &["i686", "x86_64"], "extras/repodata/updateinfo.xml"),
        ] {
            assert_ne!(base, other);
        }
    }

    proptest! {
        #[test]
        fn any_updates_are_read(bytes: Vec<u8>, at: proptest::sample::Index, with in "[<>/&a-z\"=! ]{0,4}", cut in 0usize..40) {
            let _ = parse(&bytes, "x", &Limits::default());
            let at = at.index(UPDATES.len());
            if let (Some(start), Some(end)) = (UPDATES.get(..at), UPDATES.get((at + cut).min(UPDATES.len())..)) {
                let _ = parse(format!("{start}{with}{end}").as_bytes(), "x", &Limits::default());
            }
        }
    }
}
