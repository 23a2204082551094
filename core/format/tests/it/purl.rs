use std::collections::BTreeMap;

use lazaret_format::purl::Purl;
use serde_json::Value;

use crate::corpora;

/// Every test of purl-spec for the types that Lazaret writes: building gives the canonical text.
#[test]
fn builds_what_the_specification_builds() {
    let types = ["deb", "oci"].map(|kind| format!("purl-spec/tests/types/{kind}-test.json"));
    let Some(files) =
        corpora::files("specs/sbom-vex-sarif-csaf.tar.zst", |name| types.contains(&name.to_owned()))
    else {
        return;
    };
    assert_eq!(files.len(), types.len());
    let mut checked = 0;
    for content in files.values() {
        let document: Value = serde_json::from_slice(content).unwrap();
        for test in document["tests"].as_array().unwrap() {
            let (parts, text) = match test["test_type"].as_str().unwrap() {
                "build" => (&test["input"], test["expected_output"].as_str()),
                _ => continue,
            };
            assert_eq!(build(parts), text.unwrap(), "{}", test["description"]);
            checked += 1;
        }
    }
    assert!(checked >= 8, "only {checked} tests were found");
}

fn build(parts: &Value) -> String {
    let qualifiers: BTreeMap<&str, &str> = parts["qualifiers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.as_str(), value.as_str().unwrap()))
        .collect();
    let purl = Purl {
        kind: parts["type"].as_str().unwrap(),
        namespace: parts["namespace"].as_str(),
        name: parts["name"].as_str().unwrap(),
        version: parts["version"].as_str(),
        qualifiers,
    };
    purl.to_string()
}
