//! XML as builds write it: elements, attributes and texts; entities that a document defines itself are left out.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// What comes by on a walk through a document.
pub(crate) enum Node<'a> {
    Open(Attributes<'a>),
    /// The element's own text, without that of the elements in it, and without white space around it.
    Close(&'a str),
}

/// The attributes of an element.
pub(crate) struct Attributes<'a>(&'a BytesStart<'a>);

/// Deeper documents are an attack.
const DEPTH: usize = 200;

/// Walks through a document. Paths are local names with slashes, such as `project/parent/version`. An error says what
/// is wrong; what came before it was shown.
pub(crate) fn walk(text: &str, mut visit: impl FnMut(&str, Node<'_>)) -> Result<(), String> {
    let mut reader = Reader::from_str(text);
    let mut path = String::new();
    // Where each open element's name begins in the path, and its own text so far.
    let mut open: Vec<(usize, String)> = Vec::new();
    let at = |reader: &Reader<&[u8]>| reader.buffer_position();
    loop {
        match reader.read_event().map_err(|error| format!("byte {}: {error}", at(&reader)))? {
            Event::Start(element) => {
                if open.len() == DEPTH {
                    return Err(format!("more than {DEPTH} elements within one another"));
                }
                open.push((push(&mut path, &element), String::new()));
                visit(&path, Node::Open(Attributes(&element)));
            }
            Event::Empty(element) => {
                let begin = push(&mut path, &element);
                visit(&path, Node::Open(Attributes(&element)));
                visit(&path, Node::Close(""));
                path.truncate(begin);
            }
            Event::End(_) => {
                if let Some((begin, own)) = open.pop() {
                    visit(&path, Node::Close(own.trim()));
                    path.truncate(begin);
                }
            }
            Event::Text(piece) => {
                if let Some((_, own)) = open.last_mut() {
                    own.push_str(&piece);
                }
            }
            Event::CData(piece) => {
                if let Some((_, own)) = open.last_mut() {
                    own.push_str(&piece);
                }
            }
            Event::GeneralRef(reference) => {
                if let Some((_, own)) = open.last_mut() {
                    own.extend(character(&reference));
                }
            }
            Event::Eof if open.is_empty() => return Ok(()),
            Event::Eof => return Err(format!("the document ends within {path}")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

/// Appends a name, and says where the path ended before.
fn push(path: &mut String, element: &BytesStart<'_>) -> usize {
    let begin = path.len();
    if begin > 0 {
        path.push('/');
    }
    path.push_str(element.local_name().as_ref());
    begin
}

fn character(reference: &BytesRef<'_>) -> Option<char> {
    match &**reference {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => reference.resolve_char_ref().ok().flatten(),
    }
}

impl Attributes<'_> {
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        // The reader's own check for repetitions compares each with each.
        let mut all = self.0.attributes();
        let found =
            all.with_checks(false).flatten().find(|attribute| attribute.key.local_name().as_ref() == name)?;
        let plain = quick_xml::escape::unescape(&found.value);
        Some(plain.map_or_else(|_| found.value.to_string(), |value| value.into_owned()).trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(document: &str) -> (Vec<(String, String)>, bool) {
        let mut found = Vec::new();
        let whole = walk(document, |path, node| match node {
            Node::Open(attributes) => found.extend(attributes.get("k").map(|value| (path.to_owned(), value))),
            Node::Close(text) => found.push((path.to_owned(), text.to_owned())),
        });
        (found, whole.is_ok())
    }

    #[test]
    fn shows_paths_texts_and_attributes() {
        let (found, whole) = texts(
            "<?xml version='1.0'?><!-- c --><a><x:b k='1 &amp; 2'> t<!-- c -->u &lt;&#65;<![CDATA[&]]></x:b><c k=\"3\"/></a>",
        );
        let found: Vec<_> = found.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        assert_eq!(found, [("a/b", "1 & 2"), ("a/b", "tu <A&"), ("a/c", "3"), ("a/c", ""), ("a", "")]);
        assert!(whole);
    }

    #[test]
    fn what_came_before_an_error_counts() {
        for document in ["<a><b>x</b>", "<a><b>x</b></c>", "<a><b>x</b><", "<a><b>x</b><!--"] {
            let (found, whole) = texts(document);
            assert_eq!(
                (found.first(), whole),
                (Some(&("a/b".to_owned(), "x".to_owned())), false),
                "{document}"
            );
        }
        assert!(!texts(&"<a>".repeat(100_000)).1);
    }

    proptest! {
        #[test]
        fn takes_any_text(text in "([<>/a\"'=&;# !\\[\\]-]|<a>|</a>|<!\\[CDATA\\[|é){0,60}") {
            texts(&text);
        }
    }
}
