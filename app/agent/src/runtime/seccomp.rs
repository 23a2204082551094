//! The system call filter in a container's OCI configuration (`linux.seccomp`, OCI runtime specification, "Seccomp").
//!
//! A filter names calls that are allowed and refuses the rest, or the other way round, and allows what any of its rules
//! does. So what is withheld is taken out of the rules that are there.

use serde_json::{Map, Value, json};

use super::bundle::{check_spelling, member};
use crate::start::withheld::{NOT_PERMITTED, Reach, Refused, UNKNOWN, Withheld};

const ALLOW: &str = "SCMP_ACT_ALLOW";
const REFUSE: &str = "SCMP_ACT_ERRNO";
/// Address families of Linux (`AF_MAX` of 6.18 is 46).
const FAMILIES: std::ops::Range<u64> = 0..46;
/// The kernel takes no more of a family, and the filter is asked about the whole register.
const FAMILY_BITS: u64 = 0xffff_ffff;

/// Takes `withheld` from what the container may call that begins as root, or not. Done twice, it is as done once.
pub(crate) fn withhold(
    linux: &mut Map<String, Value>,
    withheld: &Withheld,
    begins_as_root: bool,
) -> Result<(), String> {
    if withheld.is_nothing() {
        return Ok(());
    }
    let seccomp = member(linux, "seccomp", everything)?;
    let seccomp = seccomp.as_object_mut().ok_or("`linux.seccomp` of config.json is not an object")?;
    check_spelling(seccomp, "defaultAction")?;
    let allows = match seccomp.get("defaultAction").and_then(Value::as_str) {
        Some(action) => is_mild(action),
        None => return Err("`linux.seccomp` of config.json has no default".to_owned()),
    };
    let rules = member(seccomp, "syscalls", || Value::Array(Vec::new()))?;
    let rules = rules.as_array_mut().ok_or("`linux.seccomp.syscalls` of config.json is not a list")?;
    rules.iter().try_for_each(check)?;
    let mut own = Vec::new();
    let of_root = |reach: Reach| if begins_as_root { reach.calls_of_root() } else { &[] };
    for call in withheld.iter().flat_map(|reach| reach.calls().iter().chain(of_root(reach))) {
        // Of what is unknown a C library tries another way.
        let error = if *call == "clone3" { UNKNOWN } else { NOT_PERMITTED };
        let rule = json!({"names": [call], "action": REFUSE, "errnoRet": error});
        take_out(rules, call, |other| *other != rule);
        // What is refused anyway needs no rule, and the runtime takes one for a mistake.
        if allows || *call == "clone3" {
            own.push(rule);
        }
    }
    for (call, refused) in withheld.iter().flat_map(|reach| reach.first_argument()) {
        if allows {
            own.extend(refused.refusing().map(|condition| {
                json!({"names": [call], "action": REFUSE, "errnoRet": NOT_PERMITTED, "args": [condition]})
            }));
            continue;
        }
        let besides = sole_exception(rules, call);
        let is_open = |rule: &Value| has_mild_action(rule) && !has_conditions(rule);
        let was_open = take_out(rules, call, is_open);
        let had_exception = besides.is_some() && take_out(rules, call, |rule| exception(rule) == besides);
        if was_open || had_exception {
            let besides = besides.filter(|_| !was_open);
            own.extend(
                refused
                    .allowing(besides)
                    .into_iter()
                    .map(|condition| json!({"names": [call], "action": ALLOW, "args": [condition]})),
            );
        }
    }
    rules.retain(|rule| !own.contains(rule));
    rules.splice(0..0, own);
    Ok(())
}

/// What of a rule is not seen here would be left in it.
fn check(rule: &Value) -> Result<(), String> {
    let rule = rule.as_object().ok_or("a rule of `linux.seccomp` in config.json is not an object")?;
    ["names", "action", "args"].iter().try_for_each(|name| check_spelling(rule, name))?;
    let names = rule.get("names").and_then(Value::as_array);
    let are_texts = names.is_some_and(|names| names.iter().all(Value::is_string));
    if !are_texts || !rule.get("action").is_some_and(Value::is_string) {
        return Err("a rule of `linux.seccomp` in config.json lacks its names or its action".to_owned());
    }
    Ok(())
}

