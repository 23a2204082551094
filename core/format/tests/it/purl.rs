use std::borrow::Cow;

use lazaret_format::purl::Purl;
use lazaret_model::Ecosystem;
use serde_json::Value;

use crate::corpora;

/// Cases that contradict others of the suite: keys of qualifiers in capitals are refused for rpm and gem, and
/// read for maven. Lazaret reads them everywhere, as the general rules of parsing say.
const CONTRADICTED: &[&str] = &[
    "pkg:Rpm/fedora/curl@7.50.3-1.fc25?Arch=i386&Distro=fedora-25",
    "pkg:gem/jruby-launcher@1.1.2?Platform=java",
];

/// Types whose own rules are left out: Lazaret neither writes them nor matches packages of them.
const LEFT_OUT: &[&str] = &["bazel", "chrome-extension", "cpan", "mlflow", "swid", "huggingface"];

/// Every test of purl-spec: all of the types that Lazaret writes, and those of the others that it takes part in.
#[test]
fn agrees_with_the_specification() {
    let is_test = |name: &str| name.starts_with("purl-spec/tests/") && name.ends_with("-test.json");
    let Some(files) = corpora::files("specs/sbom-vex-sarif-csaf.tar.zst", is_test) else { return };
    let (mut right, mut total, mut wrong, mut foreign) = (0, 0, Vec::new(), Vec::new());
    for (name, content) in &files {
        let kind = name.rsplit('/').next().unwrap().trim_end_matches("-test.json");
        let document: Value = serde_json::from_slice(content).unwrap();
        for test in document["tests"].as_array().unwrap() {
            total += 1;
            let told = format!("{kind} {} {} {}", test["test_type"], test["input"], test["expected_output"]);
            let is_contradicted = test["input"].as_str().is_some_and(|input| CONTRADICTED.contains(&input));
            match check(test) {
                Ok(()) => right += 1,
                Err(_) if is_contradicted && test["test_type"] == "parse" => {}
                Err(why) if LEFT_OUT.contains(&kind) => foreign.push(format!("{told}: {why}")),
                Err(why) => wrong.push(format!("{told}: {why}")),
            }
        }
    }
    corpora::tell(&format!("purl-spec: {right} of {total}"));
    corpora::tell(&foreign.join("\n"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(right >= 450 && right + CONTRADICTED.len() + foreign.len() == total, "{right} of {total}");
    for ecosystem in Ecosystem::ALL.iter().filter(|e| !matches!(e, Ecosystem::Portage | Ecosystem::Nix)) {
        let name = format!("purl-spec/tests/types/{}-test.json", ecosystem.name());
        assert!(files.contains_key(&name), "{ecosystem} is no type of purl-spec");
        assert!(!LEFT_OUT.contains(&ecosystem.name()), "{ecosystem}");
    }
}

fn check(test: &Value) -> Result<(), String> {
    let fails = test["expected_failure"].as_bool().unwrap_or(false);
    let (result, expected) = match test["test_type"].as_str().unwrap() {
        "build" => (build(&test["input"]), test["expected_output"].as_str().map(str::to_owned)),
        "validate" => (
            parse(&test["input"]).map(|purl| purl.to_string()),
            test["expected_output"].as_str().map(str::to_owned),
        ),
        "parse" => {
            let expected = if fails { None } else { Some(format!("{:?}", parts(&test["expected_output"]))) };
            (parse(&test["input"]).map(|purl| format!("{:?}", of(&purl))), expected)
        }
        other => return Err(format!("unknown kind of test {other}")),
    };
    match (result, fails) {
        (Err(_), true) => Ok(()),
        (Ok(text), false) if Some(&text) == expected.as_ref() => Ok(()),
        (result, _) => Err(format!("{result:?}, not {expected:?}")),
    }
}

fn parse(input: &Value) -> Result<Purl<'_>, String> {
    Purl::parse(input.as_str().unwrap()).map_err(|error| error.to_string())
}

type Parts =
    (Option<String>, Option<String>, Option<String>, Option<String>, Vec<(String, String)>, Option<String>);

fn parts(value: &Value) -> Parts {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let qualifiers = value["qualifiers"].as_object().into_iter().flatten();
    let mut qualifiers: Vec<_> =
        qualifiers.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
    qualifiers.sort();
    (text("type"), text("namespace"), text("name"), text("version"), qualifiers, text("subpath"))
}

fn of(purl: &Purl<'_>) -> Parts {
    let owned = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
    let qualifiers =
        purl.qualifiers.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    (
        Some(purl.kind.to_string()),
        owned(&purl.namespace),
        Some(purl.name.to_string()),
        owned(&purl.version),
        qualifiers,
        owned(&purl.subpath),
    )
}

fn build(input: &Value) -> Result<String, String> {
    let text = |key: &str| input[key].as_str();
    let purl = Purl::new(
        text("type").unwrap_or_default(),
        text("namespace"),
        text("name").unwrap_or_default(),
        text("version"),
    );
    let mut purl = purl.map_err(|error| error.to_string())?;
    for (key, value) in input["qualifiers"].as_object().into_iter().flatten() {
        purl.qualifiers.insert(key.clone().into(), value.as_str().unwrap_or_default().into());
    }
    purl.subpath = text("subpath").map(Into::into);
    Ok(purl.to_string())
}
