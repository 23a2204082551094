//! The packages of an archive's classes, from the names in its directory alone.

use std::collections::HashMap;

/// How many classes each package has.
#[derive(Debug, Default)]
pub(super) struct ClassPackages {
    counts: HashMap<Vec<u8>, u32>,
    /// Entries of one directory mostly stand together.
    last: (Vec<u8>, u32),
    total: u32,
}

/// More packages tell no more of where an archive comes from.
const MOST: usize = 2_000;
/// Longer packages are an attack.
const LONGEST: usize = 256;

impl ClassPackages {
    /// Counts an entry if it is a class.
    pub(super) fn add(&mut self, name: &[u8]) {
        if !name.ends_with(b".class") {
            return;
        }
        let Some(slash) = name.iter().rposition(|&byte| byte == b'/') else { return };
        let directory = own(&name[..slash]);
        if directory.is_empty() || directory.len() > LONGEST || is_copied(directory) {
            return;
        }
        self.total = self.total.saturating_add(1);
        if self.last.0 == directory {
            self.last.1 = self.last.1.saturating_add(1);
            return;
        }
        let (before, count) = std::mem::replace(&mut self.last, (directory.to_vec(), 1));
        Self::count(&mut self.counts, before, count);
    }

    fn count(counts: &mut HashMap<Vec<u8>, u32>, directory: Vec<u8>, count: u32) {
        if count > 0 && (counts.len() < MOST || counts.contains_key(&directory)) {
            let sum = counts.entry(directory).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    /// Of the packages that the question finds in those of the classes, the one with the most classes.
    pub(super) fn most_common(
        &self,
        find: impl for<'a> Fn(&'a [&'a [u8]]) -> Option<&'a [&'a [u8]]>,
    ) -> Option<String> {
        let mut found: HashMap<Vec<u8>, u64> = HashMap::new();
        for (directory, count) in self.counts.iter().chain([(&self.last.0, &self.last.1)]) {
            let parts: Vec<&[u8]> = directory.split(|&byte| byte == b'/').collect();
            if let Some(parts) = find(&parts) {
                *found.entry(parts.join(&b'.')).or_default() += u64::from(*count);
            }
        }
        let best = found.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)));
        best.map(|(package, _)| String::from_utf8_lossy(&package).into_owned())
    }

    /// The longest package that most classes are in, in its parts: `["org", "apache", "commons"]`.
    pub(super) fn home(&self) -> Vec<String> {
        let mut counts = self.counts.clone();
        Self::count(&mut counts, self.last.0.clone(), self.last.1);
        let packages: Vec<(Vec<&[u8]>, u32)> = counts
            .iter()
            .map(|(directory, count)| (directory.split(|&byte| byte == b'/').collect(), *count))
            .collect();
        let mut home: Vec<&[u8]> = Vec::new();
        for depth in 0..DEPTH {
            let mut below: HashMap<&[u8], u64> = HashMap::new();
            for (parts, count) in &packages {
                if parts.starts_with(&home)
                    && let Some(part) = parts.get(depth)
                {
                    *below.entry(part).or_default() += u64::from(*count);
                }
            }
            // Of two equals the first in the alphabet, so that the answer is always the same.
            let best = below.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(a.0)));
            match best {
                Some((part, count)) if count.saturating_mul(2) > u64::from(self.total) => home.push(part),
                _ => break,
            }
        }
        home.into_iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect()
    }
}

const DEPTH: usize = 6;

/// Whether a build moved the classes of others here: that says nothing of the archive itself.
fn is_copied(directory: &[u8]) -> bool {
    directory
        .split(|&byte| byte == b'/')
        .any(|part| [&b"shaded"[..], b"shadow", b"relocated"].contains(&part))
}

/// Without the places where applications and several versions keep their classes.
fn own(directory: &[u8]) -> &[u8] {
    let mut directory = directory;
    for place in [&b"WEB-INF/classes/"[..], b"BOOT-INF/classes/", b"META-INF/versions/"] {
        directory = directory.strip_prefix(place).unwrap_or(directory);
    }
    let digits = directory.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match directory[digits..].strip_prefix(b"/") {
        Some(rest) if digits > 0 => rest,
        _ if digits > 0 && digits == directory.len() => b"",
        _ => directory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(names: &[&str]) -> String {
        let mut packages = ClassPackages::default();
        names.iter().for_each(|name| packages.add(name.as_bytes()));
        packages.home().join(".")
    }

    #[test]
    fn finds_where_most_classes_are() {
        assert_eq!(
            home(&["org/a/x/A.class", "org/a/y/B.class", "org/a/y/C.class", "com/b/D.class"]),
            "org.a"
        );
        assert_eq!(
            home(&["META-INF/versions/9/org/a/A.class", "WEB-INF/classes/org/a/B.class", "A.class", "x/y"]),
            "org.a"
        );
        assert_eq!(
            home(&["shaded/tool/x/A.class", "shaded/tool/x/B.class", "org/a/A.class"]),
            "org.a",
            "what was copied in"
        );
        assert_eq!(home(&["a/A.class", "b/B.class"]), "");
        assert_eq!(home(&[]), "");
    }
}
