//! Which group an artifact belongs to, when no file of Maven says it.

use crate::jvm::class_packages::ClassPackages;
use crate::jvm::known;

/// The most likely group. `vendor`: what the manifest says of the group; `names`: those of the bundle and the module.
pub(super) fn of<'m>(
    artifact: &str,
    vendor: Option<&str>,
    names: impl Iterator<Item = &'m str> + Clone,
    classes: &ClassPackages,
) -> Option<String> {
    let home = classes.home();
    if let Some(group) = known::group(artifact, &home) {
        return Some(group.to_owned());
    }
    if let Some(group) = from_dotted(artifact) {
        return Some(group);
    }
    let named = || names.clone().find_map(|name| from_name(name, artifact));
    match vendor.filter(|vendor| is_group(vendor)) {
        // A company is no group if something closer is known.
        Some(vendor) if is_company(vendor) => named()
            .or_else(|| from_packages(&home, artifact))
            .filter(|group| group.starts_with(vendor))
            .or_else(|| Some(vendor.to_owned())),
        Some(vendor) => Some(vendor.to_owned()),
        None => named()
            .or_else(|| from_all_packages(classes, artifact))
            .or_else(|| from_packages(&home, artifact)),
    }
}

/// From an artifact that is named as a package is: `org.apache.felix.shell`.
fn from_dotted(artifact: &str) -> Option<String> {
    let parts: Vec<&str> = artifact.split('.').collect();
    let domain = parts.get(..2)?.join(".");
    if parts.len() < 3 || !is_domain(artifact) || ["javax", "jakarta"].contains(&parts[0]) {
        return None;
    }
    Some(if is_company(&domain) { parts[..3].join(".") } else { domain })
}

/// From any package that has the artifact's first word as a part: what was copied in may be more than the artifact's
/// own classes.
fn from_all_packages(classes: &ClassPackages, artifact: &str) -> Option<String> {
    let first = artifact.split(['-', '_', '.']).next()?.to_ascii_lowercase();
    let part = classes.most_common(|parts| {
        let at = parts.iter().skip(1).position(|part| part.eq_ignore_ascii_case(first.as_bytes()))? + 1;
        Some(&parts[..=at])
    })?;
    is_domain(&part).then_some(part)
}

/// From the name of a bundle or module, which builds make of group and artifact: `org.example.tool` of `tool` in
/// `org.example`; without repeating what both share: `org.example.tool.core` of `tool-core` in `org.example.tool`; and
/// only the group if its end is the artifact.
fn from_name(name: &str, artifact: &str) -> Option<String> {
    if name == artifact || !is_domain(name) {
        return None;
    }
    let dotted = artifact.replace(['-', '_'], ".");
    let plain = name.replace(['-', '_'], ".");
    let prefix = name.strip_suffix(artifact).or_else(|| name.get(..plain.strip_suffix(&dotted)?.len()));
    let first = dotted.split('.').next().unwrap_or_default();
    match prefix.and_then(|prefix| prefix.strip_suffix('.')) {
        Some(prefix) if artifact.contains(['-', '_']) && !name.ends_with(artifact) => {
            let repeated = prefix.split('.').any(|part| part == first);
            Some(if repeated { prefix.to_owned() } else { format!("{prefix}.{first}") })
        }
        // One that has a single part, or is a company's, is not the whole group.
        Some(prefix) if !prefix.contains('.') || is_company(prefix) => Some(name.to_owned()),
        Some(prefix) => Some(prefix.to_owned()),
        None => {
            let parts: Vec<String> = name.split('.').map(str::to_owned).collect();
            up_to_artifact(&parts, artifact)
        }
    }
}

/// From the package of the classes: up to the part that the artifact is named after, else as much as domains have.
fn from_packages(home: &[String], artifact: &str) -> Option<String> {
    if let Some(group) = up_to_artifact(home, artifact) {
        return Some(group);
    }
    let domain = home.get(..2)?.join(".");
    match home.get(..3) {
        Some(three) if is_company(&domain) => Some(three.join(".")),
        _ => Some(domain),
    }
}

fn up_to_artifact(parts: &[String], artifact: &str) -> Option<String> {
    let artifact = artifact.to_ascii_lowercase();
    let alike = |part: &str, token: &str| {
        part == token
            || (token.len() >= 4 && part.starts_with(token))
            || (part.len() >= 4 && (token.starts_with(part) || token.ends_with(part)))
    };
    artifact.split(['-', '_', '.']).filter(|token| !token.is_empty()).find_map(|token| {
        let at = parts.iter().skip(1).position(|part| alike(&part.to_ascii_lowercase(), token))? + 1;
        Some(parts[..=at].join("."))
    })
}

/// Whether a name begins as a reversed domain does.
fn is_domain(name: &str) -> bool {
    const DOMAINS: &[&str] = &["biz", "com", "dev", "edu", "gov", "info", "jakarta", "javax", "net", "org"];
    name.split_once('.')
        .is_some_and(|(first, rest)| !rest.is_empty() && (first.len() == 2 || DOMAINS.contains(&first)))
}

fn is_group(text: &str) -> bool {
    text.contains('.') && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// Domains that have many groups.
fn is_company(group: &str) -> bool {
    const MANY: &[&str] = &[
        "com.fasterxml",
        "com.github",
        "com.google",
        "com.ibm",
        "com.oracle",
        "com.redhat",
        "com.sun",
        "com.typesafe",
        "io.github",
        "net.sf",
        "net.sourceforge",
        "org.apache",
        "org.apache.geronimo",
        "org.codehaus",
        "org.eclipse",
        "org.glassfish",
        "org.jboss",
        "org.kohsuke",
        "org.ow2",
        "org.sonatype",
    ];
    MANY.contains(&group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_bundles_hold_the_group() {
        for (name, artifact, group) in [
            ("org.scala-lang.modules.scala-xml", "scala-xml", Some("org.scala-lang.modules")),
            ("org.apache.commons.lang3", "commons-lang3", Some("org.apache.commons")),
            (
                "com.fasterxml.jackson.module.jackson.module.scala",
                "jackson-module-scala",
                Some("com.fasterxml.jackson.module"),
            ),
            ("org.objenesis", "objenesis", Some("org.objenesis")),
            ("org.apache.ivy", "ivy", Some("org.apache.ivy")),
            ("org.tukaani.xz", "xz", Some("org.tukaani")),
            ("slf4j.api", "slf4j-api", None),
            ("org.slf4j.api", "slf4j-api", Some("org.slf4j")),
            ("derby", "derby", None),
            ("org.apache.thrift", "libthrift", Some("org.apache.thrift")),
        ] {
            assert_eq!(from_name(name, artifact).as_deref(), group, "{name} {artifact}");
        }
    }

    #[test]
    fn packages_hold_the_group() {
        for (home, artifact, group) in [
            ("org.apache.logging.log4j.core", "log4j-core", "org.apache.logging.log4j"),
            ("org.springframework.core", "spring-core", "org.springframework"),
            ("org.apache.hadoop.yarn.api", "hadoop-yarn-api", "org.apache.hadoop"),
            ("org.rocksdb", "rocksdbjni", "org.rocksdb"),
            ("com.example.deep.tool", "other", "com.example"),
            ("org.apache.tool.x", "other", "org.apache.tool"),
        ] {
            let home: Vec<String> = home.split('.').map(str::to_owned).collect();
            assert_eq!(from_packages(&home, artifact).as_deref(), Some(group));
        }
    }
}
