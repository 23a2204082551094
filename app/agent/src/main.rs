//! The agent's program: reads the command line, calls the library, turns failures into exit codes.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use lazaret_agent::cli::{Cli, Command, ConfigOption};
use lazaret_agent::run::Ended;
use lazaret_agent::runtime::Wrapper;
use lazaret_agent::{Config, Failure, doctor, enroll, hook, release, run, runtime};

const REFUSED: u8 = 1;
const USAGE: u8 = 2;
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match execute(cli.command) {
        Ok(code) => code,
        Err(failure) => {
            // Where even this cannot be written, the exit code is all that is left.
            let _ = writeln!(std::io::stderr(), "{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn execute(command: Command) -> Result<ExitCode, Failure> {
    match command {
        // These two are on the way of every start: no logging, no threads.
        Command::Runtime { socket, runtime, arguments } => {
            let executable = std::env::current_exe()
                .map_err(|error| Failure::Internal(format!("the agent's own path is unknown: {error}")))?;
            Err(runtime::run(&Wrapper { socket, runtime, executable }, &arguments))
        }
        Command::Hook { socket } => hook::run(&socket, std::io::stdin().lock()).map(|()| ExitCode::SUCCESS),
        Command::Run(ConfigOption { config }) => {
            log_to_stderr();
            let ended = block_on(async { run::run(Config::load(&config)?).await })?;
            Ok(if ended == Ended::Interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
        }
        Command::Enroll { config: ConfigOption { config }, token_file } => {
            let config = Config::load(&config)?;
            let id = block_on(enroll::run(&config, &token_file))?;
            print(&format!(
                "enrolled {} as {id}; its key is in {}\n",
                config.host,
                config.key_file().display()
            ))
        }
        Command::Release(ConfigOption { config }) => {
            let done = release::run(&Config::load(&config)?)?;
            print(&format!("{done}\n"))
        }
        Command::Doctor { config: ConfigOption { config }, format } => {
            let config = Config::load(&config)?;
            let checks = block_on(async { Ok(doctor::run(&config).await) })?;
            print(&doctor::render(&checks, format)?)?;
            Ok(if checks.iter().all(|check| check.ok) { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
        }
    }
}

/// The agent waits more than it works, on large hosts too.
const MOST_WORKERS: usize = 4;

fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    lazaret_sensor::share_heaps();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors.min(MOST_WORKERS))
        .enable_all()
        .build()
        .map_err(|error| Failure::Internal(format!("cannot start threads: {error}")))?;
    let result = runtime.block_on(work);
    // Long polls and kernel events would hold up the end for nothing.
    runtime.shutdown_background();
    result
}

fn print(text: &str) -> Result<ExitCode, Failure> {
    let written = std::io::stdout().write_all(text.as_bytes());
    written
        .map(|()| ExitCode::SUCCESS)
        .map_err(|error| Failure::Local(format!("cannot write to standard output: {error}")))
}

fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("LAZARET_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // Escape sequences belong on terminals, not into log files.
    let color = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(color).init();
}
