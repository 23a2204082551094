//! What is wrong in a policy file, shown where it stands.

use std::fmt;
use std::ops::Range;

/// Mistakes told at once: enough to mend a file in one go, few enough to read.
const LIMIT: usize = 20;

/// A policy file that cannot be used. Its text is complete: place, line, caret, and what is allowed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    file: String,
    /// In the order of the file; never empty.
    mistakes: Vec<Mistake>,
    /// The quoted lines, one for each mistake.
    lines: Vec<String>,
    more: usize,
}

impl std::error::Error for PolicyError {}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub place: Place,
    /// Lower-case fragment: `unknown key `runn``.
    pub what: String,
    /// What to write instead.
    pub help: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    pub(crate) bytes: Range<usize>,
}

impl Place {
    pub(crate) const START: Self = Self { line: 1, column: 1, bytes: 0..0 };
}

impl Mistake {
    pub(crate) fn new(place: Place, what: impl Into<String>) -> Self {
        Self { place, what: what.into(), help: Vec::new() }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// A word that is none of those allowed: names the nearest one and all of them.
    pub(crate) fn unknown_word(place: Place, kind: &str, word: &str, allowed: &[&str]) -> Self {
        let mut mistake = Self::new(place, format!("unknown {kind} `{}`", shorten(word)));
        if let Some(near) = nearest(word, allowed) {
            mistake = mistake.help(format!("did you mean `{near}`?"));
        }
        mistake.help(format!("allowed here: {}", allowed.join(", ")))
    }
}

impl PolicyError {
    pub(crate) fn new(file: &str, text: &str, mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort_by_key(|mistake| (mistake.place.line, mistake.place.column));
        let more = mistakes.len().saturating_sub(LIMIT);
        mistakes.truncate(LIMIT);
        let lines = mistakes
            .iter()
            .map(|mistake| text.lines().nth(mistake.place.line - 1).unwrap_or_default().to_owned())
            .collect();
        Self { file: file.to_owned(), mistakes, lines, more }
    }

    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (mistake, line)) in self.mistakes.iter().zip(&self.lines).enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            show(f, &self.file, mistake, line)?;
        }
        if self.more > 0 {
            write!(f, "\n\nand {} more", self.more)?;
        }
        Ok(())
    }
}

fn show(f: &mut fmt::Formatter<'_>, file: &str, mistake: &Mistake, line: &str) -> fmt::Result {
    let Place { line: number, column, bytes } = &mistake.place;
    let margin = " ".repeat(number.to_string().len());
    writeln!(f, "{file}:{number}:{column}: {}", mistake.what)?;
    // Long lines and control characters would move the caret away from what it points at.
    let (shown, column) = window(line, *column);
    let width = bytes.len().clamp(1, shown.chars().count().saturating_sub(column - 1).max(1));
    writeln!(f, "{margin} |")?;
    writeln!(f, "{number} | {shown}")?;
    write!(f, "{margin} | {}{}", " ".repeat(column - 1), "^".repeat(width))?;
    for help in &mistake.help {
        write!(f, "\n{margin} = {help}")?;
    }
    Ok(())
}

fn window(line: &str, column: usize) -> (String, usize) {
    const WIDTH: usize = 160;
    let clean = line.chars().map(|c| if c.is_control() { ' ' } else { c });
    let skip =
        if line.chars().count() > WIDTH { column.saturating_sub(WIDTH / 2).saturating_sub(1) } else { 0 };
    (clean.skip(skip).take(WIDTH).collect(), column - skip)
}

/// The allowed word that a person most likely meant: few edits away, or the same but for its spelling.
fn nearest<'a>(word: &str, allowed: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
    let word = plain(&word.chars().take(64).collect::<String>());
    allowed
        .iter()
        .map(|candidate| (edits(&word, &plain(candidate)), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
        .or_else(|| allowed.iter().copied().find(|candidate| word.len() > 2 && candidate.contains(&word)))
        .or_else(|| {
            let start = word.get(..4)?;
            allowed.iter().copied().find(|candidate| candidate.starts_with(start))
        })
}

/// Edits (insert, remove, change a character) that turn one word into the other.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let change = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Foreign text in messages: short, in one line.
pub(crate) fn shorten(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(81).collect();
    match clean.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_at_the_word() {
        let text = "stages: [dev]\nscan:\n  - id: x\n    vulnerabilty: {}\n";
        let place = Place { line: 4, column: 5, bytes: 33..45 };
        let mistake = Mistake::unknown_word(place, "key", "vulnerabilty", &["vulnerability", "package"]);
        let error = PolicyError::new("p.yaml", text, vec![mistake]);
        assert_eq!(
            error.to_string(),
            "p.yaml:4:5: unknown key `vulnerabilty`\n  |\n4 |     vulnerabilty: {}\n  |     ^^^^^^^^^^^^\n  = did you mean `vulnerability`?\n  = allowed here: vulnerability, package"
        );
    }

    #[test]
    fn guesses_near_words_only() {
        let allowed = ["severity-at-least", "fixable", "fixed-for"];
        assert_eq!(nearest("severity_at_least", &allowed), Some("severity-at-least"));
        assert_eq!(nearest("severity", &allowed), Some("severity-at-least"));
        assert_eq!(nearest("fixible", &allowed), Some("fixable"));
        assert_eq!(nearest("colour", &allowed), None);
    }
}
