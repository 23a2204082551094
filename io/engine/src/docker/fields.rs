//! Objects whose every key is known, and values that are what their key says.

use std::borrow::Cow;

use super::json::Value;
use super::shorten;

/// A setting that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the setting `{path}` {why}")]
pub struct WrongSetting {
    pub path: String,
    pub why: String,
}

fn wrong(path: &str, why: impl Into<String>) -> WrongSetting {
    WrongSetting { path: path.to_owned(), why: why.into() }
}

/// An object of which every key is in one of the lists, spelt exactly so.
///
/// The engine would take `privileged`, `PRIVILEGED` and even `PrivileGed` with odd letters for `Privileged`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'v> {
    entries: &'v [(Cow<'v, str>, Value<'v>)],
}

impl<'v> Fields<'v> {
    /// `null` is an object without keys, as it is to the engine.
    pub(super) fn of<'p>(
        value: &'v Value<'v>,
        path: &str,
        is_known: impl Fn(&str) -> bool,
        known: impl Iterator<Item = &'p str> + Clone,
    ) -> Result<Self, WrongSetting> {
        let entries = map(value, path)?;
        for (key, _) in entries {
            if is_known(key) {
                continue;
            }
            let place = join(path, &shorten(key));
            return Err(match known.clone().find(|known| fold(known) == fold(key)) {
                Some(known) => wrong(&place, format!("is another spelling of `{known}`")),
                None => wrong(&place, "is not known"),
            });
        }
        Ok(Self { entries })
    }

    /// Keys in two lists: those that decide something and those that are known to be harmless.
    pub(super) fn known(
        value: &'v Value<'v>,
        path: &str,
        read: &[&str],
        harmless: &[&str],
    ) -> Result<Self, WrongSetting> {
        let both = read.iter().chain(harmless).copied();
        Self::of(value, path, |key| read.contains(&key) || harmless.contains(&key), both)
    }

    pub(super) fn get(&self, key: &str) -> &'v Value<'v> {
        self.entries.iter().find(|(name, _)| name == key).map_or(&Value::Null, |(_, value)| value)
    }

    pub(super) fn entries(&self) -> &'v [(Cow<'v, str>, Value<'v>)] {
        self.entries
    }
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// One spelling for all that Go's decoder takes for the same key: ASCII case, `ſ` (U+017F) and `K` (U+212A).
pub(super) fn fold(key: &str) -> String {
    key.chars()
        .map(|character| match character {
            '\u{17F}' => 's',
            '\u{212A}' => 'k',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}

fn expected<T>(path: &str, what: &str, found: &Value<'_>) -> Result<T, WrongSetting> {
    Err(wrong(path, format!("should be {what} and is {}", found.kind())))
}

pub(super) fn text<'v>(value: &'v Value<'v>, path: &str) -> Result<&'v str, WrongSetting> {
    match value {
        Value::Null => Ok(""),
        Value::Text(text) => Ok(text),
        other => expected(path, "a string", other),
    }
}

pub(super) fn flag(value: &Value<'_>, path: &str) -> Result<bool, WrongSetting> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        other => expected(path, "a boolean", other),
    }
}

pub(super) fn integer(value: &Value<'_>, path: &str) -> Result<i64, WrongSetting> {
    match value {
        Value::Null => Ok(0),
        Value::Number(number) => number.parse().map_err(|_| wrong(path, "is not a whole number")),
        other => expected(path, "a number", other),
    }
}

pub(super) fn list<'v>(value: &'v Value<'v>, path: &str) -> Result<&'v [Value<'v>], WrongSetting> {
    match value {
        Value::Null => Ok(&[]),
        Value::List(items) => Ok(items),
        other => expected(path, "a list", other),
    }
}

pub(super) fn texts<'v>(value: &'v Value<'v>, path: &str) -> Result<Vec<&'v str>, WrongSetting> {
    list(value, path)?.iter().map(|item| text(item, path)).collect()
}

/// Some lists may be written as a single string.
pub(super) fn one_or_more<'v>(value: &'v Value<'v>, path: &str) -> Result<Vec<&'v str>, WrongSetting> {
    match value {
        Value::Text(text) => Ok(vec![text]),
        other => texts(other, path),
    }
}

pub(super) fn map<'v>(
    value: &'v Value<'v>,
    path: &str,
) -> Result<&'v [(Cow<'v, str>, Value<'v>)], WrongSetting> {
    match value {
        Value::Null => Ok(&[]),
        Value::Map(entries) => Ok(entries),
        other => expected(path, "an object", other),
    }
}

/// An object from any names to strings.
pub(super) fn text_map<'v>(
    value: &'v Value<'v>,
    path: &str,
) -> Result<Vec<(&'v str, &'v str)>, WrongSetting> {
    map(value, path)?.iter().map(|(key, value)| Ok((key.as_ref(), text(value, path)?))).collect()
}

/// Whether nothing is asked for: `null`, `""`, `0`, `false`, `[]` or `{}`.
pub(super) fn is_nothing(value: &Value<'_>) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => *number == "0",
        Value::Text(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
    }
}
