//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The root daemon of Lazaret on a host: it admits containers, watches what runs, and reports.
#[derive(Debug, Parser)]
// Engines ask their runtimes for a version, and read what follows the word.
#[command(name = "lazaret-agent", version = concat!("version ", env!("CARGO_PKG_VERSION")), max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "\
Exit codes:
  0 ok                     5 not enrolled, or the key is not accepted
  1 refused                6 refused by the server
  2 usage                  7 local I/O (disk full, permission, another agent)
  3 configuration          70 internal
  4 server unreachable     130 interrupted")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Guard this host until a signal ends it
    ///
    /// Serves the engine's authorization plugin and the start hook, watches containers, enforces in the
    /// kernel, and sends what happens to the server. While the server is away, decisions are made with the
    /// last admissions that it sent, and events wait on disk.
    Run(ConfigOption),

    /// Exchange an enrolment token for this host's own key
    ///
    /// Make a token with `lazaret token create --kind enrolment --name HOST`. Enrolling a host again
    /// replaces its key, and makes it accept the server's admissions from the beginning.
    Enroll {
        #[command(flatten)]
        config: ConfigOption,
        /// File with the enrolment token
        #[arg(long, value_name = "FILE")]
        token_file: PathBuf,
    },

    /// Check what the agent needs: kernel, engine, plugin, runtime, server, clock
    Doctor {
        #[command(flatten)]
        config: ConfigOption,
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },

    /// Take out of the kernel what the agent left there when it ended
    ///
    /// What containers are held to outlives the agent, so that nobody gets around it by ending the agent.
    /// When a host is to have no agent any more: stop it, then run this. Refused while an agent runs.
    Release(ConfigOption),

    /// OCI runtime that adds the start hook and becomes runc (called by the engine)
    ///
    /// In the engine's daemon.json:
    ///   "runtimes": {"lazaret": {"path": ".../lazaret-agent",
    ///     "runtimeArgs": ["runtime", "--socket", "STATE/agent.sock", "--"]}},
    ///   "default-runtime": "lazaret"
    #[command(verbatim_doc_comment)]
    Runtime {
        /// The agent's socket, which the start hook asks
        #[arg(long, value_name = "PATH")]
        socket: PathBuf,
        /// The real runtime: a path, or a name in PATH
        #[arg(long, value_name = "PATH", default_value = "runc")]
        runtime: PathBuf,
        /// Arguments of the real runtime
        #[arg(last = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },

    /// Ask the agent whether a container may start (called by the runtime)
    Hook {
        /// The agent's socket
        #[arg(long, value_name = "PATH")]
        socket: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct ConfigOption {
    /// Configuration file of the agent
    #[arg(long, value_name = "FILE", default_value = "/etc/lazaret/agent.yaml")]
    pub config: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_table_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_runtime_passes_everything_on() {
        let cli = Cli::try_parse_from([
            "lazaret-agent",
            "runtime",
            "--socket",
            "/s",
            "--",
            "--root",
            "/r",
            "create",
            "--",
            "x",
        ]);
        let Ok(Cli { command: Command::Runtime { socket, runtime, arguments } }) = cli else {
            panic!("{cli:?}")
        };
        assert_eq!((socket, runtime), ("/s".into(), "runc".into()));
        assert_eq!(arguments, ["--root", "/r", "create", "--", "x"]);
    }
}
