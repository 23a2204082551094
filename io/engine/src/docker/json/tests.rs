use proptest::prelude::*;

use super::*;

const SMALL: Bounds = Bounds { bytes: 1000, depth: 4, values: 20 };

#[test]
fn reads_what_is_clear() {
    let text = r#" {"a": [1, -0.5e+3, true, null], "b\u0063": "\ud83d\ude00\n", "d": {}} "#;
    let Value::Map(entries) = parse(text.as_bytes(), SMALL).unwrap() else { panic!("no object") };
    assert_eq!(
        entries[0].1,
        Value::List(vec![Value::Number("1"), Value::Number("-0.5e+3"), Value::Bool(true), Value::Null])
    );
    assert_eq!((entries[1].0.as_ref(), &entries[1].1), ("bc", &Value::Text("😀\n".into())));
}

#[test]
fn refuses_what_readers_understand_differently() {
    for (text, why) in [
        (&b"\xEF\xBB\xBF{}"[..], "a byte order mark"),
        (b"{}\0", "a NUL"),
        (br#"{"a\u0000": 1}"#, "a NUL"),
        (br#"{"a": 1, "a": 2}"#, "the key `a` for the second time"),
        (br#"{"a": 1, "\u0061": 2}"#, "the key `a` for the second time"),
        (b"{} {}", "more than one value"),
        (b"{}x", "more than one value"),
        (br#""\ud800""#, "half a surrogate"),
        (br#""\ud800\u0041""#, "half a surrogate"),
        (br#""\udc00""#, "half a surrogate"),
        (b"\"\xFF\"", "not UTF-8"),
        (b"[[[[[1]]]]]", "nested too deeply"),
        (b"[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "more values"),
        (b"[1,]", "not JSON"),
        (b"{\"a\":1,}", "not JSON"),
        (b"{a:1}", "not JSON"),
        (b"01", "more than one value"),
        (b"1.", "not JSON"),
        (b"-", "not JSON"),
        (b"\"\n\"", "not JSON"),
        (b"\"\\x\"", "not JSON"),
        (b"\"\\n\x01\"", "not JSON"),
        (b"nul", "not JSON"),
        (b"", "not JSON"),
        (b"'a'", "not JSON"),
        (b"NaN", "not JSON"),
    ] {
        let error = parse(text, SMALL).expect_err(&String::from_utf8_lossy(text)).to_string();
        assert!(error.contains(why), "{}: {error}", String::from_utf8_lossy(text));
    }
    assert_eq!(parse(&[b' '; 1001], SMALL).unwrap_err().why, JsonFault::TooLong);
}

fn tree() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "[^\0]{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map("[^\0]{0,6}", inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn same(ours: &Value<'_>, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Bool(a), serde_json::Value::Bool(b)) => a == b,
        (Value::Number(a), serde_json::Value::Number(b)) => *a == b.to_string(),
        (Value::Text(a), serde_json::Value::String(b)) => a == b,
        (Value::List(a), serde_json::Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Map(a), serde_json::Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key.as_ref()).is_some_and(|b| same(a, b)))
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes, Bounds::REQUEST);
    }

    #[test]
    fn never_panics_on_what_looks_like_json(text in r#"([\[\]{},:"]|\\u[0-9a-fA-F]{0,4}|\\.|[a-z0-9 ]){0,40}"#) {
        let ours = parse(text.as_bytes(), Bounds::REQUEST);
        // What is read must be JSON to others too.
        if ours.is_ok() && let Err(error) = serde_json::from_str::<serde_json::Value>(&text) {
            prop_assert!(error.to_string().contains("out of range"), "{text}: {error}");
        }
    }

    #[test]
    fn agrees_with_serde_json(tree in tree()) {
        let text = tree.to_string();
        let ours = parse(text.as_bytes(), Bounds::REQUEST).unwrap();
        prop_assert!(same(&ours, &tree), "{text}");
    }
}
