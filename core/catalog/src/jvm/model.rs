//! The models of Maven in a tree, and what they say together: a project inherits from its parents, and imports lists of
//! versions from others (Maven documentation, "Maven Model Builder").

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use crate::files::Files;
use crate::jvm::pom::{Dependency, Pom};
use crate::pattern::split;
use crate::reading::{Problems, lossy};

/// All models of a tree.
pub(super) struct Workspace {
    poms: Vec<Pom>,
    /// Directories that the files are in, to follow relative paths.
    directories: Vec<Vec<u8>>,
    by_path: HashMap<Vec<u8>, usize>,
    by_coordinates: HashMap<(String, String, String), usize>,
    /// Steps that may still be made: models can multiply each other.
    left: Cell<u64>,
}

/// Of all models together.
const MOST_DEPENDENCIES: usize = 1_000_000;
const STEPS: u64 = 50_000_000;

/// A model and its parents, the nearest first.
#[derive(Debug, Clone)]
pub(super) struct Model(Vec<usize>);

/// A dependency with all properties filled in.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) group: String,
    pub(super) artifact: String,
    pub(super) version: String,
    pub(super) scope: String,
    pub(super) optional: bool,
    pub(super) exclusions: Vec<(String, String)>,
}

/// Parents, and lists that import lists.
const DEPTH: usize = 16;
/// Properties within properties in one text.
const REPLACEMENTS: usize = 64;
const LONGEST: usize = 1024;

impl Workspace {
    pub(super) fn new(files: &Files, problems: &mut Problems) -> Self {
        let mut workspace = Self {
            poms: Vec::new(),
            directories: Vec::new(),
            by_path: HashMap::new(),
            by_coordinates: HashMap::new(),
            left: Cell::new(STEPS),
        };
        let mut names = Vec::new();
        let mut dependencies = 0;
        for (path, kept) in files.iter() {
            let Some(bytes) = kept.content.as_deref() else { continue };
            if dependencies > MOST_DEPENDENCIES {
                problems
                    .limit(lossy(path), format!("more than {MOST_DEPENDENCIES} dependencies in all models"));
                break;
            }
            let (pom, whole) = Pom::parse(&String::from_utf8_lossy(bytes));
            if let Err(detail) = whole {
                problems.malformed(lossy(path), detail);
            }
            let number = workspace.poms.len();
            names.push(lossy(split(path).1));
            dependencies += pom.dependencies.len() + pom.managed.len();
            workspace.by_path.insert(path.to_vec(), number);
            workspace.directories.push(split(path).0.to_vec());
            workspace.poms.push(pom);
        }
        for (number, name) in names.iter().enumerate() {
            let (group, mut artifact, mut version) = workspace.coordinates(&Model(vec![number]));
            // In a repository the place counts.
            if let Some(stored) = stored_as(name, &workspace.directories[number]) {
                (artifact, version) = stored;
            }
            workspace.by_coordinates.entry((group, artifact, version)).or_insert(number);
        }
        workspace
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.left.get() == 0
    }

    fn step(&self) -> bool {
        self.left.set(self.left.get().saturating_sub(1));
        !self.is_exhausted()
    }

    /// The model in a file.
    pub(super) fn at(&self, path: &[u8]) -> Option<Model> {
        self.by_path.get(path).map(|number| self.with_parents(*number))
    }

    /// The model of an artifact.
    pub(super) fn of(&self, group: &str, artifact: &str, version: &str) -> Option<Model> {
        let coordinates = (group.to_owned(), artifact.to_owned(), version.to_owned());
        self.by_coordinates.get(&coordinates).map(|number| self.with_parents(*number))
    }

    fn with_parents(&self, number: usize) -> Model {
        let mut model = Model(vec![number]);
        while let Some(parent) = model.0.last().and_then(|last| self.parent(*last, &model))
            && model.0.len() < DEPTH
            && !model.0.contains(&parent)
        {
            model.0.push(parent);
        }
        model
    }

    fn parent(&self, number: usize, model: &Model) -> Option<usize> {
        let parent = self.poms[number].parent.as_ref()?;
        let fill = |text: &str| self.fill(model, text);
        let it = &parent.coordinates;
        let relative = parent.relative_path.as_deref().unwrap_or("../pom.xml");
        let beside = (!relative.is_empty()).then(|| join(&self.directories[number], relative.as_bytes()));
        let beside = beside.and_then(|path| {
            let within = || self.by_path.get([&path[..], b"/pom.xml"].concat().as_slice());
            self.by_path.get(&path).or_else(within).copied()
        });
        beside.filter(|beside| self.poms[*beside].coordinates.artifact == it.artifact).or_else(|| {
            self.by_coordinates.get(&(fill(&it.group), fill(&it.artifact), fill(&it.version))).copied()
        })
    }

    /// Group, artifact and version.
    pub(super) fn coordinates(&self, model: &Model) -> (String, String, String) {
        let own = |name: &str| self.fill(model, &format!("${{project.{name}}}"));
        (own("groupId"), own("artifactId"), own("version"))
    }

