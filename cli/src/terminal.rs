//! The one place that writes to the terminal.

use std::io::{self, IsTerminal, Write};

/// A result, on standard output. A closed pipe is not an error of ours.
pub(crate) fn say(text: &str) {
    drop(writeln!(io::stdout(), "{text}"));
}

/// A remark, on standard error.
pub(crate) fn note(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

/// Prose in lines that fit into the terminal; as it is where there is none.
pub(crate) fn wrapped(prose: &str) -> String {
    if io::stdout().is_terminal() {
        textwrap::fill(prose, textwrap::termwidth())
    } else {
        prose.to_owned()
    }
}
