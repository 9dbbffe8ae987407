//! A proxy before an emulator or a simulator that holds every request against the models that AWS
//! publishes of its services: they take what AWS would refuse.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::ministack::python_environment;

/// A running proxy.
pub(crate) struct Proxy {
    process: Child,
    said: BufReader<ChildStdout>,
    pub(crate) url: String,
}

impl Proxy {
    /// Before a server on a port. Every so manieth request is refused as DynamoDB does above a
    /// table's rate; 0: none.
    pub(crate) fn before(port: &str, refuse_every: u32) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/judging_proxy.py");
        let mut process = Command::new(python_environment().join("bin/python"))
            .args([script, port, &refuse_every.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let mut url = String::new();
        said.read_line(&mut url).unwrap();
        Self { process, said, url: url.trim().to_owned() }
    }

    /// Ends it: how many requests it refused, and which operations were asked for, each of them as its
    /// service's model wants it.
    pub(crate) fn end(&mut self) -> (usize, BTreeSet<String>) {
        self.kill();
        let lines: Vec<String> = self.said.by_ref().lines().map(Result::unwrap).collect();
        let bad: Vec<_> = lines.iter().filter(|line| line.starts_with("bad ")).collect();
        assert!(bad.is_empty(), "{bad:#?}");
        let refused = lines.iter().filter(|line| *line == "refused").count();
        let good = lines.iter().filter_map(|line| line.strip_prefix("good "));
        (refused, good.map(str::to_owned).collect())
    }

    fn kill(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.kill();
    }
}
