//! Definitions in OVAL 5 (Open Vulnerability and Assessment Language, <https://oval.mitre.org/language/version5.11/>)
//! as distributions publish them.
//!
//! A definition names ids and has a tree of criteria; their leaves name tests, a test names an object (a package) and
//! states (its version is less than the fix). Tests follow the definitions that use them, so the text is gone
//! through twice: first for the tests, then for the definitions, which become rows one by one. Nothing else of the
//! document stays in memory.

mod criteria;
mod definition;
mod tests_of;
mod vendor;

use lazaret_model::Limits;

use super::parsed::{FeedError, Parsed, check_stream};
use super::xml::{Node, Xml, XmlError};
use definition::Definition;
use tests_of::Tests;
use vendor::Vendor;

pub const FEED: &str = "oval";

const EXPECTED: &str = "OVAL definitions";

pub fn parse(bytes: &[u8], name: &str, limits: &Limits) -> Result<Parsed, FeedError> {
    check_stream(bytes, limits)?;
    let tests = Tests::read(bytes).map_err(|error| FeedError::not(EXPECTED, &error))?;
    let vendor = Vendor::of(name, &tests.product);
    let mut parsed = Parsed::new(FEED);
    definitions(bytes, &tests, vendor, &mut parsed).map_err(|error| FeedError::not(EXPECTED, &error))?;
    if parsed.documents == 0 {
        return Err(FeedError::not(EXPECTED, &"there are none"));
    }
    // Vendors call their files alike, and definitions too: only the whole path tells two of them apart.
    Ok(parsed.finish(super::parsed::document_of(name)))
}

