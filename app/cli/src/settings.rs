//! What was typed, resolved once into what commands need.

use std::io::IsTerminal;
use std::path::PathBuf;

use indicatif::MultiProgress;

use crate::args::{ColorChoice, GlobalArgs, OutputFormat};

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) format: OutputFormat,
    pub(crate) color: bool,
    pub(crate) quiet: bool,
    pub(crate) server: String,
    pub(crate) token_file: PathBuf,
    /// What is under way, drawn together.
    pub(crate) progress: MultiProgress,
    /// Columns of the terminal; generous when there is none.
    pub(crate) width: usize,
}

impl Settings {
    pub(crate) fn resolve(global: &GlobalArgs) -> Self {
        let color = match global.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => std::io::stdout().is_terminal() && !is_set("NO_COLOR"),
        };
        let width =
            terminal_size::terminal_size().map_or(120, |(width, _)| usize::from(width.0).clamp(60, 200));
        let token_file = global.token_file.clone().unwrap_or_else(default_token_file);
        Self {
            format: global.format,
            color,
            quiet: global.quiet,
            server: global.server.trim_end_matches('/').to_owned(),
            token_file,
            progress: MultiProgress::new(),
            width,
        }
    }

    pub(crate) fn json(&self) -> bool {
        self.format == OutputFormat::Json
    }
}

/// A variable that is set to nothing is not set (<https://no-color.org>).
fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn default_token_file() -> PathBuf {
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
    home.join(".config/lazaret/token")
}
