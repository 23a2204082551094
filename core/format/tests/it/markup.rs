//! HTML, JUnit XML and Markdown: what an enemy writes is text in them, and nothing else.

use lazaret_format::formats::Format;
use proptest::prelude::*;

use crate::sample::{HOSTILE, hostile, rich};

fn written(format: &str, text: &str) -> String {
    (Format::named(format).unwrap().write)(&hostile(text).report())
}

/// Elements as they open and close; panics on what is no markup.
fn tags(text: &str, void: &[&str]) -> Vec<String> {
    let (mut open, mut all, mut rest) = (Vec::new(), Vec::new(), text);
    while let Some((before, after)) = rest.split_once('<') {
        assert!(!before.contains('>'), "a stray `>` after {}", before.len());
        let (tag, more) = after.split_once('>').expect("every tag ends");
        let name: String =
            tag.trim_start_matches('/').chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "at {}", &more[..more.len().min(60)]);
        } else if !tag.starts_with(['?', '!']) && !tag.ends_with('/') && !void.contains(&name.as_str()) {
            open.push(name.clone());
        }
        all.push(name);
        rest = more;
    }
    assert!(open.is_empty(), "{open:?} stay open");
    all
}

#[test]
fn xml_is_well_formed_and_counts_right() {
    let calm = tags(&(Format::named("junit").unwrap().write)(&rich().report()), &[]);
    assert_eq!(calm.iter().filter(|name| *name == "failure").count(), 2 * 5);
    for text in HOSTILE {
        let xml = written("junit", text);
        assert_eq!(tags(&xml, &[]), calm, "{text}");
        assert!(
            xml.chars().all(
                |c| matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
            )
        );
    }
    let bare = (Format::named("junit").unwrap().write)(&rich().bare());
    assert!(bare.contains("tests=\"1\" failures=\"0\""), "{bare}");
}

#[test]
fn html_holds_no_script_and_loads_nothing() {
    const VOID: &[&str] = &["meta"];
    let without_links = |text: &str| -> Vec<String> {
        // Links are the one thing that depends on the text.
        tags(&written("html", text), VOID).into_iter().filter(|name| name != "a").collect()
    };
    let calm = without_links("calm");
    for text in HOSTILE {
        let html = written("html", text);
        // Where nothing is said, some lines are left out.
        assert!(text.is_empty() || without_links(text) == calm, "{text}: {html}");
        for tag in html.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default()) {
            assert!(!tag.starts_with("script") && !tag.starts_with("img"), "<{tag}> for {text}");
            for bad in [" src=", " onclick", " onerror", "href=\"javascript", "href=\"/"] {
                assert!(!tag.contains(bad), "<{tag}> for {text}");
            }
        }
        assert!(!html.contains("url(") && !html.contains("@import"));
    }
}

#[test]
fn markdown_rows_stay_rows() {
    for text in HOSTILE {
        let page = written("markdown", text);
        // The one thing that is folded is the page's own.
        let mut own = page.clone();
        for tag in ["<details><summary>", "</summary>", "</details>"] {
            own = own.replacen(tag, "", 1);
        }
        assert!(!own.contains('<'), "{page}");
        let mut columns = None;
        for line in page.lines() {
            let bars = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
            match columns {
                _ if !line.starts_with('|') => columns = None,
                // The head of a table.
                None => columns = Some(bars),
                Some(columns) => assert_eq!(bars, columns, "{line}"),
            }
        }
        assert_eq!(page.lines().filter(|line| line.starts_with("|---")).count(), 2, "{page}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_stays_text(text in "(?s).{0,40}") {
        tags(&written("junit", &text), &[]);
        tags(&written("html", &text), &["meta"]);
        for format in lazaret_format::formats::FORMATS {
            (format.write)(&hostile(&text).report());
        }
    }
}
