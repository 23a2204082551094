//! The formats that files of advisories may have, and how to tell them.

use lazaret_model::Limits;

use super::parsed::{FeedError, Parsed};
use super::{
    arch, csaf, debian_tracker, echo, elixir, friendsofphp, node, oval, photon, project_kb, retirejs,
    rubysec, rustsec, secdb, updateinfo,
};

/// A format of some publishers.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// As in [`Advisory::feed`](lazaret_model::Advisory).
    pub name: &'static str,
    /// One line for people: what it is, and whose.
    pub about: &'static str,
    /// What its files are called.
    pub files: &'static [&'static str],
    /// One file of it is the whole feed.
    pub is_whole: bool,
    /// Reads one file, unpacked, under its name or path.
    pub parse: fn(&[u8], &str, &Limits) -> Result<Parsed, FeedError>,
    tells: fn(&str) -> bool,
}

/// Every format but OSV, which [`osv`](super::osv) reads.
pub const FORMATS: &[Format] = &[
    Format {
        name: oval::FEED,
        about: "OVAL definitions: Debian, Ubuntu, Red Hat, SUSE, Oracle, Photon, Azure Linux",
        files: &["*.xml"],
        is_whole: false,
        parse: oval::parse,
        tells: |head| head.contains("oval_definitions"),
    },
    Format {
        name: updateinfo::FEED,
        about: "updateinfo of repositories: Amazon, Fedora, AlmaLinux, Rocky, openSUSE",
        files: &["*updateinfo.xml"],
        is_whole: false,
        parse: updateinfo::parse,
        tells: |head| head.contains("<updates"),
    },
    Format {
        name: csaf::FEED,
        about: "CSAF 2.0 advisories and VEX of distributions: Red Hat, SUSE",
        files: &["*.json"],
        is_whole: false,
        parse: csaf::parse,
        tells: |head| head.starts_with('{') && head.contains("\"csaf_version\""),
    },
    Format {
        name: secdb::FEED,
        about: "security databases of apk packages: Alpine, Wolfi, Chainguard",
        files: &["main.json", "community.json", "security.json", "*.yaml"],
        is_whole: false,
        parse: secdb::parse,
        tells: |head| head.contains("apkurl") || head.contains("\"secfixes\""),
    },
    Format {
        name: rustsec::FEED,
        about: "RustSec's advisories",
        files: &["RUSTSEC-*.md"],
        is_whole: false,
        parse: rustsec::parse,
        tells: |head| head.starts_with("```toml"),
    },
    Format {
        name: rubysec::FEED,
        about: "the Ruby advisory database",
        files: &["*.yml"],
        is_whole: false,
        parse: rubysec::parse,
        tells: |head| has_line(head, "gem:") || has_line(head, "engine:"),
    },
    Format {
        name: friendsofphp::FEED,
        about: "the PHP Security Advisories Database",
        files: &["*.yaml"],
        is_whole: false,
        parse: friendsofphp::parse,
        tells: |head| has_line(head, "branches:") && has_line(head, "title:"),
    },
    Format {
        name: debian_tracker::FEED,
        about: "Debian's security tracker",
        files: &["json", "debian.json"],
        is_whole: true,
        parse: debian_tracker::parse,
        tells: |head| head.starts_with('{') && head.contains("\"releases\"") && head.contains("\"status\""),
    },
    Format {
        name: photon::FEED,
        about: "Photon OS' metadata of CVEs",
        files: &["cve_data_photon*.json"],
        is_whole: false,
        parse: photon::parse,
        tells: |head| head.contains("\"res_ver\"") && head.contains("\"aff_ver\""),
    },
    Format {
        name: arch::FEED,
        about: "Arch Linux' security tracker",
        files: &["AVG-*.json"],
        is_whole: false,
        parse: arch::parse,
        tells: |head| head.contains("\"AVG-") && head.contains("\"packages\""),
    },
    Format {
        name: node::FEED,
        about: "the Node.js security working group: packages of npm, and Node.js",
        files: &["*.json"],
        is_whole: false,
        parse: node::parse,
        tells: |head| {
            let has = |words: &[&str]| words.iter().all(|word| head.contains(word));
            has(&["\"module_name\"", "\"vulnerable_versions\""])
                || has(&["\"cve\"", "\"vulnerable\""])
                || has(&["\"cve\"", "\"reason\""])
        },
    },
    Format {
        name: retirejs::FEED,
        about: "RetireJS: libraries for browsers and packages of npm",
        files: &["jsrepository*.json", "npmrepository.json"],
        is_whole: false,
        parse: retirejs::parse,
        tells: |head| {
            head.starts_with('{') && head.contains("\"vulnerabilities\"") && head.contains("\"below\"")
        },
    },
    Format {
        name: elixir::FEED,
        about: "Elixir security advisories: packages of Hex",
        files: &["GHSA-*.yml"],
        is_whole: false,
        parse: elixir::parse,
        tells: |head| has_line(head, "vulnerable_version_ranges:"),
    },
    Format {
        name: project_kb::FEED,
        about: "SAP's project KB: reviewed versions of Maven's packages",
        files: &["statement.yaml"],
        is_whole: false,
        parse: project_kb::parse,
        tells: |head| has_line(head, "vulnerability_id:"),
    },
    Format {
        name: echo::FEED,
        about: "Echo's advisories",
        files: &[],
        is_whole: true,
        parse: echo::parse,
        tells: |head| head.starts_with('{') && head.contains("\"fixed_version\"") && !head.contains("\"id\""),
    },
];

