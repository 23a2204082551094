//! Which package lists apt has, and to which release of Debian each belongs.

use std::path::PathBuf;

use super::sources::without_password;

/// One package list of Debian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// [`Distribution::key`](lazaret_model::Distribution::key): `debian:12`.
    pub(super) release: String,
    pub(super) file: PathBuf,
    /// Everything in it came after the release.
    pub(super) is_update: bool,
}

/// What [`parse`] needs of each list, for `apt-get indextargets --format`.
pub(super) const FORMAT: &str =
    "$(FILENAME)\t$(TRUSTED)\t$(ORIGIN)\t$(LABEL)\t$(CODENAME)\t$(SUITE)\t$(VERSION)\t$(SITE)\t$(RELEASE)";

/// Reads the lines that apt printed. Gives Debian's lists, and a sentence about each other one.
pub(super) fn parse(lines: &[String]) -> (Vec<Target>, Vec<String>) {
    let mut targets = Vec::new();
    let mut skipped = Vec::new();
    for line in lines {
        let fields: Vec<&str> = line.split('\t').collect();
        let [file, trusted, origin, label, codename, suite, version, site, release] = fields[..] else {
            continue;
        };
        let name =
            || format!("{} {}", without_password(site), if release.is_empty() { suite } else { release });
        match classify(trusted, origin, label, codename, version) {
            Ok((release, is_update)) => {
                targets.push(Target { release, file: PathBuf::from(file), is_update })
            }
            Err(reason) => skipped.push(format!("{} is left out: {reason}", name())),
        }
    }
    targets.sort_by(|a, b| (&a.release, &a.file).cmp(&(&b.release, &b.file)));
    targets.dedup();
    skipped.sort();
    skipped.dedup();
    (targets, skipped)
}

fn classify(
    trusted: &str,
    origin: &str,
    label: &str,
    codename: &str,
    version: &str,
) -> Result<(String, bool), String> {
    if trusted != "yes" {
        return Err("its signature was not verified".to_owned());
    }
    if origin != "Debian" || !matches!(label, "Debian" | "Debian-Security") {
        let who = [origin, label].into_iter().find(|name| !name.is_empty()).unwrap_or("somebody unnamed");
        return Err(format!("it is not Debian's but from {who}"));
    }
    let (name, part) = match codename.find(['-', '/']) {
        Some(end) => (&codename[..end], &codename[end + 1..]),
        None => (codename, ""),
    };
    if !matches!(part, "" | "security" | "updates" | "proposed-updates") {
        // A backport's fixes say nothing about the release's own package.
        return Err(format!("`{part}` are not part of the release"));
    }
    let number: String = version.chars().take_while(char::is_ascii_digit).collect();
    let key = if number.is_empty() { name } else { &number };
    if key.is_empty() || !key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        return Err("it does not say which release it is".to_owned());
    }
    Ok((format!("debian:{key}"), !part.is_empty() || label == "Debian-Security"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(fields: [&str; 8]) -> String {
        let [trusted, origin, label, codename, suite, version, site, release] = fields;
        format!(
            "/lists/{codename}\t{trusted}\t{origin}\t{label}\t{codename}\t{suite}\t{version}\t{site}\t{release}"
        )
    }

    #[test]
    fn tells_debians_releases_apart() {
        let lines = [
            line([
                "yes",
                "Debian",
                "Debian",
                "bookworm",
                "oldstable",
                "12.15",
                "http://m.example/debian",
                "bookworm",
            ]),
            line([
                "yes",
                "Debian",
                "Debian-Security",
                "bookworm-security",
                "oldstable-security",
                "12",
                "http://m.example/s",
                "bookworm-security",
            ]),
            line([
                "yes",
                "Debian",
                "Debian",
                "trixie-updates",
                "stable-updates",
                "13-updates",
                "http://m.example/debian",
                "trixie-updates",
            ]),
            line(["yes", "Debian", "Debian", "sid", "unstable", "", "http://m.example/debian", "sid"]),
            line([
                "yes",
                "Debian",
                "Debian-Security",
                "buster/updates",
                "oldstable",
                "10",
                "http://m.example/s",
                "buster/updates",
            ]),
        ];
        let (targets, skipped) = parse(&lines);
        let found: Vec<_> =
            targets.iter().map(|target| (target.release.as_str(), target.is_update)).collect();
        assert_eq!(
            found,
            [
                ("debian:10", true),
                ("debian:12", false),
                ("debian:12", true),
                ("debian:13", true),
                ("debian:sid", false)
            ]
        );
        assert_eq!(skipped, [""; 0]);
    }

    #[test]
    fn says_what_is_left_out_and_why() {
        let lines = [
            line(["yes", "nodistro", "nodistro", "nodistro", "x", "", "https://u:p@n.example/x", "nodistro"]),
            line(["no", "Debian", "Debian", "bookworm", "x", "12", "http://m.example", "bookworm"]),
            line([
                "yes",
                "Debian Backports",
                "Debian Backports",
                "bookworm-backports",
                "x",
                "12",
                "http://m.example",
                "bookworm-backports",
            ]),
            line(["yes", "Debian", "Debian", "bookworm-backports", "x", "12", "http://m.example", "b"]),
            "odd line".to_owned(),
        ];
        let (targets, skipped) = parse(&lines);
        assert_eq!(targets, []);
        assert_eq!(skipped.len(), 4);
        assert!(skipped.contains(
            &"https://n.example/x nodistro is left out: it is not Debian's but from nodistro".to_owned()
        ));
    }
}
