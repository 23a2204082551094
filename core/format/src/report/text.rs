//! Words, wrapped: text of foreign origin that neither breaks a line's width nor controls the terminal.

use anstyle::Style;
use unicode_width::UnicodeWidthChar;

/// Text in the making, a line at a time.
pub(super) struct Page {
    width: usize,
    color: bool,
    text: String,
}

/// A piece of a paragraph that is not broken unless it is wider than the page.
#[derive(Clone)]
pub(super) struct Word {
    text: String,
    style: Style,
}

/// Splits `text` into words at white space.
pub(super) fn words(text: &str, style: Style) -> Vec<Word> {
    text.split_whitespace().map(|word| Word { text: clean(word), style }).collect()
}

pub(super) fn plain(text: &str) -> Vec<Word> {
    words(text, Style::new())
}

/// One word even where `text` has spaces or nothing in it.
pub(super) fn word(text: &str, style: Style) -> Vec<Word> {
    vec![Word { text: clean(text), style }]
}

impl Page {
    pub(super) fn new(width: usize, color: bool) -> Self {
        Self { width, color, text: String::new() }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Writes a paragraph: its first line indented by `first` columns, the others by `rest`.
    pub(super) fn paragraph(&mut self, first: usize, rest: usize, words: Vec<Word>) {
        let (mut column, mut fresh) = (first, true);
        self.text.extend(std::iter::repeat_n(' ', first));
        for word in words {
            if !fresh && column + 1 + width(&word.text) > self.width {
                self.text.push('\n');
                self.text.extend(std::iter::repeat_n(' ', rest));
                (column, fresh) = (rest, true);
            }
            if !fresh {
                self.text.push(' ');
                column += 1;
            }
            for (at, piece) in pieces(&word.text, self.width - column, self.width - rest).enumerate() {
                if at > 0 {
                    self.text.push('\n');
                    self.text.extend(std::iter::repeat_n(' ', rest));
                    column = rest;
                }
                self.styled(piece, word.style);
                column += width(piece);
            }
            fresh = false;
        }
        self.text.push('\n');
    }

    fn styled(&mut self, text: &str, style: Style) {
        if self.color && !style.is_plain() {
            self.text.push_str(&format!("{style}{text}{style:#}"));
        } else {
            self.text.push_str(text);
        }
    }
}

/// Cuts a word that is too wide: the first piece fits in `first` columns, the others in `rest`.
fn pieces(word: &str, first: usize, rest: usize) -> impl Iterator<Item = &str> {
    let (mut left, mut room) = (word, first);
    std::iter::from_fn(move || {
        if left.is_empty() {
            return None;
        }
        let mut columns = 0;
        let fits = left.char_indices().find(|(_, c)| {
            columns += c.width().unwrap_or(0);
            columns > room
        });
        // At least one character, so that the walk ends whatever the room.
        let least = left.chars().next().map_or(0, char::len_utf8);
        let (piece, more) = left.split_at(fits.map_or(left.len(), |(end, _)| end.max(least)));
        (left, room) = (more, rest);
        Some(piece)
    })
}

pub(super) fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Shows a replacement character for each one that is no glyph: control characters drive the terminal, and
/// format characters (bidirectional overrides, zero-width ones) make text look like other text.
fn clean(text: &str) -> String {
    text.chars().map(|c| if is_shown(c) { c } else { '\u{fffd}' }).collect()
}

fn is_shown(c: char) -> bool {
    let hidden = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !hidden
}

#[cfg(test)]
mod tests {
    use anstyle::AnsiColor;
    use proptest::prelude::*;

    use super::*;

    fn page(width: usize, first: usize, rest: usize, text: &str) -> String {
        let mut page = Page::new(width, false);
        page.paragraph(first, rest, plain(text));
        page.finish()
    }

    #[test]
    fn wraps_at_words_and_cuts_what_is_too_long() {
        assert_eq!(page(20, 2, 4, "one two three four five"), "  one two three four\n    five\n");
        assert_eq!(page(10, 0, 2, "ab abcdefghijklmnop"), "ab\n  abcdefgh\n  ijklmnop\n");
        assert_eq!(page(10, 0, 2, "漢字漢字漢字"), "漢字漢字漢\n  字\n");
        assert_eq!(page(10, 0, 0, ""), "\n");
    }

    #[test]
    fn foreign_text_does_not_drive_the_terminal() {
        let text = page(40, 0, 0, "a\u{1b}[31mred\u{7} b\u{202e}c \u{9b}2J");
        assert_eq!(text, "a\u{fffd}[31mred\u{fffd} b\u{fffd}c \u{fffd}2J\n");
    }

    #[test]
    fn colour_is_an_addition() {
        let mut page = Page::new(40, true);
        page.paragraph(0, 0, words("red text", AnsiColor::Red.on_default()));
        let text = page.finish();
        assert_eq!(text.replace("\u{1b}[31m", "").replace("\u{1b}[0m", ""), "red text\n");
        assert_ne!(text, "red text\n");
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide(text in "\\PC{0,80}", width_of_page in 20usize..60, first in 0usize..8, rest in 0usize..8) {
            for line in page(width_of_page, first, rest, &text).lines() {
                prop_assert!(width(line) <= width_of_page, "{line}");
            }
        }
    }
}
