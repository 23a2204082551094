use std::collections::BTreeMap;

use lazaret_model::Digest;
use serde::{Deserialize, Serialize};

use super::wire;

/// Whose the image's programs and libraries are: with it, what a container was seen to run says which packages are in
/// use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesPredicate {
    #[serde(with = "wire::text")]
    pub config: Digest,
    /// Whether all are told; else nothing is known of those that are not.
    pub complete: bool,
    #[serde(with = "checked")]
    pub files: FileTable,
}

/// Files and packages, each once and in ascending order: equal images give equal bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileTable {
    /// Absolute paths of programs and libraries, without links in them, as the kernel tells them.
    paths: Vec<String>,
    /// Links to programs, with the places of what they lead to.
    names: Vec<(String, u32)>,
    packages: Vec<PackageFiles>,
}

/// What one package brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageFiles {
    pub purl: String,
    /// Places of its paths, ascending.
    pub files: Vec<u32>,
    /// Languages of what else it has: files that interpreters read, which nobody sees run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_by: Vec<String>,
}

/// Paths, names and packages, of each. A large image has a twentieth.
const MOST_FILES: usize = 65_536;
/// Files of all packages: many are in one program.
const MOST_PLACES: usize = 1 << 20;
const MOST_LANGUAGES: usize = 32;
/// Of one path or package URL.
const MOST_TEXT: usize = 4096;

impl FileTable {
    /// From files with the links that lead to them, and packages with their paths and languages, in any order. What is
    /// more than a statement holds is left out: then the second value is `false`.
    pub fn new(
        files: impl IntoIterator<Item = (String, Vec<String>)>,
        packages: impl IntoIterator<Item = (String, Vec<String>, Vec<String>)>,
    ) -> (Self, bool) {
        let mut complete = true;
        let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (path, names) in files {
            match path.len() <= MOST_TEXT && path.starts_with('/') && paths.len() < MOST_FILES {
                true => paths.entry(path).or_default().extend(names),
                false => complete = false,
            }
        }
        let mut table = Self::default();
        for (place, (path, names)) in (0..).zip(paths) {
            table.paths.push(path);
            table.names.extend(names.into_iter().map(|name| (name, place)));
        }
        let is_name = |name: &str| name.len() <= MOST_TEXT && name.starts_with('/');
        let known = table.names.len();
        table.names.retain(|(name, _)| is_name(name) && table.paths.binary_search(name).is_err());
        table.names.sort_unstable();
        table.names.dedup_by(|one, other| one.0 == other.0);
        table.names.truncate(MOST_FILES);
        complete &= table.names.len() == known;

        let mut merged: BTreeMap<String, (Vec<u32>, Vec<String>)> = BTreeMap::new();
        for (purl, paths, read_by) in packages {
            let (places, languages) = merged.entry(purl).or_default();
            languages.extend(read_by);
            for path in paths {
                match table.place(&path) {
                    Some(place) => places.push(place),
                    None => complete = false,
                }
            }
        }
        let mut left = MOST_PLACES;
        for (purl, (mut files, mut read_by)) in merged {
            files.sort_unstable();
            files.dedup();
            read_by.sort_unstable();
            read_by.dedup();
            let fits = files.len() <= left && table.packages.len() < MOST_FILES;
            if !fits || purl.is_empty() || purl.len() > MOST_TEXT || read_by.len() > MOST_LANGUAGES {
                complete = false;
                continue;
            }
            left -= files.len();
            table.packages.push(PackageFiles { purl, files, read_by });
        }
        (table, complete)
    }

    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    pub fn packages(&self) -> &[PackageFiles] {
        &self.packages
    }

    /// The place of a path, also by one of its other names.
    pub fn place(&self, path: &str) -> Option<u32> {
        if let Ok(place) = self.paths.binary_search_by(|known| known.as_str().cmp(path)) {
            return u32::try_from(place).ok();
        }
        let named = self.names.binary_search_by(|(name, _)| name.as_str().cmp(path)).ok()?;
        self.names.get(named).map(|(_, place)| *place)
    }

