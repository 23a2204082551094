//! Scores that others published beside their vectors.

use std::collections::BTreeMap;

use lazaret_advisory::cvss;

use super::corpora::{corpus, files, unpack};

/// Vectors with scores: CISA's "vulnrichment" of 2024, and the NVD's records in other scanners' test data.
#[test]
fn published_scores_are_computed() {
    let Some(table) = corpus("feeds/vulnrichment_compact.csv.zst") else { return };
    let table = zstd::decode_all(&*table).expect("the corpus is whole");
    let table = String::from_utf8(table).expect("the corpus is text");
    let mut compared = Compared::default();
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        if let [_, _, kind, vector, score, ..] = fields[..]
            && !kind.is_empty()
        {
            compared.add(vector, score);
        }
    }
    if let Some(folder) = unpack("feeds/provider-fixtures.tar.zst", "scores") {
        for path in files(&folder, "json") {
            // Not all of them are UTF-8.
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let Ok(value) = serde_json::from_str(&text) else { continue };
            nested(&value, &mut compared);
        }
    }
    let (mut agreed, mut others) = (0, Vec::new());
    for (vector, scores) in &compared.scores {
        let most = scores.iter().max_by_key(|(score, count)| (**count, **score)).map(|(score, _)| *score);
        match cvss::score(vector) {
            Ok(found) if Some(u32::from(found.tenths)) == most => agreed += scores.values().sum::<usize>(),
            found => others.push(format!("{vector}: {most:?} and not {found:?}")),
        }
    }
    let all: usize = compared.scores.values().flat_map(|scores| scores.values()).sum();
    super::report(&format!(
        "CVSS: {agreed} of {all} published scores, {} of {} vectors; {} temporal scores left out",
        compared.scores.len() - others.len(),
        compared.scores.len(),
        compared.temporal
    ));
    assert!(all > 30_000, "only {all} scores were compared");
    others.retain(|other| !WRONG.iter().any(|wrong| other.starts_with(wrong)));
    assert_eq!(others, [""; 0]);
}

/// Vectors that one or two publishers gave, with a score that the equations of the standard don't give: the first
/// four are slips, the last two were rounded down from 5.65 and 5.05 before FIRST's calculator was corrected.
const WRONG: &[&str] = &[
    "CVSS:3.0/AV:N/AC:L/PR:L/UI:R/S:U/C:L/I:N/A:N: Some(46) and not",
    "CVSS:3.1/AV:A/AC:L/PR:L/UI:R/S:C/C:H/I:H/A:H: Some(85) and not",
    "CVSS:3.1/AV:L/AC:L/PR:L/UI:R/S:C/C:H/I:H/A:N: Some(78) and not",
    "CVSS:3.1/AV:P/AC:L/PR:N/UI:R/S:C/C:H/I:H/A:H: Some(74) and not",
    "CVSS:4.0/AV:N/AC:H/AT:P/PR:H/UI:A/VC:L/VI:H/VA:N/SC:N/SI:N/SA:N: Some(56) and not",
    "CVSS:4.0/AV:N/AC:L/AT:P/PR:H/UI:N/VC:N/VI:N/VA:N/SC:H/SI:H/SA:N/RE:L/U:Green: Some(50) and not",
];

/// How often each vector has been published with each score in tenths. Where publishers disagree, most are right.
#[derive(Default)]
struct Compared {
    scores: BTreeMap<String, BTreeMap<u32, usize>>,
    temporal: usize,
}

impl Compared {
    fn add(&mut self, vector: &str, score: &str) {
        let Some(tenths) = tenths(score) else { return };
        // Some publishers give the temporal score of versions 2 and 3 as that of the base.
        if !vector.starts_with("CVSS:4")
            && ["/E:", "/RL:", "/RC:"].iter().any(|metric| vector.contains(metric))
        {
            self.temporal += 1;
            return;
        }
        *self.scores.entry(vector.to_owned()).or_default().entry(tenths).or_default() += 1;
    }
}

/// `9.8` in tenths.
fn tenths(score: &str) -> Option<u32> {
    let (whole, part) = score.split_once('.').unwrap_or((score, "0"));
    Some(whole.parse::<u32>().ok()? * 10 + part.get(..1)?.parse::<u32>().ok()?)
}

/// `vectorString` beside `baseScore`, at any depth.
fn nested(value: &serde_json::Value, compared: &mut Compared) {
    match value {
        serde_json::Value::Object(fields) => {
            if let (Some(vector), Some(score)) = (fields.get("vectorString"), fields.get("baseScore"))
                && let (Some(vector), Some(score)) = (vector.as_str(), score.as_f64())
            {
                compared.add(vector, &score.to_string());
            }
            fields.values().for_each(|value| nested(value, compared));
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| nested(value, compared)),
        _ => {}
    }
}
