//! `WWW-Authenticate` (RFC 9110, section 11.6.1), as registries use it.

/// What a registry wants to see before it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    /// A token from the service at `realm`.
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

/// The challenge to meet: a token where one is offered.
pub(super) fn choose(headers: &[&str]) -> Option<Challenge> {
    let challenges: Vec<Challenge> = headers.iter().flat_map(|header| parse(header)).collect();
    let bearer = challenges.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
    bearer.or(challenges.first()).cloned()
}

fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)));
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        if word.is_empty() {
            break;
        }
        match after.trim_start().strip_prefix('=') {
            Some(value) => {
                let (value, after) = read_value(value.trim_start());
                if let Some((_, parameters)) = challenges.last_mut() {
                    parameters.push((word.to_ascii_lowercase(), value));
                }
                rest = after;
            }
            None => {
                challenges.push((word.to_ascii_lowercase(), Vec::new()));
                rest = after;
            }
        }
    }
    challenges
        .into_iter()
        .filter_map(|(scheme, parameters)| {
            let get =
                |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
            match scheme.as_str() {
                "basic" => Some(Challenge::Basic),
                "bearer" => Some(Challenge::Bearer { realm: get("realm")?, service: get("service") }),
                _ => None,
            }
        })
        .collect()
}

fn read_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => value.push(character),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) }
    }

    #[test]
    fn reads_what_registries_send() {
        for (headers, expected) in [
            (
                &[
                    r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull""#,
                ][..],
                Some(bearer("https://auth.example/token", Some("registry.example"))),
            ),
            (&[r#"Basic realm="Registry \"Realm\", really""#], Some(Challenge::Basic)),
            (&["Basic"], Some(Challenge::Basic)),
            (&[r#"Basic realm="x", Bearer realm=https://t"#], Some(bearer("https://t", None))),
            (&["Negotiate", r#"BEARER Realm="t""#], Some(bearer("t", None))),
            (&["Bearer service=x"], None),
            (&["Digest realm=\"x"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(choose(headers), expected, "{headers:?}");
        }
    }

    proptest! {
        #[test]
        fn takes_any_text(text in "\\PC{0,80}") {
            let _ = choose(&[&text]);
        }
    }
}
