//! Feeds come and go one by one.

use lazaret_advisory::feed::osv::OsvFeed;
use lazaret_advisory::{Builder, Database, Feed};
use lazaret_model::{Advisory, Digest, Ecosystem, Limits, Ssvc, Vulnerability};
use proptest::prelude::*;

use super::samples::{advisories, advisory, built};

fn of(feed: &str, row: Advisory) -> Advisory {
    Advisory { feed: feed.to_owned(), ..row }
}

fn finish(builder: Builder) -> Database {
    let database = Database::open(builder.build(built()).expect("it fits")).expect("it opens");
    database.verify().expect("it is sound");
    database
}

#[test]
fn an_unchanged_feed_is_taken_over_and_a_failed_one_says_so() {
    let mut builder = Builder::new();
    builder.push(of("osv", advisory("CVE-2024-0001", "foo", "", "1.2")));
    builder.push(of("tracker", advisory("CVE-2024-0001", "foo", "", "1.1")));
    let score = Vulnerability { epss: Some(10), ..Vulnerability::new("CVE-2024-0001") };
    builder.push_vulnerability("epss", "CVE-2024-0001", &score);
    let source = Digest::from_bytes([7; 32]);
    builder.feed(&Feed {
        source: Some(source),
        read: Some("2026-01-01T00:00:00Z".into()),
        ..Feed::new("osv")
    });
    let present = finish(builder);

    let mut builder = Builder::new();
    builder.keep_from(&present, &["osv", "epss", "unheard of"]).unwrap();
    builder.push(of("tracker", advisory("CVE-2024-0002", "foo", "", "1.3")));
    let failed = present.feeds().unwrap().into_iter().find(|feed| feed.name == "osv").unwrap();
    builder.feed(&Feed { problem: Some("the server is away".into()), ..failed });
    let next = finish(builder);
    let feeds = next.feeds().unwrap();
    let names: Vec<_> =
        feeds.iter().map(|feed| (feed.name.as_str(), feed.rows, feed.vulnerabilities)).collect();
    assert_eq!(names, [("epss", 0, 1), ("osv", 1, 0), ("tracker", 1, 0)]);
    assert_eq!((feeds[1].source, feeds[1].problem.as_deref()), (Some(source), Some("the server is away")));
    assert_eq!(feeds[1].read.as_deref(), Some("2026-01-01T00:00:00Z"), "the last good data");
    assert_eq!(next.by_id("CVE-2024-0001").unwrap().len(), 1);
    assert_eq!(next.vulnerability("CVE-2024-0001").unwrap(), Some(score));
    assert_eq!(next.vulnerability("CVE-2024-0002").unwrap(), None);
}

fn document(id: &str, fixed: &str, more: &str) -> String {
    format!(
        r#"{{"id":"{id}","aliases":["CVE-2024-0001"],"modified":"2024-01-01T00:00:00Z"{more},
        "severity":[{{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}],
        "affected":[{{"package":{{"ecosystem":"PyPI","name":"foo"}},
        "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#
    )
}

fn read(texts: &[String]) -> OsvFeed {
    let mut feed = OsvFeed::new("osv");
    for text in texts {
        feed.read_json(text.as_bytes(), &Limits::default()).expect("it is a document");
    }
    feed
}

#[test]
fn a_newer_document_takes_the_place_of_the_older_and_a_withdrawn_one_is_gone() {
    let mut builder = Builder::new();
    read(&[document("GHSA-1", "1.1", ""), document("PYSEC-1", "1.2", "")]).push_into(&mut builder);
    let present = finish(builder);
    assert_eq!(present.by_package(Ecosystem::PyPi, "", "Foo").unwrap().len(), 2);

    let after = |texts: &[String]| {
        let mut builder = Builder::new();
        builder.keep_from(&present, &["osv"]).unwrap();
        read(texts).push_into(&mut builder);
        finish(builder)
    };
    let fixes = |database: &Database| -> Vec<String> {
        let rows = database.by_package(Ecosystem::PyPi, "", "foo").unwrap();
        rows.into_iter().filter_map(|row| row.fixed).collect()
    };
    assert_eq!(fixes(&after(&[document("GHSA-1", "1.5", "")])), ["1.2", "1.5"]);
    let withdrawn = after(&[document("GHSA-1", "1.5", r#","withdrawn":"2024-02-01T00:00:00Z""#)]);
    assert_eq!(fixes(&withdrawn), ["1.2"], "the other document stays");
    assert_eq!(withdrawn.vulnerability("CVE-2024-0001").unwrap().unwrap().cvss[0].0, "pysec");
}

proptest! {
    #[test]
    fn keeping_every_feed_gives_the_same_file(
        rows in advisories(),
        scores in prop::collection::vec(("CVE-2024-000[1-4]", 0_u32..9, "(epss|nvd)"), 0..6),
    ) {
        let mut builder = Builder::new();
        for (at, row) in rows.into_iter().enumerate() {
            builder.push(of(["osv", "apt"][at % 2], row));
        }
        for (id, score, feed) in scores {
            let known = Vulnerability {
                epss: Some(score),
                ssvc: (score > 3).then_some(Ssvc { automatable: Some(score > 6), ..Ssvc::default() }),
                cvss: vec![(feed.clone(), format!("AV:{score}"))],
                ..Vulnerability::new(&id)
            };
            builder.push_vulnerability(&feed, &id, &known);
        }
        let file = builder.build(built()).unwrap();
        let database = Database::open(file.clone()).unwrap();
        let mut again = Builder::new();
        // Feed by feed, and in another order.
        again.keep_from(&database, &["osv", "nvd"]).unwrap();
        again.keep_all_but(&database, &["osv", "nvd"]).unwrap();
        prop_assert_eq!(again.build(built()).unwrap(), file);
    }
}
