//! Languages whose programs are read by an interpreter.

/// A set of languages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Languages(u16);

/// Endings of what interpreters read. The names stand in statements: they stay.
const ENDINGS: &[(&[u8], &str)] = &[
    (b"py", "python"),
    (b"pyc", "python"),
    (b"pm", "perl"),
    (b"pl", "perl"),
    (b"ph", "perl"),
    (b"rb", "ruby"),
    (b"jar", "java"),
    (b"class", "java"),
    (b"php", "php"),
    (b"js", "javascript"),
    (b"mjs", "javascript"),
    (b"cjs", "javascript"),
    (b"lua", "lua"),
    (b"tcl", "tcl"),
    (b"el", "lisp"),
    (b"elc", "lisp"),
    (b"scm", "lisp"),
    (b"beam", "erlang"),
    (b"dll", "dotnet"),
    (b"sh", "shell"),
    (b"wasm", "wasm"),
];

/// In the order of their bits.
const NAMES: &[&str] = &[
    "dotnet",
    "erlang",
    "java",
    "javascript",
    "lisp",
    "lua",
    "perl",
    "php",
    "python",
    "ruby",
    "shell",
    "tcl",
    "wasm",
];

impl Languages {
    /// The language of a file, by its name.
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        let dot = memchr::memrchr(b'.', name)?;
        let ending = &name[dot + 1..];
        let (_, language) = ENDINGS.iter().find(|(known, _)| *known == ending)?;
        let bit = NAMES.iter().position(|name| name == language)?;
        Some(Self(1 << bit))
    }

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Ascending.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_has_a_language_and_names_are_in_order() {
        for (ending, language) in ENDINGS {
            let found = Languages::of(&[b"x.", *ending].concat()).unwrap();
            assert_eq!(found.names().collect::<Vec<_>>(), [*language]);
        }
        assert!(NAMES.is_sorted() && NAMES.len() <= 16);
        assert_eq!(Languages::of(b"py"), None);
        assert_eq!(Languages::of(b"a.txt"), None);
        let both = Languages::of(b"a.py").unwrap().with(Languages::of(b"a.jar").unwrap());
        assert_eq!(both.names().collect::<Vec<_>>(), ["java", "python"]);
    }
}
