//! `Manifest.toml` of Julia (Pkg documentation, "Manifest.toml"), formats 1 and 2.

use lazaret_model::{Ecosystem, PackageEvidence};
use toml::{Table, Value};

use crate::documents;
use crate::files::File;
use crate::reading::Reading;
use crate::stated;

/// Packages of Julia itself have no version of their own: format 2 says that of Julia, format 1 says none.
pub(super) fn manifest(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(document) = documents::toml::<Table>(file, reading) else { return };
    let julia = document.get("julia_version").and_then(Value::as_str).unwrap_or_default();
    let of_format_2 = document.contains_key("manifest_format");
    let packages = if of_format_2 { document.get("deps").and_then(Value::as_table) } else { Some(&document) };
    for (name, entries) in packages.into_iter().flatten() {
        // Packages of one name are told apart by their identity.
        let entries = entries.as_array().into_iter().flatten().filter_map(Value::as_table);
        for entry in entries.filter(|entry| entry.contains_key("uuid")) {
            let version = entry.get("version").and_then(Value::as_str).unwrap_or(julia);
            let package = stated::package(file, Ecosystem::Julia, PackageEvidence::Declared, name, version);
            if !reading.package(package) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stated::testing;

    const TWO: &str = "julia_version = \"1.8.5\"\nmanifest_format = \"2.0\"\n\n[[deps.Dates]]\ndeps = [\"Printf\"]\nuuid = \"ade2\"\n\n[[deps.JSON]]\nuuid = \"682c\"\nversion = \"0.21.4\"\n\n[[deps.JSON]]\nuuid = \"682d\"\nversion = \"0.1.0\"\n";

    #[test]
    fn reads_both_formats() {
        let found = ["Dates 1.8.5", "JSON 0.21.4", "JSON 0.1.0"].map(str::to_owned).to_vec();
        assert_eq!(testing::read(manifest, "Manifest.toml", TWO), (found, 0));
        let one = "[[Dates]]\nuuid = \"ade2\"\n[[JSON]]\nuuid = \"682c\"\nversion = \"0.21.4\"\n";
        assert_eq!(testing::read(manifest, "Manifest.toml", one).0, ["Dates ", "JSON 0.21.4"]);
        assert_eq!(testing::read(manifest, "Manifest.toml", "[[a]]\nb = 1\n[c]\n"), (vec![], 0));
        assert_eq!(testing::read(manifest, "Manifest.toml", "[["), (vec![], 1));
    }

    #[test]
    fn takes_anything() {
        testing::survives(manifest, "Manifest.toml", TWO);
    }
}
