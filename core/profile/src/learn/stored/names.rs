//! Names as learning makes them.

use super::{StoredError, impossible};
use crate::learn::trie::Step;
use crate::pattern::Pattern;
use crate::text::{FromText as _, Place};

/// An executable or another absolute path.
pub(super) fn place(text: String) -> Result<String, StoredError> {
    match Place::from_text(&text) {
        Ok(Place(place)) => Ok(place),
        Err(_) => Err(impossible("a path", &text)),
    }
}

/// A path without any star but that for the number of a process: no wildcard ever names a secret.
pub(super) fn secret(text: String) -> Result<String, StoredError> {
    let path = place(text)?;
    match path.strip_prefix("/proc/*").unwrap_or(&path).contains('*') {
        true => Err(impossible("a secret", &path)),
        false => Ok(path),
    }
}

/// One name of a path.
pub(super) fn path_step(text: String) -> Result<Step, StoredError> {
    step(text, '/').and_then(|step| match &step {
        Step::Literal(name) if name.is_empty() => Err(impossible("a path", "")),
        _ => Ok(step),
    })
}

/// One label of a host's name.
pub(super) fn label(text: String) -> Result<Step, StoredError> {
    step(text, '.')
}

fn step(text: String, separator: char) -> Result<Step, StoredError> {
    let is_name = |name: &str| !name.contains(separator) && !name.chars().any(char::is_control);
    // Two stars would reach further than one name.
    let is_shape = |shape: &str| is_name(shape) && !shape.contains("**") && Pattern::parse(shape).is_ok();
    match (text.as_str(), text.strip_prefix('='), text.strip_prefix('~')) {
        ("*", ..) => Ok(Step::Any),
        ("**", ..) => Ok(Step::Tail),
        (_, Some(name), _) if is_name(name) => Ok(Step::Literal(name.to_owned())),
        (_, _, Some(shape)) if is_shape(shape) => Ok(Step::Shape(shape.to_owned())),
        _ => Err(impossible("a name", &text)),
    }
}
