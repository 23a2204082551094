//! What a control group may do with files, what it may start, and whom its processes may become, as programs at the
//! kernel's security hooks hold it (`bpf/rules.h`): rules that allow, in the form in which the kernel looks them up.

mod maps;
mod matching;
mod place;

use lazaret_model::FileOperation;

pub(crate) use maps::{Held, name_secrets};

/// What is held to rules; `None`: not held. What is held and that no rule names is refused: the caller gets EPERM.
/// Reading what the image brought is always allowed, unless it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeldPolicy {
    /// Files that are not secret.
    pub files: Option<Vec<PathRule>>,
    /// Files in places that [`Sensor::name_secrets`](crate::Sensor::name_secrets) named.
    pub secrets: Option<Vec<PathRule>>,
    /// Users that a process may make itself.
    pub users: Option<Vec<UserRule>>,
    /// Programs that are started ([`PathRule::start`]) within the container: what comes in from outside is not held.
    pub starts: Option<Vec<PathRule>>,
}

impl HeldPolicy {
    pub fn is_nothing(&self) -> bool {
        self == &Self::default()
    }
}

/// What a program may do with files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathRule {
    pattern: Vec<u8>,
    open: bool,
    by: Option<Vec<u8>>,
    operations: u32,
}

/// A user that a program may become; `None`: any program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRule {
    uid: u32,
    by: Option<Vec<u8>>,
}

/// Where files are secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretPlace<'a> {
    /// A path; with a slash at its end, all that is below.
    Whole(&'a str),
    /// One or two components in any path, `/.ssh/` or `/.docker/config.json`.
    Anywhere(&'a str),
    /// A file of each process in procfs, `/environ`.
    OfProcess(&'a str),
}

/// Why the kernel cannot be told of a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("`{0}` does not begin at the root")]
    Relative(String),
    #[error("`{0}` is longer than the {LONGEST} bytes that the kernel programs compare")]
    Long(String),
    #[error("`{0}` has an escape that stands for no byte of a name")]
    Escape(String),
}

/// `bpf/rules.h`
const LONGEST: usize = 256;
const FILES: u32 = 1;
const SECRETS: u32 = 2;
const USERS: u32 = 4;
const STARTS: u32 = 32;
/// Operations of no [`FileOperation`].
const START: u32 = 13;
const START_CHANGED: u32 = 14;
const SEED_WHOLE: u64 = 0xcbf2_9ce4_8422_2325;
const SEED_ANYWHERE: u64 = 0x9ae1_6a3b_2f90_404f;
const MARK_ABOVE: u64 = 0x5bd1_e995_5bd1_e995;
const MARK_PROCESS: u64 = 0xc6a4_a793_5bd1_e995;
const PLACE_OF_USER: u64 = 1 << 63;
/// Rules that are tried for one name: what is behind is as if it were not there.
const MOST_ALIKE: u32 = 512;

/// `struct rule_key`: control group, place, version and program, index.
pub(crate) type RuleKey = [u64; 4];
/// `struct rule`.
pub(crate) type Rule = [u8; 268];
/// `struct program_key`.
pub(crate) type ProgramKey = [u8; 272];

impl PathRule {
    /// `pattern`: a path in which `*` stands for any characters within one component and `**` at the end for
    /// everything that follows; other bytes may be written `\xNN`. `by`: the path of a program, written likewise but
    /// without stars; `None`: any.
    ///
    /// # Errors
    /// The kernel programs cannot compare it.
    pub fn new(pattern: &str, by: Option<&str>, operations: &[FileOperation]) -> Result<Self, RuleError> {
        let (head, open) = match pattern.strip_suffix("**") {
            Some(head) => (head, true),
            None => (pattern, false),
        };
        let by = by.map(|by| checked(by, false)).transpose()?;
        let operations = operations.iter().fold(0, |bits, operation| bits | 1u32 << *operation as u32);
        Ok(Self { pattern: checked(head, true)?, open, by, operations })
    }

    /// That a program may be started, by a program or (`None`) by any; both paths are written without stars. `changed`: also
    /// one that was made or changed since the container began.
    ///
    /// # Errors
    /// The kernel programs cannot compare it.
    pub fn start(program: &str, by: Option<&str>, changed: bool) -> Result<Self, RuleError> {
        let by = by.map(|by| checked(by, false)).transpose()?;
        let operations = 1 << START | u32::from(changed) << START_CHANGED;
        Ok(Self { pattern: checked(program, false)?, open: false, by, operations })
    }

    /// What the kernel program looks it up by: the whole name, or the directory in which all matches are.
    fn place(&self) -> u64 {
        let star = self.pattern.iter().position(|byte| *byte == 0);
        let literal = &self.pattern[..star.unwrap_or(self.pattern.len())];
        match star.is_some() || self.open {
            true => {
                let directory = literal.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
                hash(SEED_WHOLE, &literal[..directory])
            }
            false => hash(SEED_WHOLE, literal),
        }
    }

    fn encode(&self, held: u32) -> Rule {
        let mut rule = [0; 268];
        rule[..4].copy_from_slice(&self.operations.to_ne_bytes());
        rule[4..6].copy_from_slice(&u16::try_from(held).unwrap_or_default().to_ne_bytes());
        rule[6..8].copy_from_slice(&u16::try_from(self.pattern.len()).unwrap_or_default().to_ne_bytes());
        rule[8..12].copy_from_slice(&u32::from(self.open).to_ne_bytes());
        rule[12..12 + self.pattern.len()].copy_from_slice(&self.pattern);
        rule
    }
}

impl UserRule {
    /// # Errors
    /// As [`PathRule::new`].
    pub fn new(uid: u32, by: Option<&str>) -> Result<Self, RuleError> {
        Ok(Self { uid, by: by.map(|by| checked(by, false)).transpose()? })
    }
}

/// The bytes of a path; a zero for each star.
fn checked(text: &str, stars: bool) -> Result<Vec<u8>, RuleError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match (first, tail) {
            (b'*', _) if stars => bytes.push(0),
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digit =
                    |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let byte = digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low);
                let byte = byte.filter(|byte| !matches!(byte, 0 | b'/'));
                bytes.push(byte.ok_or_else(|| RuleError::Escape(text.to_owned()))?);
                rest = after;
            }
            (b'\\' | 0, _) => return Err(RuleError::Escape(text.to_owned())),
            (byte, _) => bytes.push(*byte),
        }
    }
    match bytes.first() {
        Some(b'/') if bytes.len() <= LONGEST => Ok(bytes),
        Some(b'/') => Err(RuleError::Long(text.to_owned())),
        _ => Err(RuleError::Relative(text.to_owned())),
    }
}

