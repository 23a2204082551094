//! `lazaret`: everything a person or a CI job says to Lazaret, and `lazaret serve`.
//!
//! Top-down: `main` → `run` → one function in `commands/` for each command.

mod args;
mod cache;
mod client;
mod commands;
mod environment;
mod evidence;
mod failure;
mod files;
mod images;
mod output;
mod progress;
mod settings;
mod threshold;

use std::process::ExitCode;

use crate::args::{Arguments, Command, OutputFormat};
use crate::failure::{Code, Failure, Outcome};
use crate::settings::Settings;

fn main() -> ExitCode {
    let arguments = Arguments::of_process();
    let settings = Settings::resolve(&arguments.global);
    start_logs();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return report(&settings, &Failure::new(Code::Local, format!("cannot start threads: {error}")));
        }
    };
    let outcome = runtime.block_on(run(&settings, arguments.command));
    // Who interrupts a scan does not wait for what it is reading.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&settings, &failure),
    }
}

async fn run(settings: &Settings, command: Command) -> Outcome {
    // The server ends by itself, gracefully; every other command is dropped where it stands: files are
    // replaced whole or not at all.
    if let Command::Serve(args) = command {
        return commands::serve::run(&args).await;
    }
    tokio::select! {
        outcome = dispatch(settings, command) => outcome,
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Code::Interrupted, "interrupted")),
    }
}

async fn dispatch(settings: &Settings, command: Command) -> Outcome {
    if let OutputFormat::Report(name) = settings.format
        && !matches!(command, Command::Scan(_) | Command::Sbom(_))
    {
        let message = format!("`{name}` is a format of scan and sbom only");
        return Err(Failure::new(Code::Usage, message).hint("use --format table or --format json"));
    }
    match command {
        Command::Scan(args) => commands::scan::run(settings, &args).await,
        Command::Sbom(args) => commands::sbom::run(settings, &args).await,
        Command::Db(command) => commands::db::run(settings, command).await,
        Command::Catalogers => commands::catalogers::run(settings),
        Command::Key(command) => commands::key::run(settings, &command),
        Command::Sign(args) => commands::sign::run(settings, &args).await,
        Command::Attest(args) => commands::attest::run(settings, &args).await,
        Command::Promote(args) => commands::promote::run(settings, &args).await,
        Command::Policy(command) => commands::policy::run(settings, &command).await,
        Command::Profile(command) => commands::profile::run(settings, &command).await,
        Command::Ps(args) => commands::ps::run(settings, &args).await,
        Command::Events(args) => commands::events::run(settings, &args).await,
        Command::Affected(args) => commands::affected::run(settings, &args).await,
        Command::Findings(args) => commands::findings::run(settings, &args).await,
        Command::Advisory(command) => commands::affected::advisory(settings, &command).await,
        Command::Replace(args) => commands::replace::run(settings, &args).await,
        Command::BreakGlass(command) => commands::break_glass::run(settings, &command).await,
        Command::Explain(args) => commands::explain::run(settings, &args).await,
        Command::Audit(command) => commands::audit::run(settings, &command).await,
        Command::Agents => commands::agents::run(settings).await,
        Command::Doctor(args) => commands::doctor::run(settings, &args),
        Command::Token(command) => commands::agents::token(settings, &command).await,
        Command::Serve(args) => commands::serve::run(&args).await,
        Command::Completions { shell } => commands::completions::run(shell),
    }
}

fn start_logs() {
    let given = std::env::var(environment::LOG).ok().filter(|filter| !filter.is_empty());
    let filter = given
        .and_then(|filter| tracing_subscriber::EnvFilter::try_new(filter).ok())
        .unwrap_or_else(|| tracing_subscriber::EnvFilter::new("warn,lazaret_server=info"));
    // Escape sequences belong on terminals, not into log files.
    let color = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(color)
        .with_target(false)
        .init();
}

fn report(settings: &Settings, failure: &Failure) -> ExitCode {
    use std::io::{IsTerminal as _, Write as _};
    let color = settings.color && std::io::stderr().is_terminal();
    let mut text = format!("{} {}\n", output::paint(color, output::BAD, "error:"), failure.message);
    if !failure.hint.is_empty() {
        text.push_str(&format!("{} {}\n", output::paint(color, output::BOLD, "hint:"), failure.hint));
    }
    // With standard error gone the exit code still tells.
    let _ = std::io::stderr().write_all(text.as_bytes());
    ExitCode::from(failure.code as u8)
}
