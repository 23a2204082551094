use clap::CommandFactory;

use crate::args::Arguments;
use crate::failure::Outcome;
use crate::output::print;

pub(crate) fn run(shell: clap_complete::Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "lazaret", &mut script);
    print(&String::from_utf8_lossy(&script))
}
