//! All roots' repositories: nothing that a root may not say, no repository twice.

use std::net::IpAddr;
use std::path::PathBuf;

use lazaret_model::{Distribution, Problem, ProblemKind};
use reqwest::Url;

use super::ini::{Section, sections};
use super::root::{Kind, YumRoot, kind};
use super::variables::Variables;

/// One repository that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repository {
    pub(super) id: String,
    /// Of the system that it is configured in: `rocky:9`.
    pub(super) release: Option<String>,
    /// The root it is configured in, for people.
    pub(super) root: String,
    pub(super) is_image: bool,
    /// Addresses of the repository itself, the preferred one first.
    pub(super) bases: Vec<Url>,
    /// Documents that name such addresses: mirror lists and metalinks.
    pub(super) lists: Vec<Url>,
    pub(super) keys: Vec<Key>,
    /// Whether it counts with a good signature only.
    pub(super) must_be_signed: bool,
    pub(super) transport: Transport,
}

/// Where a key is that this machine's administrator named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    File(PathBuf),
    Address(Url),
}

/// How a repository is reached. What an image says of it does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Transport {
    pub(super) verifies: bool,
    pub(super) authority: Option<PathBuf>,
    /// Certificate and key that this machine shows.
    pub(super) certificate: Option<(PathBuf, PathBuf)>,
    pub(super) proxy: Option<String>,
    /// Name and password, for the repository's own addresses.
    pub(super) login: Option<(String, String)>,
}

impl Default for Transport {
    fn default() -> Self {
        Self { verifies: true, authority: None, certificate: None, proxy: None, login: None }
    }
}

/// The repositories, and what had to be left out. Roots of this machine come before images.
pub(super) fn merge(roots: &[YumRoot]) -> (Vec<Repository>, Vec<Problem>) {
    let (mut all, mut problems): (Vec<Repository>, Vec<Problem>) = (Vec::new(), Vec::new());
    let (machine, images): (Vec<_>, Vec<_>) = roots.iter().partition(|root| root.directory.is_some());
    for root in machine.into_iter().chain(images) {
        problems.extend(root.problems.iter().cloned());
        let of_kind = |wanted| root.files.iter().filter(move |(path, _)| kind(path) == Some(wanted));
        let variables = Variables::new(root.distribution.as_ref(), &root.architecture, root.variables());
        let mut main =
            of_kind(Kind::Main).flat_map(|(_, bytes)| sections(bytes)).filter(|it| it.name == "main");
        let main =
            if root.directory.is_some() { main.next_back().unwrap_or_default() } else { Section::default() };
        for (path, bytes) in of_kind(Kind::Repositories) {
            for section in sections(bytes) {
                if section.name == "main" || section.flag("enabled") == Some(false) {
                    continue;
                }
                match repository(root, &main, &section, &variables) {
                    Ok(new) => {
                        let is_known = |known: &Repository| {
                            known.release == new.release
                                && (&known.bases, &known.lists) == (&new.bases, &new.lists)
                        };
                        if !all.iter().any(is_known) {
                            all.push(new);
                        }
                    }
                    Err(why) => {
                        let subject = format!("`{}` in {path} of {}", section.name, root.name);
                        problems.push(Problem::new(ProblemKind::Unsupported, subject, why));
                    }
                }
            }
        }
    }
    (all, problems)
}

/// Addresses of one repository that are looked at.
const MOST_ADDRESSES: usize = 50;

