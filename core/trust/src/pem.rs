//! PEM files of keys, and what can be wrong with them in words that a person can act on.

use p256::pkcs8::der::{SecretDocument, pem::PemLabel};
use p256::pkcs8::{self, ObjectIdentifier, PrivateKeyInfoRef, SubjectPublicKeyInfoRef};

use crate::json::shorten;

/// A key file is a few hundred bytes.
const LARGEST: usize = 64 << 10;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("no PEM file: the line `-----BEGIN {expected}-----` is missing")]
    NotPem { expected: &'static str },
    #[error(
        "the private key is encrypted; decrypt it with `openssl pkcs8 -in ENCRYPTED -out PLAIN` and protect the file"
    )]
    Encrypted,
    #[error("the PEM file holds `{found}` where `{expected}` is needed{hint}")]
    Kind { found: String, expected: &'static str, hint: &'static str },
    #[error("a key for {found}, where one for {expected} is needed")]
    Algorithm { found: String, expected: &'static str },
    #[error("the key file is damaged: {0}")]
    Damaged(String),
    #[error("these random bytes are no {0} key; draw others")]
    Random(&'static str),
    #[error("`{0}` is not a name for a log's key: it must not be empty nor hold `+` or white space")]
    Name(String),
}

/// What an algorithm looks like in a key file.
pub(crate) struct Algorithm {
    pub(crate) name: &'static str,
    pub(crate) oid: ObjectIdentifier,
    /// The named curve, where the algorithm has several.
    pub(crate) curve: Option<ObjectIdentifier>,
}

pub(crate) const P256: Algorithm = Algorithm {
    name: "ECDSA on the curve P-256",
    oid: ObjectIdentifier::new_unwrap("1.2.840.10045.2.1"),
    curve: Some(ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7")),
};

pub(crate) const ED25519: Algorithm =
    Algorithm { name: "Ed25519", oid: ObjectIdentifier::new_unwrap("1.3.101.112"), curve: None };

const NAMES: &[(&str, &str)] = &[
    ("1.2.840.10045.3.1.7", "ECDSA on the curve P-256"),
    ("1.3.132.0.34", "ECDSA on the curve P-384"),
    ("1.3.132.0.35", "ECDSA on the curve P-521"),
    ("1.3.132.0.10", "ECDSA on the curve secp256k1"),
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
];

/// The DER inside a `PRIVATE KEY` file, after making sure that it is a key for `algorithm`.
pub(crate) fn private(pem: &str, algorithm: &Algorithm) -> Result<SecretDocument, KeyError> {
    let document = decode(pem, PrivateKeyInfoRef::PEM_LABEL)?;
    let info = PrivateKeyInfoRef::try_from(document.as_bytes()).map_err(damaged)?;
    check(info.algorithm, algorithm)?;
    Ok(document)
}

/// The DER inside a `PUBLIC KEY` file, after making sure that it is a key for `algorithm`.
pub(crate) fn public(pem: &str, algorithm: &Algorithm) -> Result<SecretDocument, KeyError> {
    let document = decode(pem, SubjectPublicKeyInfoRef::PEM_LABEL)?;
    let info = SubjectPublicKeyInfoRef::try_from(document.as_bytes()).map_err(damaged)?;
    check(info.algorithm, algorithm)?;
    Ok(document)
}

pub(crate) fn damaged(error: impl std::fmt::Display) -> KeyError {
    KeyError::Damaged(shorten(&error.to_string()))
}

fn decode(pem: &str, expected: &'static str) -> Result<SecretDocument, KeyError> {
    if pem.len() > LARGEST {
        return Err(KeyError::Damaged(format!("it is {} bytes long", pem.len())));
    }
    let label = pem
        .lines()
        .find_map(|line| line.trim_end().strip_prefix("-----BEGIN ")?.strip_suffix("-----"))
        .ok_or(KeyError::NotPem { expected })?;
    if label != expected {
        return Err(match label {
            "ENCRYPTED PRIVATE KEY" if expected == PrivateKeyInfoRef::PEM_LABEL => KeyError::Encrypted,
            _ => KeyError::Kind { found: shorten(label), expected, hint: hint(label, expected) },
        });
    }
    let (_, document) = SecretDocument::from_pem(pem).map_err(damaged)?;
    Ok(document)
}

fn hint(found: &str, expected: &str) -> &'static str {
    match (found, expected) {
        ("EC PRIVATE KEY" | "EC PARAMETERS" | "RSA PRIVATE KEY", "PRIVATE KEY") => {
            "; convert it with `openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW`"
        }
        ("PUBLIC KEY", "PRIVATE KEY") => "; name the private half of the pair",
        (kind, "PUBLIC KEY") if kind.ends_with("PRIVATE KEY") => "; name the public half of the pair",
        ("CERTIFICATE", "PUBLIC KEY") => {
            "; take its key out with `openssl x509 -pubkey -noout -in CERTIFICATE`"
        }
        _ => "",
    }
}

fn check(found: pkcs8::AlgorithmIdentifierRef<'_>, wanted: &Algorithm) -> Result<(), KeyError> {
    let curve = found.parameters.and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok());
    if found.oid == wanted.oid && (wanted.curve.is_none() || curve == wanted.curve) {
        return Ok(());
    }
    let oid = curve.filter(|_| found.oid == P256.oid).unwrap_or(found.oid).to_string();
    let name = NAMES.iter().find(|(known, _)| *known == oid);
    Err(KeyError::Algorithm {
        found: name.map_or_else(|| format!("an unknown algorithm ({oid})"), |(_, name)| (*name).to_owned()),
        expected: wanted.name,
    })
}