    /// Why no scan can have made this; `None`: nothing is wrong with it.
    fn wrong(&self) -> Option<&'static str> {
        let is_path = |path: &str| path.len() <= MOST_TEXT && path.starts_with('/');
        let is_place = |place: &u32| usize::try_from(*place).is_ok_and(|place| place < self.paths.len());
        let is_package = |package: &PackageFiles| {
            (1..=MOST_TEXT).contains(&package.purl.len())
                && package.files.is_sorted_by(|one, next| one < next)
                && package.files.iter().all(is_place)
                && package.read_by.len() <= MOST_LANGUAGES
                && package.read_by.is_sorted_by(|one, next| one < next)
                && package.read_by.iter().all(|language| (1..=MOST_TEXT).contains(&language.len()))
        };
        if [self.paths.len(), self.names.len(), self.packages.len()].iter().any(|count| *count > MOST_FILES)
            || self.packages.iter().map(|package| package.files.len()).sum::<usize>() > MOST_PLACES
        {
            Some("there are more files, names or packages than a statement holds")
        } else if !self.paths.iter().all(|path| is_path(path))
            || !self.names.iter().all(|(name, place)| is_path(name) && is_place(place))
        {
            Some("a path is not absolute or too long, or a name leads nowhere")
        } else if !self.paths.is_sorted_by(|one, next| one < next)
            || !self.names.is_sorted_by(|one, next| one.0 < next.0)
            || !self.packages.is_sorted_by(|one, next| one.purl < next.purl)
        {
            Some("the paths, names or packages are not in ascending order")
        } else if !self.packages.iter().all(is_package) {
            Some("a package has no name, or files or languages that are not there or not in order")
        } else {
            None
        }
    }
}

/// Checked in writing too, so that nothing is signed that could not be read again.
mod checked {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

    use super::FileTable;

