use lazaret_model::{Distribution, Ecosystem, Package, SourcePackage};

use super::Purl;
use super::write::split;

/// What a package URL says of a package and of the system that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub package: Package,
    /// From the qualifier `distro`, or from the namespace alone.
    pub distribution: Option<Distribution>,
}

/// The package that a package URL names; `None` where its type is no ecosystem that Lazaret knows, or its name one that
/// ends where it should begin, as `group:` does.
pub fn named(purl: &Purl<'_>) -> Option<Named> {
    let ecosystem = ecosystem(&purl.kind)?;
    let name = match ecosystem {
        Ecosystem::Maven => match &purl.namespace {
            Some(group) => format!("{group}:{}", purl.name),
            None => purl.name.to_string(),
        },
        Ecosystem::CocoaPods => match &purl.subpath {
            Some(part) => format!("{}/{part}", purl.name),
            None => purl.name.to_string(),
        },
        Ecosystem::Portage => purl.full_name().into_owned(),
        ecosystem if ecosystem.is_of_distribution() => purl.name.to_string(),
        _ => purl.full_name().into_owned(),
    };
    let stated = purl.version.as_deref().unwrap_or_default();
    let version = match purl.qualifier("epoch").filter(|epoch| !epoch.is_empty() && *epoch != "0") {
        Some(epoch) if ecosystem == Ecosystem::Rpm && !stated.contains(':') => format!("{epoch}:{stated}"),
        _ => stated.to_owned(),
    };
    let mut package = Package::new(ecosystem, name, version);
    if split(&package, None).1.is_empty() {
        return None;
    }
    let mut distribution = None;
    if ecosystem.is_of_distribution() {
        package.architecture = purl.qualifier("arch").map(str::to_owned);
        package.module = purl.qualifier("rpmmod").or(purl.qualifier("modularitylabel")).and_then(module);
        if let Some(source) = purl.qualifier("upstream").and_then(|text| upstream(text, &package)) {
            package.source = source;
        }
        distribution = purl.qualifier("distro").map(|text| distro(text, purl.namespace.as_deref()));
    }
    Some(Named { package, distribution })
}

/// Types that other scanners write under another name included.
fn ecosystem(kind: &str) -> Option<Ecosystem> {
    match kind {
        "portage" => Some(Ecosystem::Portage),
        "alpine" => Some(Ecosystem::Apk),
        "dart" => Some(Ecosystem::Pub),
        "otp" => Some(Ecosystem::Hex),
        other => Ecosystem::from_name(other),
    }
}

/// `nodejs:18` of `nodejs:18:8060020221:rhel8`.
fn module(text: &str) -> Option<String> {
    let mut parts = text.splitn(3, ':');
    match (parts.next(), parts.next()) {
        (Some(name), Some(stream)) if !name.is_empty() && !stream.is_empty() => {
            Some(format!("{name}:{stream}"))
        }
        _ => None,
    }
}

/// `openssl@3.0.9-1`, `openssl`, or the name of a source rpm, `openssl-3.0.7-18.el9.src.rpm`.
fn upstream(text: &str, package: &Package) -> Option<SourcePackage> {
    let source = |name: &str, version: &str| {
        (!name.is_empty()).then(|| SourcePackage { name: name.to_owned(), version: version.to_owned() })
    };
    if let Some(whole) = text.strip_suffix(".src.rpm").or_else(|| text.strip_suffix(".nosrc.rpm")) {
        let (rest, release) = whole.rsplit_once('-')?;
        let (name, version) = rest.rsplit_once('-')?;
        // File names of source rpms have no epoch; it is that of the package.
        return match package.version.split_once(':') {
            Some((epoch, _)) => source(name, &format!("{epoch}:{version}-{release}")),
            None => source(name, &format!("{version}-{release}")),
        };
    }
    match text.split_once('@') {
        Some((name, version)) => source(name, version),
        None => source(text, &package.version),
    }
}

