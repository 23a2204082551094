//! `make run` and `make stop`: the story told to a person, on a host of its own inside this one.
#![expect(clippy::print_stderr, reason = "a command line tool")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lazaret_e2e::lab::{Folders, sweep};
use lazaret_e2e::story::{Detail, Screen, Told, seconds, tell};
use lazaret_e2e::{Failure, Lab, LabOptions, Result};

const USAGE: &str = "usage: story run|stop [--state DIR]   (default: $LAZARET_STATE, else /var/lib/lazaret)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let state =
        std::env::var_os("LAZARET_STATE").map_or_else(|| PathBuf::from("/var/lib/lazaret"), PathBuf::from);
    let outcome = match words[..] {
        ["run"] => run(&state),
        ["run", "--state", state] => run(Path::new(state)),
        ["stop"] => stop(&state),
        ["stop", "--state", state] => stop(Path::new(state)),
        _ => Err(Failure::new(USAGE)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nstory: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(state: &Path) -> Result<()> {
    let begun = Instant::now();
    let screen = Screen::new(Detail::Whole);
    screen.line(&format!(
        "Lazaret: one image from build to replacement, for real, all of it in {}",
        state.display()
    ));
    screen.line("\nSetting up (an engine that runs here already is not touched)");
    let options = LabOptions {
        state: state.to_owned(),
        server_port: 7300,
        registry_port: 7305,
        shop_port: 8080,
        host: host_name(),
    };
    let show = |what: &str, time: Duration| {
        Screen::new(Detail::Whole).line(&format!("   ✓ {what}  ({})", seconds(time)))
    };
    let mut lab = Lab::start(&options, show)?;
    let told = tell(&mut lab, screen, &mut |_, _| Ok(())).map_err(|failure| {
        let logs = lab.keep_logs().map_or_else(String::new, |logs| format!("\nLogs: {}", logs.display()));
        Failure::new(format!(
            "{failure}{logs}\nEverything is left up to be looked at; `make stop` removes it."
        ))
    })?;
    outro(&lab, &told, begun.elapsed());
    Ok(())
}

fn stop(state: &Path) -> Result<()> {
    lazaret_e2e::privileges()?;
    let swept = sweep(&Folders::new(state)?)?;
    let text = if swept.is_empty() {
        format!("Nothing of Lazaret's runs in {}.", state.display())
    } else {
        format!(
            "Ended {} processes, removed {} bridges and {}.",
            swept.processes,
            swept.bridges,
            state.display()
        )
    };
    Screen::new(Detail::Whole).line(&text);
    Ok(())
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    let kept: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(60).collect();
    if kept.is_empty() { "localhost".to_owned() } else { kept }
}

fn outro(lab: &Lab, told: &Told, time: Duration) {
    let screen = Screen::new(Detail::Whole);
    screen.line("\nAll of it, step by step");
    for (letter, title, time) in &told.times {
        screen.line(&format!("   {letter}  {title:<76} {:>8}", seconds(*time)));
    }
    screen.line(&format!("   {:<79} {:>8}", "with the setting up", seconds(time)));

    let folders = &lab.folders;
    let (old, v1) = (&told.built.old.by_digest, &told.built.v1.by_digest);
    let programs = lazaret_e2e::program("lazaret")
        .ok()
        .and_then(|path| path.parent().map(Path::to_path_buf))
        .unwrap_or_default();
    screen.line("\nThe system is up. In a shell:\n");
    for line in [
        format!("export PATH={}:$PATH", programs.display()),
        format!(
            "export LAZARET_SERVER={} LAZARET_TOKEN_FILE={}",
            lab.server.url(),
            folders.admin_token().display()
        ),
        format!(
            "export LAZARET_DB={} LAZARET_ENGINE_SOCKET={}",
            folders.database().display(),
            lab.build.socket().display()
        ),
        format!("alias host='docker -H unix://{}'", lab.docker.socket().display()),
        format!("OLD={old}"),
        format!("V1={v1}"),
    ] {
        screen.line(&format!("   {line}"));
    }
    screen.line("\nThen try, for instance:\n");
    for (command, meaning) in [
        ("lazaret ps".to_owned(), "what runs, and by which decision"),
        ("lazaret events --follow".to_owned(), "what happens, as it happens"),
        ("host run $OLD".to_owned(), "refused: never promoted to prod"),
        ("host exec shop id".to_owned(), "refused: nobody logs in"),
        ("host run --detach --pid=host $V1".to_owned(), "refused: reaches for the host"),
        ("unshare --pid --fork sleep 60".to_owned(), "look at `lazaret ps` meanwhile"),
        ("lazaret replace shop --with $V1".to_owned(), "back to the version before"),
        ("lazaret profile learn $V1".to_owned(), "what its containers were seen to do"),
        ("lazaret explain shop".to_owned(), "why this container may run"),
        ("lazaret scan $OLD".to_owned(), "what is known of an image, and what to do"),
        (format!("curl http://127.0.0.1:{}/version", lab.shop_port), "the service itself"),
    ] {
        screen.line(&format!("   {command:<44} {meaning}"));
    }
    screen.line(&format!(
        "\nLogs are in {}. `make stop` ends and removes everything.",
        folders.logs().display()
    ));
}