    /// What a model wants, with what it inherits.
    pub(super) fn wanted(&self, model: &Model) -> Vec<Wanted> {
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        for dependency in model.0.iter().flat_map(|number| &self.poms[*number].dependencies) {
            if !self.step() {
                break;
            }
            let mut wanted = self.filled(model, dependency);
            if wanted.group.contains("${") || wanted.artifact.contains("${") || wanted.artifact.is_empty() {
                continue;
            }
            if !seen.insert((wanted.group.clone(), wanted.artifact.clone(), dependency.kind.clone())) {
                continue;
            }
            if let Some(managed) = self.managed(model, &wanted.group, &wanted.artifact) {
                if wanted.version.is_empty() {
                    wanted.version = managed.version;
                }
                if wanted.scope.is_empty() {
                    wanted.scope = managed.scope;
                }
                wanted.exclusions.extend(managed.exclusions);
            }
            all.push(wanted);
        }
        all
    }

    /// What a model says of an artifact wherever it is wanted.
    pub(super) fn managed(&self, model: &Model, group: &str, artifact: &str) -> Option<Wanted> {
        self.managed_within(model, group, artifact, DEPTH)
    }

    fn managed_within(&self, model: &Model, group: &str, artifact: &str, depth: usize) -> Option<Wanted> {
        let managed =
            || model.0.iter().flat_map(|number| &self.poms[*number].managed).take_while(|_| self.step());
        let own = managed().filter(|it| it.scope != "import").find_map(|it| {
            let raw = &it.coordinates;
            if raw.artifact != artifact && !raw.artifact.contains("${") {
                return None;
            }
            let wanted = self.filled(model, it);
            (wanted.artifact == artifact && wanted.group == group).then_some(wanted)
        });
        own.or_else(|| {
            let depth = depth.checked_sub(1)?;
            managed().filter(|it| it.scope == "import").find_map(|it| {
                let list = self.filled(model, it);
                let list = self.of(&list.group, &list.artifact, &list.version)?;
                self.managed_within(&list, group, artifact, depth)
            })
        })
    }

    fn filled(&self, model: &Model, it: &Dependency) -> Wanted {
        let fill = |text: &str| self.fill(model, text);
        Wanted {
            group: fill(&it.coordinates.group),
            artifact: fill(&it.coordinates.artifact),
            version: fill(&it.coordinates.version),
            scope: fill(&it.scope),
            optional: it.optional,
            exclusions: it.exclusions.clone(),
        }
    }

    /// Replaces properties, also those within properties; unknown ones stay.
    fn fill(&self, model: &Model, text: &str) -> String {
        let mut filled = text.to_owned();
        let mut from = 0;
        for _ in 0..REPLACEMENTS {
            let Some(begin) = filled[from..].find("${").map(|at| from + at) else { break };
            let Some(end) = filled[begin..].find('}').map(|at| begin + at) else { break };
            match self.property(model, &filled[begin + 2..end]) {
                Some(value) if filled.len() + value.len() <= LONGEST => {
                    filled.replace_range(begin..=end, value);
                }
                _ => from = end,
            }
        }
        filled
    }

    fn property<'w>(&'w self, model: &Model, name: &str) -> Option<&'w str> {
        let poms = || model.0.iter().map(|number| &self.poms[*number]);
        let said = |text: &'w String| Some(text.as_str()).filter(|text| !text.is_empty());
        let field = name.strip_prefix("project.").or_else(|| name.strip_prefix("pom.")).unwrap_or(name);
        let above = || poms().last().and_then(|pom| pom.parent.as_ref()).map(|parent| &parent.coordinates);
        let parent = poms().next().and_then(|pom| pom.parent.as_ref()).map(|parent| &parent.coordinates);
        match field {
            // The nearest that says it; what the last says of a parent that is not here is the rest.
            "groupId" => poms()
                .find_map(|pom| said(&pom.coordinates.group))
                .or_else(|| above().and_then(|it| said(&it.group))),
            "version" => poms()
                .find_map(|pom| said(&pom.coordinates.version))
                .or_else(|| above().and_then(|it| said(&it.version))),
            "artifactId" => poms().next().and_then(|pom| said(&pom.coordinates.artifact)),
            "parent.groupId" => parent.and_then(|it| said(&it.group)),
            "parent.version" => parent.and_then(|it| said(&it.version)),
            "parent.artifactId" => parent.and_then(|it| said(&it.artifact)),
            _ => poms().find_map(|pom| pom.properties.get(name)).map(String::as_str),
        }
    }
}

impl Wanted {
    pub(super) fn is_at_run_time(&self) -> bool {
        matches!(self.scope.as_str(), "" | "compile" | "runtime")
    }
}

/// Artifact and version in `artifact/version/artifact-version.pom`.
fn stored_as(name: &str, directory: &[u8]) -> Option<(String, String)> {
    let (above, version) = split(directory);
    let (artifact, version) = (lossy(split(above).1), lossy(version));
    let rest = name.strip_suffix(".pom")?.strip_prefix(artifact.as_str())?.strip_prefix('-')?;
    (rest == version).then_some((artifact, version))
}

/// A relative path, lexically.
fn join(directory: &[u8], relative: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> =
        directory.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).collect();
    for part in relative.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join(&b'/')
}