/// `debian-12`, `opensuse-leap-15.5`, `debian-sid`; an id alone is the namespace's or the whole.
fn distro(text: &str, namespace: Option<&str>) -> Distribution {
    let of = |id: &str, version: Option<&str>, codename: Option<&str>| Distribution {
        id: id.to_owned(),
        version: version.map(str::to_owned),
        codename: codename.map(str::to_owned),
        title: None,
    };
    match text.rsplit_once('-') {
        Some((id, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => {
            of(id, Some(version), None)
        }
        Some((id, codename)) if !id.starts_with("opensuse") && !id.is_empty() => of(id, None, Some(codename)),
        None => match namespace.filter(|namespace| *namespace != text) {
            // The oldest form, `pkg:deb/debian/curl?distro=jessie`.
            Some(namespace) => of(namespace, None, Some(text)),
            None => of(text, None, None),
        },
        Some(_) => of(text, None, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::package as written;
    use super::*;

    fn named(text: &str) -> Named {
        super::named(&Purl::parse(text).unwrap()).unwrap()
    }

    fn system(named: &Named) -> (&str, Option<&str>, Option<&str>) {
        let Distribution { id, version, codename, .. } = named.distribution.as_ref().unwrap();
        (id, version.as_deref(), codename.as_deref())
    }

    #[test]
    fn a_name_that_ends_where_it_should_begin_names_nothing() {
        for text in ["pkg:golang/example.org/gebc%2F", "pkg:maven/group:", "pkg:golang/%2F@v1"] {
            assert_eq!(super::named(&Purl::parse(text).unwrap()), None, "{text}");
        }
    }

    #[test]
    fn reads_what_other_scanners_write() {
        let rpm = named(
            "pkg:rpm/redhat/openssl-libs@3.0.7-18.el9_2?arch=x86_64&epoch=1&upstream=openssl-3.0.7-18.el9_2.src.rpm&distro=rhel-9.2",
        );
        assert_eq!((&*rpm.package.name, &*rpm.package.version), ("openssl-libs", "1:3.0.7-18.el9_2"));
        assert_eq!(
            (&*rpm.package.source.name, &*rpm.package.source.version),
            ("openssl", "1:3.0.7-18.el9_2")
        );
        assert_eq!(system(&rpm), ("rhel", Some("9.2"), None));
        let deb = named("pkg:deb/debian/libssl3@3.0.9-1?arch=amd64&upstream=openssl&distro=debian-12");
        assert_eq!(&*deb.package.source.name, "openssl");
        assert_eq!(system(&named("pkg:deb/debian/curl@7?distro=jessie")), ("debian", None, Some("jessie")));
        let suse = named("pkg:rpm/opensuse/curl@7?distro=opensuse-tumbleweed");
        assert_eq!(system(&suse), ("opensuse-tumbleweed", None, None));
        let module = named("pkg:rpm/redhat/npm@8-1?rpmmod=nodejs:18:8060:rhel8").package.module;
        assert_eq!(module.as_deref(), Some("nodejs:18"));
        assert_eq!(super::named(&Purl::parse("pkg:oci/shop@1").unwrap()), None);
    }

    prop_compose! {
        fn any_package()(
            ecosystem in proptest::sample::select(Ecosystem::ALL),
            name in "[a-z][a-z0-9.+]{0,8}", vendor in "[a-z][a-z0-9.]{0,8}", version in "([1-9]:)?[0-9][0-9a-z.+~_-]{0,8}",
            source in "[a-z]{1,6}", source_version in "[0-9]{1,4}", arch in proptest::option::of("[a-z0-9_]{1,6}"),
        ) -> Package {
            let name = match ecosystem {
                Ecosystem::Maven => format!("{vendor}:{name}"),
                Ecosystem::Npm => format!("@{vendor}/{name}"),
                Ecosystem::Pub => name.replace(['.', '+'], "_"),
                Ecosystem::Swift | Ecosystem::Composer | Ecosystem::Go | Ecosystem::Portage => format!("{vendor}/{name}"),
                _ => name,
            };
            let mut package = Package::new(ecosystem, name, version);
            if ecosystem.is_of_distribution() && ecosystem != Ecosystem::Portage {
                package.architecture = arch;
                package.source = SourcePackage { name: source, version: source_version };
                if ecosystem == Ecosystem::Rpm {
                    package.module = Some("perl:5.26".to_owned());
                }
            }
            package
        }
    }

    proptest! {
        /// Names alone carry all that advisories are matched by.
        #[test]
        fn what_is_written_is_read_back(package in any_package()) {
            let debian = Distribution { id: "debian".to_owned(), version: Some("12".to_owned()), codename: None, title: None };
            prop_assume!(package.ecosystem != Ecosystem::Julia);
            let text = written(&package, Some(&debian)).unwrap();
            let read = named(&text);
            prop_assert_eq!(&read.package, &package, "{}", text);
            if package.ecosystem.is_of_distribution() {
                prop_assert_eq!(read.distribution, Some(debian));
            }
        }
    }
}
