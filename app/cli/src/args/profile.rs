//! `lazaret profile`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::SourceArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// Print a profile: that of a file, or what an image says of itself before it ever ran
    Show {
        #[command(flatten)]
        subject: ProfileArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ProfileArgs {
    /// A profile (`profile:FILE`, or a file that ends in .yaml), or an image as for scan
    #[arg(value_name = "PROFILE|IMAGE")]
    pub(crate) subject: String,
    /// Write here instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}
