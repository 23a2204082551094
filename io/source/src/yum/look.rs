//! One repository: is there something new, is it what it should be, and where is it kept.

use lazaret_advisory::feed::FeedError;
use lazaret_advisory::feed::yum::{IndexedFile, repomd};
use reqwest::Url;
use sha2::{Digest as _, Sha256};

use super::addresses::{Addresses, addresses};
use super::cache::{Folder, Kept, State};
use super::error::YumError;
use super::fetch::Vouched;
use super::network::{Answer, Network, NetworkError};
use super::repository::{Key, Repository};
use super::signature::{self, SignatureError};

/// Why nothing new is known of a repository.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error(transparent)]
    Format(#[from] FeedError),
    #[error("it is not signed, and its settings demand that it is")]
    Unsigned,
    #[error("its repomd.xml is not the one that the metalink tells of")]
    OtherIndex,
    #[error("{0} has another digest than repomd.xml says")]
    OtherContent(String),
    #[error("repomd.xml vouches for {file} with {kind} only, which proves nothing")]
    Weak { file: String, kind: String },
    #[error("`{0}` is no place below the repository")]
    Place(String),
    #[error(
        "its repomd.xml is of {found}, older than that of {known} which was taken before: a mirror lags behind, or \
         somebody shows what is mended by now as the newest; it is taken only if older ones are allowed"
    )]
    Older { found: String, known: String },
    #[error(transparent)]
    Cache(#[from] YumError),
    /// Nobody vouches for what an image names.
    #[error("it is not signed with a key of this machine, and only an image names it")]
    Untrusted,
}

/// Largest `repomd.xml`, and largest updateinfo as it is stored: the largest of a distribution has 60 MB.
const MOST_INDEX: u64 = 8 << 20;
const MOST_UPDATEINFO: u64 = 512 << 20;

pub(super) struct Look<'a> {
    pub(super) repository: &'a Repository,
    pub(super) folder: &'a Folder,
    /// With which an image's repository must be signed.
    pub(super) machine_keys: &'a [Key],
    pub(super) trusts_images: bool,
    pub(super) allows_older: bool,
    /// RFC 3339.
    pub(super) now: &'a str,
}

