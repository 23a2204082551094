//! The OCI configuration of a container that is about to be created.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{seccomp, text};
use crate::files;
use crate::start::withheld::Withheld;

/// Seconds that the runtime waits for the hook; longer than the hook waits for the agent.
const HOOK_SECONDS: u32 = 15;
const CONFIGURATION_BYTES: u64 = 16 << 20;

/// Adds the start hook to `config.json` of a bundle, takes what is withheld from its system calls, and puts before it what it
/// is to begin with, in one step.
pub(super) fn change(
    bundle: &Path,
    (executable, socket): (&Path, &Path),
    begins_with: Option<&str>,
    withheld: &Withheld,
) -> Result<(), String> {
    let path = bundle.join("config.json");
    let bytes = files::read_bounded(&path, CONFIGURATION_BYTES).map_err(|error| error.to_string())?;
    let mut configuration: Value =
        serde_json::from_slice(&bytes).map_err(|error| format!("config.json: {error}"))?;
    let again = insert(&mut configuration, &hook(executable, socket)?)?;
    if !withheld.is_nothing() {
        let as_root = begins_as_root(&configuration);
        seccomp::withhold(linux(&mut configuration)?, withheld, as_root)?;
    }
    if let Some(first) = begins_with {
        begin_with(&mut configuration, first, again)?;
    }
    let mode = std::fs::metadata(&path).map_or(0o600, |metadata| metadata.mode() & 0o777);
    let temporary = bundle.join("config.json.lazaret");
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&temporary)
        // Not synced: a bundle does not survive a power cut, and the start must not wait for the disk.
        .and_then(|mut file| file.write_all(configuration.to_string().as_bytes()))
        .and_then(|()| std::fs::rename(&temporary, &path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written.map_err(|error| error.to_string())
}

fn hook(executable: &Path, socket: &Path) -> Result<Value, String> {
    Ok(json!({
        "path": text(executable)?,
        "args": ["lazaret-agent", "hook", "--socket", text(socket)?],
        "timeout": HOOK_SECONDS,
    }))
}

/// Returns whether it was there.
fn insert(configuration: &mut Value, hook: &Value) -> Result<bool, String> {
    let root = configuration.as_object_mut().ok_or("config.json is not an object")?;
    let hooks = member(root, "hooks", || Value::Object(Map::new()))?;
    let hooks = hooks.as_object_mut().ok_or("`hooks` of config.json is not an object")?;
    let create = member(hooks, "createRuntime", || Value::Array(Vec::new()))?;
    let create = create.as_array_mut().ok_or("`hooks.createRuntime` of config.json is not a list")?;
    let before = create.len();
    create.retain(|other| other != hook);
    let again = create.len() < before;
    create.push(hook.clone());
    Ok(again)
}

/// What the program in front of the container's own makes, which engines of some years ago do not let containers do.
const NEEDED_CALLS: [&str; 3] = ["landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"];

/// Puts a program before the container's own. `again`: this was done before, perhaps with the same one.
fn begin_with(configuration: &mut Value, first: &str, again: bool) -> Result<(), String> {
    let root = configuration.as_object_mut().ok_or("config.json is not an object")?;
    let process = member(root, "process", || Value::Object(Map::new()))?;
    let process = process.as_object_mut().ok_or("`process` of config.json is not an object")?;
    let arguments = member(process, "args", || Value::Array(Vec::new()))?;
    let arguments = arguments.as_array_mut().ok_or("`process.args` of config.json is not a list")?;
    if arguments.is_empty() {
        return Err("`process.args` of config.json names no program".to_owned());
    }
    if !(again && arguments[0] == first) {
        arguments.insert(0, first.into());
    }
    let linux = linux(configuration)?;
    let Value::Object(seccomp) = member(linux, "seccomp", || Value::Null)? else { return Ok(()) };
    let calls = member(seccomp, "syscalls", || Value::Array(Vec::new()))?;
    let calls = calls.as_array_mut().ok_or("`linux.seccomp.syscalls` of config.json is not a list")?;
    let named = |call: &&str| calls.iter().any(|rule| names(rule).any(|name| name == *call));
    let missing: Vec<&str> = NEEDED_CALLS.iter().copied().filter(|call| !named(call)).collect();
    // A rule that changes nothing is taken for a mistake.
    if !missing.is_empty() && seccomp_default(seccomp) != Some("SCMP_ACT_ALLOW") {
        let calls = member(seccomp, "syscalls", || Value::Array(Vec::new()))?;
        let calls = calls.as_array_mut().ok_or("`linux.seccomp.syscalls` of config.json is not a list")?;
        calls.push(json!({"names": missing, "action": "SCMP_ACT_ALLOW"}));
    }
    Ok(())
}

/// Who is not named is root (OCI runtime specification, "User").
fn begins_as_root(configuration: &Value) -> bool {
    configuration["process"]["user"]["uid"].as_u64().unwrap_or(0) == 0
}

fn linux(configuration: &mut Value) -> Result<&mut Map<String, Value>, String> {
    let root = configuration.as_object_mut().ok_or("config.json is not an object")?;
    let linux = member(root, "linux", || Value::Object(Map::new()))?;
    linux.as_object_mut().ok_or_else(|| "`linux` of config.json is not an object".to_owned())
}

fn seccomp_default(seccomp: &Map<String, Value>) -> Option<&str> {
    seccomp.get("defaultAction")?.as_str()
}

fn names(rule: &Value) -> impl Iterator<Item = &str> {
    rule.get("names").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The runtime's JSON reader takes `Hooks` for `hooks`: a second spelling could replace what is read and written here, so it
/// is refused.
pub(super) fn check_spelling(object: &Map<String, Value>, name: &str) -> Result<(), String> {
    let folds =
        |key: &str| key.to_lowercase().replace('ſ', "s").replace('\u{212a}', "k") == name.to_lowercase();
    match object.keys().find(|key| *key != name && folds(key)) {
        Some(other) => Err(format!("config.json has `{other}`, another spelling of `{name}`")),
        None => Ok(()),
    }
}

/// The member of that name.
pub(super) fn member<'a>(
    object: &'a mut Map<String, Value>,
    name: &str,
    empty: fn() -> Value,
) -> Result<&'a mut Value, String> {
    check_spelling(object, name)?;
    let value = object.entry(name).or_insert_with(empty);
    if value.is_null() {
        *value = empty();
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(configuration: &str) -> Result<Value, String> {
        changed(configuration, None)
    }

    fn changed(configuration: &str, first: Option<&str>) -> Result<Value, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        std::fs::write(&path, configuration).unwrap();
        let hook = (Path::new("/bin/lazaret-agent"), Path::new("/s/agent.sock"));
        let done = change(directory.path(), hook, first, &Withheld::default());
        let names: Vec<_> =
            std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["config.json"]);
        let after = std::fs::read(&path).unwrap();
        match done {
            Ok(()) => Ok(serde_json::from_slice(&after).unwrap()),
            Err(error) => {
                assert_eq!(after, configuration.as_bytes(), "a refused file is left alone");
                Err(error)
            }
        }
    }

    #[test]
    fn appends_to_whatever_hooks_there_are() {
        let ours = json!({"path": "/bin/lazaret-agent", "args": ["lazaret-agent", "hook", "--socket", "/s/agent.sock"], "timeout": 15});
        for (before, position) in [
            (r#"{"process":{"args":["a"]}}"#, 0),
            (r#"{"hooks":null}"#, 0),
            (r#"{"hooks":{"prestart":[{"path":"/p"}]}}"#, 0),
            (r#"{"hooks":{"createRuntime":null}}"#, 0),
            (r#"{"hooks":{"createRuntime":[{"path":"/first"}]}}"#, 1),
        ] {
            let after = edited(before).unwrap();
            assert_eq!(after["hooks"]["createRuntime"][position], ours, "{before}");
            assert_eq!(edited(&after.to_string()).unwrap(), after, "adding twice changes nothing");
        }
        let after = edited(r#"{"ociVersion":"1.0.2","linux":{"resources":{"memory":{"limit":18446744073709551615}}},"hooks":{"prestart":[{"path":"/p"}]}}"#).unwrap();
        assert_eq!(after["hooks"]["prestart"][0]["path"], "/p");
        assert_eq!(after["linux"]["resources"]["memory"]["limit"], 18_446_744_073_709_551_615u64);
    }

    #[test]
    fn a_program_is_put_before_the_containers_own_and_may_do_what_it_has_to() {
        let begun = |text: &str| changed(text, Some("/proc/self/fd/3"));
        let after = begun(r#"{"process":{"args":["sh","-c"]},"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","landlock_add_rule"],"action":"SCMP_ACT_ALLOW"}]}}}"#).unwrap();
        assert_eq!(after["process"]["args"], json!(["/proc/self/fd/3", "sh", "-c"]));
        let calls = after["linux"]["seccomp"]["syscalls"].as_array().unwrap();
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[1]["names"], json!(["landlock_create_ruleset", "landlock_restrict_self"]));
        assert_eq!(begun(&after.to_string()).unwrap(), after, "twice changes nothing");

        let own = begun(r#"{"process":{"args":["/proc/self/fd/3"]}}"#).unwrap();
        assert_eq!(own["process"]["args"], json!(["/proc/self/fd/3", "/proc/self/fd/3"]));
        assert_eq!(own["linux"]["seccomp"], Value::Null);
        let free = r#"{"process":{"args":["a"]},"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW"}}}"#;
        assert_eq!(begun(free).unwrap()["linux"]["seccomp"]["syscalls"], json!([]));
        for bad in [
            r#"{}"#,
            r#"{"process":{"args":[]}}"#,
            r#"{"Process":{"args":["a"]}}"#,
            r#"{"process":{"Args":["a"]}}"#,
        ] {
            assert!(begun(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn refuses_what_the_runtime_would_read_otherwise() {
        for bad in [
            "",
            "[]",
            r#"{"hooks":[]}"#,
            r#"{"Hooks":{}}"#,
            r#"{"hooKs":{}}"#,
            "{\"hoo\u{212a}s\":{}}",
            r#"{"hooks":{"createruntime":[]}}"#,
            r#"{"hooks":{"createRuntime":{}}}"#,
        ] {
            assert!(edited(bad).is_err(), "{bad}");
        }
    }
}
