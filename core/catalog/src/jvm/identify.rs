//! Which artifact an archive is that says nothing of Maven: told by its place, its name, its manifest and the packages
//! of its classes.

use lazaret_model::PackageEvidence;

use crate::jvm::class_packages::ClassPackages;
use crate::jvm::file_name::FileName;
use crate::jvm::group;
use crate::jvm::manifest::Manifest;
use crate::jvm::pom::Coordinates;

/// What is known of an archive.
#[derive(Debug)]
pub(super) struct Clues<'a> {
    /// The path, with what it lies in before `!/`.
    pub(super) location: &'a str,
    /// The file name without its ending.
    pub(super) stem: &'a str,
    pub(super) manifest: &'a Manifest,
    pub(super) classes: &'a ClassPackages,
}

/// Coordinates, and how sure they are. None if nothing tells a version.
pub(super) fn identify(clues: &Clues<'_>) -> Option<(Coordinates, PackageEvidence)> {
    if let Some(coordinates) = repository(clues.location, clues.stem) {
        return Some((coordinates, PackageEvidence::Installed));
    }
    let manifest = clues.manifest;
    let file = FileName::parse(clues.stem);
    // Plugins of Jenkins say all of it.
    if let (Some(group), Some(artifact), Some(version)) =
        (&manifest.group, &manifest.short_name, &manifest.plugin_version)
    {
        let version = version.split(" (").next().unwrap_or(version);
        return Some((coordinates(group, artifact, version), PackageEvidence::Installed));
    }
    let (stated, version) = match (file.version, manifest_version(manifest)) {
        (Some(name), Some(manifest)) => (name == manifest, name.to_owned()),
        (Some(name), None) => (false, name.to_owned()),
        (None, Some(version)) => (true, version),
        (None, None) => return None,
    };
    let artifact = match file.version {
        Some(_) => file.name,
        None => title(manifest, file.name).unwrap_or(file.name),
    };
    // A manifest of another version was copied in with what it speaks of.
    let of_another = || manifest.version.as_deref().is_some_and(|other| !other.starts_with(&version));
    let vendor = manifest.vendor.as_deref().filter(|_| !of_another());
    let (group, artifact) = split_dotted(artifact, manifest).unwrap_or_else(|| {
        let names = [&manifest.symbolic_name, &manifest.module];
        let names = names.into_iter().flatten().map(String::as_str);
        let group = group::of(artifact, vendor, names, clues.classes).unwrap_or_else(|| artifact.to_owned());
        (group, artifact)
    });
    // The manifest is the archive's own word if it names the group and has the same version.
    let named = vendor == Some(group.as_str());
    let evidence = if stated && named { PackageEvidence::Installed } else { PackageEvidence::Inferred };
    Some((coordinates(&group, artifact, &version), evidence))
}

/// Whether a file name may stand for an artifact: `jackson-core`, `jackson_core`, `com.fasterxml.jackson-core`.
pub(super) fn is_similar(name: &str, artifact: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let (name, artifact) = (plain(name), plain(artifact));
    !name.is_empty() && !artifact.is_empty() && (name.ends_with(&artifact) || artifact.ends_with(&name))
}

/// The layouts of local repositories say everything: `repository/org/example/tool/1.0/tool-1.0.jar` (Maven, and
/// mirrors of it), `files-2.1/org.example/tool/1.0/<digest>/tool-1.0.jar` (Gradle).
fn repository(location: &str, stem: &str) -> Option<Coordinates> {
    let path = location.rsplit("!/").next()?;
    let (directory, _) = path.rsplit_once('/')?;
    if let Some((_, inside)) = directory.rsplit_once("/files-2.1/") {
        let mut parts = inside.split('/');
        return match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(group), Some(artifact), Some(version), Some(_), None) => {
                Some(coordinates(group, artifact, version))
            }
            _ => None,
        };
    }
    let (above, version) = directory.rsplit_once('/')?;
    let (group, artifact) = above.rsplit_once('/')?;
    let rest = stem.strip_prefix(artifact)?.strip_prefix('-')?.strip_prefix(version)?;
    if !(rest.is_empty() || rest.starts_with('-')) {
        return None;
    }
    let group = ["repository/", "maven-repo/", "maven2/", "repo/", "m2/"].iter().find_map(|root| {
        let at = group.rfind(root).filter(|at| *at == 0 || group.as_bytes()[at - 1] == b'/')?;
        Some(&group[at + root.len()..])
    })?;
    Some(coordinates(&group.replace('/', "."), artifact, version))
}

/// `io.quarkus.gizmo.gizmo` as some builds copy archives: the group, then the artifact. Bundles of OSGi have such names
/// too, but theirs are whole.
fn split_dotted<'a>(name: &'a str, manifest: &Manifest) -> Option<(String, &'a str)> {
    let (group, artifact) = name.rsplit_once('.')?;
    let domain = ["com", "io", "net", "org", "dev", "de"].contains(&name.split('.').next()?);
    let whole = manifest.symbolic_name.as_deref() == Some(name)
        || name.starts_with("org.eclipse.")
        || name.starts_with("org.osgi.");
    let plain = group.contains('.')
        && artifact.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    (domain && plain && !whole && !artifact.is_empty()).then(|| (group.to_owned(), artifact))
}

