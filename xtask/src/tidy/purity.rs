use std::path::Path;

use super::Complaint;
use crate::cargo::{Crate, Workspace};
use crate::house::{CORE_DEPENDENCIES, CORE_FORBIDS};

/// Clippy looks for its settings from the crate's folder upwards, so one file serves every core crate.
const SETTINGS: &str = "core/clippy.toml";

/// `core` is pure: clippy forbids files, network, environment and clock there (its settings must say so, and no
/// crate may bring settings of its own), and what it links is on a list.
pub(super) fn check(root: &Path, workspace: &Workspace) -> Vec<Complaint> {
    let mut complaints = check_settings(&std::fs::read_to_string(root.join(SETTINGS)).unwrap_or_default());
    for crate_ in workspace.crates.iter().filter(|crate_| crate_.folder.starts_with("core/")) {
        complaints.extend(check_dependencies(crate_));
        for name in ["clippy.toml", ".clippy.toml"] {
            let own = format!("{}/{name}", crate_.folder);
            if root.join(&own).exists() {
                complaints.push(Complaint::error(own, format!("hides {SETTINGS} from clippy: remove it")));
            }
        }
    }
    complaints
}

fn check_settings(text: &str) -> Vec<Complaint> {
    let forbidden = |path: &str| text.contains(&format!("\"{path}\""));
    let missing = CORE_FORBIDS.iter().filter(|path| !forbidden(path));
    missing.map(|path| Complaint::error(SETTINGS, format!("does not forbid `{path}`"))).collect()
}

fn check_dependencies(crate_: &Crate) -> Vec<Complaint> {
    let foreign = crate_
        .dependencies
        .iter()
        .filter(|dependency| dependency.folder.is_none() && !dependency.development);
    foreign
        .filter(|dependency| !CORE_DEPENDENCIES.contains(&dependency.package.as_str()))
        .map(|dependency| {
            let text = format!("`{}` is not on the list of crates that core may use", dependency.package);
            Complaint::error(format!("{}/Cargo.toml", crate_.folder), text)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo::Dependency;

    #[test]
    fn a_runtime_in_core_is_reported() {
        let dependency = |name: &str| Dependency { package: name.to_owned(), ..Dependency::default() };
        let crate_ = Crate {
            folder: "core/policy".to_owned(),
            dependencies: vec![dependency("serde"), dependency("tokio")],
            ..Crate::default()
        };
        let complaints = check_dependencies(&crate_);
        assert_eq!(complaints.len(), 1);
        assert!(complaints[0].to_string().contains("core/policy/Cargo.toml: `tokio` is not on the list"));
    }

    #[test]
    fn weakened_settings_are_reported() {
        let whole: String = CORE_FORBIDS.iter().map(|path| format!("{{ path = \"{path}\" }},\n")).collect();
        assert_eq!(check_settings(&whole), []);
        let weakened = whole.replace("std::time::SystemTime", "std::time::Duration");
        assert_eq!(check_settings(&weakened).len(), 1);
        assert_eq!(check_settings("").len(), CORE_FORBIDS.len());
    }
}