    pub(super) fn serialize<S: Serializer>(table: &FileTable, s: S) -> Result<S::Ok, S::Error> {
        match table.wrong() {
            None => table.serialize(s),
            Some(why) => Err(ser::Error::custom(why)),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<FileTable, D::Error> {
        let table = FileTable::deserialize(d)?;
        match table.wrong() {
            None => Ok(table),
            Some(why) => Err(de::Error::custom(why)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{IN_TOTO, Predicate, Statement, digest_of, predicate_type};

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    fn files() -> FilesPredicate {
        let (files, complete) = FileTable::new(
            [
                ("/usr/lib/libssl.so.3".to_owned(), vec![]),
                ("/usr/bin/perl".to_owned(), texts(&["/usr/bin/perl5"])),
                ("/entrypoint".to_owned(), vec![]),
            ],
            [
                ("pkg:deb/debian/perl-base@5".to_owned(), texts(&["/usr/bin/perl"]), texts(&["perl"])),
                ("pkg:deb/debian/libssl3@3".to_owned(), texts(&["/usr/lib/libssl.so.3"]), vec![]),
            ],
        );
        FilesPredicate { config: digest_of(b"c"), complete, files }
    }

    fn round_trip(files: FilesPredicate) -> String {
        let statement = Statement::about("r.example/shop", digest_of(b"m"), Predicate::Files(files));
        let json = statement.to_json().unwrap();
        assert_eq!(Statement::parse(IN_TOTO, &json).unwrap(), statement);
        String::from_utf8(json).unwrap()
    }

    #[test]
    fn files_have_the_promised_fields() {
        let json = round_trip(files());
        let expected = format!(
            concat!(
                r#""predicateType":"urn:lazaret:files:v1","predicate":{{"config":"{}","complete":true,"files":{{"#,
                r#""paths":["/entrypoint","/usr/bin/perl","/usr/lib/libssl.so.3"],"names":[["/usr/bin/perl5",1]],"#,
                r#""packages":[{{"purl":"pkg:deb/debian/libssl3@3","files":[2]}},"#,
                r#"{{"purl":"pkg:deb/debian/perl-base@5","files":[1],"read_by":["perl"]}}]}}}}}}"#
            ),
            digest_of(b"c"),
        );
        assert!(json.ends_with(&expected), "{json}");
    }

    #[test]
    fn a_file_is_found_by_its_path_and_its_names() {
        let table = files().files;
        assert_eq!(table.place("/usr/bin/perl"), Some(1));
        assert_eq!(table.place("/usr/bin/perl5"), Some(1));
        assert_eq!(table.place("/usr/bin"), None);
    }

    #[test]
    fn what_is_too_much_is_left_out_and_said_to_be() {
        let many = (0..=MOST_FILES).map(|number| (format!("/{number:06}"), vec![]));
        let (table, complete) = FileTable::new(many, []);
        assert!(!complete && table.paths.len() == MOST_FILES && table.wrong().is_none());
        let all: Vec<String> = table.paths.iter().take(20_000).cloned().collect();
        let packages = (0..100).map(|number| (format!("pkg:generic/{number:03}"), all.clone(), vec![]));
        let (table, complete) = FileTable::new(all.iter().map(|path| (path.clone(), vec![])), packages);
        assert!(!complete && table.packages.len() == MOST_PLACES / 20_000 && table.wrong().is_none());
        let (table, complete) =
            FileTable::new([("odd".to_owned(), vec![])], [(String::new(), vec![], vec![])]);
        assert!(!complete && table == FileTable::default());
        let elsewhere = ("p".to_owned(), texts(&["/gone"]), vec![]);
        assert!(!FileTable::new([], [elsewhere]).1, "a file that is not there");
    }

    #[test]
    fn files_are_read_strictly() {
        let good = serde_json::to_string(&files()).unwrap();
        assert!(Predicate::parse(predicate_type::FILES, &good).is_ok());
        for (from, to) in [
            (r#""complete":true"#, r#""complete":1"#),
            (r#""/entrypoint","#, r#""entrypoint","#),
            (r#""/entrypoint","#, r#""/zzz","#),
            (r#""/entrypoint","#, ""),
            (r#"["/usr/bin/perl5",1]"#, r#"["/usr/bin/perl5",3]"#),
            (r#"["/usr/bin/perl5",1]"#, r#"["/b",1],["/a",1]"#),
            (r#""files":[1]"#, r#""files":[1,1]"#),
            (r#""files":[1]"#, r#""files":[-1]"#),
            (r#""read_by":["perl"]"#, r#""read_by":["perl","perl"]"#),
            (r#""read_by":["perl"]"#, r#""read":["perl"]"#),
            ("perl-base@5", "aaa"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            assert!(Predicate::parse(predicate_type::FILES, &bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_files_survive_and_order_does_not_matter(
            files in prop::collection::vec(("/?[ab/]{0,4}", prop::collection::vec("/?[abc]{1,3}", 0..3)), 0..8),
            packages in prop::collection::vec(("[pq]{0,2}", prop::collection::vec("/[ab/]{0,4}", 0..4), prop::collection::vec("[a-c]", 0..3)), 0..6),
        ) {
            let (table, complete) = FileTable::new(files.clone(), packages.clone());
            prop_assert_eq!(table.wrong(), None);
            // Of one name that leads to two files, one counts: which, the order of the paths decides.
            let unique: std::collections::BTreeMap<_, _> = files.iter().cloned().collect();
            let (once, _) = FileTable::new(unique.clone(), packages.clone());
            let (turned, _) = FileTable::new(unique.into_iter().rev(), packages.into_iter().rev());
            prop_assert_eq!(once, turned);
            round_trip(FilesPredicate { config: digest_of(b"c"), complete, files: table });
        }

        #[test]
        fn hostile_files_never_panic(
            json in r#"\{("(paths|names|packages|purl|files|read_by)":(\[("/a"|"/b"|\["/c",[0-9]{1,10}\]|[0-9]{1,11}),?\]|\[\]|\{\}|null|1),?){0,6}\}"#,
        ) {
            let config = digest_of(b"c");
            let _ = Predicate::parse(
                predicate_type::FILES,
                &format!(r#"{{"config":"{config}","complete":true,"files":{json}}}"#),
            );
        }
    }
}
