//! Every format of the table, on a full scan, an empty one, and one made by an enemy.

use std::path::PathBuf;

use lazaret_format::formats::{FORMATS, Format};
use serde_json::Value;

use crate::sample::{HOSTILE, hostile, rich};
use crate::schema::Schema;

/// Goldens: `LAZARET_BLESS=1` writes them anew.
#[test]
fn stay_what_they_were_promised_to_be() {
    let sample = rich();
    for format in FORMATS {
        let text = (format.write)(&sample.report());
        assert_eq!(text, (format.write)(&sample.report()), "{} differs on a rerun", format.name);
        let mut streamed = Vec::new();
        format.write_to(&sample.report(), &mut streamed).unwrap();
        assert!(streamed == text.as_bytes(), "{} differs when it is written to a writer", format.name);
        assert!(text.ends_with('\n'), "{}", format.name);
        let name = format!("{}.{}", format.name, format.extension);
        let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "testdata", "formats", &name].iter().collect();
        if std::env::var_os("LAZARET_BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            golden == text,
            "{} is not what {name} is: look at the difference after LAZARET_BLESS=1",
            path.display()
        );
    }
}

#[test]
fn json_is_json_whatever_an_enemy_writes() {
    for text in HOSTILE {
        let sample = hostile(text);
        for format in FORMATS.iter().filter(|format| format.media_type.contains("json")) {
            let document = (format.write)(&sample.report());
            serde_json::from_str::<Value>(&document)
                .unwrap_or_else(|error| panic!("{}: {error}", format.name));
        }
    }
}

fn schemas() -> Option<Vec<(&'static str, Schema)>> {
    Some(vec![
        ("cyclonedx", Schema::cyclonedx("1.6")?),
        ("cyclonedx-1.7", Schema::cyclonedx("1.7")?),
        ("sarif", Schema::of("sarif-spec/sarif-2.1/schema/sarif-schema-2.1.0.json")?),
        ("openvex", Schema::of("openvex-spec/openvex_json_schema.json")?),
    ])
}

/// CycloneDX 1.6 and 1.7, SARIF 2.1.0 and OpenVEX 0.2.0 by the schemas of their makers.
#[test]
fn official_schemas_accept_what_is_written() {
    let Some(schemas) = schemas() else { return };
    let sample = rich();
    let enemies: Vec<_> = HOSTILE.iter().map(|text| hostile(text)).collect();
    for (name, schema) in &schemas {
        let format = Format::named(name).unwrap();
        let mut reports = vec![sample.report()];
        // OpenVEX has no document without a statement.
        if *name != "openvex" {
            reports.push(sample.bare());
        }
        reports.extend(enemies.iter().map(|enemy| enemy.report()));
        for report in &reports {
            let document: Value = serde_json::from_str(&(format.write)(report)).unwrap();
            schema.check(&document).unwrap_or_else(|error| panic!("{name}: {error}\n{}", report.target));
        }
        // A schema that accepts everything would prove nothing.
        let mut document: Value = serde_json::from_str(&(format.write)(&reports[0])).unwrap();
        for list in ["components", "runs", "statements"] {
            if document.get(list).is_some() {
                document[list] = "none".into();
            }
        }
        assert!(schema.check(&document).is_err(), "{name}");
    }
}