/// A filter that refuses nothing yet, for a container that has none.
fn everything() -> Value {
    let architectures: &[&str] = match std::env::consts::ARCH {
        "x86_64" => &["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "aarch64" => &["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        _ => &[],
    };
    json!({"defaultAction": ALLOW, "architectures": architectures, "syscalls": []})
}

impl Refused {
    /// Conditions of which any refuses.
    fn refusing(self) -> impl Iterator<Item = Value> {
        let bits = match self {
            Self::AnyBitOf(bits) => bits,
            Self::Value(_) => 0,
        };
        let each = (0..64).map(|bit| 1u64 << bit).filter(move |bit| bits & bit != 0);
        let value = match self {
            Self::AnyBitOf(_) => None,
            Self::Value(value) => Some(masked(FAMILY_BITS, value)),
        };
        each.map(|bit| masked(bit, bit)).chain(value)
    }

    /// Conditions of which any allows. `besides`: a value that is refused too.
    fn allowing(self, besides: Option<u64>) -> Vec<Value> {
        match self {
            Self::AnyBitOf(bits) => vec![masked(bits, 0)],
            Self::Value(value) => FAMILIES
                .filter(|family| *family != value && Some(*family) != besides)
                .map(|family| masked(FAMILY_BITS, family))
                .collect(),
        }
    }
}

/// The first argument has this value in these bits.
fn masked(bits: u64, value: u64) -> Value {
    json!({"index": 0, "value": bits, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"})
}

fn is_mild(action: &str) -> bool {
    matches!(action, ALLOW | "SCMP_ACT_LOG" | "SCMP_ACT_TRACE" | "SCMP_ACT_NOTIFY")
}

fn has_mild_action(rule: &Value) -> bool {
    rule["action"].as_str().is_some_and(is_mild)
}

fn has_conditions(rule: &Value) -> bool {
    rule["args"].as_array().is_some_and(|conditions| !conditions.is_empty())
}

fn is_about(rule: &Value, call: &str) -> bool {
    rule["names"].as_array().is_some_and(|names| names.iter().any(|name| name == call))
}

/// The one value of the first argument that a rule does not allow, as engines have it for socket(2) and AF_VSOCK.
fn exception(rule: &Value) -> Option<u64> {
    let [condition] = rule["args"].as_array()?.as_slice() else { return None };
    let is_one = has_mild_action(rule) && condition["op"] == "SCMP_CMP_NE";
    let is_first = condition["index"].as_u64().unwrap_or(0) == 0;
    (is_one && is_first).then(|| condition["value"].as_u64()).flatten()
}

fn sole_exception(rules: &[Value], call: &str) -> Option<u64> {
    rules.iter().filter(|rule| is_about(rule, call)).find_map(exception)
}

/// Takes a call out of rules; a rule about nothing else goes. Returns whether there was one.
fn take_out(rules: &mut Vec<Value>, call: &str, is_meant: impl Fn(&Value) -> bool) -> bool {
    let mut found = false;
    rules.retain_mut(|rule| {
        if !is_about(rule, call) || !is_meant(rule) {
            return true;
        }
        found = true;
        let Some(Value::Array(names)) = rule.get_mut("names") else { return true };
        names.retain(|name| name != call);
        !names.is_empty()
    });
    found
}

#[cfg(test)]
mod tests {
    use lazaret_sensor::Deadly;

    use super::*;

    fn all() -> Withheld {
        Withheld::of(Deadly::ALL).and_attributes()
    }

    fn withheld(linux: &Value) -> Value {
        let mut once = linux.as_object().unwrap().clone();
        withhold(&mut once, &all(), true).unwrap();
        let mut twice = once.clone();
        withhold(&mut twice, &all(), true).unwrap();
        assert_eq!(once, twice, "done twice, it is as done once");
        Value::Object(once)["seccomp"].clone()
    }

    /// The rules about a call.
    fn about(seccomp: &Value, call: &str) -> Vec<Value> {
        let rules = seccomp["syscalls"].as_array().unwrap();
        rules.iter().filter(|rule| is_about(rule, call)).cloned().collect()
    }

    fn allows_family(seccomp: &Value, family: u64) -> bool {
        about(seccomp, "socket").iter().any(|rule| {
            assert_eq!(rule["action"], ALLOW);
            let condition = &rule["args"][0];
            condition["value"] == FAMILY_BITS && condition["valueTwo"] == family
        })
    }

    #[test]
    fn what_is_withheld_leaves_the_rules_that_allow_it() {
        let engines = json!({"seccomp": {"defaultAction": REFUSE, "syscalls": [
            {"names": ["read", "ptrace", "socket"], "action": ALLOW},
            {"names": ["clone"], "action": ALLOW, "args": [masked(0x7e02_0000, 0)]},
            {"names": ["bpf", "setns", "unshare", "clone", "clone3"], "action": ALLOW},
        ]}});
        let after = withheld(&engines);
        for gone in ["ptrace", "bpf", "setns", "mount", "io_uring_setup"] {
            assert_eq!(about(&after, gone), Vec::<Value>::new(), "{gone}");
        }
        assert_eq!(about(&after, "read"), [json!({"names": ["read"], "action": ALLOW})]);
        assert_eq!(about(&after, "clone3")[0]["errnoRet"], UNKNOWN);
        assert!(about(&after, "clone").iter().all(has_conditions));
        assert_eq!(about(&after, "unshare")[0]["args"], json!([masked(0x7e02_0080, 0)]));
        assert!(allows_family(&after, 1) && allows_family(&after, 40) && !allows_family(&after, 17));
        assert_eq!(about(&after, "socket").len(), 45);
    }

    #[test]
    fn the_runtime_gives_others_than_root_their_standard_output() {
        let engines = json!({"seccomp": {"defaultAction": REFUSE, "syscalls": [
            {"names": ["chmod", "fchown", "read"], "action": ALLOW},
        ]}});
        let left = |as_root| {
            let mut linux = engines.as_object().unwrap().clone();
            withhold(&mut linux, &all(), as_root).unwrap();
            let seccomp = Value::Object(linux)["seccomp"].clone();
            ["chmod", "fchown", "read"].map(|call| !about(&seccomp, call).is_empty())
        };
        assert_eq!((left(true), left(false)), ([false, false, true], [false, true, true]));
    }

    #[test]
    fn a_family_that_the_engine_refuses_stays_refused() {
        let condition = json!({"index": 0, "value": 40, "op": "SCMP_CMP_NE"});
        let engines = json!({"seccomp": {"defaultAction": REFUSE, "syscalls": [
            {"names": ["socket"], "action": ALLOW, "args": [condition]},
        ]}});
        let after = withheld(&engines);
        assert!(allows_family(&after, 2) && !allows_family(&after, 17) && !allows_family(&after, 40));
        let strict = json!({"seccomp": {"defaultAction": REFUSE, "syscalls": []}});
        assert_eq!(about(&withheld(&strict), "socket"), Vec::<Value>::new(), "nothing is given");
    }

    #[test]
    fn a_container_without_filter_gets_one() {
        for linux in [json!({}), json!({"seccomp": null}), json!({"seccomp": {"defaultAction": ALLOW}})] {
            let after = withheld(&linux);
            assert_eq!(after["defaultAction"], ALLOW);
            assert!(about(&after, "ptrace").iter().all(|rule| rule["action"] == REFUSE));
            assert_eq!(about(&after, "ptrace").len(), 1);
            assert_eq!(about(&after, "socket")[0]["args"], json!([masked(FAMILY_BITS, 17)]));
            assert_eq!(about(&after, "unshare").len(), 8, "one for each kind of namespace");
        }
        let mut nothing = Map::new();
        withhold(&mut nothing, &Withheld::default(), true).unwrap();
        assert!(nothing.is_empty());
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for bad in [
            json!({"seccomp": []}),
            json!({"seccomp": {}}),
            json!({"seccomp": {"defaultAction": ALLOW, "syscalls": {}}}),
            json!({"Seccomp": {"defaultAction": ALLOW}}),
            json!({"seccomp": {"defaultAction": REFUSE, "DefaultAction": ALLOW}}),
            json!({"seccomp": {"defaultAction": REFUSE, "syscalls": ["ptrace"]}}),
            json!({"seccomp": {"defaultAction": REFUSE, "syscalls": [{"Names": ["ptrace"], "action": ALLOW}]}}),
            json!({"seccomp": {"defaultAction": REFUSE, "syscalls": [
                {"names": ["read"], "nameS": ["ptrace"], "action": ALLOW},
            ]}}),
            json!({"seccomp": {"defaultAction": REFUSE, "syscalls": [{"names": [1], "action": ALLOW}]}}),
            json!({"seccomp": {"defaultAction": REFUSE, "syscalls": [{"names": ["ptrace"]}]}}),
            json!({"seccomp": {"defaultAction": ALLOW, "Syscalls": []}}),
        ] {
            assert!(withhold(&mut bad.as_object().unwrap().clone(), &all(), true).is_err(), "{bad}");
        }
    }
}