/// How much of a file tells its format.
const HEAD: usize = 16 << 10;

/// The format of a file by its first bytes, else by its name.
pub(super) fn detect(bytes: &[u8], name: &str) -> Option<&'static Format> {
    let head = String::from_utf8_lossy(bytes.get(..HEAD).unwrap_or(bytes));
    let head = head.trim_start_matches('\u{feff}').trim_start();
    let file = name.rsplit('/').next().unwrap_or_default();
    let is_named = |format: &&Format| {
        format.files.iter().any(|pattern| match pattern.split_once('*') {
            // `*.json` says nothing.
            Some((_, end))
                if end.matches('.').count() == 1 && end.starts_with('.') && !pattern.contains('-') =>
            {
                false
            }
            Some((start, end)) => {
                file.len() >= start.len() + end.len() && file.starts_with(start) && file.ends_with(end)
            }
            None => file == *pattern,
        })
    };
    FORMATS.iter().find(|format| (format.tells)(head)).or_else(|| FORMATS.iter().find(is_named))
}

fn has_line(head: &str, start: &str) -> bool {
    head.lines().any(|line| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_tell_formats_before_names() {
        for (head, name, expected) in [
            ("<?xml?>\n<oval_definitions xmlns=''>", "x", Some("oval")),
            ("<?xml?><updates>", "x.xml", Some("updateinfo")),
            ("", "repodata/abc-updateinfo.xml", Some("updateinfo")),
            ("{\"document\": {\"csaf_version\": \"2.0\"", "cve-2024-1.json", Some("csaf")),
            ("\u{feff}{\"apkurl\": 1", "x", Some("secdb")),
            ("apkurl: x\nbranches:\ntitle: a", "x", Some("secdb")),
            ("```toml\n", "x", Some("rustsec")),
            ("---\ngem: a\n", "x", Some("rubysec")),
            ("title: a\nbranches:\n", "x", Some("friendsofphp")),
            ("{\"a\": {\"CVE\": {\"releases\": {\"b\": {\"status\":", "x", Some("debian-tracker")),
            ("[{\"cve_id\": 1, \"aff_ver\": 1, \"res_ver\"", "x", Some("photon")),
            ("[{\"name\": \"AVG-1\", \"packages\"", "x", Some("arch")),
            ("{\"id\": 4, \"module_name\": 1, \"vulnerable_versions\"", "x", Some("nodejs-security-wg")),
            ("{\"cve\": [], \"vulnerable\": \"8.x\"", "x", Some("nodejs-security-wg")),
            ("{\"a\": {\"vulnerabilities\": [{\"below\": 1", "x", Some("retirejs")),
            ("vulnerability_id: CVE-1\n", "x", Some("project-kb")),
            ("{\"nginx\": {\"CVE-1\": {\"fixed_version\"", "x", Some("echo")),
            ("{\"id\": \"GHSA\"}", "x.json", None),
            ("", "x.yml", None),
            ("", "RUSTSEC-2020-0001.md", Some("rustsec")),
        ] {
            assert_eq!(detect(head.as_bytes(), name).map(|format| format.name), expected, "{head} {name}");
        }
    }

    #[test]
    fn every_format_reads_any_bytes() {
        for format in FORMATS {
            for bytes in
                [&b""[..], b"{}", b"[]", b"<a/>", b"\xff\xfe", b"```toml\n\n```", b"a: &a [*a]", b"- - - -"]
            {
                assert!((format.parse)(bytes, "x", &Limits::default()).is_err(), "{} {bytes:?}", format.name);
            }
        }
    }
}
