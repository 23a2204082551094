//! XML, event by event, out of one text: names without prefixes, a bound on nesting, and no entities but those of
//! XML itself and numbered characters. What a document type declares is passed over, so nothing can expand.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// Deepest nesting of elements that is read. Real feeds have 12.
const MOST_DEPTH: usize = 64;

/// Elements and texts of a document, in their order. Every `Open` has its `Close`.
#[derive(Debug)]
pub(super) enum Node<'d> {
    Open(Tag<'d>),
    Text(Cow<'d, str>),
    Close,
}

#[derive(Debug)]
pub(super) struct Tag<'d> {
    start: BytesStart<'d>,
    source: &'d str,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum XmlError {
    #[error("it is not UTF-8: {0}")]
    Encoding(#[from] std::str::Utf8Error),
    #[error("byte {at}: {reason}")]
    Syntax { at: u64, reason: String },
    #[error("byte {at}: elements lie more than {MOST_DEPTH} deep")]
    Depth { at: u64 },
    #[error("it ends inside an element")]
    End,
}

pub(super) struct Xml<'d> {
    reader: Reader<&'d [u8]>,
    source: &'d str,
    depth: usize,
}

impl<'d> Xml<'d> {
    pub(super) fn new(bytes: &'d [u8]) -> Result<Self, XmlError> {
        let source = std::str::from_utf8(bytes)?;
        let mut reader = Reader::from_str(source);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        Ok(Self { reader, source, depth: 0 })
    }

    /// How many elements are open.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// `None` at the end of the document.
    pub(super) fn next(&mut self) -> Result<Option<Node<'d>>, XmlError> {
        loop {
            let event = self.reader.read_event().map_err(|error| XmlError::Syntax {
                at: self.reader.error_position(),
                reason: error.to_string(),
            })?;
            return Ok(Some(match event {
                Event::Start(start) => {
                    self.depth += 1;
                    if self.depth > MOST_DEPTH {
                        return Err(XmlError::Depth { at: self.reader.buffer_position() });
                    }
                    Node::Open(Tag { start, source: self.source })
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Node::Close
                }
                Event::Text(text) => Node::Text(text.into_inner()),
                Event::CData(text) => Node::Text(text.into_inner()),
                Event::GeneralRef(reference) => {
                    let character = match &*reference {
                        "amp" => Some('&'),
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "quot" => Some('"'),
                        "apos" => Some('\''),
                        _ => reference.resolve_char_ref().ok().flatten(),
                    };
                    match character {
                        Some(character) => Node::Text(Cow::Owned(character.to_string())),
                        None => continue,
                    }
                }
                Event::Eof if self.depth > 0 => return Err(XmlError::End),
                Event::Eof => return Ok(None),
                Event::Empty(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => {
                    continue;
                }
            }));
        }
    }

    /// The text of the element that was opened last, up to its end; that of elements inside it is left out.
    pub(super) fn text(&mut self) -> Result<Cow<'d, str>, XmlError> {
        let own = self.depth;
        let mut all = Cow::Borrowed("");
        loop {
            match self.next()?.ok_or(XmlError::End)? {
                Node::Text(text) if self.depth == own => {
                    if all.is_empty() {
                        all = text;
                    } else if all.len() < MOST_TEXT {
                        all.to_mut().push_str(&text);
                    }
                }
                Node::Close if self.depth < own => return Ok(all),
                _ => {}
            }
        }
    }

    /// Passes over the rest of the element that was opened last.
    pub(super) fn skip(&mut self) -> Result<(), XmlError> {
        let own = self.depth;
        while self.depth >= own {
            self.next()?.ok_or(XmlError::End)?;
        }
        Ok(())
    }
}

/// Texts in several pieces are joined up to this length.
const MOST_TEXT: usize = 64 << 10;

impl std::fmt::Debug for Xml<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Xml").field("depth", &self.depth).finish_non_exhaustive()
    }
}

impl<'d> Tag<'d> {
    pub(super) fn name(&self) -> &str {
        self.start.local_name().into_inner()
    }

    pub(super) fn attribute(&self, name: &str) -> Option<Cow<'d, str>> {
        let mut attributes = self.start.attributes();
        let attributes = attributes.with_checks(false).flatten();
        let attribute = attributes.filter(|found| found.key.local_name().into_inner() == name).last()?;
        // The event borrows the text for as long as it lives itself; the text lives longer.
        match attribute.value {
            Cow::Borrowed(value) if !value.contains(['&', '\n', '\t', '\r']) => {
                Some(within(self.source, value).map_or_else(|| Cow::Owned(value.to_owned()), Cow::Borrowed))
            }
            _ => {
                let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
                Some(Cow::Owned(value.into_owned()))
            }
        }
    }
}

/// The same bytes, as a part of the text that they are a part of.
fn within<'d>(source: &'d str, part: &str) -> Option<&'d str> {
    let at = (part.as_ptr() as usize).checked_sub(source.as_ptr() as usize)?;
    source.get(at..at.checked_add(part.len())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Vec<String>, XmlError> {
        let mut xml = Xml::new(text.as_bytes())?;
        let mut found = Vec::new();
        while let Some(node) = xml.next()? {
            found.push(match node {
                Node::Open(tag) => format!("<{} {:?}", tag.name(), tag.attribute("a")),
                Node::Text(text) => text.into_owned(),
                Node::Close => ">".to_owned(),
            });
        }
        Ok(found)
    }

    #[test]
    fn names_lose_prefixes_and_references_are_resolved() {
        let found = words("<x:a a='1&amp;2'>t&#65;&lt;<b/><![CDATA[<]]></x:a>").unwrap();
        assert_eq!(found, ["<a Some(\"1&2\")", "t", "A", "<", "<b None", ">", "<", ">"]);
    }

    #[test]
    fn entities_do_not_expand() {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bb\"><!ENTITY c \"&b;&b;\">]><a a='&c;'>&c;</a>";
        assert_eq!(words(bomb).unwrap(), ["<a None", ">"]);
    }

    #[test]
    fn nesting_has_a_bound() {
        let at = words(&"<a>".repeat(100_000)).unwrap_err();
        assert!(matches!(at, XmlError::Depth { .. }), "{at}");
        assert_eq!(words("<a><b></b>"), Err(XmlError::End));
        assert!(words("<a></b>").is_err());
    }

    #[test]
    fn texts_and_elements_are_taken_whole() {
        let mut xml = Xml::new(b"<a>one <b>two<c/></b> &amp; three</a>").unwrap();
        assert!(matches!(xml.next(), Ok(Some(Node::Open(_)))));
        assert_eq!(xml.text().unwrap(), "one  & three");
        assert_eq!(xml.depth(), 0);
    }
}
