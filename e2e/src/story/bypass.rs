//! Requests to the engine that get past an authorization plugin which reads them differently from the engine:
//! each made a privileged container, or another thing it should not, past a plugin that only looks for the usual keys.

use crate::lab::Engine;
use crate::{Failure, Result, check};

#[derive(Debug, Clone)]
pub struct Attempt {
    pub what: &'static str,
    pub in_story: bool,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// The engine itself limits what it passes on to plugins: one byte more and the plugin sees nothing.
const MORE_THAN_PLUGINS_SEE: usize = 1_100_000;

pub fn attempts(image: &str) -> Vec<Attempt> {
    let create = "/v1.41/containers/create";
    let json = |body: &str| body.replace("IMAGE", image).into_bytes();
    let post = |what, in_story, path: &str, body: Vec<u8>| Attempt {
        what,
        in_story,
        method: "POST",
        path: path.to_owned(),
        headers: vec![("Content-Type", "application/json".to_owned())],
        body,
    };
    let padding = " ".repeat(MORE_THAN_PLUGINS_SEE);
    let padded = format!("{{\"Image\":\"IMAGE\",{padding}\"HostConfig\":{{\"Privileged\":true}}}}");
    let mut attempts = vec![
        post("a wish without a body", true, create, Vec::new()),
        post(
            "a key twice: the engine merges both",
            true,
            create,
            json(r#"{"Image":"IMAGE","HostConfig":{"Privileged":true},"HostConfig":{"Privileged":false}}"#),
        ),
        post(
            "keys in other letters",
            true,
            create,
            json(r#"{"Image":"IMAGE","hostconfig":{"privileged":true}}"#),
        ),
        post(
            "a long s, which the engine folds to s",
            false,
            create,
            json("{\"Image\":\"IMAGE\",\"Ho\u{17f}tConfig\":{\"Privileged\":true}}"),
        ),
        post("a body longer than the engine shows to plugins", true, create, json(&padded)),
        post(
            "an API version from before the checks",
            true,
            "/v1.18/containers/create",
            json(r#"{"Image":"IMAGE"}"#),
        ),
        post(
            "a path in disguise",
            true,
            "/v1.41/%63ontainers/create",
            json(r#"{"Image":"IMAGE","HostConfig":{"Privileged":true}}"#),
        ),
        post("a tunnel to the builder, opaque after one look", true, "/grpc", Vec::new()),
        post("a builder's end", false, "/v1.41/build/cancel?id=x", json("{}")),
        post(
            "something after the end",
            false,
            create,
            json(r#"{"Image":"IMAGE"} {"HostConfig":{"Privileged":true}}"#),
        ),
        post("an unknown setting", false, create, json(r#"{"Image":"IMAGE","HostConfig":{"Summon":true}}"#)),
        post(
            "a volume that is the host's root",
            false,
            create,
            json(
                r#"{"Image":"IMAGE","HostConfig":{"Mounts":[{"Type":"volume","Source":"x","Target":"/host",
                    "VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"type":"none","o":"bind","device":"/"}}}}]}}"#,
            ),
        ),
        post(
            "the same volume, made first",
            false,
            "/v1.41/volumes/create",
            json(r#"{"Name":"root","Driver":"local","DriverOpts":{"type":"none","o":"bind","device":"/"}}"#),
        ),
        post("another runtime", false, create, json(r#"{"Image":"IMAGE","HostConfig":{"Runtime":"runc"}}"#)),
        post(
            "another cgroup parent",
            false,
            create,
            json(r#"{"Image":"IMAGE","HostConfig":{"CgroupParent":"/elsewhere"}}"#),
        ),
        post(
            "open masked paths",
            false,
            create,
            json(r#"{"Image":"IMAGE","HostConfig":{"MaskedPaths":[]}}"#),
        ),
        post(
            "no seccomp",
            false,
            create,
            json(r#"{"Image":"IMAGE","HostConfig":{"SecurityOpt":["seccomp=unconfined"]}}"#),
        ),
        post(
            "the host's processes",
            false,
            create,
            json(r#"{"Image":"IMAGE","HostConfig":{"PidMode":"host"}}"#),
        ),
        post(
            "a device",
            false,
            create,
            json(
                r#"{"Image":"IMAGE","HostConfig":{"Devices":[{"PathOnHost":"/dev/kmsg","PathInContainer":"/dev/kmsg","CgroupPermissions":"rwm"}]}}"#,
            ),
        ),
        post(
            "a capability",
            false,
            create,
            json(r#"{"Image":"IMAGE","HostConfig":{"CapAdd":["SYS_ADMIN"]}}"#),
        ),
        post("a build", false, "/v1.41/build", Vec::new()),
        post("an image from a tar archive", false, "/v1.41/images/load", Vec::new()),
        post("a tag on a trusted name", false, "/v1.41/images/scratch/tag?repo=shop&tag=v1", Vec::new()),
        post("a plugin of the engine", false, "/v1.41/plugins/pull?remote=x", json("[]")),
        post("a swarm", false, "/v1.41/swarm/init", json(r#"{"ListenAddr":"127.0.0.1"}"#)),
        post("a tunnel to the builder", false, "/session", Vec::new()),
        post(
            "limits of the running container",
            false,
            "/v1.41/containers/shop/update",
            json(r#"{"PidsLimit":-1}"#),
        ),
        post(
            "a command in the running container",
            false,
            "/v1.41/containers/shop/exec",
            json(r#"{"Cmd":["id"]}"#),
        ),
        post("a copy of the running container", false, "/v1.41/commit?container=shop", json("{}")),
    ];
    let mut files =
        post("files into the running container", false, "/v1.41/containers/shop/archive?path=/", Vec::new());
    files.method = "PUT";
    attempts.push(files);
    let mut other = post(
        "a type that plugins are not shown",
        false,
        create,
        json(r#"{"Image":"IMAGE","HostConfig":{"Privileged":true}}"#),
    );
    other.headers = vec![("Content-Type", "text/plain".to_owned())];
    attempts.push(other);
    attempts
}

/// Requests that the engine itself turns away before it asks a plugin, with the status that says so: paths that
/// its router sends elsewhere, and a name it has no image for.
pub fn turned_away(image: &str) -> Vec<(Attempt, u16)> {
    let post = |what, path: &str, image: &str| Attempt {
        what,
        in_story: false,
        method: "POST",
        path: path.to_owned(),
        headers: vec![("Content-Type", "application/json".to_owned())],
        body: format!(r#"{{"Image":"{image}","HostConfig":{{}}}}"#).into_bytes(),
    };
    vec![
        (post("two slashes", "/v1.41//containers/create", image), 301),
        (post("a way back in the path", "/v1.41/images/../containers/create", image), 301),
        (post("a name without an image", "/v1.41/containers/create", "never-built:here"), 404),
    ]
}

impl Attempt {
    /// Sends it; fails unless the engine answers with this status.
    pub fn answered(&self, engine: &Engine, status: u16) -> Result<()> {
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = engine.peer().request(self.method, &self.path, &headers, &self.body)?;
        check!(
            answer.status == status,
            "{}: the engine answered {} {}",
            self.what,
            answer.status,
            answer.body
        );
        Ok(())
    }

    /// Sends it; fails unless the engine says that Lazaret refused it. Returns the reason.
    pub fn refused(&self, engine: &Engine) -> Result<String> {
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = engine.peer().request(self.method, &self.path, &headers, &self.body)?;
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let message = body["message"].as_str().unwrap_or(&answer.body).trim();
        check!(
            answer.status == 403 && message.contains("authorization denied by plugin"),
            "{}: the engine answered {} {message}",
            self.what,
            answer.status
        );
        let reason = message
            .split_once("plugin ")
            .and_then(|(_, rest)| rest.split_once(": "))
            .map(|(_, reason)| reason);
        let reason = reason
            .ok_or_else(|| Failure::new(format!("{}: refused without a reason: {message}", self.what)))?;
        check!(reason.len() > 20, "{}: the reason says too little: {reason}", self.what);
        Ok(reason.to_owned())
    }
}
