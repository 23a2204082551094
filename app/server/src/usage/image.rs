use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use lazaret_format::v1::InUse;
use lazaret_profile::learn::Replica;

/// What is known of one image.
#[derive(Debug)]
pub(super) struct ImageUse {
    pub(super) packages: HashMap<(String, String), Use>,
    pub(super) sources: HashMap<String, Use>,
    pub(super) watched: Watched,
}

/// What somebody wants to know.
#[derive(Debug)]
pub(super) struct Question {
    /// Seconds that one container must have been watched before something counts as not seen.
    pub(super) needed: i64,
    /// Containers of the image that run now.
    pub(super) running: Vec<Replica>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Use {
    Seen(When),
    /// It has programs or libraries, and none of them was seen.
    Unseen,
    Unknown(Why),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// Nothing of it can run.
    NoCode,
    Loader,
    Interpreted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct When {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) containers: HashSet<Replica>,
}

/// How well containers of the image were watched.
#[derive(Debug, Default)]
pub(super) struct Watched {
    pub(super) agents: u64,
    /// Whether it is stated whose the programs are, and of all of them.
    pub(super) stated: bool,
    pub(super) complete: bool,
    /// Those watched from their start without a gap.
    pub(super) whole: HashSet<Replica>,
    pub(super) since: Option<i64>,
    pub(super) longest: i64,
    /// A host had no room for all that it saw.
    pub(super) overflow: bool,
    /// Something of the image ran that the table does not list.
    pub(super) unlisted: Option<String>,
}

impl Use {
    /// Of several, the one that says most; what is not known counts more than what was not seen.
    pub(super) fn join(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Seen(when), Self::Seen(more)) => when.join(more),
            (one, other) if other.rank() > one.rank() => *one = other.clone(),
            _ => {}
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Unknown(Why::NoCode) => 0,
            Self::Unseen => 1,
            Self::Unknown(Why::Loader) => 2,
            Self::Unknown(Why::Interpreted) => 3,
            Self::Seen(_) => 4,
        }
    }
}

impl When {
    pub(super) fn join(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.containers.extend(&other.containers);
    }
}

impl ImageUse {
    /// Of one package, by name and version.
    pub(super) fn of_package(&self, name: &str, version: &str, question: &Question) -> InUse {
        let key = (name.to_owned(), version.to_owned());
        self.answer(self.packages.get(&key), question)
    }

    /// Of all packages that were built from one source.
    pub(super) fn of_source(&self, name: &str, question: &Question) -> InUse {
        self.answer(self.sources.get(name), question)
    }

    fn answer(&self, known: Option<&Use>, question: &Question) -> InUse {
        let observed = u64::try_from(self.watched.longest).unwrap_or_default();
        let unknown = |why: String| InUse {
            state: InUse::UNKNOWN.to_owned(),
            observed_seconds: observed,
            why,
            ..InUse::default()
        };
        match known {
            Some(Use::Seen(when)) => InUse {
                state: InUse::IN_USE.to_owned(),
                since: time(when.first),
                last: time(when.last),
                containers: when.containers.len() as u64,
                observed_seconds: observed,
                why: String::new(),
            },
            _ if self.watched.agents == 0 => unknown(UNWATCHED.to_owned()),
            _ if !self.watched.stated => unknown(
                "the image was attested before it was stated whose its programs are: attest it again"
                    .to_owned(),
            ),
            None => unknown("the package is not among those of the image's bill of material".to_owned()),
            Some(Use::Unknown(why)) => unknown(why.text().to_owned()),
            Some(Use::Unseen) => match self.watched.gap(question) {
                Some(why) => unknown(why),
                None => InUse {
                    state: InUse::NOT_SEEN.to_owned(),
                    since: self.watched.since.and_then(time),
                    last: None,
                    containers: self.watched.whole.len() as u64,
                    observed_seconds: observed,
                    why: String::new(),
                },
            },
        }
    }
}

const UNWATCHED: &str = "no agent has watched a container of the image";

/// The answer about images that nobody watched.
pub(super) fn unwatched() -> InUse {
    InUse { state: InUse::UNKNOWN.to_owned(), why: UNWATCHED.to_owned(), ..InUse::default() }
}

impl Watched {
    /// Why it means nothing that something was not seen; `None`: it means something.
    fn gap(&self, question: &Question) -> Option<String> {
        let missed = question.running.iter().filter(|running| !self.whole.contains(running)).count();
        if !self.complete {
            Some("the image has more programs and libraries than are stated".to_owned())
        } else if self.overflow {
            Some("a host saw more programs than it keeps".to_owned())
        } else if let Some(path) = &self.unlisted {
            let path: String = path.chars().take(200).collect();
            Some(format!(
                "{path} ran, which is not among the programs and libraries that are stated of the image"
            ))
        } else if missed > 0 {
            let all = question.running.len();
            Some(format!(
                "{missed} of its {all} running containers were not watched from their start without a gap"
            ))
        } else if self.longest < question.needed {
            Some(format!("watched for {} of the {} seconds that are needed", self.longest, question.needed))
        } else {
            None
        }
    }
}

impl Why {
    const fn text(self) -> &'static str {
        match self {
            Self::NoCode => "it has no programs and no libraries: nobody sees what is only read",
            Self::Loader => "the kernel itself maps its loader, which nobody sees",
            Self::Interpreted => "it has files that interpreters read, which nobody sees",
        }
    }
}

fn time(second: i64) -> Option<String> {
    Timestamp::from_second(second).ok().map(|time| time.to_string())
}
