//! Haskell: `cabal.project.freeze` and `stack.yaml.lock`.

use lazaret_model::Ecosystem;
use serde::Deserialize;

use crate::documents;
use crate::files::File;
use crate::reading::Reading;
use crate::stated;

/// `constraints: any.aeson ==2.1.2.1, aeson -cffi +ordered-keymap, any.base ==4.17`
pub(super) fn freeze(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(text) = stated::text(file, reading) else { return };
    let packages = text.split([',', '\n']).filter_map(|constraint| {
        let (_, constraint) = constraint.split_once("any.")?;
        let (name, version) = constraint.split_once("==")?;
        Some((name.trim(), version.trim()))
    });
    stated::declare(file, reading, Ecosystem::Hackage, packages);
}

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    packages: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    completed: Completed,
}

#[derive(Deserialize)]
struct Completed {
    hackage: Option<String>,
}

/// `hackage: HsYAML-0.2.1.0@sha256:e4677daeba57f7a1e9a709a1f3022fe937336c91513e893166bd1f023f530d68,5311`
pub(super) fn stack(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(locks) = documents::yaml::<Lock>(file, reading) else { return };
    let packages = locks.into_iter().flat_map(|lock| lock.packages).filter_map(|pair| {
        let text = pair.completed.hackage?;
        let (name, version) = text.split('@').next()?.rsplit_once('-')?;
        Some((name.to_owned(), version.to_owned()))
    });
    stated::declare(file, reading, Ecosystem::Hackage, packages);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stated::testing;

    const FREEZE: &str = "active-repositories: hackage.haskell.org:merge\nconstraints: any.aeson ==2.1.2.1,\n             aeson -cffi,\n             any.base ==4.17.0.0\nindex-state: x\n";
    const STACK: &str = "packages:\n- completed:\n    hackage: HsYAML-0.2.1.0@sha256:e467,5311\n    pantry-tree:\n      size: 1340\n  original:\n    hackage: HsYAML-0.2.1.0\n- completed:\n    git: x\n  original:\n    git: x\nsnapshots: []\n";

    #[test]
    fn reads_both() {
        let found = vec!["aeson 2.1.2.1".to_owned(), "base 4.17.0.0".to_owned()];
        assert_eq!(testing::read(freeze, "cabal.project.freeze", FREEZE), (found, 0));
        assert_eq!(testing::read(stack, "stack.yaml.lock", STACK), (vec!["HsYAML 0.2.1.0".to_owned()], 0));
    }

    #[test]
    fn takes_anything() {
        testing::survives(freeze, "cabal.project.freeze", FREEZE);
        testing::survives(stack, "stack.yaml.lock", STACK);
    }
}
