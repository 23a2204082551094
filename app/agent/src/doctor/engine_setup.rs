//! How the engine was set up: its plugin and its runtime, from its process and its configuration file.

use std::path::Path;

use serde_json::Value;

use super::Check;
use crate::config::Config;
use crate::engine_process::EngineProcess;

pub(super) fn checks(config: &Config) -> Vec<Check> {
    let engine = match EngineProcess::behind(&config.engine.socket) {
        Ok(engine) => engine,
        Err(why) => {
            return vec![Check::bad(
                "daemon.json",
                why,
                "start the engine, so that its settings can be looked at",
            )];
        }
    };
    let file = engine.settings_file();
    let settings = match engine.settings() {
        Ok(settings) => settings,
        Err(why) => {
            let remedy =
                "write the engine's configuration file with `authorization-plugins` and `default-runtime`";
            return vec![Check::bad("daemon.json", why, remedy)];
        }
    };
    vec![plugin(&settings, &engine, &config.engine.plugin, &file), runtime(&settings, config, &file)]
}

fn plugin(settings: &Value, engine: &EngineProcess, name: &str, file: &Path) -> Check {
    const CHECK: &str = "plugin";
    let listed = settings["authorization-plugins"]
        .as_array()
        .is_some_and(|list| list.iter().any(|plugin| plugin == name));
    let by_flag = engine.option("authorization-plugin").is_some();
    if listed && !by_flag {
        return Check::good(CHECK, format!("`{name}` is in {}", file.display()));
    }
    let remedy =
        format!("set \"authorization-plugins\": [\"{name}\"] in {} and restart the engine", file.display());
    if by_flag {
        let detail =
            "--authorization-plugin is on the engine's command line: a reload drops it without a word";
        return Check::bad(CHECK, detail, remedy);
    }
    Check::bad(
        CHECK,
        format!("`{name}` is not in {}: the engine obeys without asking", file.display()),
        remedy,
    )
}

fn runtime(settings: &Value, config: &Config, file: &Path) -> Check {
    const CHECK: &str = "runtime";
    let socket = config.agent_socket();
    let remedy = format!(
        "set \"default-runtime\": \"lazaret\" and \"runtimes\": {{\"lazaret\": {{\"path\": \".../lazaret-agent\", \
         \"runtimeArgs\": [\"runtime\", \"--socket\", \"{}\", \"--\"]}}}} in {} and restart the engine",
        socket.display(),
        file.display()
    );
    let Some(name) = settings["default-runtime"].as_str() else {
        return Check::bad(
            CHECK,
            "the engine has no default runtime of its own: starts are not checked",
            remedy,
        );
    };
    let runtime = &settings["runtimes"][name];
    let path = runtime["path"].as_str().unwrap_or_default();
    let words: Vec<&str> =
        runtime["runtimeArgs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !path.ends_with("lazaret-agent") || words.first() != Some(&"runtime") {
        return Check::bad(
            CHECK,
            format!("the default runtime `{name}` is not lazaret-agent: starts are not checked"),
            remedy,
        );
    }
    if !words.iter().any(|word| Path::new(word) == socket) {
        return Check::bad(
            CHECK,
            format!("the default runtime `{name}` asks another agent than {}", socket.display()),
            remedy,
        );
    }
    if let Err(error) = std::fs::metadata(path) {
        return Check::bad(CHECK, format!("{path}: {error}"), remedy);
    }
    Check::good(CHECK, format!("`{name}` is the default, {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_counts_only_in_the_file() {
        let file = Path::new("/etc/docker/daemon.json");
        let listed: Value = serde_json::from_str(r#"{"authorization-plugins":["lazaret"]}"#).unwrap();
        assert!(plugin(&listed, &EngineProcess::of("dockerd"), "lazaret", file).ok);
        assert!(!plugin(&listed, &EngineProcess::of("dockerd"), "other", file).ok);
        assert!(
            !plugin(&listed, &EngineProcess::of("dockerd --authorization-plugin=lazaret"), "lazaret", file)
                .ok
        );
        assert!(!plugin(&Value::Null, &EngineProcess::of("dockerd"), "lazaret", file).ok);
    }
}
