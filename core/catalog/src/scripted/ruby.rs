//! Ruby: `Gemfile.lock` of Bundler, and the specifications that RubyGems writes beside installed gems.

use std::collections::BTreeSet;

use lazaret_model::{Ecosystem, Package, PackageEvidence};

use crate::files::File;
use crate::reading::Reading;
use crate::stated;

/// Gems stand four spaces deep in the sections of sources, `    nokogiri (1.15.0-x86_64-linux)`; deeper is what they
/// want. The same version for several platforms is one package.
pub(super) fn lock(file: &File<'_>, reading: &mut Reading<'_>) {
    const SOURCES: [&str; 4] = ["GEM", "GIT", "PATH", "PLUGIN SOURCE"];
    let Some(text) = stated::text(file, reading) else { return };
    let mut in_source = false;
    let gems: BTreeSet<(&str, &str)> = text
        .lines()
        .filter_map(|line| {
            if line.starts_with(|letter: char| letter.is_ascii_uppercase()) {
                in_source = SOURCES.contains(&line.trim_end());
            }
            let line = line.strip_prefix("    ").filter(|line| in_source && !line.starts_with(' '))?;
            let (name, version) = line.trim_end().split_once(" (")?;
            let version = version.trim_end_matches('!').strip_suffix(')')?;
            Some((name, version.split('-').next().unwrap_or(version)))
        })
        .collect();
    stated::declare(file, reading, Ecosystem::Gem, gems);
}

/// A specification is a program, but RubyGems writes all of them alike: `s.name = "rake".freeze`.
pub(super) fn specification(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(text) = stated::text(file, reading) else { return };
    let variable = text.lines().find_map(|line| {
        let (_, rest) = line.split_once("Gem::Specification.new do |")?;
        rest.split('|').next().map(str::trim)
    });
    let Some(variable) = variable else {
        return reading.problems.malformed(file.location(), "no specification of a gem");
    };
    let (mut name, mut version, mut licences) = (None, None, Vec::new());
    for line in text.lines() {
        let field = line.trim_start().strip_prefix(variable).and_then(|rest| rest.strip_prefix('.'));
        let Some((field, value)) = field.and_then(|rest| rest.split_once('=')) else { continue };
        let mut literals = literals(value);
        match field.trim() {
            "name" => name = name.or(literals.next()),
            "version" => version = version.or(literals.next()),
            "license" | "licenses" => licences.extend(literals.map(str::to_owned)),
            _ => {}
        }
    }
    let (Some(name), Some(version)) = (name, version) else {
        return reading.problems.malformed(file.location(), "the specification has no name or no version");
    };
    licences.sort_unstable();
    let installed = PackageEvidence::Installed;
    reading.package(Package { licences, ..stated::package(file, Ecosystem::Gem, installed, name, version) });
}

/// The strings in a line of Ruby, up to a comment; without escapes, which names and versions don't have.
fn literals(code: &str) -> impl Iterator<Item = &str> {
    let mut rest = code;
    std::iter::from_fn(move || {
        let begin = rest.find(['"', '\'', '#'])?;
        let quote = rest[begin..].chars().next().filter(|quote| *quote != '#')?;
        let (literal, after) = rest[begin + 1..].split_once(quote)?;
        rest = after;
        Some(literal)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stated::testing;

    const LOCK: &str = "GIT\n  remote: https://example.org/x.git\n  revision: abc\n  specs:\n    x (0.1)\n      rake\n\nGEM\n  remote: https://rubygems.org/\n  specs:\n    \
        nokogiri (1.15.0-x86_64-linux)\n      racc (~> 1.4)\n    nokogiri (1.15.0-java)\n    rake (13.0.6)\n\nPLATFORMS\n  ruby\n\nOTHER\n    no (1.0)\n\nDEPENDENCIES\n  rake (~> 13)!\n\nBUNDLED WITH\n   2.3.7\n";
    const SPECIFICATION: &str = "# -*- encoding: utf-8 -*-\n# stub: rake 13.0.3 ruby lib\n\nGem::Specification.new do |s|\n  s.name = \"rake\".freeze # \"x\"\n  s.version = Gem::Version.new('13.0.3')\n  \
        s.licenses = [\"MIT\".freeze, 'Ruby']\n  s.summary = \"s.name = 'no'\"\nend\n";

    #[test]
    fn reads_locks() {
        let found = ["nokogiri 1.15.0", "rake 13.0.6", "x 0.1"].map(str::to_owned).to_vec();
        assert_eq!(testing::read(lock, "Gemfile.lock", LOCK), (found, 0));
    }

    #[test]
    fn reads_specifications() {
        let read = |text: &str| testing::read(specification, "specifications/rake-13.0.3.gemspec", text);
        assert_eq!(read(SPECIFICATION), (vec!["rake 13.0.3".to_owned()], 0));
        assert_eq!(read("Gem::Specification.new do |s|\n  s.name = \"a\"\nend\n"), (vec![], 1));
        assert_eq!(
            read("Gem::Specification.new do |x|\n  s.name = \"a\"\n  s.version = \"1\"\nend\n"),
            (vec![], 1)
        );
        assert_eq!(read(""), (vec![], 1));
    }

    #[test]
    fn takes_anything() {
        testing::survives(lock, "Gemfile.lock", LOCK);
        testing::survives(specification, "specifications/rake-13.0.3.gemspec", SPECIFICATION);
    }
}
