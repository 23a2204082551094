//! The single values of the text form. Each refuses what it is not in words for people; the YAML reader adds the place.

use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;

use lazaret_model::{
    Capability, Digest, Dimension, FileOperation, KernelOperation, Phase, SystemCall, Transport,
};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::modes::{Action, Mode};
use crate::pattern::Pattern;
use crate::profile::{Peer, Permission, State};

/// A word of a closed list.
pub(crate) trait Word: Copy + 'static {
    const KIND: &'static str;

    fn words() -> &'static [Self];

    fn word(self) -> &'static str;
}

macro_rules! words {
    ($($type:ty: $kind:literal),* $(,)?) => {
        $(impl Word for $type {
            const KIND: &'static str = $kind;

            fn words() -> &'static [Self] {
                Self::ALL
            }

            fn word(self) -> &'static str {
                self.name()
            }
        })*
    };
}

words! {
    Action: "action",
    Dimension: "dimension",
    FileOperation: "operation",
    KernelOperation: "operation",
    Mode: "mode",
    Phase: "phase",
    State: "state",
    Transport: "transport",
}

impl Word for Permission {
    const KIND: &'static str = "permission";

    fn words() -> &'static [Self] {
        &[Self::Allow, Self::Deny]
    }

    fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// A value that is read from a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scalar<T>(pub(crate) T);

/// How a value is read from its text.
pub(crate) trait FromText: Sized {
    fn from_text(text: &str) -> Result<Self, String>;
}

impl<T: Word> FromText for T {
    fn from_text(text: &str) -> Result<Self, String> {
        T::words().iter().copied().find(|word| word.word() == text).ok_or_else(|| {
            let allowed: Vec<_> = T::words().iter().map(|word| word.word()).collect();
            format!("unknown {} `{}`; allowed here: {}", T::KIND, short(text), allowed.join(", "))
        })
    }
}

impl FromText for Digest {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: lazaret_model::DigestError| error.to_string())
    }
}

impl FromText for Pattern {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }
}

impl FromText for Capability {
    fn from_text(text: &str) -> Result<Self, String> {
        let numbered = || text.parse().ok().and_then(Self::from_number).filter(|one| one.to_string() == text);
        Self::from_name(text).or_else(numbered).ok_or_else(|| {
            format!("`{}` is not a capability: write it without CAP_, as NET_RAW", short(text))
        })
    }
}

/// The name of a system call, or a number that has none.
#[derive(Debug, Clone)]
pub(super) struct CallName(pub(super) String);

impl FromText for CallName {
    fn from_text(text: &str) -> Result<Self, String> {
        let is_number = text.parse::<u32>().is_ok_and(|number| number.to_string() == text);
        match is_number || SystemCall::is_name(text) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("`{}` is not a system call of Linux", short(text))),
        }
    }
}

/// An absolute path, or a word for what has none.
#[derive(Debug, Clone)]
pub(crate) struct Place(pub(crate) String);

impl FromText for Place {
    fn from_text(text: &str) -> Result<Self, String> {
        let is_path = text.starts_with('/') || text.starts_with('@') || text == crate::profile::ANY;
        match is_path && text.len() <= 4 * 4096 && !text.chars().any(char::is_control) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("`{}` is not an absolute path", short(text))),
        }
    }
}

impl FromText for Peer {
    fn from_text(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix("name:") {
            return Pattern::from_text(name).map(Self::Name);
        }
        let (address, bits) = text.split_once('/').unzip();
        let address: Option<IpAddr> = address.unwrap_or(text).parse().ok();
        let most = if matches!(address, Some(IpAddr::V4(_))) { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok().filter(|bits| *bits <= most));
        address.zip(bits).map(|(address, bits)| Self::Network(address, bits)).ok_or_else(|| {
            format!("`{}` is not a peer: write name:HOST, an address or a network as 10.0.0.0/8", short(text))
        })
    }
}

/// Seconds resolution, UTC.
impl FromText for jiff::Timestamp {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("`{}` is not a time: write 2026-12-31T23:59:59Z", short(text)))
    }
}

impl<'de, T: FromText> Deserialize<'de> for Scalar<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<T>(PhantomData<T>);

        impl<T: FromText> Visitor<'_> for Text<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
                T::from_text(text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text(PhantomData)).map(Self)
    }
}

/// A port, or `any`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Port(pub(super) Option<u16>);

impl FromText for Port {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "any" => Ok(Self(None)),
            _ => text
                .parse()
                .map(|port| Self(Some(port)))
                .map_err(|_| format!("`{}` is not a port: write 0 to 65535, or any", short(text))),
        }
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(80).collect()
}