fn repository(
    root: &YumRoot,
    main: &Section,
    section: &Section,
    variables: &Variables,
) -> Result<Repository, String> {
    let is_image = root.directory.is_none();
    let id = replaced(variables, &section.name)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:+".contains(c);
    if id.is_empty() || id.len() > 100 || !id.chars().all(is_plain) {
        return Err("its name has characters that none has".to_owned());
    }
    if let Some(other) = section.value("type").filter(|kind| !matches!(*kind, "rpm-md" | "yum" | "NONE")) {
        return Err(format!("it is of the type `{other}`, which has no updateinfo"));
    }
    let addresses = |key: &str, ending: &str| -> Result<Vec<Url>, String> {
        let words = section.list(key).into_iter().take(MOST_ADDRESSES);
        words.map(|word| address(&replaced(variables, &word)?, ending, is_image)).collect()
    };
    let bases = addresses("baseurl", "/")?;
    let lists = [addresses("metalink", "")?, addresses("mirrorlist", "")?].concat();
    if bases.is_empty() && lists.is_empty() {
        return Err("it has no address".to_owned());
    }
    let release = root.distribution.as_ref().map(Distribution::key);
    let mut repository = Repository {
        id,
        release,
        root: root.name.clone(),
        is_image,
        bases,
        lists,
        keys: Vec::new(),
        must_be_signed: false,
        transport: Transport::default(),
    };
    if !is_image {
        let either = |key: &str| section.value(key).or(main.value(key));
        let path = |key: &str| -> Result<Option<PathBuf>, String> {
            either(key)
                .map(|path| Ok(root.below(&replaced(variables, path)?).unwrap_or_default()))
                .transpose()
        };
        repository.must_be_signed =
            section.flag("repo_gpgcheck").or(main.flag("repo_gpgcheck")).unwrap_or_default();
        for word in section.list("gpgkey") {
            repository.keys.push(key(root, &replaced(variables, &word)?)?);
        }
        repository.transport = Transport {
            verifies: section.flag("sslverify").or(main.flag("sslverify")).unwrap_or(true),
            authority: path("sslcacert")?,
            certificate: path("sslclientcert")?.zip(path("sslclientkey")?),
            proxy: either("proxy").filter(|proxy| *proxy != "_none_").map(str::to_owned),
            login: either("username").zip(either("password")).map(|(a, b)| (a.to_owned(), b.to_owned())),
        };
    }
    Ok(repository)
}

fn replaced(variables: &Variables, text: &str) -> Result<String, String> {
    variables.replace(text).map_err(|name| match name.is_empty() {
        true => "it has a `$` without a name".to_owned(),
        false => format!("nothing is known that `${name}` stands for"),
    })
}

fn key(root: &YumRoot, text: &str) -> Result<Key, String> {
    let url = Url::parse(text).map_err(|error| format!("its key has no address ({error})"))?;
    match url.scheme() {
        "https" => Ok(Key::Address(url)),
        "file" => Ok(Key::File(root.below(url.path()).unwrap_or_default())),
        // Who can alter the repository on its way could alter the key too.
        other => Err(format!("its key is reached by {other}, and only by https it proves anything")),
    }
}

/// An address that a root may name. Errors show no passwords: the text itself is not in them.
fn address(text: &str, ending: &str, is_image: bool) -> Result<Url, String> {
    let mut url = Url::parse(text).map_err(|error| format!("its address is none ({error})"))?;
    if !url.path().ends_with(ending) {
        url.set_path(&format!("{}{ending}", url.path()));
    }
    match url.scheme() {
        "http" | "https" => {}
        "file" if !is_image => return Ok(url),
        other if is_image => {
            return Err(format!("it is reached by {other}, not by HTTP, and an image may name nothing else"));
        }
        other => return Err(format!("it is reached by {other}, which is not supported")),
    }
    if is_image {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it comes with a login, and an image may name none".to_owned());
        }
        if !is_elsewhere(&url) {
            return Err(format!("{url} is this machine, not what an image means"));
        }
    }
    Ok(url)
}

/// Whether an address is not that of the machine itself or of its link: there are services that believe whoever
/// asks from here.
pub(super) fn is_elsewhere(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    match host.parse::<IpAddr>() {
        Ok(address) => !is_local(address),
        Err(_) => host != "localhost" && !host.ends_with(".localhost"),
    }
}

/// Whether an address is this machine's own, or its link's.
pub(super) fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(it) => it.is_loopback() || it.is_link_local() || it.is_unspecified(),
        IpAddr::V6(it) => it.is_loopback() || it.is_unicast_link_local() || it.is_unspecified(),
    }
}

/// An address for people.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

