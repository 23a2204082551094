//! Requirements of Cargo (The Cargo Book, "Specifying Dependencies"): `1.2` is `^1.2`, and commas join.

use super::lexer::{Reason, terms};
use super::partial::Partial;
use super::term::{Op, Term};

pub(super) fn parse(text: &str) -> Result<Vec<Vec<Term>>, Reason> {
    let mut list = Vec::new();
    for written in terms(text)? {
        let partial = Partial::parse(written.version).ok_or("a version does not consist of numbers")?;
        let count = partial.numbers.len();
        if count > 3 {
            return Err("a version has more than three numbers");
        }
        let fixed = match written.operator {
            "" if partial.open => count,
            "" | "^" => partial.caret(),
            "~" => count.min(2),
            "=" if count < 3 => count,
            operator @ ("=" | "<" | "<=" | ">" | ">=") => {
                let whole = count == 3;
                let op = Op::of(operator).ok_or("an operator is not known")?;
                let text = partial.text.to_owned();
                list.push(match op {
                    _ if whole => Term::Compare(op, text),
                    _ if count == 0 => return Err("an operator needs a number"),
                    // `>1.2` means above all of 1.2, `<=1.2` all of it.
                    Op::Greater => Term::at_least(partial.bump(count)),
                    Op::AtMost => Term::below(partial.bump(count)),
                    op => Term::Compare(op, partial.numbers.join(".")),
                });
                continue;
            }
            _ => return Err("an operator is not known"),
        };
        if count > 0 {
            let from = if partial.open { partial.numbers.join(".") } else { partial.text.to_owned() };
            list.extend([Term::at_least(from), Term::below(partial.bump(fixed))]);
        }
    }
    Ok(vec![list])
}

#[cfg(test)]
mod tests {
    use crate::Scheme;
    use crate::range::{Language, Range};

    #[test]
    fn requirements_mean_what_the_book_says() {
        for (text, inside, outside) in [
            ("1.2.3", "1.9.0", "2.0.0"),
            ("0.2.3", "0.2.9", "0.3.0"),
            ("0.0.3", "0.0.3", "0.0.4"),
            ("0", "0.9.0", "1.0.0"),
            ("~1.2", "1.2.9", "1.3.0"),
            ("1.2.*", "1.2.9", "1.3.0"),
            ("=1.2", "1.2.9", "1.3.0"),
            (">1.2", "1.3.0", "1.2.9"),
            ("<=1.2", "1.2.9", "1.3.0"),
            (">=1.2, <1.5", "1.4.0", "1.5.0"),
            ("1.0.0-rc.1", "1.0.0-rc.2", "1.1.0-rc.1"),
            ("*", "1.0.0", "1.0.0-rc.1"),
        ] {
            let range = Range::parse_as(Language::Cargo, Scheme::Semver, text).unwrap();
            assert!(range.contains(inside) && !range.contains(outside), "{text}");
        }
        for text in ["foo", "!=1", "1.2.3.4", ">", ">*"] {
            assert!(Range::parse_as(Language::Cargo, Scheme::Semver, text).is_err(), "{text}");
        }
    }
}
