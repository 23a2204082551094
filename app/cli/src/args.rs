//! The command line as data: what can be typed, with the words that teach it.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::environment;

mod break_glass;
mod db;
mod examples;
mod findings;
mod format;
mod job;
mod profile;
mod quantity;
#[cfg(test)]
mod reference;
mod scan;
mod source;

pub(crate) use break_glass::BreakGlassCommand;
pub(crate) use db::DbCommand;
pub(crate) use findings::{AffectedArgs, FindingsArgs, ObservedArgs};
pub(crate) use format::OutputFormat;
pub(crate) use job::JobArgs;
pub(crate) use profile::{LearnedArgs, ProfileCommand, ProfileLearnArgs, ProfilePromoteArgs, ProfileShape};
pub(crate) use scan::{SbomArgs, ScanArgs};
pub(crate) use source::{LimitArgs, RegistryArgs, SourceArgs};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "lazaret", version, about = ABOUT, long_about = None, after_help = after_help(), max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// The command line of this process. A variable that is set to nothing is not set: that is how scripts and
    /// workflows take one back.
    pub(crate) fn of_process() -> Self {
        let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
        let matches = without_variables(Self::command(), &is_empty).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// A command, and those below it, as if these variables did not exist.
fn without_variables(command: clap::Command, is_ignored: &impl Fn(&OsStr) -> bool) -> clap::Command {
    command
        .mut_args(|argument| match argument.get_env() {
            Some(name) if is_ignored(name) => argument.env(Resettable::Reset),
            _ => argument,
        })
        .mut_subcommands(|command| without_variables(command, is_ignored))
}

#[derive(Debug, Clone, Args)]
pub(crate) struct GlobalArgs {
    /// How results are printed; all but table and json are for scan and sbom
    #[arg(long, global = true, value_parser = OutputFormat::parser(), default_value = "table", value_name = "FORMAT")]
    pub(crate) format: OutputFormat,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto)]
    pub(crate) color: ColorChoice,
    /// No progress, no remarks: only results and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// The server
    #[arg(long, global = true, env = environment::SERVER, default_value = "http://127.0.0.1:7300", value_name = "URL")]
    pub(crate) server: String,
    /// File that holds your token [default: ~/.config/lazaret/token]
    #[arg(long, global = true, env = environment::TOKEN_FILE, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find the packages and known vulnerabilities of images, directories and bills of material; judge them
    #[command(after_help = examples::SCAN)]
    Scan(Box<ScanArgs>),
    /// Write the bill of material of an image or directory (CycloneDX 1.6; --format for others)
    #[command(after_help = examples::SBOM)]
    Sbom(Box<SbomArgs>),
    /// Keep the advisory database
    #[command(subcommand, after_help = examples::DB)]
    Db(DbCommand),
    /// List what is looked for: every reader of packages, and the files that it reads
    Catalogers,
    /// Make signing keys
    #[command(subcommand, after_help = examples::KEY)]
    Key(KeyCommand),
    /// Sign an image; the signature goes to the registry beside it
    #[command(after_help = examples::SIGN)]
    Sign(SignArgs),
    /// Scan an image, judge it, and attest bill of material, verdict and executables beside it
    #[command(after_help = examples::ATTEST)]
    Attest(Box<AttestArgs>),
    /// Let an image into a stage, with a signed statement
    #[command(after_help = examples::PROMOTE)]
    Promote(PromoteArgs),
    /// Check a policy file, or make it the server's
    #[command(subcommand, after_help = examples::POLICY)]
    Policy(PolicyCommand),
    /// What an image may do when it runs
    #[command(subcommand, after_help = examples::PROFILE)]
    Profile(Box<ProfileCommand>),
    /// Containers: which image runs where, since when, admitted by which decision
    #[command(after_help = examples::PS)]
    Ps(PsArgs),
    /// What happened on the hosts
    #[command(after_help = examples::EVENTS)]
    Events(EventsArgs),
    /// Which images and running containers have a vulnerability, and where the package is in use
    #[command(after_help = examples::AFFECTED)]
    Affected(AffectedArgs),
    /// What is wrong with what runs: what is in use first
    #[command(after_help = examples::FINDINGS)]
    Findings(FindingsArgs),
    /// Tell the server about advisories
    #[command(subcommand, after_help = examples::ADVISORY)]
    Advisory(AdvisoryCommand),
    /// Start another image beside a container, shift to it when healthy, stop the old one
    #[command(after_help = examples::REPLACE)]
    Replace(ReplaceArgs),
    /// Let people log in to one container for a while, on record
    #[command(subcommand, after_help = examples::BREAK_GLASS)]
    BreakGlass(BreakGlassCommand),
    /// The chain of evidence of a container or image
    #[command(after_help = examples::EXPLAIN)]
    Explain(ExplainArgs),
    /// The tamper-evident record
    #[command(subcommand, after_help = examples::AUDIT)]
    Audit(AuditCommand),
    /// Agents that are enrolled
    Agents,
    /// Check what this host's agent needs: kernel, engine, plugin, runtime, server, clock
    ///
    /// The same as `lazaret-agent doctor`.
    #[command(after_help = examples::DOCTOR)]
    Doctor(DoctorArgs),
    /// Tokens for users and for enrolling agents
    #[command(subcommand, after_help = examples::TOKEN)]
    Token(TokenCommand),
    /// Run the server
    #[command(after_help = examples::SERVE)]
    Serve(ServeArgs),
    /// Print the shell's completion script
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct CacheArgs {
    /// Folder of what was read of images before: an image that was scanned is not read again, and of a changed one only
    /// the layers that changed [default: $XDG_CACHE_HOME/lazaret]
    #[arg(long, env = environment::CACHE, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Read all of every image, and keep nothing of it
    #[arg(long, env = environment::NO_CACHE)]
    pub(crate) no_cache: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DoctorArgs {
    /// Configuration file of the agent [default: /etc/lazaret/agent.yaml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DatabaseArg {
    /// The advisory database
    #[arg(long, env = environment::DATABASE, default_value = "/var/lib/lazaret/db/advisories.lzdb", value_name = "FILE")]
    pub(crate) db: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a P-256 key: DIR/lazaret.key (keep it secret) and DIR/lazaret.pub
    Generate {
        #[arg(long, default_value = ".", value_name = "DIR")]
        out: PathBuf,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct KeyArg {
    /// Private key (PKCS#8 PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// `registry/repository@sha256:…`
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    #[command(flatten)]
    pub(crate) key: KeyArg,
    #[command(flatten)]
    pub(crate) registries: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AttestArgs {
    /// `registry/repository@sha256:…`
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    #[command(flatten)]
    pub(crate) key: KeyArg,
    #[command(flatten)]
    pub(crate) database: DatabaseArg,
    /// The policy that gives the verdict
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
    #[command(flatten)]
    pub(crate) registries: RegistryArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    /// `registry/repository@sha256:…`
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// The stage it may run in
    #[arg(long, value_name = "STAGE")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) key: KeyArg,
    #[command(flatten)]
    pub(crate) registries: RegistryArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Read the file and say what is wrong with it
    Check {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make it the policy of the server and all agents
    Push {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the server's policy
    Show,
    /// Print a commented policy to start from
    Sample,
}

#[derive(Debug, Args)]
pub(crate) struct PsArgs {
    /// Also containers that ended
    #[arg(long, short)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Go on printing as events arrive
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Only events after this position
    #[arg(long, default_value_t = 0, value_name = "POSITION")]
    pub(crate) since: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdvisoryCommand {
    /// Import OSV files; answers who is affected
    Import {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ReplaceArgs {
    /// Name or id of the running container
    #[arg(value_name = "CONTAINER")]
    pub(crate) container: String,
    /// `registry/repository@sha256:…`
    #[arg(long = "with", value_name = "IMAGE")]
    pub(crate) image: String,
    /// Where the name is not unique
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// Seconds the new container has to become healthy
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub(crate) health_timeout: u32,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Name or id of a container, or digest of an image
    #[arg(value_name = "CONTAINER|DIGEST")]
    pub(crate) subject: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Recompute the whole log and check each signed checkpoint: exit code 1 when it is broken
    Verify {
        /// An export instead of the server
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The log's public key (`log.pub`), kept where the server cannot change it
        #[arg(long, value_name = "FILE")]
        log_key: Option<PathBuf>,
    },
    /// Write the log with its checkpoints into one file that can be verified anywhere
    Export {
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token; it is shown once
    Create {
        #[arg(long, value_enum)]
        kind: TokenKindArg,
        #[arg(long)]
        name: String,
        /// Seconds until it expires
        #[arg(long, value_name = "SECONDS")]
        lifetime: Option<u64>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TokenKindArg {
    User,
    Enrolment,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where the server keeps everything
    #[arg(long, default_value = "/var/lib/lazaret/server", value_name = "DIR")]
    pub(crate) state: PathBuf,
    /// Loopback only: put a TLS-terminating proxy in front to serve a network
    #[arg(long, default_value = "127.0.0.1:7300", value_name = "ADDRESS")]
    pub(crate) listen: std::net::SocketAddr,
    /// Public keys (SPKI PEM) whose statements are believed
    #[arg(long = "trusted-key", value_name = "FILE")]
    pub(crate) trusted_keys: Vec<PathBuf>,
}

const ABOUT: &str = "Container security as one process: nothing runs until it is proven clean, everything that runs is known, \
     and what turns bad is found in a moment and replaced.";

fn after_help() -> String {
    use std::fmt::Write as _;
    let mut text = String::from("Exit codes:\n  0    done\n");
    for (code, meaning) in crate::failure::CODES {
        let _ = writeln!(text, "  {:<4} {meaning}", *code as u8);
    }
    text.push_str("\nThe way of an image: db update → scan → sign → attest → promote → ps → affected → replace → explain");
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
