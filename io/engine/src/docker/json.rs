//! JSON read so strictly that no other reader can understand it differently.
//!
//! Engines are written in Go, whose decoder takes keys in any case (and `ſ` for `s`, the Kelvin sign for `k`),
//! merges doubled objects, and stops after the first value. Whoever decides on the same bytes must either do
//! all of that or refuse every text on which it makes a difference. This reader refuses.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// What one text may cost.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub bytes: usize,
    pub depth: usize,
    /// Values of all kinds.
    pub values: usize,
}

impl Bounds {
    /// Engines hand at most 4 MiB to a plugin; the largest real request measured has 4 kB.
    pub const REQUEST: Self = Self { bytes: 4 << 20, depth: 24, values: 100_000 };
    /// Files that the engine itself wrote.
    pub const FILE: Self = Self { bytes: 16 << 20, depth: 32, values: 500_000 };
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value<'t> {
    Null,
    Bool(bool),
    /// As written.
    Number(&'t str),
    Text(Cow<'t, str>),
    List(Vec<Value<'t>>),
    /// No key occurs twice.
    Map(Vec<(Cow<'t, str>, Value<'t>)>),
}

impl Value<'_> {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "an object",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why} at byte {at}")]
pub struct JsonError {
    pub at: usize,
    pub why: JsonFault,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonFault {
    TooLong,
    TooDeep,
    TooMany,
    ByteOrderMark,
    Nul,
    NotUtf8,
    /// A surrogate without its partner: readers replace it in different ways.
    LoneSurrogate,
    DoubledKey(String),
    Trailing,
    Syntax(&'static str),
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("more bytes than are read"),
            Self::TooDeep => f.write_str("nested too deeply"),
            Self::TooMany => f.write_str("more values than are read"),
            Self::ByteOrderMark => f.write_str("a byte order mark"),
            Self::Nul => f.write_str("a NUL character"),
            Self::NotUtf8 => f.write_str("bytes that are not UTF-8"),
            Self::LoneSurrogate => f.write_str("half a surrogate pair"),
            Self::DoubledKey(key) => write!(f, "the key `{key}` for the second time"),
            Self::Trailing => f.write_str("more than one value"),
            Self::Syntax(expected) => write!(f, "not JSON: expected {expected}"),
        }
    }
}

/// Reads exactly one value.
pub fn parse(bytes: &[u8], bounds: Bounds) -> Result<Value<'_>, JsonError> {
    let fail = |at, why| Err(JsonError { at, why });
    if bytes.len() > bounds.bytes {
        return fail(bounds.bytes, JsonFault::TooLong);
    }
    if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
        return fail(0, JsonFault::ByteOrderMark);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return fail(error.valid_up_to(), JsonFault::NotUtf8),
    };
    if let Some(at) = text.find('\0') {
        return fail(at, JsonFault::Nul);
    }
    let mut reader = Reader { text, at: 0, values: bounds.values };
    let value = reader.value(bounds.depth)?;
    reader.space();
    if reader.at < text.len() {
        return fail(reader.at, JsonFault::Trailing);
    }
    Ok(value)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// Values that may still come.
    values: usize,
}

impl<'t> Reader<'t> {
    fn fail<T>(&self, why: JsonFault) -> Result<T, JsonError> {
        Err(JsonError { at: self.at, why })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn value(&mut self, depth: usize) -> Result<Value<'t>, JsonError> {
        self.space();
        self.values = match self.values.checked_sub(1) {
            Some(values) => values,
            None => return self.fail(JsonFault::TooMany),
        };
        match self.peek() {
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let words =
                    [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))];
                for (word, value) in words {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                self.fail(JsonFault::Syntax("a value"))
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value<'t>, JsonError> {
        let Some(depth) = depth.checked_sub(1) else { return self.fail(JsonFault::TooDeep) };
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.space();
            if self.take(b']') {
                return Ok(Value::List(items));
            }
            if !self.take(b',') {
                return self.fail(JsonFault::Syntax("`,` or `]`"));
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value<'t>, JsonError> {
        let Some(depth) = depth.checked_sub(1) else { return self.fail(JsonFault::TooDeep) };
        self.at += 1;
        let mut entries: Vec<(Cow<'t, str>, Value<'t>)> = Vec::new();
        let mut keys = BTreeSet::new();
        self.space();
        if self.take(b'}') {
            return Ok(Value::Map(entries));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return self.fail(JsonFault::Syntax("a key"));
            }
            let key = self.string()?;
            if !keys.insert(key.clone()) {
                return self.fail(JsonFault::DoubledKey(key.chars().take(64).collect()));
            }
            self.space();
            if !self.take(b':') {
                return self.fail(JsonFault::Syntax("`:`"));
            }
            entries.push((key, self.value(depth)?));
            self.space();
            if self.take(b'}') {
                return Ok(Value::Map(entries));
            }
            if !self.take(b',') {
                return self.fail(JsonFault::Syntax("`,` or `}`"));
            }
        }
    }

    fn number(&mut self) -> Result<Value<'t>, JsonError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(Value::Number(&self.text[start..self.at]))
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { self.fail(JsonFault::Syntax("a digit")) } else { Ok(()) }
    }

    /// From the opening quote to after the closing one.
    fn string(&mut self) -> Result<Cow<'t, str>, JsonError> {
        self.at += 1;
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(Cow::Borrowed(&self.text[start..self.at - 1]));
                }
                b'\\' => return self.escaped(start).map(Cow::Owned),
                0..=0x1F => return self.fail(JsonFault::Syntax("no control character in a string")),
                _ => self.at += 1,
            }
        }
        self.fail(JsonFault::Syntax("a closing quote"))
    }

    fn escaped(&mut self, start: usize) -> Result<String, JsonError> {
        let mut string = self.text[start..self.at].to_owned();
        loop {
            let plain = self.at;
            while self.peek().is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1F)) {
                self.at += 1;
            }
            string.push_str(&self.text[plain..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => {
                    self.at += 1;
                    string.push(self.escape()?);
                }
                Some(_) => return self.fail(JsonFault::Syntax("no control character in a string")),
                None => return self.fail(JsonFault::Syntax("a closing quote")),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<char, JsonError> {
        let simple = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return self.fail(JsonFault::Syntax("an escape")),
        };
        self.at += 1;
        Ok(simple)
    }

    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.hex()?;
        let code = match first {
            0xD800..=0xDBFF => {
                if !(self.take(b'\\') && self.take(b'u')) {
                    return self.fail(JsonFault::LoneSurrogate);
                }
                let second = self.hex()?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return self.fail(JsonFault::LoneSurrogate);
                }
                0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            code => code,
        };
        match char::from_u32(code) {
            Some('\0') => self.fail(JsonFault::Nul),
            Some(character) => Ok(character),
            None => self.fail(JsonFault::LoneSurrogate),
        }
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) else {
                return self.fail(JsonFault::Syntax("four hexadecimal digits"));
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests;
