//! What GitLab asks of a container scanning report: a report that breaks one of these is not shown at all.

use boon::{Compiler, Schemas};
use lazaret_format::formats::Format;
use serde_json::{Value, json};

use crate::sample::{HOSTILE, hostile, rich};

/// The bounds of version 15 of GitLab's security report schemas on the members that are written.
fn schema() -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    let time = json!({ "type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}$" });
    let link = json!({ "type": "string", "pattern": "^(https?|ftp)://.+" });
    let tool = object(&json!({
        "id": text, "name": text, "version": text, "vendor": object(&json!({ "name": text })),
    }));
    let message = object(&json!({ "level": { "enum": ["info", "warn", "fatal"] }, "value": text }));
    let mut identifier = object(&json!({ "type": text, "name": text, "value": text }));
    identifier["properties"]["url"] = link.clone();
    let package = object(&json!({ "name": { "type": "string" } }));
    let location = object(&json!({
        "dependency": object(&json!({ "package": package, "version": { "type": "string" } })),
        "operating_system": text,
        "image": text,
    }));
    let detail = object(&json!({ "type": { "const": "text" }, "name": text, "value": { "type": "string" } }));
    let vulnerability = object(&json!({
        "id": text,
        "name": { "type": "string", "maxLength": 255 },
        "description": { "type": "string", "maxLength": 1_048_576 },
        "severity": { "enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"] },
        "solution": { "type": "string", "maxLength": 7000 },
        "identifiers": { "type": "array", "minItems": 1, "items": identifier },
        "links": { "type": "array", "items": object(&json!({ "url": link })) },
        "location": location,
        "details": { "type": "object", "additionalProperties": detail },
    }));
    let scan = object(&json!({
        "analyzer": tool,
        "scanner": tool,
        "type": { "const": "container_scanning" },
        "start_time": time,
        "end_time": time,
        "status": { "enum": ["success", "failure"] },
        "messages": { "type": "array", "items": message },
    }));
    object(&json!({
        "version": { "type": "string", "pattern": "^15\\.[0-9]+\\.[0-9]+$" },
        "scan": scan,
        "vulnerabilities": { "type": "array", "items": vulnerability },
        "remediations": { "type": "array", "maxItems": 0 },
    }))
}

/// All of these members and no others.
fn object(members: &Value) -> Value {
    let names: Vec<&String> = members.as_object().into_iter().flat_map(|members| members.keys()).collect();
    json!({ "type": "object", "required": names, "properties": members, "additionalProperties": false })
}

#[test]
fn whatever_an_advisory_says_gitlab_takes_the_report() {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("schema.json", schema()).unwrap();
    let schema = compiler.compile("schema.json", &mut schemas).unwrap();
    let write = Format::named("gitlab").unwrap().write;
    let check = |text: &str| {
        let document: Value = serde_json::from_str(text).unwrap();
        if let Err(error) = schemas.validate(&document, schema) {
            panic!("{error:#}");
        }
        document["vulnerabilities"].as_array().unwrap().len()
    };
    assert_eq!(check(&write(&rich().report())), 5);
    check(&write(&rich().bare()));
    let endless = "x".repeat(2 << 20);
    for text in HOSTILE.iter().copied().chain([endless.as_str(), "-", "é"]) {
        assert!(check(&write(&hostile(text).report())) > 0, "{text:.40}");
    }
}