fn definitions(bytes: &[u8], tests: &Tests<'_>, vendor: Vendor, parsed: &mut Parsed) -> Result<(), XmlError> {
    let mut xml = Xml::new(bytes)?;
    while let Some(node) = xml.next()? {
        let Node::Open(tag) = node else { continue };
        match tag.name() {
            "definition" => {
                parsed.documents += 1;
                let definition = Definition::read(&mut xml, &tag)?;
                criteria::rows(&definition, tests, vendor, parsed);
            }
            "tests" | "objects" | "states" | "variables" => xml.skip()?,
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lazaret_model::Advisory;
    use proptest::prelude::*;

    use super::*;

    /// One definition with these criteria, and tests `t1` to `t5`: `a` before 1.0-1, `a` from 0.5, `b` at all,
    /// `b` signed, `a` before 0.
    fn document(vendor: &str, platform: &str, criteria: &str) -> String {
        format!(
            r#"<oval_definitions><generator><product_name>{vendor}</product_name></generator><definitions>
            <definition id="d" class="patch"><metadata><title>RHSA-2020:0001: a update (Important)</title>
            <affected><platform>{platform}</platform><resolution state="Will not fix"><component>b</component></resolution></affected>
            <reference source="CVE" ref_id="CVE-2020-1234"/>
            <advisory><severity>Important</severity><issued date="2020-01-02"/></advisory></metadata>{criteria}</definition>
            </definitions><tests>
            <rpminfo_test id="t1"><object object_ref="o1"/><state state_ref="s1"/></rpminfo_test>
            <rpminfo_test id="t2"><object object_ref="o1"/><state state_ref="s2"/></rpminfo_test>
            <rpminfo_test id="t3"><object object_ref="o2"/></rpminfo_test>
            <rpminfo_test id="t4"><object object_ref="o2"/><state state_ref="s3"/></rpminfo_test>
            <rpminfo_test id="t5"><object object_ref="o1"/><state state_ref="s4"/></rpminfo_test>
            </tests><objects><rpminfo_object id="o1"><name>a</name></rpminfo_object>
            <rpminfo_object id="o2"><name>b</name></rpminfo_object></objects><states>
            <rpminfo_state id="s1"><evr operation="less than">0:1.0-1</evr></rpminfo_state>
            <rpminfo_state id="s2"><evr operation="greater than or equal">0:0.5-1</evr></rpminfo_state>
            <rpminfo_state id="s3"><signature_keyid operation="equals">1</signature_keyid></rpminfo_state>
            <rpminfo_state id="s4"><evr operation="less than">0:0</evr></rpminfo_state>
            </states></oval_definitions>"#
        )
    }

    fn read(vendor: &str, platform: &str, criteria: &str) -> Parsed {
        let text = document(vendor, platform, criteria);
        parse(text.as_bytes(), "x.xml", &Limits::default()).unwrap()
    }

    fn say(row: &Advisory) -> String {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let module = row.module.as_ref().map(|module| format!(" of {module}")).unwrap_or_default();
        let (from, to) = (text(&row.introduced), text(&row.fixed));
        format!("{} {}{module} [{from},{to}) {}", row.release, row.package, row.status.name())
    }

    #[test]
    fn criteria_become_stretches_of_packages() {
        let parsed = read(
            "Red Hat",
            "Red Hat Enterprise Linux 8",
            r#"<criteria operator="AND"><criterion test_ref="p" comment="Red Hat Enterprise Linux 8 is installed"/>
            <criterion test_ref="m" comment="Module nodejs:18 is enabled"/><criteria operator="OR">
            <criteria operator="AND"><criterion test_ref="t1" comment="a is earlier than 0:1.0-1"/>
              <criterion test_ref="t2" comment="a is from 0.5"/></criteria>
            <criteria operator="AND"><criterion test_ref="t3" comment="b is installed"/>
              <criterion test_ref="t4" comment="b is signed"/></criteria></criteria></criteria>"#,
        );
        let rows: Vec<_> = parsed.advisories.iter().map(say).collect();
        assert_eq!(
            rows,
            ["rhel:8 a of nodejs:18 [0.5-1,1.0-1) affected", "rhel:8 b of nodejs:18 [,) will-not-fix"]
        );
        let row = &parsed.advisories[0];
        assert_eq!(
            (row.id.as_str(), row.aliases.as_slice()),
            ("CVE-2020-1234", &["RHSA-2020:0001".to_owned()][..])
        );
        assert_eq!(row.published.as_deref(), Some("2020-01-02T00:00:00Z"));
        assert_eq!(parsed.problems, []);
    }

    #[test]
    fn platforms_of_a_branch_are_its_own() {
        let branch = |platform: &str, test: &str| {
            format!(
                r#"<criteria operator="AND"><criteria operator="OR"><criterion test_ref="p" comment="{platform} is installed"/>
                <criterion test_ref="q" comment="SUSE Manager Server 4 is installed"/></criteria>
                <criterion test_ref="{test}" comment="a-1.0 is installed"/></criteria>"#
            )
        };
        let both = branch("SUSE Linux Enterprise Server 15 SP1", "t1") + &branch("openSUSE Leap 15.4", "t1");
        let parsed = read(
            "Marcus Updateinfo",
            "openSUSE Leap 15.4",
            &format!("<criteria operator='OR'>{both}</criteria>"),
        );
        let rows: Vec<_> = parsed.advisories.iter().map(say).collect();
        assert_eq!(rows, ["sles:15.1 a [,1.0-1) affected", "opensuse-leap:15.4 a [,1.0-1) affected"]);
        assert_eq!(parsed.passed_over.values().sum::<u64>(), 2);
    }

    #[test]
    fn before_zero_is_open_in_debian() {
        let criteria =
            r#"<criteria><criterion test_ref="t5" comment="a DPKG is earlier than 0"/></criteria>"#;
        let parsed = read("Debian", "Debian GNU/Linux 12", criteria);
        assert_eq!(parsed.advisories.iter().map(say).collect::<Vec<_>>(), ["debian:12 a [,) affected"]);
        let suse = read("SUSE", "openSUSE Leap 15.4", &criteria.replace("earlier than 0", "not affected"));
        assert_eq!(
            suse.advisories.iter().map(say).collect::<Vec<_>>(),
            ["opensuse-leap:15.4 a [,) not-affected"]
        );
    }

    #[test]
    fn missing_tests_and_other_platforms_are_told() {
        let parsed = read(
            "Red Hat",
            "Red Hat Enterprise Linux 8",
            r#"<criteria><criterion test_ref="no"/></criteria>"#,
        );
        assert_eq!((parsed.advisories.len(), parsed.problems.len()), (0, 1));
        let parsed = read("Acme", "Acme 1", r#"<criteria><criterion test_ref="t1"/></criteria>"#);
        assert_eq!((parsed.advisories.len(), parsed.passed_over["Acme 1"]), (0, 1));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            let _ = parse(&bytes, "x", &Limits::default());
        }

        #[test]
        fn broken_definitions_are_read(at: proptest::sample::Index, with in "[<>/&a-z\"=! ]{0,4}", cut in 0usize..40) {
            let text = document("Debian", "Debian 12", r#"<criteria operator="OR"><criterion test_ref="t1"/></criteria>"#);
            let at = at.index(text.len());
            if let (Some(start), Some(end)) = (text.get(..at), text.get((at + cut).min(text.len())..)) {
                let _ = parse(format!("{start}{with}{end}").as_bytes(), "x", &Limits::default());
            }
        }
    }
}
