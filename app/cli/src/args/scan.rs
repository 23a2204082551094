//! `lazaret scan` and `lazaret sbom`.

use std::path::PathBuf;

use clap::Args;

use super::{CacheArgs, DatabaseArg, JobArgs, SourceArgs};
use crate::threshold::Threshold;

#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    #[arg(required = true, value_name = "TARGET", help = TARGET_HELP)]
    pub(crate) targets: Vec<String>,
    #[command(flatten)]
    pub(crate) database: DatabaseArg,
    /// Judge by this policy: exit code 1 when it refuses. It sees every finding, whatever --vex and --ignore say
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Exit code 1 if a finding that counts is as bad as this, or meets one of the words
    ///
    /// A severity (low, medium, high, critical) means it and all worse ones; `unrated` findings without a rating;
    /// `exploited` those that are known to be exploited; `any` all. Several with commas between.
    #[arg(long, value_name = "WORDS", value_delimiter = ',')]
    pub(crate) fail_on: Vec<Threshold>,
    /// Count only findings that an upgrade removes for --fail-on
    #[arg(long, requires = "fail_on")]
    pub(crate) only_fixed: bool,
    /// Findings that are accepted, each with a reason and a last day (YAML)
    #[arg(long, value_name = "FILE")]
    pub(crate) ignore: Option<PathBuf>,
    /// Statements about what does no harm here: OpenVEX, CycloneDX or CSAF
    #[arg(long, value_name = "FILE")]
    pub(crate) vex: Vec<PathBuf>,
    /// Also what lock files in images want, not only what is installed
    #[arg(long)]
    pub(crate) lock_files: bool,
    /// Write the report here instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
    #[command(flatten)]
    pub(crate) job: JobArgs,
}

const TARGET_HELP: &str = "An image (`docker:`, `podman:`, `containerd:NAME`, `registry:REFERENCE`, `archive:FILE`, `oci:DIR`), \
    a directory (`dir:DIR`), a root file system (`rootfs:/`), a bill of material (`sbom:FILE`); or any of these without the prefix";

#[derive(Debug, Args)]
pub(crate) struct SbomArgs {
    #[arg(value_name = "TARGET", help = TARGET_HELP)]
    pub(crate) target: String,
    /// Write here instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
    #[command(flatten)]
    pub(crate) job: JobArgs,
}
