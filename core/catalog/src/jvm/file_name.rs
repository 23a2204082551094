//! What the name of an archive says: `log4j-core-2.14.1.jar`.

/// Name and version in the name of a file without its ending; classifiers (`-sources`, `-linux-x86_64`) are left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileName<'a> {
    pub(super) name: &'a str,
    pub(super) version: Option<&'a str>,
}

/// Longer names are an attack.
const LONGEST: usize = 256;

impl<'a> FileName<'a> {
    pub(super) fn parse(stem: &'a str) -> Self {
        if stem.len() > LONGEST {
            return Self { name: stem, version: None };
        }
        // `org.eclipse.osgi_3.18.0.v20220516-2155`, as OSGi names bundles; builds for Scala 2.9.1 have fewer parts.
        let bundle = |parts: usize| {
            let at = stem.rfind('_').filter(|at| *at > 0)?;
            let version = version(&stem[at + 1..]).filter(|version| version.split('.').count() >= parts)?;
            Some(Self { name: &stem[..at], version: Some(version) })
        };
        let dashes = || stem.match_indices('-').map(|(at, _)| at).filter(|at| *at > 0);
        let dashed = || {
            let (at, version) = dashes().find_map(|at| Some((at, version(&stem[at + 1..])?)))?;
            Some(Self { name: &stem[..at], version: Some(version) })
        };
        bundle(4).or_else(dashed).or_else(|| bundle(3)).unwrap_or(Self { name: stem, version: None })
    }
}

/// The version at the beginning of what follows a dash. None if what follows is still the name, as in
/// `log4j-1.2-api-2.14.1`.
fn version(text: &str) -> Option<&str> {
    let mut tokens = text.split('-');
    let first = tokens.next()?;
    // Google's interfaces have versions such as `v1-rev20220705-1.32.1`.
    let interface = first.starts_with('v') && begins_with_digit(&first[1..]) && text.contains("-rev");
    if !begins_with_digit(first) && !interface {
        return None;
    }
    let mut length = first.len();
    for token in tokens.by_ref() {
        if !interface && is_another_version(token) {
            return None;
        }
        if !(begins_with_digit(token) || is_qualifier(token)) {
            // A later number is the version, unless this one looks too much like one: `1.9.1-shaded-3`.
            let later = tokens.any(|token| token.contains('.') && begins_with_digit(token));
            return (!later).then_some(&text[..length]);
        }
        length += 1 + token.len();
    }
    Some(&text[..length])
}

