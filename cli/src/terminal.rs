//! The one place that writes to the terminal.

use std::io::{self, Write};

/// A result, on standard output. A closed pipe is not an error of ours.
pub(crate) fn say(text: &str) {
    drop(writeln!(io::stdout(), "{text}"));
}

/// A remark, on standard error.
pub(crate) fn note(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}
