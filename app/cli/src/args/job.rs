//! The commit and CI job that a scan belongs to, for formats that must name them.

use clap::Args;
use lazaret_format::report::Revision;

use crate::failure::{Code, Failure};

/// GitHub Actions says all of this in the environment of a job.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "For --format github")]
pub(crate) struct JobArgs {
    /// The commit, 40 hexadecimal digits
    #[arg(long, env = "GITHUB_SHA", value_name = "SHA", hide_short_help = true)]
    commit: Option<String>,
    /// The branch or tag, refs/heads/main
    #[arg(long = "ref", env = "GITHUB_REF", value_name = "REF", hide_short_help = true)]
    reference: Option<String>,
    /// This run of the job
    #[arg(long, env = "GITHUB_RUN_ID", value_name = "ID", hide_short_help = true)]
    job: Option<String>,
    /// All runs of the job: snapshots replace each other by it [default: GITHUB_WORKFLOW, _ and GITHUB_JOB]
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    correlator: Option<String>,
}

impl JobArgs {
    /// What GitHub wants to know, each of it: it refuses a snapshot where anything is missing.
    pub(crate) fn revision(&self) -> Result<Revision, Failure> {
        let correlator = self.correlator.clone().or_else(|| {
            let [workflow, job] = ["GITHUB_WORKFLOW", "GITHUB_JOB"].map(variable);
            Some(format!("{}_{}", workflow?, job?))
        });
        let given = [
            ("--commit", &self.commit),
            ("--ref", &self.reference),
            ("--job", &self.job),
            ("--correlator", &correlator),
        ];
        let missing = given.iter().filter(|(_, value)| value.as_ref().is_none_or(String::is_empty));
        let missing: Vec<&str> = missing.map(|(option, _)| *option).collect();
        if !missing.is_empty() {
            let message = format!("GitHub refuses a snapshot without {}", missing.join(", "));
            return Err(Failure::new(Code::Usage, message)
                .hint("give them as options; in a job of GitHub Actions the environment has them"));
        }
        let [commit, reference, job_id, correlator] =
            given.map(|(_, value)| value.clone().unwrap_or_default());
        if !is_commit(&commit) {
            let message = format!("--commit `{commit}` is not the full name of a commit");
            return Err(Failure::new(Code::Usage, message).hint("`git rev-parse HEAD` prints it"));
        }
        if !reference.starts_with("refs/") {
            let message = format!("--ref `{reference}` is not the full name of a branch or tag");
            return Err(Failure::new(Code::Usage, message).hint("write refs/heads/main or refs/tags/v1"));
        }
        Ok(Revision { commit, reference, job_id, correlator })
    }
}

/// SHA-1, or the SHA-256 of newer repositories.
/// A variable that is set to nothing is not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
