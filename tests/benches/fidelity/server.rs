//! The server of known timing, in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::Case;

/// The model of known timing.
pub(crate) const MODEL: &str = "fmgauge.fixed";

/// A running server; dropped, it is ended.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    folder: TempDir,
}

impl Server {
    pub(crate) fn start(case: &Case) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let Case { ttft, itl, tokens, .. } = case;
        let mut child = Command::new(fmgauge()?)
            .args(["simulate", "--port", "0", "--fixed"])
            .arg(format!("{}us,{}us,{tokens}", ttft.as_micros(), itl.as_micros()))
            .arg("--log")
            .arg(folder.path().join("truth.jsonl"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let url = line.trim().strip_prefix("listening on ").context("it says where")?.to_owned();
        Ok(Self { child, url, folder })
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("truth.jsonl")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The command, in the profile that this was built in.
fn fmgauge() -> Result<PathBuf> {
    // <target>/<profile>/deps/<bench>
    let bench = std::env::current_exe()?;
    let folder = bench.ancestors().nth(2).context("a bench is in a target folder")?;
    let path = folder.join("fmgauge");
    path.exists()
        .then_some(path)
        .with_context(|| format!("{} is missing: cargo build --release", Path::display(folder)))
}
