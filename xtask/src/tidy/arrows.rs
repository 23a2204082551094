use super::Complaint;
use crate::cargo::{Crate, Workspace};
use crate::house::ARROWS;

/// Holds the dependencies between our crates against the plan, and what each crate says of itself.
pub(super) fn check(workspace: &Workspace) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for crate_ in &workspace.crates {
        match ARROWS.iter().find(|(folder, _)| *folder == crate_.folder) {
            Some((_, allowed)) => complaints.extend(check_crate(crate_, allowed)),
            None => complaints.push(Complaint::error(
                &crate_.folder,
                "this crate is not on the plan: a new crate needs a place in ARCHITECTURE.md and xtask/src/house.rs",
            )),
        }
    }
    for (folder, _) in ARROWS {
        if !workspace.crates.iter().any(|crate_| crate_.folder == *folder) {
            complaints.push(Complaint::error(*folder, "this crate is on the plan but not in the workspace"));
        }
    }
    complaints
}

fn check_crate(crate_: &Crate, allowed: &[&str]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut complain =
        |text: String| complaints.push(Complaint::error(format!("{}/Cargo.toml", crate_.folder), text));
    let name = room(&crate_.folder);
    if crate_.folder.contains('/') && crate_.package != format!("lazaret-{name}") {
        complain(format!("the package is named `{}`, not `lazaret-{name}`", crate_.package));
    }
    if crate_.description.len() < 20 {
        complain("the description is missing: one line that says what the crate is".to_owned());
    }
    if crate_.licence != "Apache-2.0" {
        complain(format!("the licence is `{}`, not Apache-2.0", crate_.licence));
    }
    for dependency in &crate_.dependencies {
        if dependency.git {
            complain(format!("`{}` comes from git: releases only", dependency.package));
        }
        let Some(folder) = &dependency.folder else { continue };
        let wanted = room(folder);
        if !dependency.development && !allowed.contains(&wanted) {
            let list = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
            complain(format!("the arrow {name} → {wanted} is not on the plan ({name} may lean on {list})"));
        }
    }
    complaints
}

/// `core/model` → `model`.
fn room(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or(folder)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::cargo::parse_metadata;

    /// The workspace as planned, as `cargo metadata` would show it, with `extra` dependencies of one crate.
    fn workspace(folder: &str, extra: serde_json::Value) -> Workspace {
        let packages: Vec<_> = ARROWS
            .iter()
            .map(|(planned, allowed)| {
                let mut dependencies: Vec<_> = allowed.iter().map(|name| own(name)).collect();
                if *planned == folder {
                    dependencies.push(extra.clone());
                }
                let package = if planned.contains('/') {
                    format!("lazaret-{}", room(planned))
                } else {
                    (*planned).to_owned()
                };
                json!({
                    "name": package,
                    "manifest_path": format!("/house/{planned}/Cargo.toml"),
                    "description": "What this crate is, in one line",
                    "license": "Apache-2.0",
                    "dependencies": dependencies,
                })
            })
            .collect();
        parse_metadata(&json!({ "packages": packages }), Path::new("/house")).unwrap()
    }

    fn own(name: &str) -> serde_json::Value {
        let (folder, _) = ARROWS.iter().find(|(folder, _)| room(folder) == name).unwrap();
        json!({ "name": format!("lazaret-{name}"), "path": format!("/house/{folder}"), "kind": null })
    }

    #[test]
    fn the_plan_itself_is_fine() {
        let fine = json!({ "name": "serde", "kind": null, "source": "registry+https://index.example" });
        assert_eq!(check(&workspace("core/model", fine)), []);
    }

    #[test]
    fn a_wrong_arrow_is_reported() {
        for (from, to) in
            [("core/policy", "trust"), ("app/agent", "store"), ("core/model", "format"), ("e2e", "cli")]
        {
            let complaints = check(&workspace(from, own(to)));
            assert_eq!(complaints.len(), 1, "{complaints:?}");
            let said = complaints[0].to_string();
            assert!(said.contains(from) && said.contains(&format!("→ {to} is not on the plan")), "{said}");
        }
    }

    #[test]
    fn arrows_of_tests_are_free_and_git_is_not() {
        let mut dependency = own("trust");
        dependency["kind"] = json!("dev");
        assert_eq!(check(&workspace("core/policy", dependency)), []);
        let git = json!({ "name": "serde", "kind": null, "source": "git+https://git.example/serde" });
        assert!(check(&workspace("core/policy", git))[0].to_string().contains("comes from git"));
    }

    #[test]
    fn unplanned_missing_and_nameless_crates_are_reported() {
        let mut workspace = workspace("", json!({}));
        workspace.crates[0].folder = "core/common".to_owned();
        workspace.crates[1].description.clear();
        let said: Vec<String> = check(&workspace).iter().map(ToString::to_string).collect();
        assert!(
            said.iter().any(|line| line.contains("core/common: this crate is not on the plan")),
            "{said:?}"
        );
        assert!(
            said.iter().any(|line| line.contains("core/version: this crate is on the plan but")),
            "{said:?}"
        );
        assert!(said.iter().any(|line| line.contains("core/model/Cargo.toml: the description")), "{said:?}");
    }
}
