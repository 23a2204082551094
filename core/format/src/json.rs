//! JSON as it goes to a writer, piece by piece.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use sha2::{Digest as _, Sha256};

/// What is gathered before it goes on: most of a document are tokens of a few bytes.
const GATHERED: usize = 64 << 10;

/// Writes a value for people to read, two spaces a level, and the end of its last line: the bytes that
/// `serde_json::to_string_pretty` gives.
pub(crate) fn write_pretty<T: Serialize>(value: &T, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(GATHERED, out);
    value
        .serialize(&mut Serializer::with_formatter(&mut out, Indented::default()))
        .map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The SHA-256 of a value in one line, which nowhere lies in memory as a whole.
pub(crate) fn digest<T: Serialize>(value: &T) -> serde_json::Result<[u8; 32]> {
    let mut out = BufWriter::with_capacity(GATHERED, Hashed(Sha256::new()));
    serde_json::to_writer(&mut out, value)?;
    let Hashed(hash) = out.into_inner().map_err(|error| serde_json::Error::io(error.into_error()))?;
    Ok(hash.finalize().into())
}

struct Hashed(Sha256);

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// As serde_json's own, but each beginning of a line is written at once.
#[derive(Debug, Default)]
struct Indented {
    depth: usize,
    /// Whether what was begun last has anything in it.
    has_value: bool,
}

const LINE: &[u8] = b"\n                                ";

impl Indented {
    fn line<W: ?Sized + Write>(&self, out: &mut W) -> io::Result<()> {
        match LINE.get(..=2 * self.depth) {
            Some(line) => out.write_all(line),
            None => {
                out.write_all(b"\n")?;
                (0..self.depth).try_for_each(|_| out.write_all(b"  "))
            }
        }
    }

    fn begin<W: ?Sized + Write>(&mut self, out: &mut W, sign: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.has_value = false;
        out.write_all(sign)
    }

    fn end<W: ?Sized + Write>(&mut self, out: &mut W, sign: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if self.has_value {
            self.line(out)?;
        }
        out.write_all(sign)
    }

    fn next<W: ?Sized + Write>(&self, out: &mut W, is_first: bool) -> io::Result<()> {
        if !is_first {
            out.write_all(b",")?;
        }
        self.line(out)
    }
}

impl Formatter for Indented {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, is_first: bool) -> io::Result<()> {
        self.next(out, is_first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, is_first: bool) -> io::Result<()> {
        self.next(out, is_first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<i64>().prop_map(Value::from),
            "(?s).{0,9}".prop_map(Value::from)
        ];
        leaf.prop_recursive(24, 60, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("(?s).{0,4}", inner, 0..4)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_is_written_as_serde_json_does(value in values()) {
            let mut out = Vec::new();
            write_pretty(&value, &mut out).unwrap();
            prop_assert_eq!(out, format!("{}\n", serde_json::to_string_pretty(&value).unwrap()).into_bytes());
            let line = serde_json::to_vec(&value).unwrap();
            prop_assert_eq!(digest(&value).unwrap(), <[u8; 32]>::from(Sha256::digest(line)));
        }
    }

    #[test]
    fn depths_beyond_the_prepared_line_are_indented_too() {
        let deep = (0..40).fold(json!(1), |value, _| json!([value]));
        let mut out = Vec::new();
        write_pretty(&deep, &mut out).unwrap();
        assert_eq!(out, format!("{}\n", serde_json::to_string_pretty(&deep).unwrap()).into_bytes());
    }

    #[test]
    fn a_writer_that_fails_is_told() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let long = "x".repeat(3 * GATHERED);
        assert_eq!(write_pretty(&long, &mut Full).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
