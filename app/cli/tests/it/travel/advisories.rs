//! Databases of many advisories.

use serde_json::{Value, json};

use crate::place::{Place, text};

impl Place {
    /// Imports so many advisories, each of a package of its own.
    pub(crate) fn fill(&self, count: usize) {
        let documents: Vec<Value> = (0..count).map(|number| document(number, "1.0")).collect();
        let path = self.write("many.json", Value::from(documents).to_string());
        self.ok(&["db", "import", text(&path)]);
    }
}

pub(crate) fn document(number: usize, fixed: &str) -> Value {
    // Summaries that do not compress to nothing.
    let noise = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let noise = format!("{noise:x} {:x}", noise.wrapping_mul(0xd134_2543_de82_ef95));
    json!({
        "id": format!("X-{number}"), "modified": "2026-01-01T00:00:00Z", "summary": format!("a flaw {noise}"),
        "affected": [{ "package": { "ecosystem": "PyPI", "name": format!("package-{number}") },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": fixed }] }] }],
    })
}
