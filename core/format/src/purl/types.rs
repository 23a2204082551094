//! What the definitions of types say beyond the general rules (purl-spec, `types/*-definition.json`).

use std::borrow::Cow;

use super::{Purl, PurlError};

/// Whether a type has namespaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Namespace {
    Any,
    /// The definitions of many types want one, and what is in use often has none; these are refused by all.
    Required,
    Forbidden,
}

struct Definition {
    kind: &'static str,
    namespace: Namespace,
    lower_namespace: bool,
    lower_name: bool,
    lower_version: bool,
}

const fn of(kind: &'static str) -> Definition {
    Definition {
        kind,
        namespace: Namespace::Any,
        lower_namespace: false,
        lower_name: false,
        lower_version: false,
    }
}

const fn lowered(kind: &'static str) -> Definition {
    Definition { lower_namespace: true, lower_name: true, ..of(kind) }
}

const fn within(namespace: Namespace, definition: Definition) -> Definition {
    Definition { namespace, ..definition }
}

/// Types with rules of their own; all others keep what they are given.
const DEFINITIONS: &[Definition] = &[
    lowered("alpm"),
    lowered("apk"),
    lowered("bitbucket"),
    lowered("bitnami"),
    lowered("composer"),
    lowered("deb"),
    lowered("github"),
    lowered("hex"),
    lowered("luarocks"),
    lowered("pub"),
    lowered("pypi"),
    lowered("vcpkg"),
    Definition { lower_namespace: true, ..of("rpm") },
    Definition { lower_namespace: true, lower_name: true, lower_version: true, ..of("oci") },
    Definition { lower_version: true, ..of("huggingface") },
    Definition { lower_version: true, ..within(Namespace::Required, lowered("vscode-extension")) },
    within(Namespace::Forbidden, lowered("otp")),
    within(Namespace::Required, of("swift")),
];

/// Brings the parts into the form that the type wants.
pub(super) fn normalize(purl: &mut Purl<'_>) -> Result<(), PurlError> {
    let first = purl.kind.bytes().next();
    let is_kind = purl.kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if !is_kind || !first.is_some_and(|byte| byte.is_ascii_alphabetic()) {
        return Err(PurlError::Kind);
    }
    if purl.name.is_empty() {
        return Err(PurlError::Name);
    }
    purl.kind = lower(std::mem::take(&mut purl.kind));
    if let Some(definition) = DEFINITIONS.iter().find(|definition| definition.kind == purl.kind) {
        match (definition.namespace, &purl.namespace) {
            (Namespace::Required, None) => return Err(PurlError::NamespaceMissing),
            (Namespace::Forbidden, Some(_)) => return Err(PurlError::NamespaceForbidden),
            _ => {}
        }
        if definition.lower_namespace {
            purl.namespace = purl.namespace.take().map(lower);
        }
        if definition.lower_name {
            purl.name = lower(std::mem::take(&mut purl.name));
        }
        if definition.lower_version {
            purl.version = purl.version.take().map(lower);
        }
    }
    let replaced = match &*purl.kind {
        "pypi" if purl.name.contains('_') => purl.name.replace('_', "-"),
        "pub" if purl.name.contains(is_no_word) => purl.name.replace(is_no_word, "_"),
        // A module's name is no distribution's, and only distributions are on CPAN.
        "cpan" if purl.name.contains("::") => return Err(PurlError::Malformed),
        "vcpkg" if purl.namespace.is_some() => return Err(PurlError::NamespaceForbidden),
        _ => return Ok(()),
    };
    purl.name = replaced.into();
    Ok(())
}

/// What must be there in a whole package URL.
pub(super) fn complete(purl: &Purl<'_>) -> Result<(), PurlError> {
    match &*purl.kind {
        "julia" if purl.qualifier("uuid").is_none() => Err(PurlError::QualifierMissing("uuid")),
        _ => Ok(()),
    }
}

fn is_no_word(c: char) -> bool {
    !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

pub(super) fn is_key(key: &str) -> bool {
    let byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !key.is_empty() && key.bytes().all(byte)
}

pub(super) fn lower(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.chars().any(char::is_uppercase) { text.to_lowercase().into() } else { text }
}
