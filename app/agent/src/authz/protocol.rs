//! The messages of Docker's authorization plugin protocol, version 1
//! (docs.docker.com, "Access authorization plugin").

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize};

/// `POST /AuthZPlugin.AuthZReq`: a request that the engine got and has not obeyed yet. Fields that no
/// decision depends on are not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wish {
    /// Common name of a TLS client; empty on the engine's unix socket.
    #[serde(default)]
    pub user: String,
    pub request_method: String,
    pub request_uri: String,
    /// Absent for bodies that are not JSON, and for bodies that the engine found too large to pass on.
    #[serde(default, deserialize_with = "base64_bytes")]
    pub request_body: Option<Vec<u8>>,
    /// The last value of each.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub request_headers: BTreeMap<String, String>,
}

/// The answer. `Msg` is what the user of the engine reads after a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Answer {
    pub allow: bool,
    #[serde(default)]
    pub msg: String,
    #[serde(default)]
    pub err: String,
}

impl Answer {
    pub const fn allow() -> Self {
        Self { allow: true, msg: String::new(), err: String::new() }
    }

    pub fn refuse(message: impl Into<String>) -> Self {
        Self { allow: false, msg: message.into(), err: String::new() }
    }
}

/// `POST /Plugin.Activate`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Activation {
    pub(super) implements: [&'static str; 1],
}

fn base64_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    match Option::<String>::deserialize(deserializer)? {
        None => Ok(None),
        Some(text) if text.is_empty() => Ok(None),
        Some(text) => STANDARD.decode(text).map(Some).map_err(serde::de::Error::custom),
    }
}

fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_docker_sends() {
        let wish: Wish = serde_json::from_str(
            r#"{"RequestMethod":"POST","RequestUri":"/v1.41/containers/create?name=x","RequestBody":"e30=",
                "RequestHeaders":{"Content-Type":"application/json"},"RequestPeerCertificates":null}"#,
        )
        .unwrap();
        assert_eq!(wish.request_body.as_deref(), Some(&b"{}"[..]));
        assert_eq!(wish.request_headers["Content-Type"], "application/json");
        let bare: Wish =
            serde_json::from_str(r#"{"RequestMethod":"GET","RequestUri":"/_ping","RequestHeaders":null}"#)
                .unwrap();
        assert_eq!(bare.request_body, None);
    }

    #[test]
    fn answers_with_the_names_docker_reads() {
        let text = serde_json::to_string(&Answer::refuse("no")).unwrap();
        assert_eq!(text, r#"{"Allow":false,"Msg":"no","Err":""}"#);
        assert_eq!(
            serde_json::to_string(&Activation { implements: ["authz"] }).unwrap(),
            r#"{"Implements":["authz"]}"#
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = serde_json::from_slice::<Wish>(&bytes);
        }
    }
}