/// FNV-1a with a seed of its own for each kind of name. It only chooses what is compared, or makes secret.
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(seed, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

impl SecretPlace<'_> {
    /// What the kernel program finds it by; for directories that hold one further down, too, because who gives those
    /// another name gives it to the secret.
    fn hashes(self) -> Vec<u64> {
        match self {
            Self::Whole(path) => {
                let slashes = path.match_indices('/').map(|(at, _)| &path[..=at]);
                let above = slashes.filter(|above| above.len() < path.len());
                let above = above.map(|above| hash(SEED_WHOLE, above.as_bytes()) ^ MARK_ABOVE);
                above.chain([hash(SEED_WHOLE, path.as_bytes())]).collect()
            }
            Self::Anywhere(names) => {
                let first = names.get(1..).and_then(|rest| rest.find('/')).map(|slash| &names[..=slash + 1]);
                let above = first.filter(|first| first.len() < names.len());
                let above = above.map(|above| hash(SEED_ANYWHERE, above.as_bytes()) ^ MARK_ABOVE);
                above.into_iter().chain([hash(SEED_ANYWHERE, names.as_bytes())]).collect()
            }
            Self::OfProcess(name) => vec![hash(SEED_ANYWHERE, name.as_bytes()) ^ MARK_PROCESS],
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(pattern: &str) -> Result<PathRule, RuleError> {
        PathRule::new(pattern, Some("/bin/p"), &[FileOperation::Read])
    }

    #[test]
    fn a_rule_is_found_by_its_name_or_by_the_directory_of_all_its_matches() {
        let at = |text: &str| hash(SEED_WHOLE, text.as_bytes());
        for (pattern, place) in [
            ("/srv/last", "/srv/last"),
            ("/srv/tmp-*", "/srv/"),
            ("/srv/*/x", "/srv/"),
            ("/srv/**", "/srv/"),
            ("/srv/ab**", "/srv/"),
            ("/*", "/"),
            ("/**", "/"),
            (r"/a\x2ab", "/a*b"),
            (r"/a\x0ab", "/a\nb"),
        ] {
            assert_eq!(rule(pattern).unwrap().place(), at(place), "{pattern}");
        }
        assert_eq!(rule("/srv/tmp-*.x").unwrap().pattern, b"/srv/tmp-\0.x");
        assert!(rule("/srv/**").unwrap().open && !rule("/srv/*").unwrap().open);
    }

    #[test]
    fn what_the_kernel_cannot_compare_is_said() {
        assert!(matches!(rule("srv/x"), Err(RuleError::Relative(_))));
        assert!(matches!(rule("**"), Err(RuleError::Relative(_))));
        assert!(matches!(rule(&format!("/{}", "x".repeat(256))), Err(RuleError::Long(_))));
        assert!(rule(&format!("/{}", "x".repeat(255))).is_ok());
        for pattern in [r"/a\x00", r"/a\x2f", r"/a\", r"/a\xg1", r"/a\n"] {
            assert!(matches!(rule(pattern), Err(RuleError::Escape(_))), "{pattern}");
        }
    }

    #[test]
    fn directories_above_a_secret_are_known() {
        let above = |text: &str| hash(SEED_WHOLE, text.as_bytes()) ^ MARK_ABOVE;
        let hashes = SecretPlace::Whole("/etc/ssl/private/").hashes();
        assert_eq!(hashes[..3], [above("/"), above("/etc/"), above("/etc/ssl/")]);
        assert_eq!((hashes[3], hashes.len()), (hash(SEED_WHOLE, b"/etc/ssl/private/"), 4));
        assert_eq!(SecretPlace::Anywhere("/.ssh/").hashes(), [hash(SEED_ANYWHERE, b"/.ssh/")]);
        assert_eq!(SecretPlace::Anywhere("/.config/gcloud/").hashes().len(), 2);
        assert_eq!(SecretPlace::Anywhere("/id_rsa").hashes().len(), 1);
    }

    #[test]
    fn numbers_are_those_of_the_kernel_program() {
        let header = [include_str!("../bpf/held.h"), include_str!("../bpf/rules.h")].concat().to_lowercase();
        for (name, value) in [
            ("seed_whole", SEED_WHOLE),
            ("seed_anywhere", SEED_ANYWHERE),
            ("mark_above", MARK_ABOVE),
            ("mark_process", MARK_PROCESS),
        ] {
            assert!(header.contains(&format!("#define {name} {value:#x}ull")), "{name}");
        }
        for (number, operation) in FileOperation::ALL.iter().enumerate() {
            assert_eq!(*operation as usize, number);
            assert!(header.contains(&format!("operation_{}", operation.name().replace('-', "_"))));
        }
        let numbered = "operation_connect,\n\t/* of programs, which no fileoperation is. `src/held.rs` has them, too. */\n\t\
                        operation_start,\n\toperation_start_changed,";
        assert!(header.contains(numbered));
        assert_eq!(
            (START, START_CHANGED),
            (FileOperation::Connect as u32 + 1, FileOperation::Connect as u32 + 2)
        );
        for (name, value) in [("files", FILES), ("secrets", SECRETS), ("users", USERS), ("starts", STARTS)] {
            assert!(header.contains(&format!("#define held_{name} {value}\n")), "{name}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(pattern in any::<String>(), by in any::<String>()) {
            if let Ok(rule) = PathRule::new(&pattern, Some(&by), &[]) {
                rule.place();
                rule.encode(FILES);
            }
        }
    }
}
