//! `fmgauge completions`: what a shell needs to complete the command line.

use clap::CommandFactory;

use crate::arguments::{Arguments, Completions};
use crate::exit::Exit;
use crate::terminal::say;

pub(crate) fn run(arguments: &Completions) -> Exit {
    let mut command = Arguments::command();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "fmgauge", &mut script);
    say(&String::from_utf8_lossy(&script));
    Exit::Done
}
