//! Indices that are older than one which was taken before.

use super::place::{Packing, Place, sha256};
use super::rows;

/// Publishes updates that are `made` then.
fn publish(place: &Place, version: &str, made: &str) {
    place.publish("r", &[("CVE-2024-0001", "nginx", version)], Packing::Gzip);
    place.alter_index("r", |text| {
        text.replacen("</data>", &format!("<timestamp>{made}</timestamp></data>"), 1)
    });
}

#[tokio::test]
async fn an_old_index_is_refused_until_it_is_allowed() {
    let place = Place::new();
    place.configure(&format!("[r]\nbaseurl={}\n", place.server.url("r")));
    let said = async |allows_older: bool| {
        let mut request = place.request(vec![place.root()]);
        request.allows_older = allows_older;
        let feed = place.try_run(&request).await.unwrap();
        (rows(&feed.repositories[0])[0].clone(), feed.repositories[0].problem.clone().unwrap_or_default())
    };
    let row = |version: &str| format!("CVE-2024-0001 rocky:9 nginx {version}-1.el9");
    publish(&place, "1.20", "1700000000");
    assert_eq!(said(false).await, (row("1.20"), String::new()));
    publish(&place, "1.22", "1710000000.5");
    assert_eq!(said(false).await, (row("1.22"), String::new()));

    // Shown again, the old one is not believed, as often as it is shown.
    publish(&place, "1.20", "1700000000");
    for _ in 0..2 {
        let (said, problem) = said(false).await;
        assert_eq!(said, row("1.22"));
        let dates = "of 2023-11-14T22:13:20Z, older than that of 2024-03-09T16:00:00Z";
        assert!(problem.contains(dates) && problem.contains("what it said on"), "{problem}");
    }
    // Without a time nothing can be compared, and nothing is forgotten.
    place.publish("r", &[("CVE-2024-0001", "nginx", "1.23")], Packing::Gzip);
    assert_eq!(said(false).await, (row("1.23"), String::new()));
    publish(&place, "1.20", "1700000000");
    assert!(said(false).await.1.contains("older than"));
    // A metalink says which index is the right one.
    let index = sha256(&std::fs::read(place.path("web/r/repodata/repomd.xml")).unwrap());
    let metalink = format!(
        "<metalink><files><file name=\"repomd.xml\"><verification><hash type=\"sha256\">{index}</hash></verification><resources>\
         <url preference=\"9\">{}/repodata/repomd.xml</url></resources></file></files></metalink>",
        place.server.url("r")
    );
    place.write("web/meta", metalink);
    place.configure(&format!("[r]\nmetalink={}\n", place.server.url("meta")));
    assert_eq!(said(false).await, (row("1.20"), String::new()));

    place.configure(&format!("[r]\nbaseurl={}\n", place.server.url("r")));
    // Whoever goes back on purpose says so, and goes on from there.
    publish(&place, "1.19", "1600000000");
    assert!(said(false).await.1.contains("older than"));
    assert_eq!(said(true).await, (row("1.19"), String::new()));
    publish(&place, "1.21", "1650000000");
    assert_eq!(said(false).await, (row("1.21"), String::new()));
}

/// Somebody who once showed an index of the future has not ended all updates.
#[tokio::test]
async fn a_time_that_lies_ahead_locks_nothing_out_for_long() {
    let place = Place::new();
    place.configure(&format!("[r]\nbaseurl={}\n", place.server.url("r")));
    publish(&place, "1.20", "18446744073709551615");
    place.run().await;
    publish(&place, "1.21", "1767398400");
    let feed = place.run().await;
    assert_eq!(feed.repositories[0].problem, None, "the third of January 2026, asked on the first");
    assert_eq!(rows(&feed.repositories[0]), ["CVE-2024-0001 rocky:9 nginx 1.21-1.el9"]);
}
