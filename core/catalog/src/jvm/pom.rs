//! The project object model of Maven, `pom.xml` (Maven's POM reference), as one file states it.

use std::collections::BTreeMap;

use crate::xml::{self, Node};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pom {
    pub(super) coordinates: Coordinates,
    pub(super) parent: Option<Parent>,
    pub(super) properties: BTreeMap<String, String>,
    pub(super) licences: Vec<String>,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) managed: Vec<Dependency>,
}

/// As written, with properties in them; empty where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Coordinates {
    pub(super) group: String,
    pub(super) artifact: String,
    pub(super) version: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) coordinates: Coordinates,
    /// `../pom.xml` unless said; an empty one says that the parent is not beside this file.
    pub(super) relative_path: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Dependency {
    pub(super) coordinates: Coordinates,
    pub(super) scope: String,
    pub(super) kind: String,
    pub(super) optional: bool,
    /// Groups and artifacts, `*` for all.
    pub(super) exclusions: Vec<(String, String)>,
}

/// Lists of versions have some thousands.
const MOST_DEPENDENCIES: usize = 50_000;

impl Pom {
    /// What the text says, and what is wrong with it.
    pub(super) fn parse(text: &str) -> (Self, Result<(), String>) {
        let mut pom = Self::default();
        let mut licence = false;
        let mut too_many = false;
        let whole = xml::walk(text, |path, node| {
            let Some(path) = path.strip_prefix("project/") else { return };
            too_many |= pom.dependencies.len() + pom.managed.len() > MOST_DEPENDENCIES;
            match node {
                _ if too_many => {}
                Node::Open(_) => pom.open(path),
                Node::Close(text) => pom.close(path, text, &mut licence),
            }
        });
        match whole {
            Ok(()) if too_many => (pom, Err(format!("more than {MOST_DEPENDENCIES} dependencies"))),
            whole => (pom, whole),
        }
    }

    fn open(&mut self, path: &str) {
        match path {
            "parent" => self.parent = Some(Parent::default()),
            "dependencies/dependency" => self.dependencies.push(Dependency::default()),
            "dependencyManagement/dependencies/dependency" => self.managed.push(Dependency::default()),
            _ => {
                if let Some((dependency, "exclusions/exclusion")) = self.dependency(path) {
                    dependency.exclusions.push((String::new(), String::new()));
                }
            }
        }
    }

    fn close(&mut self, path: &str, text: &str, named: &mut bool) {
        match path {
            "licenses/license" => *named = false,
            "licenses/license/name" if !text.is_empty() => {
                self.licences.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
                *named = true;
            }
            "licenses/license/url" if !text.is_empty() && !*named => self.licences.push(text.to_owned()),
            "parent/relativePath" => {
                if let Some(parent) = &mut self.parent {
                    parent.relative_path = Some(text.to_owned());
                }
            }
            _ => {
                if let Some(name) = path.strip_prefix("properties/") {
                    self.properties.insert(name.to_owned(), text.to_owned());
                } else if let Some(field) = path.strip_prefix("parent/") {
                    if let Some(parent) = &mut self.parent {
                        parent.coordinates.set(field, text);
                    }
                } else if let Some((dependency, field)) = self.dependency(path) {
                    dependency.set(field, text);
                } else {
                    self.coordinates.set(path, text);
                }
            }
        }
    }

    /// The dependency that is being read, and the rest of the path.
    fn dependency<'p>(&mut self, path: &'p str) -> Option<(&mut Dependency, &'p str)> {
        if let Some(rest) = path.strip_prefix("dependencies/dependency/") {
            return Some((self.dependencies.last_mut()?, rest));
        }
        let rest = path.strip_prefix("dependencyManagement/dependencies/dependency/")?;
        Some((self.managed.last_mut()?, rest))
    }
}

impl Coordinates {
    fn set(&mut self, field: &str, text: &str) {
        let field = match field {
            "groupId" => &mut self.group,
            "artifactId" => &mut self.artifact,
            "version" => &mut self.version,
            _ => return,
        };
        text.clone_into(field);
    }
}

impl Dependency {
    fn set(&mut self, field: &str, text: &str) {
        match field {
            "scope" => text.clone_into(&mut self.scope),
            "type" => text.clone_into(&mut self.kind),
            "optional" => self.optional = text == "true",
            "exclusions/exclusion/groupId" => {
                if let Some((group, _)) = self.exclusions.last_mut() {
                    text.clone_into(group);
                }
            }
            "exclusions/exclusion/artifactId" => {
                if let Some((_, artifact)) = self.exclusions.last_mut() {
                    text.clone_into(artifact);
                }
            }
            _ => self.coordinates.set(field, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POM: &str = "<project xmlns='x'><parent><groupId>g</groupId><artifactId>p</artifactId><version>1</version><relativePath/></parent>
        <artifactId>a</artifactId><properties><v>2</v></properties>
        <licenses><license><name>MIT
          License</name><url>u</url></license><license><url>http://x</url></license></licenses>
        <dependencyManagement><dependencies><dependency><groupId>m</groupId><artifactId>n</artifactId><version>${v}</version>
          <type>pom</type><scope>import</scope></dependency></dependencies></dependencyManagement>
        <dependencies><dependency><groupId>d</groupId><artifactId>e</artifactId><version> 3 </version><optional>true</optional>
          <exclusions><exclusion><groupId>*</groupId><artifactId>f</artifactId></exclusion></exclusions></dependency></dependencies>
        <build><plugins><plugin><artifactId>no</artifactId><dependencies><dependency><artifactId>no</artifactId></dependency></dependencies></plugin></plugins></build>
        </project>";

    #[test]
    fn reads_what_matters() {
        let (pom, whole) = Pom::parse(POM);
        assert_eq!(whole, Ok(()));
        assert_eq!((pom.coordinates.artifact.as_str(), pom.coordinates.version.as_str()), ("a", ""));
        let parent = pom.parent.unwrap();
        assert_eq!((parent.coordinates.artifact.as_str(), parent.relative_path.as_deref()), ("p", Some("")));
        assert_eq!(pom.licences, ["MIT License", "http://x"]);
        assert_eq!(pom.properties["v"], "2");
        assert_eq!((pom.managed[0].kind.as_str(), pom.managed[0].scope.as_str()), ("pom", "import"));
        let [dependency] = pom.dependencies.as_slice() else { panic!("{:?}", pom.dependencies) };
        assert_eq!((dependency.coordinates.version.as_str(), dependency.optional), ("3", true));
        assert_eq!(dependency.exclusions, [("*".to_owned(), "f".to_owned())]);
    }

    proptest! {
        #[test]
        fn takes_mutated_poms(at in 0..POM.len(), text in "[<>/a&;\"]{0,5}", cut in 0..40usize) {
            let mut bytes = POM.as_bytes().to_vec();
            bytes.splice(at..(at + cut).min(POM.len()), text.bytes());
            let _ = Pom::parse(&String::from_utf8_lossy(&bytes));
        }
    }
}
