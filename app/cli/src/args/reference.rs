//! `COMMANDS.md`: every command, option, default and variable, made from the command line itself.

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _};

use super::Arguments;

const HEAD: &str = "\
# Commands

Made from the command line itself: change that, then run the tests with `LAZARET_BLESS=1`.

Every setting is an option. What is typed counts before what the environment says (the variable stands beside the option,
lists have commas there), and that before the default. There is no other place: no file is read for settings but those that
`docker login`, `podman login` and the engines keep.

Also respected, behind these: `DOCKER_HOST`, `CONTAINER_HOST`, `CONTAINERD_ADDRESS`, `CONTAINERD_NAMESPACE`, `DOCKER_CONFIG`,
`REGISTRY_AUTH_FILE`, `HTTPS_PROXY` and `NO_PROXY`, `NO_COLOR`, in a job of GitHub Actions `GITHUB_SHA` and its kin, and
`LAZARET_LOG` (`info`, `lazaret_server=debug`) for diagnostics on standard error.
";

fn section(text: &mut String, command: &Command, name: &str) {
    // The values of this machine's environment are nobody else's business.
    let is_below = name.contains(' ');
    let hidden = command.clone().mut_args(|argument| {
        // What all commands take stands with the first.
        let is_hidden = argument.is_hide_set() || is_below && argument.is_global_set();
        argument.hide_env_values(true).hide(is_hidden)
    });
    let help = hidden.bin_name(name).term_width(110).render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(text, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end());
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        section(text, below, &format!("{name} {}", below.get_name()));
    }
}

#[test]
fn the_documented_commands_are_the_real_ones() {
    let mut command = Arguments::command();
    command.build();
    let mut text = HEAD.to_owned();
    section(&mut text, &command, "lazaret");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/COMMANDS.md");
    if std::env::var_os("LAZARET_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let known = std::fs::read_to_string(path).unwrap_or_default();
    assert!(known == text, "run this test with LAZARET_BLESS=1");
}

#[test]
fn every_command_teaches_by_example() {
    let command = Arguments::command();
    for below in command.get_subcommands() {
        let teaches = below.get_after_help().is_some_and(|help| help.to_string().contains("lazaret "));
        let is_plain = ["catalogers", "agents"].contains(&below.get_name());
        assert!(teaches || is_plain, "{}", below.get_name());
    }
}

/// Each shell gets a script that knows the newest options.
#[test]
fn completions_know_all_options() {
    use clap_complete::Shell::{Bash, Elvish, Fish, PowerShell, Zsh};
    for shell in [Bash, Elvish, Fish, PowerShell, Zsh] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "lazaret", &mut script);
        let script = String::from_utf8(script).unwrap();
        for option in ["plain-http", "containerd-namespace", "max-ratio", "correlator"] {
            assert!(script.contains(option), "{option} is not known to {shell}");
        }
    }
}