/// A title that can be an artifact's name: if the manifest says whose it is, or the file's name is of no help.
fn title<'m>(manifest: &'m Manifest, name: &str) -> Option<&'m str> {
    let title = manifest.title.as_deref()?;
    if manifest.vendor.is_none() && is_similar(name, title) {
        return None;
    }
    let plain = title.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    (plain && title.contains(['-', '.'])).then_some(title)
}

fn manifest_version(manifest: &Manifest) -> Option<String> {
    let plain = |text: &Option<String>| -> Option<String> {
        // `2.0.8 2003-12-28 11:00:13`
        let first = text.as_deref()?.split_whitespace().next()?;
        let good = first.starts_with(|letter: char| letter.is_ascii_digit())
            && first.len() <= 64
            && first.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte));
        good.then(|| first.to_owned())
    };
    plain(&manifest.version)
        .or_else(|| plain(&manifest.bundle_version))
        .or_else(|| plain(&manifest.specification_version))
}

fn coordinates(group: &str, artifact: &str, version: &str) -> Coordinates {
    Coordinates { group: group.to_owned(), artifact: artifact.to_owned(), version: version.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(location: &str, manifest: &str, classes: &[&str]) -> Option<String> {
        let name = location.rsplit('/').next().unwrap();
        let mut packages = ClassPackages::default();
        classes.iter().for_each(|name| packages.add(name.as_bytes()));
        let manifest = Manifest::parse(manifest.as_bytes());
        let clues = Clues {
            location,
            stem: name.strip_suffix(".jar").unwrap_or(name),
            manifest: &manifest,
            classes: &packages,
        };
        let (found, evidence) = identify(&clues)?;
        Some(format!("{}:{} {} {}", found.group, found.artifact, found.version, evidence.name()))
    }

    #[test]
    fn places_in_repositories_say_everything() {
        for (location, coordinates) in [
            (
                "root/.m2/repository/org/example/a/tool/1.0/tool-1.0-x86.jar",
                Some("org.example.a:tool 1.0 installed"),
            ),
            ("usr/share/maven-repo/junit/junit/4.13/junit-4.13.jar", Some("junit:junit 4.13 installed")),
            (
                "root/.gradle/caches/modules-2/files-2.1/org.example/tool/1.0/0a1b/tool-1.0.jar",
                Some("org.example:tool 1.0 installed"),
            ),
            ("repository/org/example/tool/1.0/other-1.0.jar", Some("other:other 1.0 inferred")),
            ("app/tool/1.0/tool.jar", None),
        ] {
            assert_eq!(told(location, "", &[]).as_deref(), coordinates, "{location}");
        }
    }

    #[test]
    fn names_manifests_and_classes_tell_the_rest() {
        for (location, manifest, classes, coordinates) in [
            (
                "a/x-1.0.jar",
                "Implementation-Vendor-Id: org.example.x\nImplementation-Version: 1.0\n",
                &[][..],
                "org.example.x:x 1.0 installed",
            ),
            (
                "a/x-1.0.jar",
                "Implementation-Vendor-Id: org.example.x\nImplementation-Version: 1.1\n",
                &[],
                "x:x 1.0 inferred",
            ),
            (
                "a/log4j-core-2.14.1.jar",
                "",
                &["org/apache/logging/log4j/core/A.class", "org/apache/logging/log4j/core/b/A.class"],
                "org.apache.logging.log4j:log4j-core 2.14.1 inferred",
            ),
            ("a/io.quarkus.gizmo.gizmo-1.1.jar", "", &[], "io.quarkus.gizmo:gizmo 1.1 inferred"),
            (
                "a/plug.hpi",
                "Group-Id: org.jenkins\nShort-Name: git\nPlugin-Version: 4.1 (private)\n",
                &[],
                "org.jenkins:git 4.1 installed",
            ),
            (
                "a/tool.jar",
                "Bundle-Version: 2.0.8 2003-12-28\nBundle-SymbolicName: org.example.tool\n",
                &[],
                "org.example:tool 2.0.8 inferred",
            ),
        ] {
            assert_eq!(told(location, manifest, classes).as_deref(), Some(coordinates));
        }
        assert_eq!(
            told("a/tool.jar", "Bundle-SymbolicName: org.example.tool\n", &["org/example/A.class"]),
            None
        );
    }

    #[test]
    fn similar_names_are_of_one_artifact() {
        assert!(
            is_similar("jackson_core", "jackson-core") && is_similar("com.x.jackson-core", "jackson-core")
        );
        assert!(!is_similar("app", "log4j-core") && !is_similar("", "a"));
    }

    proptest! {
        #[test]
        fn takes_any_clues(location in "([a-z.]{0,4}[/!-]?){0,8}", manifest in "((Bundle-SymbolicName|Implementation-Title|Bundle-Version|X): [a-z0-9.;é -]{0,12}\n){0,4}", class in "[a-z/]{0,12}") {
            told(&location, &manifest, &[&format!("{class}.class")]);
        }
    }
}