impl Look<'_> {
    /// Asks; what is kept afterwards is what the state says.
    pub(super) async fn look(&self, known: Option<State>) -> Result<State, LookError> {
        let network = Network::new(self.repository)?;
        let mut addresses = addresses(self.repository, &network).await?;
        let newest = addresses.checksums.first();
        if let Some(known) = known
            .as_ref()
            .filter(|known| newest.is_some_and(|newest| newest.kind == "sha256" && newest.hex == known.index))
        {
            return self.unchanged(known);
        }
        // The mirror of the last time can tell that nothing changed.
        let last = known.as_ref().map(|known| known.address.as_str());
        addresses.bases.sort_by_key(|base| Some(base.as_str()) != last);
        let mut failure = None;
        for base in &addresses.bases {
            match self.at(base, &addresses, &network, known.as_ref()).await {
                Ok(state) => return Ok(state),
                // Another mirror says the same of these.
                Err(error @ (LookError::Untrusted | LookError::Unsigned | LookError::Cache(_))) => {
                    return Err(error);
                }
                Err(error) => {
                    failure.get_or_insert(error);
                }
            }
        }
        Err(failure.unwrap_or(LookError::OtherIndex))
    }

    fn unchanged(&self, known: &State) -> Result<State, LookError> {
        let state = State { asked: self.now.to_owned(), ..known.clone() };
        self.check_trust(state.vouched)?;
        self.folder.put_state(&state)?;
        Ok(state)
    }

    fn check_trust(&self, vouched: Vouched) -> Result<(), LookError> {
        let is_trusted = !self.repository.is_image || self.trusts_images || vouched == Vouched::Signature;
        if is_trusted { Ok(()) } else { Err(LookError::Untrusted) }
    }

    async fn at(
        &self,
        base: &Url,
        addresses: &Addresses,
        network: &Network<'_>,
        known: Option<&State>,
    ) -> Result<State, LookError> {
        let at = |name: &str| below(base, name);
        // Where a metalink told that there is another index, "unchanged" is no answer.
        let own = known.filter(|known| known.address == base.as_str() && addresses.checksums.is_empty());
        let validators = own.map(|known| known.validators.clone()).unwrap_or_default();
        let (index, validators) =
            match (network.ask(&at("repodata/repomd.xml")?, MOST_INDEX, &validators).await?, own) {
                (Answer::Unchanged, Some(known)) => return self.unchanged(known),
                (Answer::Unchanged, None) => return Err(LookError::OtherIndex),
                (Answer::Content(bytes, validators), _) => (bytes, validators),
            };
        let digest: String = Sha256::digest(&index).iter().map(|byte| format!("{byte:02x}")).collect();
        if !addresses.checksums.is_empty() && !addresses.checksums.iter().any(|sum| sum.is_of(&index)) {
            return Err(LookError::OtherIndex);
        }
        if let Some(known) = known.filter(|known| known.index == digest) {
            return self.unchanged(&State { address: base.to_string(), validators, ..known.clone() });
        }
        let vouched = self.vouched(&index, &at("repodata/repomd.xml.asc")?, addresses, network).await?;
        let repomd = repomd(&index)?;
        let made = self.made(repomd.made, addresses, known)?;
        let updateinfo = match repomd.updateinfo {
            Some(file) => Some(self.updateinfo(base, &file, network, known).await?),
            None => None,
        };
        let (address, asked) = (base.to_string(), self.now.to_owned());
        let state = State { address, validators, index: digest, asked, vouched, updateinfo, made };
        self.folder.put_state(&state)?;
        Ok(state)
    }

    /// Refuses an index that is older than one which was taken; when the newest was made otherwise. A signature says
    /// that an index once was the right one, not that it still is. A metalink says that.
    fn made(
        &self,
        made: Option<u64>,
        addresses: &Addresses,
        known: Option<&State>,
    ) -> Result<Option<u64>, LookError> {
        // A time that lies ahead would lock out all that is made until then.
        let made = made.map(|made| made.min(self.tomorrow()));
        let newest = known.and_then(|known| known.made);
        match (made, newest) {
            (Some(found), Some(known))
                if found < known && !self.allows_older && addresses.checksums.is_empty() =>
            {
                Err(LookError::Older { found: date(found), known: date(known) })
            }
            // Whoever leaves the time out does not make it forgotten.
            (None, newest) => Ok(newest),
            (made, _) => Ok(made),
        }
    }

    fn tomorrow(&self) -> u64 {
        let now = self.now.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second);
        u64::try_from(now).unwrap_or_default().saturating_add(24 * 60 * 60)
    }

    /// Finds out who vouches for an index.
    async fn vouched(
        &self,
        index: &[u8],
        signature: &Url,
        addresses: &Addresses,
        network: &Network<'_>,
    ) -> Result<Vouched, LookError> {
        let Repository { is_image, keys, must_be_signed, transport, .. } = self.repository;
        let keys = if *is_image { self.machine_keys } else { keys };
        if !keys.is_empty() || *must_be_signed {
            match network.get(signature, signature::MOST_BYTES).await {
                Ok(found) => {
                    match signature::verify(index, &found, keys, network, &self.folder.scratch()).await {
                        Ok(()) => return Ok(Vouched::Signature),
                        // It is signed by somebody whom this machine does not know: as good as not signed.
                        Err(SignatureError::Bad(_)) if *is_image => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Err(NetworkError::Missing { .. }) if *must_be_signed => return Err(LookError::Unsigned),
                Err(NetworkError::Missing { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let is_tls = match signature.scheme() {
            "file" => true,
            scheme => scheme == "https" && transport.verifies,
        };
        let vouched =
            match (!addresses.checksums.is_empty() && addresses.is_sure && transport.verifies, is_tls) {
                (true, _) => Vouched::Metalink,
                (false, true) => Vouched::Transport,
                (false, false) => Vouched::Nothing,
            };
        self.check_trust(vouched)?;
        Ok(vouched)
    }

    async fn updateinfo(
        &self,
        base: &Url,
        file: &IndexedFile,
        network: &Network<'_>,
        known: Option<&State>,
    ) -> Result<Kept, LookError> {
        let IndexedFile { location, checksum, size } = file;
        if !checksum.is_strong() {
            return Err(LookError::Weak { file: location.clone(), kind: checksum.kind.clone() });
        }
        if let Some(kept) = known.and_then(|known| known.updateinfo.as_ref()).filter(|kept| kept.is(checksum))
        {
            return Ok(kept.clone());
        }
        let most = size.unwrap_or(MOST_UPDATEINFO).min(MOST_UPDATEINFO);
        let bytes = network.get(&below(base, location)?, most).await?;
        if !checksum.is_of(&bytes) {
            return Err(LookError::OtherContent(location.clone()));
        }
        let kept = Kept { kind: checksum.kind.clone(), hex: checksum.hex.clone(), bytes: bytes.len() as u64 };
        self.folder.put_updateinfo(&kept, &bytes)?;
        Ok(kept)
    }
}

fn date(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| seconds.to_string(), |time| time.to_string())
}

/// A file of a repository. An index must not lead elsewhere: the address is what is trusted.
fn below(base: &Url, name: &str) -> Result<Url, LookError> {
    let is_plain = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+~^@=,".contains(&byte))
    };
    if name.len() > 1_000 || !name.split('/').all(is_plain) {
        return Err(LookError::Place(name.chars().filter(|c| !c.is_control()).take(200).collect()));
    }
    let mut url = base.clone();
    url.set_path(&format!("{}{name}", base.path()));
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_leads_nowhere_else() {
        let base = Url::parse("https://m.example/r/?token=x").unwrap();
        assert_eq!(
            below(&base, "repodata/a-updateinfo.xml.gz").unwrap().as_str(),
            "https://m.example/r/repodata/a-updateinfo.xml.gz?token=x"
        );
        for bad in [
            "../x",
            "a/../../x",
            "/etc/passwd",
            "http://e.example/x",
            "//e.example/x",
            "a//b",
            "",
            "%2e%2e/x",
            "a\\b",
            "a?b",
            "a#b",
        ] {
            assert!(below(&base, bad).is_err(), "{bad}");
        }
    }
}
