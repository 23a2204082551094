//! A profile in the words of others: what a kernel or a cluster without Lazaret can hold a container to.

mod apparmor;
mod network_policy;
mod seccomp;

pub use apparmor::apparmor;
pub use network_policy::network_policy;
pub use seccomp::seccomp;

/// A profile in another shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    pub text: String,
    /// What the other shape cannot say, a sentence each: it is allowed or forbidden more coarsely there.
    pub lost: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    #[error("the profile knows no system calls: {0}")]
    NoSystemCalls(&'static str),
    #[error("`{0}` is not a label: write KEY=VALUE with letters, digits, `-`, `_` and `.`")]
    Label(String),
}

/// The first digits of the image's digest: names of exported profiles.
fn short(profile: &crate::Profile) -> String {
    profile.subject.image.short()
}
