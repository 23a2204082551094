//! Projects of Maven in a tree of sources: what each `pom.xml` is and wants, through its parents, imported lists of
//! versions and the models of its dependencies, as far as these are in the tree too (Maven documentation,
//! "Introduction to the Dependency Mechanism").

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::rc::Rc;

use lazaret_model::{Ecosystem, PackageEvidence};

use crate::files::{File, Files};
use crate::jvm::model::{Model, Wanted, Workspace};
use crate::pattern::{Name, Pattern, Place, split};
use crate::reading::Reading;
use crate::stated;

/// Models of others lie in local repositories under their own names.
pub(super) const PATTERNS: &[Pattern] = &[
    Pattern::content(Place::Anywhere, Name::Exactly(PROJECT)),
    Pattern::content(Place::Anywhere, Name::EndsWith(".pom")),
];

const PROJECT: &str = "pom.xml";

pub(super) fn read(files: &Files, reading: &mut Reading<'_>) {
    let workspace = Workspace::new(files, &mut reading.problems);
    for (path, kept) in files.iter().filter(|(path, _)| split(path).1 == PROJECT.as_bytes()) {
        let file = File { path, layer: kept.layer, bytes: &[] };
        let Some(model) = workspace.at(path) else { continue };
        for (name, version) in packages(&workspace, &model) {
            let package = stated::package(&file, Ecosystem::Maven, PackageEvidence::Declared, name, version);
            if !reading.package(package) {
                return;
            }
        }
        if workspace.is_exhausted() {
            return reading.problems.limit(file.location(), "the projects of Maven ask for too much work");
        }
    }
}

/// Groups and artifacts that are left out below a dependency, and those of what wants it.
struct Exclusions {
    own: Vec<(String, String)>,
    above: Option<Rc<Exclusions>>,
}

impl Exclusions {
    fn hold(&self, group: &str, artifact: &str) -> bool {
        let meant = |pattern: &str, text: &str| pattern == "*" || pattern == text;
        self.own.iter().any(|(of, one)| meant(of, group) && meant(one, artifact))
            || self.above.as_ref().is_some_and(|above| above.hold(group, artifact))
    }
}

/// More steps away from the project there is nothing real.
const DEPTH: usize = 64;

/// The project itself and all that it wants at run time: of several versions the nearest counts, then the first.
fn packages(workspace: &Workspace, project: &Model) -> BTreeMap<String, String> {
    let mut chosen: BTreeMap<String, (String, bool)> = BTreeMap::new();
    let mut expanded = HashSet::new();
    let mut queue: VecDeque<(Wanted, Option<Rc<Exclusions>>, usize)> = workspace
        .wanted(project)
        .into_iter()
        .filter(Wanted::is_at_run_time)
        .map(|it| (it, None, 0))
        .collect();
    while let Some((wanted, above, depth)) = queue.pop_front() {
        let name = format!("{}:{}", wanted.group, wanted.artifact);
        let (version, must_be) = plain(&wanted.version);
        match chosen.get(&name) {
            // What must be one version counts more than what should be another.
            Some((other, is_hard)) if *is_hard || !must_be || *other == version => continue,
            _ => chosen.insert(name.clone(), (version.to_owned(), must_be)),
        };
        let Some(model) = workspace.of(&wanted.group, &wanted.artifact, version) else { continue };
        if depth == DEPTH || !expanded.insert((name, version.to_owned())) {
            continue;
        }
        let exclusions = Rc::new(Exclusions { own: wanted.exclusions, above });
        for mut below in workspace.wanted(&model) {
            if exclusions.hold(&below.group, &below.artifact) || below.optional || !below.is_at_run_time() {
                continue;
            }
            // The project decides about versions everywhere, and leaves out more.
            if let Some(managed) = workspace.managed(project, &below.group, &below.artifact) {
                if !managed.version.is_empty() {
                    below.version = managed.version;
                }
                if !managed.scope.is_empty() {
                    below.scope = managed.scope;
                }
                below.exclusions.extend(managed.exclusions);
            }
            if below.is_at_run_time() {
                queue.push_back((below, Some(Rc::clone(&exclusions)), depth + 1));
            }
        }
    }
    let mut packages: BTreeMap<String, String> =
        chosen.into_iter().map(|(name, (version, _))| (name, version)).collect();
    let (group, artifact, version) = workspace.coordinates(project);
    if !group.contains("${") && !artifact.contains("${") {
        packages.insert(format!("{group}:{artifact}"), plain(&version).0.to_owned());
    }
    packages
}

