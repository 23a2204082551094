use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use crate::Ended;

/// Where the story is told. Nothing is ever lost by a closed terminal: the story goes on.
#[derive(Debug)]
pub struct Screen {
    detail: Detail,
    color: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Commands and what they say.
    Whole,
    /// One line for each step.
    Steps,
    Quiet,
}

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";

impl Screen {
    pub fn new(detail: Detail) -> Self {
        let color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { detail, color }
    }

    pub fn line(&self, text: &str) {
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    fn paint(&self, style: &str, text: &str) -> String {
        if self.color { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(super) fn begin(&self, letter: char, title: &str) {
        if self.detail == Detail::Whole {
            self.line(&format!("\n{}", self.paint(BOLD, &format!("{letter}  {title}"))));
        }
    }

    pub(super) fn end(&self, letter: char, title: &str, time: Duration) {
        match self.detail {
            Detail::Whole => self.line(&self.paint(DIM, &format!("   step {letter} took {}", seconds(time)))),
            Detail::Steps => self.line(&format!("  {letter}  {title}  ({})", seconds(time))),
            Detail::Quiet => {}
        }
    }

    /// What the next commands are about.
    pub fn say(&self, text: &str) {
        if self.detail == Detail::Whole {
            self.line(&format!("\n   {text}"));
        }
    }

    /// A result that was checked.
    pub fn holds(&self, text: &str) {
        if self.detail == Detail::Whole {
            let lines = wrap(&shorten(text));
            self.line(&format!("   {} {}", self.paint(GREEN, "✓"), lines[0]));
            lines[1..].iter().for_each(|line| self.line(&format!("     {line}")));
        }
    }

    /// A command with the beginning of what it said. `place` is the machine on which a person would type it.
    pub fn command(&self, place: &str, ended: &Ended, lines: usize) {
        if self.detail != Detail::Whole {
            return;
        }
        let time = self.paint(DIM, &format!("({})", seconds(ended.time)));
        let (prompt, command) =
            (self.paint(DIM, &format!("{place}$")), self.paint(BOLD, &shorten(&ended.shown)));
        self.line(&format!("   {prompt} {command}  {time}"));
        let said = ended.said();
        let all: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        for line in all.iter().take(lines) {
            wrap(&shorten(line)).iter().for_each(|line| self.line(&format!("     {line}")));
        }
        if lines > 0 && all.len() > lines {
            self.line(&self.paint(DIM, &format!("     … {} more lines", all.len() - lines)));
        }
    }
}

pub fn seconds(time: Duration) -> String {
    match time.as_millis() {
        0..1_000 => format!("{} ms", time.as_millis()),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

/// People compare the beginning of a digest: on the screen, twelve digits stand for all of them.
fn shorten(text: &str) -> String {
    const DIGITS: usize = 12;
    let mut short = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("sha256:") {
        let digits = after.bytes().take_while(u8::is_ascii_hexdigit).count();
        short.push_str(before);
        short.push_str("sha256:");
        short.push_str(&after[..digits.min(DIGITS)]);
        short.push_str(if digits > DIGITS { "…" } else { "" });
        rest = &after[digits..];
    }
    short + rest
}

/// Breaks a long line between words; what follows is indented.
fn wrap(line: &str) -> Vec<String> {
    const WIDTH: usize = 112;
    let indent = line.len() - line.trim_start().len();
    let mut lines = vec![" ".repeat(indent)];
    for word in line.split_whitespace() {
        let last = lines.len() - 1;
        let length = lines[last].chars().count();
        if length + word.chars().count() >= WIDTH && length > indent + 2 {
            lines.push(format!("{}{word}", " ".repeat(indent + 2)));
        } else {
            let gap = if lines[last].trim().is_empty() { "" } else { " " };
            lines[last].push_str(&format!("{gap}{word}"));
        }
    }
    // Lines that fit keep their columns.
    if lines.len() == 1 { vec![line.to_owned()] } else { lines }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_shortened_wherever_they_stand() {
        let digest = "0123456789abcdef".repeat(4);
        assert_eq!(shorten(&format!("run a/b@sha256:{digest} now")), "run a/b@sha256:0123456789ab… now");
        assert_eq!(shorten("sha256:01"), "sha256:01");
        assert_eq!(shorten("nothing"), "nothing");
    }

    #[test]
    fn long_lines_are_broken_between_words_and_short_ones_kept() {
        assert_eq!(wrap("  a   b"), ["  a   b"]);
        let lines = wrap(&format!("  {}", "word ".repeat(40)));
        assert!(lines.len() == 2 && lines.iter().all(|line| line.chars().count() <= 112), "{lines:?}");
        assert!(lines[1].starts_with("    word"));
    }
}
