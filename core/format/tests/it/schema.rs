//! Official schemas out of the corpora.

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

use crate::corpora;

const ARCHIVE: &str = "specs/sbom-vex-sarif-csaf.tar.zst";

pub(crate) struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    /// One file with a schema that needs no other.
    pub(crate) fn of(path: &str) -> Option<Self> {
        Self::among(path, &[], |name| format!("http://schemas.example/{name}"))
    }

    /// A version of CycloneDX, with the schemas that it refers to.
    pub(crate) fn cyclonedx(version: &str) -> Option<Self> {
        const FOLDER: &str = "cyclonedx-specification/schema/";
        let main = format!("{FOLDER}bom-{version}.schema.json");
        let others = ["spdx.schema.json", "jsf-0.82.schema.json", "cryptography-defs.schema.json"];
        let others: Vec<String> = others.iter().map(|name| format!("{FOLDER}{name}")).collect();
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        Self::among(&main, &others, |name| format!("http://cyclonedx.org/schema/{}", &name[FOLDER.len()..]))
    }

    fn among(main: &str, others: &[&str], url: impl Fn(&str) -> String) -> Option<Self> {
        let files = corpora::files(ARCHIVE, |name| name == main || others.contains(&name))?;
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        for (name, content) in &files {
            let schema = serde_json::from_slice(content).expect("a schema is JSON");
            compiler.add_resource(&url(name), schema).expect("a schema");
        }
        let index =
            compiler.compile(&url(main), &mut schemas).unwrap_or_else(|error| panic!("{main}: {error:#}"));
        Some(Self { schemas, index })
    }

    pub(crate) fn check(&self, document: &Value) -> Result<(), String> {
        self.schemas.validate(document, self.index).map_err(|error| format!("{error:#}"))
    }
}
