//! What takes the place of what: files of one format, of several repositories, publishers and releases.

use lazaret_advisory::feed::{FeedError, Parsed, arch, debian_tracker, oval, updateinfo};
use lazaret_advisory::{Builder, Database};
use lazaret_model::Limits;

use super::samples::built;

type Parse = fn(&[u8], &str, &Limits) -> Result<Parsed, FeedError>;

/// Id, release and package of every row after some files were read one after the other.
fn after(parse: Parse, files: &[(&str, &str)]) -> Vec<String> {
    let mut builder = Builder::new();
    for (name, text) in files {
        parse(text.as_bytes(), name, &Limits::default()).expect("the file is sound").push_into(&mut builder);
    }
    let database = Database::open(builder.build(built()).expect("it fits")).expect("a database");
    let rows = database.advisories().map(|row| row.expect("the database is sound"));
    let mut rows: Vec<String> =
        rows.map(|row| format!("{} {} {}", row.id, row.release, row.package)).collect();
    rows.sort_unstable();
    rows
}

fn updates(collection: &str, architecture: &str, ids: &[(&str, &str)]) -> String {
    let update = |(id, package): &(&str, &str)| {
        format!(
            r#"<update from="packager@almalinux.org" type="security"><id>ALSA-2024:1</id><references><reference id="{id}" type="cve"/></references>
            <pkglist><collection short="{collection}"><package name="{package}" version="2" release="1.el8" arch="{architecture}"/></collection></pkglist></update>"#
        )
    };
    format!("<updates>{}</updates>", ids.iter().map(update).collect::<String>())
}

#[test]
fn repositories_of_one_distribution_stand_side_by_side() {
    let base =
        updates("almalinux-8-baseos", "x86_64", &[("CVE-2024-0001", "glibc"), ("CVE-2024-0002", "zlib")]);
    let stream = updates("almalinux-8-appstream", "x86_64", &[("CVE-2024-0001", "nodejs")]);
    let arm = updates("almalinux-8-baseos", "aarch64", &[("CVE-2024-0001", "arm-only")]);
    let newer = updates("almalinux-8-baseos", "x86_64", &[("CVE-2024-0001", "glibc")]);
    let of = |files: &[&str]| {
        let files: Vec<(&str, &str)> = files.iter().map(|text| ("updateinfo.xml", *text)).collect();
        after(updateinfo::parse, &files)
    };
    let all = [
        "CVE-2024-0001 almalinux:8 arm-only",
        "CVE-2024-0001 almalinux:8 glibc",
        "CVE-2024-0001 almalinux:8 nodejs",
        "CVE-2024-0002 almalinux:8 zlib",
    ];
    assert_eq!(of(&[&base, &stream, &arm]), all);
    // A newer file of one repository takes the place of what that one said, under whichever update.
    assert_eq!(of(&[&base, &stream, &arm, &newer]), all[..3]);
}

fn definitions(vendor: &str, platform: &str, package: &str) -> String {
    format!(
        r#"<oval_definitions><generator><product_name>{vendor}</product_name></generator><definitions>
        <definition id="oval:d:1" class="patch"><metadata><title>x</title><affected><platform>{platform}</platform></affected>
        <reference source="CVE" ref_id="CVE-2024-0001"/></metadata><criteria><criterion test_ref="t" comment="c"/></criteria></definition></definitions>
        <tests><rpminfo_test id="t"><object object_ref="o"/><state state_ref="s"/></rpminfo_test></tests>
        <objects><rpminfo_object id="o"><name>{package}</name></rpminfo_object></objects>
        <states><rpminfo_state id="s"><evr operation="less than">0:2-1</evr></rpminfo_state></states></oval_definitions>"#
    )
}

#[test]
fn files_of_one_name_in_different_folders_are_different_documents() {
    let (eight, nine) = (
        definitions("Red Hat", "Red Hat Enterprise Linux 8", "a"),
        definitions("Red Hat", "Red Hat Enterprise Linux 9", "a"),
    );
    let found = after(oval::parse, &[("8/oval.xml", &eight), ("9/oval.xml", &nine)]);
    assert_eq!(found, ["CVE-2024-0001 rhel:8 a", "CVE-2024-0001 rhel:9 a"]);
    let newer = definitions("Red Hat", "Red Hat Enterprise Linux 8", "b");
    let found = after(oval::parse, &[("8/oval.xml", &eight), ("9/oval.xml", &nine), ("8/oval.xml", &newer)]);
    assert_eq!(found, ["CVE-2024-0001 rhel:8 b", "CVE-2024-0001 rhel:9 a"]);
}

#[test]
fn publishers_of_one_format_are_feeds_of_their_own() {
    let feeds = |text: &str| {
        let parsed = oval::parse(text.as_bytes(), "oval.xml", &Limits::default()).expect("the file is sound");
        parsed.feeds().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(feeds(&definitions("Red Hat", "Red Hat Enterprise Linux 8", "a")), ["oval-rhel"]);
    assert_eq!(feeds(&definitions("Oracle Errata System", "Oracle Linux 8", "a")), ["oval-ol"]);
    // Whole feeds are replaced by their names: one publisher's archive leaves the other's rows alone.
    let mut builder = Builder::new();
    for (vendor, platform) in
        [("Red Hat", "Red Hat Enterprise Linux 8"), ("Oracle Errata System", "Oracle Linux 8")]
    {
        let text = definitions(vendor, platform, "a");
        oval::parse(text.as_bytes(), "oval.xml", &Limits::default())
            .expect("the file is sound")
            .push_into(&mut builder);
    }
    let database = Database::open(builder.build(built()).expect("it fits")).expect("a database");
    let mut next = Builder::new();
    next.keep_all_but(&database, &["oval-rhel"]).expect("the database is sound");
    let next = Database::open(next.build(built()).expect("it fits")).expect("a database");
    let left: Vec<_> = next.advisories().map(|row| row.expect("the database is sound").release).collect();
    assert_eq!(left, ["ol:8"]);
}

#[test]
fn what_vanished_from_a_newer_file_is_gone() {
    let older = r#"{"foo": {"CVE-2024-0001": {"releases": {"bookworm": {"status": "open"}}},
        "CVE-2024-0002": {"releases": {"bookworm": {"status": "open"}}}},
        "bar": {"CVE-2024-0003": {"releases": {"bookworm": {"status": "open"}}}}}"#;
    let newer = r#"{"foo": {"CVE-2024-0001": {"releases": {"bookworm": {"status": "open"}}}}}"#;
    let found = after(debian_tracker::parse, &[("json", older), ("json", newer)]);
    assert_eq!(found, ["CVE-2024-0001 debian:12 foo"]);
    let group = |name: &str, id: &str| {
        format!(r#"{{"name": "{name}", "packages": ["foo"], "status": "Vulnerable", "issues": ["{id}"]}}"#)
    };
    let (one, two) = (group("AVG-1", "CVE-2024-0001"), group("AVG-2", "CVE-2024-0002"));
    let all = format!("[{one},{two}]");
    assert_eq!(
        after(arch::parse, &[("all.json", &all), ("all.json", &format!("[{two}]"))]),
        ["CVE-2024-0002 arch foo"]
    );
    // One group by itself says nothing of the others.
    let newer = group("AVG-1", "CVE-2024-0009");
    let found = after(arch::parse, &[("AVG-1.json", &one), ("AVG-2.json", &two), ("AVG-1.json", &newer)]);
    assert_eq!(found, ["CVE-2024-0002 arch foo", "CVE-2024-0009 arch foo"]);
}
