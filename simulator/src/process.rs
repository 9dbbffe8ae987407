//! A simulator in a process of its own, so that a client that measures itself shares nothing with
//! it but the machine.

use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// What a simulator's process prints before the address at which it listens.
pub const LISTENING: &str = "listening on ";

/// A running simulator's process. It is ended when this is dropped; told to watch its standard
/// input, it also ends when this process dies.
#[derive(Debug)]
pub struct SimulatorProcess {
    child: Child,
    url: String,
}

impl SimulatorProcess {
    /// Starts a command that prints [`LISTENING`] and an address on a line of its own.
    ///
    /// # Errors
    ///
    /// The command cannot be started, or ends before it says where it listens.
    pub fn spawn(mut command: Command) -> io::Result<Self> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let url = line.trim().strip_prefix(LISTENING).map(str::to_owned);
        let process = Self { child, url: url.unwrap_or_default() };
        if process.url.is_empty() {
            let message = "the simulator ended before it said where it listens";
            return Err(io::Error::other(message));
        }
        Ok(process)
    }

    /// Where it listens: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for SimulatorProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_where_it_listens_or_is_no_simulator() {
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            SimulatorProcess::spawn(command)
        };
        let process = shell("echo listening on http://127.0.0.1:1; cat").unwrap();
        assert_eq!(process.url(), "http://127.0.0.1:1");
        assert!(shell("exit 1").unwrap_err().to_string().contains("before it said"));
        assert!(shell("echo hello").is_err());
    }
}
