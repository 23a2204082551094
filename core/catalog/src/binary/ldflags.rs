//! Versions that a build gives to Go's linker: `-X main.version=v1.2.3`.

/// The version of the main module, if all that is said of it says the same.
pub(super) fn version(flags: &str, module: &str) -> Option<String> {
    let mut best: Option<(Nearness, &str)> = None;
    let words = words(flags);
    for (name, value) in settings(&words) {
        let Some(nearness) = nearness(name, module).filter(|_| is_version(value)) else { continue };
        match best {
            Some((nearest, other)) if nearest == nearness && plain(other) != plain(value) => return None,
            Some((nearest, _)) if nearest <= nearness => {}
            _ => best = Some((nearness, value)),
        }
    }
    best.map(|(_, version)| version.to_owned())
}

/// How surely a variable speaks of the main module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    Main,
    Module,
    /// Of the same owner, in a package that is about versions.
    Owner,
}

/// Here the second part of a path says who owns it; elsewhere the host does.
const SHARED_HOSTS: [&str; 5] = ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "gitee.com"];

fn nearness(name: &str, module: &str) -> Option<Nearness> {
    const NAMES: [&str; 8] = [
        "version",
        "ver",
        "gitversion",
        "buildversion",
        "appversion",
        "releaseversion",
        "semver",
        "currentversion",
    ];
    let slash = name.rfind('/').map_or(0, |at| at + 1);
    let dot = slash + name.get(slash..)?.rfind('.')?;
    let (package, variable) = (&name[..dot], &name[dot + 1..]);
    if !NAMES.contains(&variable.to_ascii_lowercase().as_str()) {
        return None;
    }
    if package == "main" {
        return Some(Nearness::Main);
    }
    let is_within = |owner: &str| {
        package.strip_prefix(owner).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if is_within(module) {
        return Some(Nearness::Module);
    }
    let host = module.split('/').next()?;
    let end = module.match_indices('/').nth(usize::from(SHARED_HOSTS.contains(&host))).map(|(at, _)| at);
    let about_versions =
        package.rsplit('/').next().is_some_and(|it| it.contains("version") || it.contains("build"));
    (about_versions && is_within(&module[..end.unwrap_or(module.len())])).then_some(Nearness::Owner)
}

/// `1.2`, `v1.2.3`, `v1.2.3-rc.1+meta`.
fn is_version(value: &str) -> bool {
    let numbers = plain(value).split(['-', '+', '~']).next().unwrap_or_default();
    let is_number =
        |part: &str| !part.is_empty() && part.len() < 10 && part.bytes().all(|byte| byte.is_ascii_digit());
    (2..=4).contains(&numbers.split('.').count())
        && numbers.split('.').all(is_number)
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+~".contains(&byte))
}

fn plain(version: &str) -> &str {
    version.strip_prefix('v').unwrap_or(version)
}

/// `-X name=value` and `-X=name=value`.
fn settings(words: &[String]) -> impl Iterator<Item = (&str, &str)> {
    words.iter().enumerate().filter_map(|(number, word)| {
        let text = match word.strip_prefix("--").or_else(|| word.strip_prefix('-'))? {
            "X" => words.get(number + 1)?,
            other => other.strip_prefix("X=")?,
        };
        text.split_once('=').map(|(name, value)| (name, value.trim_matches(['\'', '"'])))
    })
}

/// Words as Go splits them: quotes of both kinds hold one together.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for it in text.chars() {
        match quote {
            Some(open) if it == open => quote = None,
            None if it == '\'' || it == '"' => {
                quote = Some(it);
                word.get_or_insert_default();
            }
            None if it.is_ascii_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(it),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_what_is_plain() {
        for (flags, module, expected) in [
            ("-X main.version=v1.0.0", "github.com/a/b", Some("v1.0.0")),
            ("-s -w -X=main.Version=1.2.3-rc.1+x", "x", Some("1.2.3-rc.1+x")),
            (
                "-X \"github.com/docker/cli/cli/version.Version=20.10.24+dfsg1\"",
                "github.com/docker/cli",
                Some("20.10.24+dfsg1"),
            ),
            (
                "-X 'k8s.io/component-base/version.gitVersion=v1.27.3' -X k8s.io/component-base/version.gitMajor=1",
                "k8s.io/kubernetes",
                Some("v1.27.3"),
            ),
            (
                "-X main.version=v1.0.0 -X github.com/a/b/version.Version=2.0.0",
                "github.com/a/b",
                Some("v1.0.0"),
            ),
            ("-X main.version=v1.0.0 -X main.Version=1.0.0", "x", Some("v1.0.0")),
            ("-X main.version=v1.0.0 -X main.Version=2.0.0", "x", None),
            ("-X github.com/c/d/version.Version=2.0.0", "github.com/a/b", None),
            ("-X github.com/a/bc/cmd.Version=2.0.0", "github.com/a/b", None),
            ("-X main.version=dev -X main.commit=1.2.3", "x", None),
            ("-X main.version=$(git describe)", "x", None),
            ("-X", "x", None),
            ("-X=", "x", None),
        ] {
            assert_eq!(version(flags, module).as_deref(), expected, "{flags}");
        }
    }

    proptest! {
        #[test]
        fn takes_any_text(flags in "(-X[ =]|[a-z./='\" v1]){0,20}", module in "[a-z./]{0,10}") {
            version(&flags, &module);
        }
    }
}
