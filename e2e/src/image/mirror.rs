use crate::{Context, Failure, Result, Run};

/// The package mirror as apt on this machine is configured for: no address is known to the project.
#[derive(Debug, Clone)]
pub(super) struct Mirror {
    pub(super) codename: String,
    /// The release as it was published, point releases included.
    pub(super) release: Source,
    /// What security updates are published in.
    pub(super) security: Source,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    repository: String,
    suite: String,
    /// Address of the suite's folder, with the signed index in it.
    index: String,
}

impl Source {
    /// A line of `sources.list`.
    pub(super) fn line(&self) -> String {
        format!("deb {} {} main", self.repository, self.suite)
    }

    /// The `Date:` of the suite's signed index: changes with every update of the suite.
    pub(super) fn date(&self) -> Result<String> {
        let file = std::env::temp_dir().join(format!("lazaret-index-{}-{}", std::process::id(), self.suite));
        // apt's own downloader: it knows the proxies and credentials of this machine.
        let helper = Run::new("/usr/lib/apt/apt-helper");
        let address = format!("{}InRelease", self.index);
        let fetched = helper.args(["download-file", &address, &file.display().to_string()]).ok();
        let text = fetched.and_then(|_| {
            std::fs::read_to_string(&file).context(|| format!("cannot read the index of {}", self.suite))
        });
        let _ = std::fs::remove_file(&file);
        let text = text?;
        let date = text.lines().find_map(|line| line.strip_prefix("Date: "));
        date.map(str::to_owned)
            .ok_or_else(|| Failure::new(format!("the index of {} has no date", self.suite)))
    }
}

const FORMAT: &str = "$(CREATED_BY)|$(TARGET_OF)|$(COMPONENT)|$(ORIGIN)|$(LABEL)|$(CODENAME)|$(RELEASE)|$(REPO_URI)|$(BASE_URI)";

impl Mirror {
    pub(super) fn of_this_machine() -> Result<Self> {
        let text = Run::new("apt-get").args(["indextargets", "--format", FORMAT]).ok()?.stdout;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let mut release = None;
        let mut security = None;
        for line in text.lines() {
            let fields: Vec<&str> = line.split('|').collect();
            let ["Packages", "deb", "main", "Debian", label, codename, suite, repository, index] = fields[..]
            else {
                continue;
            };
            let source = Source {
                repository: repository.to_owned(),
                suite: suite.to_owned(),
                index: index.to_owned(),
            };
            match label {
                // Not `-updates` or `-backports`: these have code names of their own.
                "Debian" if !codename.contains('-') => release.get_or_insert((codename.to_owned(), source)),
                "Debian-Security" => security.get_or_insert((codename.to_owned(), source)),
                _ => continue,
            };
        }
        match (release, security) {
            (Some((codename, release)), Some((_, security))) => Ok(Self { codename, release, security }),
            (None, _) => Err(Failure::new(
                "apt knows no Debian release: check /etc/apt/sources.list and run `apt-get update`",
            )),
            (_, None) => Err(Failure::new(
                "apt knows no Debian security suite: add it to /etc/apt/sources.list and run `apt-get update`",
            )),
        }
    }
}

/// How apt on this machine reaches the mirror (proxies, dates it accepts), as options for another apt.
pub(super) fn transport_options() -> Result<Vec<String>> {
    let text = Run::new("apt-config").args(["dump"]).ok()?.stdout;
    let wanted =
        ["Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries", "Acquire::ForceIPv"];
    let lines = text.lines().filter(|line| wanted.iter().any(|prefix| line.starts_with(prefix)));
    Ok(lines.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_release_and_security_among_other_sources() {
        let text = "\
Packages|deb|main|Elsewhere|Elsewhere|stable|stable|https://packages.example/apt/|https://packages.example/apt/dists/stable/
Translations|deb|main|Debian|Debian|bookworm|bookworm|http://mirror.example/debian/|http://mirror.example/debian/dists/bookworm/
Packages|deb|contrib|Debian|Debian|bookworm|bookworm|http://mirror.example/debian/|http://mirror.example/debian/dists/bookworm/
Packages|deb|main|Debian|Debian|bookworm-updates|bookworm-updates|http://mirror.example/debian/|http://mirror.example/debian/dists/bookworm-updates/
Packages|deb|main|Debian|Debian|bookworm|bookworm|http://mirror.example/debian/|http://mirror.example/debian/dists/bookworm/
Packages|deb|main|Debian|Debian-Security|bookworm-security|bookworm-security|http://mirror.example/security/|http://mirror.example/security/dists/bookworm-security/
";
        let mirror = Mirror::parse(text).unwrap();
        assert_eq!(mirror.codename, "bookworm");
        assert_eq!(mirror.release.line(), "deb http://mirror.example/debian/ bookworm main");
        assert_eq!(mirror.security.line(), "deb http://mirror.example/security/ bookworm-security main");
    }

    #[test]
    fn says_what_is_missing() {
        assert!(Mirror::parse("").unwrap_err().to_string().contains("no Debian release"));
    }
}