impl Repository {
    /// The feed that it is kept as.
    pub(super) fn feed(&self) -> String {
        format!("updateinfo/{}/{}", self.release.as_deref().unwrap_or("unknown"), self.id)
    }

    /// What makes it another one: the cache is kept by this.
    pub(super) fn identity(&self) -> String {
        let (bases, lists) = (&self.bases, &self.lists);
        format!(
            "{:?}",
            (bases, lists, self.is_image, &self.keys, self.must_be_signed, self.transport.verifies)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(is_machine: bool, text: &str) -> YumRoot {
        let distribution = Distribution {
            id: "rocky".to_owned(),
            version: Some("9.3".to_owned()),
            codename: None,
            title: None,
        };
        let files = vec![("etc/yum.repos.d/a.repo".to_owned(), text.as_bytes().to_vec())];
        let root = YumRoot::image("an image", Some(distribution), "amd64", files);
        YumRoot { directory: is_machine.then(|| "/srv/root".into()), ..root }
    }

    #[test]
    fn a_machine_says_how_its_repositories_are_reached() {
        let text = "[base]\nbaseurl=https://m.example/$releasever/$basearch file:///srv/x\nrepo_gpgcheck=1\nsslverify=0\n\
            gpgkey=file:///etc/pki/rpm-gpg/K https://k.example/k\nusername=u\npassword=p\nsslcacert=/etc/ca.pem\n\
            [off]\nenabled=0\nbaseurl=https://off.example\n[ftp]\nbaseurl=ftp://m.example/\n[k]\nbaseurl=https://k.example\ngpgkey=http://k.example/k\n";
        let (found, problems) = merge(&[root(true, text)]);
        assert_eq!(found.len(), 1, "{found:#?}");
        let base = &found[0];
        assert_eq!(base.feed(), "updateinfo/rocky:9/base");
        assert_eq!(base.bases[0].as_str(), "https://m.example/9/x86_64/");
        assert_eq!(base.bases[1].as_str(), "file:///srv/x/");
        assert_eq!(base.keys[0], Key::File("/srv/root/etc/pki/rpm-gpg/K".into()));
        assert!(base.must_be_signed && !base.transport.verifies);
        assert_eq!(base.transport.authority, Some("/srv/root/etc/ca.pem".into()));
        assert_eq!(base.transport.login, Some(("u".to_owned(), "p".to_owned())));
        assert_eq!(problems.len(), 2, "{problems:#?}");
    }

    #[test]
    fn an_image_says_only_what_it_may() {
        let bad = [
            "file:///etc",
            "ftp://m.example/",
            "http://u:p@m.example/",
            "http://127.0.0.1:8080/",
            "http://localhost/",
            "http://x.localhost./",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://169.254.169.254/latest/",
            "http://2130706433/",
            "http://0.0.0.0/",
            "gopher://m.example",
            "/etc/passwd",
            "http://m.example/$nothing",
        ];
        let text: String =
            bad.iter().enumerate().map(|(at, url)| format!("[r{at}]\nbaseurl={url}\n")).collect();
        let (found, problems) = merge(&[root(false, &text)]);
        assert_eq!(found, []);
        assert_eq!(problems.len(), bad.len(), "{problems:#?}");
        assert!(!format!("{problems:?}").contains("u:p"));

        let settings = "[good]\nbaseurl=http://m.example/r\nsslverify=0\nproxy=http://evil.example\nusername=u\npassword=p\n\
            gpgkey=file:///evil\nsslclientcert=/etc/shadow\nsslclientkey=/etc/shadow\n[bad/../id]\nbaseurl=http://m.example/r";
        let (found, problems) = merge(&[root(false, settings)]);
        assert_eq!((found.len(), problems.len()), (1, 1));
        assert_eq!((&found[0].transport, &found[0].keys), (&Transport::default(), &Vec::new()));
    }

    #[test]
    fn what_the_machine_has_too_is_the_machines() {
        let text = "[base]\nbaseurl=https://m.example/r/\n";
        let (found, problems) = merge(&[root(false, text), root(true, text)]);
        assert_eq!((found.len(), problems.len()), (1, 0));
        assert!(!found[0].is_image);
    }
}
