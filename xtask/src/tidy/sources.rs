use super::{Complaint, TrackedFile};
use crate::house::{FORBIDDEN, MAX_FILE_LINES, MAX_LIB_LINES, UNSAFE_ALLOWED};

/// Sizes, words that must not occur, and `unsafe` outside its two places.
pub(super) fn check(files: &[TrackedFile]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in files {
        if file.path != "Cargo.lock" {
            complaints.extend(forbidden_words(file));
        }
        if file.path.ends_with(".rs") {
            complaints.extend(size(file));
            complaints.extend(unsafe_override(file));
        }
        if file.path.ends_with("Cargo.toml") && file.path != "Cargo.toml" {
            complaints.extend(workspace_lints(file));
        }
    }
    complaints
}

fn forbidden_words(file: &TrackedFile) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (pieces, reason) in FORBIDDEN {
        let word = pieces.concat();
        for (number, line) in file.text.lines().enumerate() {
            if line.contains(&word) {
                let place = format!("{}:{}", file.path, number + 1);
                complaints.push(Complaint::error(place, format!("holds `{word}`: {reason}")));
            }
        }
    }
    complaints
}

fn size(file: &TrackedFile) -> Option<Complaint> {
    let lines = file.text.lines().count();
    let limit = if file.path.ends_with("/lib.rs") { MAX_LIB_LINES } else { MAX_FILE_LINES };
    (lines > limit)
        .then(|| Complaint::warning(&file.path, format!("has {lines} lines; aim at {limit} or fewer")))
}

/// The workspace denies unsafe code; an attribute that overrides that must be in one of the two places.
fn unsafe_override(file: &TrackedFile) -> Vec<Complaint> {
    if UNSAFE_ALLOWED.iter().any(|place| file.path.starts_with(place)) {
        return Vec::new();
    }
    let override_ = ["(unsafe", "_code"].concat();
    let lines = file.text.lines().enumerate().filter(|(_, line)| line.contains(&override_));
    lines
        .map(|(number, _)| {
            let text = format!("allows unsafe code: only {} may", UNSAFE_ALLOWED.join(" and "));
            Complaint::error(format!("{}:{}", file.path, number + 1), text)
        })
        .collect()
}

fn workspace_lints(file: &TrackedFile) -> Option<Complaint> {
    let inherits = file.text.contains("[lints]\nworkspace = true");
    (!inherits).then(|| Complaint::error(&file.path, "does not inherit the workspace's lints"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(path: &str, text: &str) -> Vec<String> {
        let file = TrackedFile { path: path.to_owned(), text: text.to_owned() };
        check(&[file]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn forbidden_words_are_reported_with_their_line() {
        let stub = format!("fn a() {{\n    {}\"later\");\n}}\n", ["todo", "!("].concat());
        let said = check_one("core/model/src/a.rs", &stub);
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("error: core/model/src/a.rs:2: holds"), "{said:?}");
        let mirror = ["deb http://deb.debian", ".org/debian stable main\n"].concat();
        assert!(check_one("README.md", &mirror)[0].starts_with("error: README.md:1"));
    }

    #[test]
    fn sizes_are_warnings() {
        assert_eq!(check_one("core/model/src/a.rs", &"\n".repeat(MAX_FILE_LINES)), Vec::<String>::new());
        let said = check_one("core/model/src/a.rs", &"\n".repeat(MAX_FILE_LINES + 1));
        assert!(said[0].starts_with("warning: core/model/src/a.rs: has 401 lines"), "{said:?}");
        assert!(check_one("core/model/src/lib.rs", &"\n".repeat(151))[0].starts_with("warning"));
    }

    #[test]
    fn unsafe_is_confined() {
        let text = ["#![expect(unsafe", "_code, reason = \"…\")]\n"].concat();
        assert!(
            check_one("app/agent/src/a.rs", &text)[0]
                .starts_with("error: app/agent/src/a.rs:1: allows unsafe")
        );
        assert_eq!(check_one("io/sensor/src/a.rs", &text), Vec::<String>::new());
        assert_eq!(check_one("core/advisory/src/mapped.rs", &text), Vec::<String>::new());
    }

    #[test]
    fn every_crate_inherits_the_lints() {
        assert_eq!(check_one("core/model/Cargo.toml", "[lints]\nworkspace = true\n"), Vec::<String>::new());
        assert!(check_one("core/model/Cargo.toml", "[package]\n")[0].contains("does not inherit"));
    }
}