/// The version, and whether it must be this one: `[1.0]`. A range names none.
fn plain(version: &str) -> (&str, bool) {
    let exact = version.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match exact.filter(|exact| !exact.contains(',')) {
        Some(exact) => (exact.trim(), true),
        None if version.contains(['[', '(', ',', '$']) => ("", false),
        None => (version, false),
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::Limits;
    use proptest::prelude::*;

    use super::*;

    fn read_all(poms: &[(&str, String)]) -> (Vec<String>, usize) {
        let mut files = Files::default();
        for (path, text) in poms {
            files.add(path.as_bytes(), 0, Some(text.as_bytes().to_vec()));
        }
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        read(&files, &mut reading);
        let (packages, problems) = reading.into_parts();
        let lines = packages.iter().map(|it| format!("{} {}", it.name, it.version)).collect();
        (lines, problems.into_list().len())
    }

    fn pom(coordinates: &str, rest: &str) -> String {
        let mut parts = coordinates.split(':');
        let mut part =
            |name: &str| parts.next().map_or(String::new(), |text| format!("<{name}>{text}</{name}>"));
        format!("<project>{}{}{}{rest}</project>", part("groupId"), part("artifactId"), part("version"))
    }

    fn wants(coordinates: &str, rest: &str) -> String {
        let inner = pom(coordinates, rest);
        let inner = inner.trim_start_matches("<project>").trim_end_matches("</project>");
        format!("<dependencies><dependency>{inner}</dependency></dependencies>")
    }

    #[test]
    fn follows_what_is_in_the_tree() {
        let repository = |artifact: &str, rest: &str| {
            (format!("m2/repository/g/{artifact}/1/{artifact}-1.pom"), pom(&format!("g:{artifact}:1"), rest))
        };
        let near = repository(
            "near",
            &wants("g:far:${v}", "")
                .replace("<dependencies>", "<properties><v>1</v></properties><dependencies>"),
        );
        let far = repository("far", &wants("g:out:1", ""));
        let project = pom(
            "g:app:2",
            &wants(
                "g:near:1",
                "<exclusions><exclusion><groupId>g</groupId><artifactId>out</artifactId></exclusion></exclusions>",
            ),
        );
        let found = read_all(&[("app/pom.xml", project), (&near.0, near.1), (&far.0, far.1)]);
        assert_eq!(found, (["g:app 2", "g:far 1", "g:near 1"].map(str::to_owned).to_vec(), 0));
    }

    #[test]
    fn parents_say_what_children_don_t() {
        let managed = format!(
            "<dependencyManagement>{}</dependencyManagement><properties><v>3</v></properties>",
            wants("g:lib:${v}", "")
        );
        let parent = pom("g:parent:7", &managed);
        let child = format!(
            "<project><parent><groupId>g</groupId><artifactId>parent</artifactId><version>7</version></parent><artifactId>child</artifactId>{}</project>",
            wants("g:lib", "")
        );
        let (found, _) = read_all(&[("pom.xml", parent), ("child/pom.xml", child)]);
        assert_eq!(found, ["g:child 7", "g:lib 3", "g:parent 7"]);
    }

    #[test]
    fn what_is_wanted_otherwise_is_left_out() {
        for (scope, found) in [("test", 1), ("provided", 1), ("runtime", 2), ("compile", 2)] {
            let project = pom("g:a:1", &wants("g:b:1", &format!("<scope>{scope}</scope>")));
            assert_eq!(read_all(&[("pom.xml", project)]).0.len(), found, "{scope}");
        }
        let range = pom("g:a:1", &wants("g:b:(,1.0]", ""));
        assert_eq!(read_all(&[("pom.xml", range)]).0, ["g:a 1", "g:b "]);
    }

    #[test]
    fn circles_end() {
        let own = "<parent><groupId>g</groupId><artifactId>a</artifactId><version>1</version><relativePath>pom.xml</relativePath></parent>
            <properties><x>${y}${y}</x><y>${x}${x}</y></properties>";
        let circle = pom("g:a:${x}", &format!("{own}{}", wants("g:a:1", "")));
        read_all(&[("pom.xml", circle.clone()), ("b/a-1.pom", circle)]);
        assert_eq!(read_all(&[("pom.xml", "<project><a>".to_owned())]), (vec![], 1));
    }

    proptest! {
        #[test]
        fn takes_mutated_projects(at in any::<prop::sample::Index>(), cut in 0..30usize, text in "[<>/$\\{\\}a]{0,8}") {
            let mut bytes = pom("g:a:1", &wants("g:b:${v}", "<scope>import</scope>")).into_bytes();
            let at = at.index(bytes.len());
            bytes.splice(at..(at + cut).min(bytes.len()), text.bytes());
            let text = String::from_utf8_lossy(&bytes).into_owned();
            read_all(&[("pom.xml", text.clone()), ("b-1.pom", text)]);
        }
    }
}
