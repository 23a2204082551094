//! Lock files of Gradle and sbt.

use lazaret_model::Ecosystem;
use serde::Deserialize;

use crate::documents;
use crate::files::File;
use crate::reading::Reading;
use crate::stated;

/// `group:artifact:version=configuration,…` (Gradle user manual, "Locking versions").
pub(super) fn gradle(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(text) = stated::text(file, reading) else { return };
    let packages = text.lines().map(str::trim).filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (coordinates, _) = line.split_once('=')?;
        let (name, version) = coordinates.rsplit_once(':')?;
        name.contains(':').then_some((name, version))
    });
    stated::declare(file, reading, Ecosystem::Maven, packages);
}

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    dependencies: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    org: String,
    name: String,
    version: String,
    #[serde(default)]
    configurations: Vec<String>,
}

/// The lock file of the plugin sbt-dependency-lock; what only tests want never runs.
pub(super) fn sbt(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(lock) = documents::json::<Lock>(file, reading) else { return };
    let is_for_tests =
        |it: &Locked| !it.configurations.is_empty() && it.configurations.iter().all(|one| one == "test");
    let running = lock.dependencies.into_iter().filter(|it| !is_for_tests(it));
    let packages = running.map(|it| (format!("{}:{}", it.org, it.name), it.version));
    stated::declare(file, reading, Ecosystem::Maven, packages);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stated::testing;

    const GRADLE: &str = "# This is generated.\ncglib:cglib-nodep:2.1.2=testRuntimeClasspath,classpath\n  org.x:y:3=compileClasspath\nempty=\n";
    const SBT: &str = r#"{"lockVersion": 1, "dependencies": [{"org": "org.x", "name": "y_2.12", "version": "3.9", "configurations": ["test", "compile"]},
        {"org": "org.x", "name": "scalatest", "version": "1", "configurations": ["test"]}]}"#;

    #[test]
    fn reads_locks() {
        let found = vec!["cglib:cglib-nodep 2.1.2".to_owned(), "org.x:y 3".to_owned()];
        assert_eq!(testing::read(gradle, "gradle.lockfile", GRADLE), (found, 0));
        assert_eq!(testing::read(sbt, "build.sbt.lock", SBT), (vec!["org.x:y_2.12 3.9".to_owned()], 0));
    }

    #[test]
    fn takes_anything() {
        testing::survives(gradle, "gradle.lockfile", GRADLE);
        testing::survives(sbt, "build.sbt.lock", SBT);
    }
}
