//! Questions to name servers (RFC 1035, section 4.1), as far as their first 512 bytes tell.

use lazaret_model::{Lookup, path_text};

const HEADER: usize = 12;
const LABEL_MAXIMUM: usize = 63;
const NAME_MAXIMUM: usize = 255;
/// More than one is allowed and unheard of.
const QUESTIONS: u16 = 8;

/// The names that a message asks for. Empty for what is no question.
pub(super) fn lookups(message: &[u8]) -> Vec<Lookup> {
    let Some((header, mut rest)) = message.split_at_checked(HEADER) else { return Vec::new() };
    let is_answer = header[2] & 0x80 != 0;
    let count = u16::from_be_bytes([header[4], header[5]]).min(QUESTIONS);
    let mut lookups = Vec::new();
    if is_answer {
        return lookups;
    }
    for _ in 0..count {
        let Some((lookup, behind)) = question(rest) else { break };
        lookups.push(lookup);
        rest = behind;
    }
    lookups
}

/// Labels, type and class. A question has no earlier name that it could point to.
fn question(mut rest: &[u8]) -> Option<(Lookup, &[u8])> {
    let mut name = Vec::new();
    loop {
        let (length, behind) = rest.split_first()?;
        let length = usize::from(*length);
        if length > LABEL_MAXIMUM {
            return None;
        }
        let (label, behind) = behind.split_at_checked(length)?;
        rest = behind;
        if length == 0 {
            break;
        }
        if !name.is_empty() {
            name.push(b'.');
        }
        name.extend(label.iter().map(u8::to_ascii_lowercase));
        if name.len() > NAME_MAXIMUM {
            return None;
        }
    }
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let kind = u16::from_be_bytes([kind[0], kind[1]]);
    Some((Lookup { name: path_text(&name).into_owned(), kind }, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(name: &[&[u8]], flags: u8) -> Vec<u8> {
        let mut message = vec![0, 1, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name {
            message.push(u8::try_from(label.len()).unwrap());
            message.extend_from_slice(label);
        }
        message.extend([0, 0, 16, 0, 1]);
        message
    }

    #[test]
    fn the_name_is_in_lower_case_without_final_dot() {
        let told = lookups(&message(&[b"DB", b"Example", b"com"], 1));
        assert_eq!(told, [Lookup { name: "db.example.com".to_owned(), kind: 16 }]);
        let told = lookups(&message(&[b"a\nb"], 1));
        assert_eq!(told[0].name, r"a\x0ab");
    }

    #[test]
    fn answers_and_pointers_are_no_questions() {
        assert!(lookups(&message(&[b"x"], 0x81)).is_empty());
        let mut pointer = message(&[], 1);
        pointer[12] = 0xc0;
        assert!(lookups(&pointer).is_empty());
        for cut in 0..message(&[b"example"], 1).len() {
            assert!(lookups(&message(&[b"example"], 1)[..cut]).is_empty());
        }
    }

    proptest! {
        #[test]
        fn never_panics(message in prop::collection::vec(any::<u8>(), 0..600)) {
            lookups(&message);
        }
    }
}
