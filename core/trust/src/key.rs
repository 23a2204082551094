use std::fmt;

use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{self, DerSignature};
use p256::elliptic_curve::zeroize::Zeroizing;
use p256::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding};

use crate::digest_of;
use crate::pem::{self, KeyError};

/// The private half of a P-256 pair, which signs statements about images.
///
/// Signatures are deterministic (RFC 6979): signing draws no randomness, and the same statement signed
/// twice is the same envelope.
#[derive(Clone)]
pub struct SigningKey {
    inner: ecdsa::SigningKey,
    public: VerifyingKey,
}

impl SigningKey {
    /// Makes a key of 32 random bytes. About one draw in 2³² is no key: then draw again.
    pub fn from_random(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let bytes = Zeroizing::new(bytes);
        let inner = ecdsa::SigningKey::from_slice(bytes.as_slice()).map_err(|_| KeyError::Random("P-256"))?;
        Self::new(inner)
    }

    /// Reads PKCS#8 (`-----BEGIN PRIVATE KEY-----`), unencrypted.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let document = pem::private(pem, &pem::P256)?;
        Self::new(ecdsa::SigningKey::from_pkcs8_der(document.as_bytes()).map_err(pem::damaged)?)
    }

    /// PKCS#8; the memory is wiped when the text is dropped.
    pub fn to_pem(&self) -> Zeroizing<String> {
        self.inner.to_pkcs8_pem(LineEnding::LF).expect("a valid key of fixed size always encodes")
    }

    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// [`VerifyingKey::key_id`] of the public half.
    pub fn key_id(&self) -> &str {
        self.public.key_id()
    }

    /// ECDSA with SHA-256 over `message`, as ASN.1 DER.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.inner.sign(message);
        signature.as_bytes().to_vec()
    }

    fn new(inner: ecdsa::SigningKey) -> Result<Self, KeyError> {
        let public = VerifyingKey::new(*inner.verifying_key())?;
        Ok(Self { inner, public })
    }
}

/// Never prints the secret.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.key_id()).finish_non_exhaustive()
    }
}

/// The public half of a P-256 pair: whoever trusts it believes what the private half signed.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    inner: ecdsa::VerifyingKey,
    id: String,
}

impl VerifyingKey {
    /// Reads SubjectPublicKeyInfo (`-----BEGIN PUBLIC KEY-----`).
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let document = pem::public(pem, &pem::P256)?;
        Self::new(ecdsa::VerifyingKey::from_public_key_der(document.as_bytes()).map_err(pem::damaged)?)
    }

    pub fn to_pem(&self) -> String {
        self.inner.to_public_key_pem(LineEnding::LF).expect("a valid key of fixed size always encodes")
    }

    /// SHA-256 of the SubjectPublicKeyInfo in DER, in 64 hexadecimal digits.
    pub fn key_id(&self) -> &str {
        &self.id
    }

    /// Whether `signature` (ASN.1 DER) is this key's over `message`. Any bytes may be given.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        DerSignature::from_bytes(signature)
            .is_ok_and(|signature| self.inner.verify(message, &signature).is_ok())
    }

    /// The id is computed from the uncompressed encoding that every tool writes, so a key file with a
    /// compressed point names the same key.
    fn new(inner: ecdsa::VerifyingKey) -> Result<Self, KeyError> {
        let der = inner.to_public_key_der().map_err(pem::damaged)?;
        Ok(Self { id: digest_of(der.as_bytes()).hex(), inner })
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use lazaret_model::Digest;
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn key(seed: u8) -> SigningKey {
        SigningKey::from_random([seed.max(1); 32]).unwrap()
    }

    #[test]
    fn signs_like_rfc_6979() {
        // RFC 6979, appendix A.2.5, P-256 with SHA-256, message "sample".
        let secret =
            Digest::from_hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721").unwrap();
        let key = SigningKey::from_random(*secret.as_bytes()).unwrap();
        let r = Digest::from_hex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716").unwrap();
        let s = Digest::from_hex("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8").unwrap();
        let expected =
            [&[0x30, 0x46, 0x02, 0x21, 0x00], &r.as_bytes()[..], &[0x02, 0x21, 0x00], &s.as_bytes()[..]]
                .concat();
        assert_eq!(key.sign(b"sample"), expected);
        assert!(key.verifying_key().verifies(b"sample", &expected));
        assert!(!key.verifying_key().verifies(b"simple", &expected));
    }

    #[test]
    fn survives_its_files() {
        let key = key(7);
        let again = SigningKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(again.verifying_key(), key.verifying_key());
        assert_eq!(again.sign(b"x"), key.sign(b"x"));
        let public = VerifyingKey::from_pem(&key.verifying_key().to_pem()).unwrap();
        assert_eq!(&public, key.verifying_key());
        assert_eq!(public.key_id().len(), 64);
        let crlf = key.to_pem().replace('\n', "\r\n");
        assert!(SigningKey::from_pem(&crlf).is_ok());
        assert!(!format!("{key:?}").contains(key.to_pem().lines().nth(1).unwrap()));
    }

    #[test]
    fn refuses_scalars_outside_the_group() {
        let order =
            Digest::from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
        for bad in [[0; 32], *order.as_bytes(), [0xff; 32]] {
            assert_eq!(SigningKey::from_random(bad).unwrap_err(), KeyError::Random("P-256"));
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_key_file() {
        let block =
            |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        let private = |pem: &str| SigningKey::from_pem(pem).unwrap_err().to_string();
        assert!(private("hello").contains("BEGIN PRIVATE KEY"));
        assert!(private(&block("ENCRYPTED PRIVATE KEY", "MAA=")).contains("is encrypted"));
        assert!(private(&block("EC PRIVATE KEY", "MAA=")).contains("-topk8"));
        assert!(private(&key(1).verifying_key().to_pem()).contains("private half"));
        assert!(private(&block("PRIVATE KEY", "MAA=")).contains("damaged"));
        assert!(private(&"x".repeat(100_000)).contains("damaged"));
        let public = |pem: &str| VerifyingKey::from_pem(pem).unwrap_err().to_string();
        assert!(public(&key(1).to_pem()).contains("public half"));
        assert!(public(&block("CERTIFICATE", "MAA=")).contains("x509"));
    }

    #[test]
    fn names_the_algorithm_of_a_foreign_key() {
        // RFC 8410, section 10.3: an Ed25519 private key.
        let ed25519 = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        let error = SigningKey::from_pem(ed25519).unwrap_err().to_string();
        assert_eq!(error, "a key for Ed25519, where one for ECDSA on the curve P-256 is needed");
    }

    proptest! {
        #[test]
        fn never_panics(text in "(-----BEGIN (PUBLIC|PRIVATE) KEY-----\n)?[A-Za-z0-9+/=\n-]{0,300}", bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = SigningKey::from_pem(&text);
            let _ = VerifyingKey::from_pem(&text);
            prop_assert!(!key(3).verifying_key().verifies(b"m", &bytes));
        }
    }
}
