//! Scores that others published beside their vectors.

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
    let Compared { agreed, all, others } = compared;
    super::report(&format!("CVSS: {agreed} of {all} published scores"));
    for other in &others {
        super::report(&format!("      {other}"));
    }
    assert!(all > 32_000, "only {all} scores were compared");
    assert!(others.len() <= KNOWN_WRONG, "{others:?}");
}

/// Scores that their publishers got wrong, by the equations of the standard.
const KNOWN_WRONG: usize = 0;

#[derive(Default)]
struct Compared {
    agreed: usize,
    all: usize,
    others: Vec<String>,
}

impl Compared {
    fn add(&mut self, vector: &str, score: &str) {
        let Ok(expected) = score.parse::<f64>() else { return };
        self.all += 1;
        match cvss::score(vector) {
            Ok(found) if (f64::from(found.tenths) - expected * 10.0).abs() < 0.01 => self.agreed += 1,
            found => self.others.push(format!("{vector}: {score} and not {found:?}")),
        }
    }
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
