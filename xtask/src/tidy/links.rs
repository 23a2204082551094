use std::collections::HashMap;

use super::{Complaint, TrackedFile};

/// Relative links in our documents must lead somewhere: to a tracked file or folder, to a heading of a document
/// (`README.md#layout`), or to a function of a source file (`core/policy/src/admit.rs#name_of_the_test`): that is how
/// SPECIFICATION.md names the test that holds a promise.
pub(super) fn check(files: &[TrackedFile]) -> Vec<Complaint> {
    let by_path: HashMap<&str, &TrackedFile> = files.iter().map(|file| (file.path.as_str(), file)).collect();
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        for (number, line) in file.text.lines().enumerate() {
            for target in targets(line) {
                if let Some(problem) = problem(file, target, &by_path) {
                    complaints.push(Complaint::error(format!("{}:{}", file.path, number + 1), problem));
                }
            }
        }
    }
    complaints
}

/// `[text](target)` in a line.
fn targets(line: &str) -> Vec<&str> {
    let ends = line.match_indices("](").map(|(at, _)| at + 2);
    ends.filter_map(|start| line[start..].split_once(')').map(|(target, _)| target)).collect()
}

fn problem(from: &TrackedFile, target: &str, files: &HashMap<&str, &TrackedFile>) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() { from.path.clone() } else { resolve(&from.path, path) };
    let Some(file) = files.get(path.as_str()) else {
        let folder = format!("{}/", path.trim_end_matches('/'));
        let is_folder = fragment.is_empty() && files.keys().any(|known| known.starts_with(&folder));
        return (!is_folder).then(|| format!("the link to `{target}` leads nowhere"));
    };
    let found = if fragment.is_empty() {
        true
    } else if path.ends_with(".md") {
        file.text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == fragment)
    } else {
        file.text.contains(&format!("fn {fragment}(")) || file.text.contains(&format!("\"{fragment}\""))
    };
    (!found).then(|| format!("`{path}` has no `{fragment}`"))
}

/// `docs/a.md` + `../core/x.rs` → `core/x.rs`.
fn resolve(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The anchor that hosting sites make of a heading.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept =
        text.chars().filter(|character| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_'));
    kept.map(|character| if character == ' ' { '-' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_links_are_reported() {
        let file = |path: &str, text: &str| TrackedFile { path: path.to_owned(), text: text.to_owned() };
        let files = [
            file(
                "README.md",
                "## What is here\n[a](SPECIFICATION.md) [b](#what-is-here) [c](https://x.example/y)\n",
            ),
            file("SPECIFICATION.md", "[t](core/a.rs#holds) [u](core/a.rs#gone)\n[v](core/b.rs) [w](core)\n"),
            file("core/a.rs", "fn holds() {}\n"),
            file("docs/x.md", "[up](../README.md#what-is-here) [no](../README.md#nothing)\n"),
        ];
        let said: Vec<String> = check(&files).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "error: SPECIFICATION.md:1: `core/a.rs` has no `gone`",
                "error: SPECIFICATION.md:2: the link to `core/b.rs` leads nowhere",
                "error: docs/x.md:1: `README.md` has no `nothing`",
            ]
        );
    }
}
