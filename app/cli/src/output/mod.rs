//! How results meet the eye.

mod table;
mod time;

use std::io::Write;

use anstyle::{AnsiColor, Style};

pub(crate) use table::Table;
pub(crate) use time::{ago, clock, micros};

use crate::failure::{Code, Failure, Outcome};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();

/// Text in a style, or as it is.
pub(crate) fn paint(color: bool, style: Style, text: &str) -> String {
    if color { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// Text that others chose, as it may reach a terminal: what would move the cursor, change the direction of writing or
/// hide itself is spelled out.
pub(crate) fn plain(text: &str) -> std::borrow::Cow<'_, str> {
    let is_hidden = |character: char| {
        character.is_control()
            || matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    };
    if !text.contains(is_hidden) {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match is_hidden(character) {
            true => plain.extend(character.escape_unicode()),
            false => plain.push(character),
        }
    }
    plain.into()
}

/// Prints a result. A reader that went away (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Outcome {
    print_with(|out| out.write_all(text.as_bytes()))
}

/// As [`print`], for what is made while it is printed.
pub(crate) fn print_with(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Outcome {
    let mut out = std::io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Code::Local, format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

pub(crate) fn print_json<T: serde::Serialize>(value: &T) -> Outcome {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(Code::Internal, format!("cannot print the result as JSON: {error}")))?;
    text.push('\n');
    print(&text)
}

/// A remark for people beside the result: on standard error, silent with --quiet.
pub(crate) fn remark(settings: &crate::settings::Settings, text: &str) {
    if !settings.quiet {
        // Nothing sensible is left to do when even standard error is gone.
        settings.progress.suspend(|| drop(writeln!(std::io::stderr(), "{text}")));
    }
}

/// `sha256:0123456789ab` of a full digest.
pub(crate) fn short_digest(digest: &str) -> String {
    digest.chars().take("sha256:".len() + 12).collect()
}

/// The first twelve digits of an engine's id; other ids as they are.
pub(crate) fn short_id(id: &str) -> &str {
    if id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()) { &id[..12] } else { id }
}
