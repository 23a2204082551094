//! `lazaret profile`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::SourceArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// Print a profile: that of a file, or what an image says of itself before it ever ran
    Show {
        #[arg(value_name = "PROFILE|IMAGE", help = SUBJECT_HELP)]
        subject: String,
        #[command(flatten)]
        output: ProfileOutput,
    },
    /// What the second profile allows and the first does not, and the other way round
    Diff {
        #[arg(value_name = "OLD", help = SUBJECT_HELP)]
        old: String,
        #[arg(value_name = "NEW", help = SUBJECT_HELP)]
        new: String,
        #[command(flatten)]
        source: SourceArgs,
    },
    /// The profile that a new build of an image begins with: what the old one did, as far as the new one still can
    Inherit {
        #[arg(value_name = "PROFILE", help = SUBJECT_HELP)]
        predecessor: String,
        /// The new build, as for scan
        #[arg(value_name = "IMAGE")]
        image: String,
        #[command(flatten)]
        output: ProfileOutput,
    },
    /// Write a profile for those who enforce without Lazaret
    Export {
        #[arg(value_name = "PROFILE|IMAGE", help = SUBJECT_HELP)]
        subject: String,
        /// What it is to be
        #[arg(long = "as", value_enum)]
        shape: ProfileShape,
        /// The pods that a network policy is for
        #[arg(long, value_name = "KEY=VALUE", required_if_eq("shape", "network-policy"))]
        selector: Option<String>,
        #[command(flatten)]
        output: ProfileOutput,
    },
    /// Print the rules that hold for every container, whatever its profile says (YAML)
    Rules,
    /// Print the JSON schema of profiles
    Schema,
}

const SUBJECT_HELP: &str = "A profile (`profile:FILE`, or a file that ends in .yaml), or an image as for scan, which says what it does itself";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileShape {
    /// The seccomp object of the OCI runtime specification, for `--security-opt seccomp=FILE`
    Seccomp,
    /// An AppArmor profile
    Apparmor,
    /// A Kubernetes NetworkPolicy
    NetworkPolicy,
}

#[derive(Debug, Args)]
pub(crate) struct ProfileOutput {
    /// Write here instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}
