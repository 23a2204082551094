//! `lazaret profile`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use lazaret_model::Dimension;
use lazaret_profile::Mode;

use super::{KeyArg, LimitArgs, RegistryArgs, SourceArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// Print a profile: that of a file, what an image says of itself before it ever ran, or what was promoted of it
    Show {
        #[arg(value_name = "PROFILE|IMAGE", help = SUBJECT_HELP)]
        subject: String,
        /// The newest profile that was signed with this key (SPKI PEM) and lies beside the image
        /// (`registry/repository@sha256:…`) in its registry
        #[arg(long, value_name = "FILE")]
        promoted: Option<PathBuf>,
        /// Which way to run the image is meant, where several were promoted
        #[arg(long, value_name = "VARIANT", requires = "promoted")]
        variant: Option<String>,
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
    /// How far the learning of an image is: what was seen on how many hosts, what is missing, what waits for a person
    Learn(ProfileLearnArgs),
    /// Sign what was learned of an image as its profile, and give it to the registry, the server and the agents
    Promote(Box<ProfilePromoteArgs>),
    /// Whether a profile would have alerted on what was seen so far: exit code 1 if so
    Test {
        #[command(flatten)]
        learned: LearnedArgs,
        /// The profile to try, as `lazaret profile show` writes it; only dimensions that alert or block are looked at
        #[arg(long, value_name = "FILE")]
        profile: PathBuf,
    },
    /// Print the rules that hold for every container, whatever its profile says (YAML)
    Rules,
    /// Print the JSON schema of profiles
    Schema,
}

#[derive(Debug, Args)]
pub(crate) struct LearnedArgs {
    /// `registry/repository@sha256:…`, or `sha256:…` of the image's configuration (the engine's ID of the image)
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// Which way to run the image is meant, where it runs in several
    #[arg(long, value_name = "VARIANT")]
    pub(crate) variant: Option<String>,
    #[command(flatten)]
    pub(crate) registries: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ProfileLearnArgs {
    #[command(flatten)]
    pub(crate) learned: LearnedArgs,
    /// Wait until enough was seen: what waits for a person is not waited for
    #[arg(long)]
    pub(crate) wait: bool,
    /// Give up waiting after so many seconds: exit code 1
    #[arg(long, requires = "wait", value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ProfilePromoteArgs {
    /// `registry/repository@sha256:…`
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    #[command(flatten)]
    pub(crate) key: KeyArg,
    /// Which way to run the image is meant, where it runs in several
    #[arg(long, value_name = "VARIANT")]
    pub(crate) variant: Option<String>,
    /// Promote this profile instead of what was learned
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "variant"])]
    pub(crate) profile: Option<PathBuf>,
    /// A new build that nothing was learned of yet: begin with the profile of its predecessor, a file or what was
    /// promoted with the same key of an image (`registry/repository@sha256:…`)
    #[arg(long, value_name = "PROFILE|IMAGE")]
    pub(crate) from: Option<String>,
    /// Allow what waits for a person: entries as `lazaret profile learn` names them, or `all`
    #[arg(long, value_delimiter = ',', value_name = "ENTRY")]
    pub(crate) accept: Vec<String>,
    /// Leave out what waits for a person: entries, or `all` that is not accepted
    #[arg(long, value_delimiter = ',', value_name = "ENTRY")]
    pub(crate) drop: Vec<String>,
    /// off, learn, alert or block in one dimension, as network=block; may be given several times [default: as promoted
    /// before, else alert where the image learns]
    #[arg(long = "mode", value_delimiter = ',', value_parser = mode, value_name = "DIMENSION=MODE")]
    pub(crate) modes: Vec<(Dimension, Mode)>,
    /// Block in every dimension that no --mode names
    #[arg(long)]
    pub(crate) enforce: bool,
    /// Show the difference to what was promoted before, and sign nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) registries: RegistryArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// `network=block`
fn mode(text: &str) -> Result<(Dimension, Mode), String> {
    let names = || Dimension::ALL.iter().map(|dimension| dimension.name()).collect::<Vec<_>>().join(", ");
    let (dimension, mode) = text.split_once('=').ok_or("write DIMENSION=MODE, as network=block")?;
    let dimension = Dimension::ALL.iter().find(|one| one.name() == dimension);
    let mode = Mode::ALL.iter().find(|one| one.name() == mode);
    match (dimension, mode) {
        (None, _) => Err(format!("the dimensions are {}", names())),
        (_, None) => Err("the modes are off, learn, alert and block".to_owned()),
        (Some(dimension), Some(mode)) => Ok((*dimension, *mode)),
    }
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