/// `2.3.9` in `hive-shims-0.23-2.3.9`; but snapshots have dates: `1.0-20240101.123456-7`.
fn is_another_version(token: &str) -> bool {
    token.split_once('.').is_some_and(|(first, _)| {
        !first.is_empty() && first.len() < 8 && first.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn begins_with_digit(text: &str) -> bool {
    text.as_bytes().first().is_some_and(u8::is_ascii_digit)
}

/// Words that belong to versions, alone or with a number: `rc1`, `SNAPSHOT`, `jre`.
fn is_qualifier(token: &str) -> bool {
    const WORDS: &[&str] = &[
        "a",
        "alpha",
        "android",
        "b",
        "beta",
        "build",
        "cdh",
        "cr",
        "dev",
        "ea",
        "empty",
        "final",
        "fuse",
        "ga",
        "hadoop",
        "hotfix",
        "incubating",
        "jbossorg",
        "jdk",
        "jre",
        "m",
        "milestone",
        "nightly",
        "p",
        "patch",
        "pre",
        "preview",
        "r",
        "rc",
        "redhat",
        "release",
        "rev",
        "sec",
        "security",
        "snapshot",
        "sp",
        "v",
    ];
    let word =
        token.split(|byte: char| byte.is_ascii_digit() || byte == '.' || byte == '_').next().unwrap_or(token);
    WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn splits_names_of_real_archives() {
        for (stem, name, version) in [
            ("log4j-core-2.14.1", "log4j-core", "2.14.1"),
            ("log4j-1.2-api-2.17.2", "log4j-1.2-api", "2.17.2"),
            ("guava-31.1-jre", "guava", "31.1-jre"),
            ("algebra_2.12-2.0.1", "algebra_2.12", "2.0.1"),
            ("json4s-ast_2.12-3.7.0-M11", "json4s-ast_2.12", "3.7.0-M11"),
            ("zstd-jni-1.5.5-4", "zstd-jni", "1.5.5-4"),
            ("hive-shims-0.23-2.3.9", "hive-shims-0.23", "2.3.9"),
            ("jsr305-3.0.0", "jsr305", "3.0.0"),
            ("commons-daemon-1.0-beta-9", "commons-daemon", "1.0-beta-9"),
            ("web-app-1.0-SNAPSHOT", "web-app", "1.0-SNAPSHOT"),
            ("snapshot-1.0-20240101.123456-7", "snapshot", "1.0-20240101.123456-7"),
            (
                "netty-transport-native-epoll-4.1.96.Final-linux-x86_64",
                "netty-transport-native-epoll",
                "4.1.96.Final",
            ),
            ("netty-tcnative-2.0.61.Final-osx-aarch_64", "netty-tcnative", "2.0.61.Final"),
            ("orc-core-1.9.1-shaded-protobuf", "orc-core", "1.9.1"),
            ("hive-exec-2.3.9-core", "hive-exec", "2.3.9"),
            ("jetty-server-9.4.48.v20220622", "jetty-server", "9.4.48.v20220622"),
            (
                "google-api-services-storage-v1-rev20220705-1.32.1",
                "google-api-services-storage",
                "v1-rev20220705-1.32.1",
            ),
            ("org.eclipse.osgi_3.18.0.v20220516-2155", "org.eclipse.osgi", "3.18.0.v20220516-2155"),
            ("spring-core-5.3.3-sources", "spring-core", "5.3.3"),
            ("app-1.2.3-jar-with-dependencies", "app", "1.2.3"),
            ("commons-io-2.4-redhat-1", "commons-io", "2.4-redhat-1"),
            ("xbean-asm9-shaded-4.23", "xbean-asm9-shaded", "4.23"),
            ("io.quarkus.gizmo.gizmo-1.1", "io.quarkus.gizmo.gizmo", "1.1"),
            ("hadoop-shaded-guava-1.1.0-SNAPSHOT", "hadoop-shaded-guava", "1.1.0-SNAPSHOT"),
            ("py4j-0.10.9.7", "py4j", "0.10.9.7"),
            ("kotlin-stdlib-jdk8-1.6.0", "kotlin-stdlib-jdk8", "1.6.0"),
            ("spring-beans-2.5.6.SEC03", "spring-beans", "2.5.6.SEC03"),
            ("jackson-core-2.10.0.pr1", "jackson-core", "2.10.0.pr1"),
        ] {
            assert_eq!(FileName::parse(stem), FileName { name, version: Some(version) }, "{stem}");
        }
        for stem in ["commons-lang3", "app", "", "-", "-1.0", "a-", "jul-to-slf4j", "scala_2.12", "x_1"] {
            assert_eq!(FileName::parse(stem), FileName { name: stem, version: None }, "{stem}");
        }
    }

    proptest! {
        #[test]
        fn takes_any_name(stem in "[-a-z0-9._é]{0,30}") {
            FileName::parse(&stem);
        }

        #[test]
        fn finds_what_maven_writes(name in "[a-z]{2,8}(-[a-z]{2,8}){0,2}", version in "[0-9]{1,3}(\\.[0-9]{1,4}){0,3}(-SNAPSHOT|-rc1|\\.Final)?") {
            let stem = format!("{name}-{version}");
            prop_assert_eq!(FileName::parse(&stem), FileName { name: &name, version: Some(&version) });
        }
    }
}
