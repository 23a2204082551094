//! A profile as typed rules. `text` reads and writes it, `derive` and `learn` make it, `check` holds facts against it.

use std::net::IpAddr;

use jiff::Timestamp;
use lazaret_model::{Capability, Digest, Dimension, FileOperation, KernelOperation, Phase, Transport};
use sha2::{Digest as _, Sha256};

use crate::modes::Modes;
use crate::pattern::Pattern;

/// What containers of one image may do. Lists are sorted and without repetitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub subject: Subject,
    pub state: State,
    pub modes: Modes,
    /// What it was learned from; `None`: from the image alone.
    pub coverage: Option<Coverage>,
    pub users: Vec<User>,
    pub processes: Vec<Process>,
    pub executables: Executables,
    pub libraries: Libraries,
    pub volumes: Vec<Volume>,
    pub files: Vec<FileRule>,
    pub secrets: Vec<FileRule>,
    pub network: Network,
    pub capabilities: Vec<Capability>,
    /// Names as in the kernel's headers.
    pub system_calls: Vec<String>,
    pub kernel: Vec<KernelOperation>,
    pub login: LoginRules,
    pub resources: Resources,
    /// Dimensions in which more was seen than a profile can hold: they alert and never block.
    pub wide: Vec<Dimension>,
}

/// Which containers a profile is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// Digest of the image's configuration.
    pub image: Digest,
    pub variant: Variant,
}

/// One way to run an image: the same image with another command is another program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Variant {
    /// Entrypoint and command together, as they are run.
    pub command: Vec<String>,
    /// As the image or the run names it; never empty.
    pub user: String,
    /// `amd64`, `arm64`, …
    pub architecture: String,
}

impl Variant {
    /// A short name of the variant: 32 hex digits, of SHA-256 over user, architecture and the words of the command, each
    /// with a NUL behind it. No such text of a container holds one.
    pub fn key(&self) -> String {
        let mut hash = Sha256::new();
        for text in [&self.user, &self.architecture].into_iter().chain(&self.command) {
            hash.update(text);
            hash.update([0]);
        }
        let hash: [u8; 32] = hash.finalize().into();
        hash[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// How a profile came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// From the image alone.
    Derived,
    /// From the profile of an earlier build of the image.
    Provisional,
    /// From what containers were seen to do.
    Learned,
}

impl State {
    pub const ALL: &[Self] = &[Self::Derived, Self::Provisional, Self::Learned];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Derived => "derived",
            Self::Provisional => "provisional",
            Self::Learned => "learned",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    pub since: Timestamp,
    pub until: Timestamp,
    /// Containers that were watched, as far as they were counted .
    pub replicas: u32,
    /// How often the program was started.
    pub starts: u32,
    /// How often it was seen to end as it was told.
    pub stops: u32,
    /// Times when something was missed.
    pub gaps: u32,
}

/// When an entry holds, and whether it holds yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Only in these phases; empty: in all.
    pub phases: Phases,
    /// It waits for a person, and allows nothing until then.
    pub pending: Option<Pending>,
}

/// Why an entry is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Replicas that did it …
    pub replicas: u32,
    /// … of those that were watched.
    pub of: u32,
    /// All of them broke a fixed rule.
    pub tainted: bool,
}

/// A set of phases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Phases(u8);

impl Phases {
    pub const NONE: Self = Self(0);

    pub const fn with(self, phase: Phase) -> Self {
        Self(self.0 | 1 << phase as u8)
    }

    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn contains(self, phase: Phase) -> bool {
        self.0 & (1 << phase as u8) != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// A bit for each, in the order of [`Phase::ALL`].
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    pub(crate) fn from_bits(bits: u8) -> Option<Self> {
        let all = Phase::ALL.iter().copied().fold(Self::NONE, Self::with);
        (bits & !all.0 == 0).then_some(Self(bits))
    }

    pub fn iter(self) -> impl Iterator<Item = Phase> {
        Phase::ALL.iter().copied().filter(move |phase| self.contains(*phase))
    }
}

impl FromIterator<Phase> for Phases {
    fn from_iter<I: IntoIterator<Item = Phase>>(phases: I) -> Self {
        phases.into_iter().fold(Self::NONE, Self::with)
    }
}

/// Stands in `by` and `parent` for every executable.
pub const ANY: &str = "*";

/// A user that processes run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub uid: u32,
    /// The executable that runs so, or becomes so.
    pub by: String,
    pub seen: Seen,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub executable: String,
    pub digest: Option<Digest>,
    /// What started it: an executable, [`RUNTIME`](lazaret_model::RUNTIME) or [`ANY`].
    pub parent: String,
    pub arguments: Arguments,
    pub seen: Seen,
}

/// Arguments without the program's own name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arguments {
    Any,
    /// One of these, argument by argument.
    Only(Vec<Vec<Pattern>>),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Executables {
    /// What the image brings; `None`: not known.
    pub listed: Option<Listed>,
    /// Programs that the image did not bring.
    pub drift: Permission,
    /// Programs without a name in any directory.
    pub memory: Permission,
    /// Programs that are given to a loader instead of being executed.
    pub loader: Permission,
    /// Programs of the image that give another user's or group's rights.
    pub set_user_id: Vec<String>,
    /// Programs beyond the image that were accepted.
    pub added: Vec<Added>,
}

/// Names the list of an image's executables, which is attested on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    pub count: u32,
    /// SHA-256 of the ascending binary SHA-256 digests of the files, one after the other.
    pub digest: Digest,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Permission {
    Allow,
    #[default]
    Deny,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    pub path: String,
    pub digest: Digest,
    pub seen: Seen,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Libraries {
    pub outside_image: Permission,
    pub added: Vec<Library>,
}

/// Code that is mapped although the image did not bring it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    pub path: Pattern,
    pub by: String,
    pub seen: Seen,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    pub target: String,
    pub seen: Seen,
}

/// What executables may do with files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRule {
    pub path: Pattern,
    pub by: String,
    /// Ascending.
    pub operations: Vec<FileOperation>,
    pub seen: Seen,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    pub listen: Vec<Listen>,
    pub connect: Vec<Connect>,
    pub lookup: Vec<LookupRule>,
    /// The longest label of a name that was looked up; 0: none was.
    pub longest_label: u32,
    /// Executables that use sockets past the protocols.
    pub raw: Vec<Raw>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    pub transport: Transport,
    /// `None`: any, as the kernel chose it.
    pub port: Option<u16>,
    pub by: String,
    pub seen: Seen,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    pub transport: Transport,
    pub to: Peer,
    pub port: Option<u16>,
    pub by: String,
    pub seen: Seen,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// A DNS name, perhaps with stars.
    Name(Pattern),
    /// An address and how many of its bits count.
    Network(IpAddr, u8),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupRule {
    pub name: Pattern,
    pub seen: Seen,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    pub by: String,
    pub seen: Seen,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoginRules {
    /// The command of the image's health check, as it is executed; empty: none.
    pub health_check: Vec<String>,
}

/// The most that was used; `None`: not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resources {
    /// Thousandths of one processor.
    pub cpu_permille: Option<u64>,
    pub memory_bytes: Option<u64>,
    pub processes: Option<u64>,
    pub written_bytes_per_minute: Option<u64>,
}
