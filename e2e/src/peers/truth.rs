//! What the packages' own tools list in a tree: dpkg, Python's `importlib.metadata` (which pip lists by), npm.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::listing::Listed;
use super::tools::Tools;
use crate::{Result, Run};

/// Prints name and version of every distribution below a root, with the path relative to it.
const DISTRIBUTIONS: &str = r#"
import importlib.metadata, os, sys
root = sys.argv[1]
for folder, directories, _ in os.walk(root):
    if any(name.endswith((".dist-info", ".egg-info")) for name in os.listdir(folder)):
        for found in importlib.metadata.distributions(path=[folder]):
            if found.metadata["Name"]:
                print(found.metadata["Name"], found.version)
"#;

/// Everything that the tools list in the tree, the npm packages below one directory.
pub(super) fn list(tree: &Path, npm: &str) -> Result<BTreeSet<Listed>> {
    let root = tree.display().to_string();
    let mut all = BTreeSet::new();
    let query = Run::new("dpkg-query").args([format!("--admindir={root}/var/lib/dpkg")]);
    let text =
        query.args(["--show", "--showformat=${db:Status-Status} ${Package} ${Version}\n"]).ok()?.stdout;
    all.extend(text.lines().filter_map(|line| named("deb", line.strip_prefix("installed ")?)));
    let text = Run::new(Tools::python()?).args(["-c", DISTRIBUTIONS, &root]).ok()?.stdout;
    all.extend(text.lines().filter_map(|line| named("pypi", line)));
    // npm ends with 1 where it finds a tree's peers wanting, and lists it all the same.
    let listed =
        Run::new("npm").args(["ls", "--all", "--json", "--prefix", &format!("{root}/{npm}")]).end()?;
    below(&listed.json()?, &mut all);
    Ok(all)
}

fn named(kind: &str, line: &str) -> Option<Listed> {
    let (name, version) = line.split_once(' ')?;
    Some(Listed::new(kind, name, version))
}

/// The tree that npm prints, itself no deeper than npm's own nesting.
fn below(node: &Value, all: &mut BTreeSet<Listed>) {
    for (name, package) in node["dependencies"].as_object().into_iter().flatten() {
        if let Some(version) = package["version"].as_str().filter(|_| package["missing"] != true) {
            all.insert(Listed::new("npm", name, version));
        }
        below(package, all);
    }
}
