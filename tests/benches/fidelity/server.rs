//! The server of known timing, in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use simulator::SimulatorProcess;
use tempfile::TempDir;

use crate::Case;

/// A running server; dropped, it is ended.
pub(crate) struct Server {
    process: SimulatorProcess,
    folder: TempDir,
}

impl Server {
    pub(crate) fn start(case: &Case) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let Case { ttft, itl, tokens, .. } = case;
        let mut command = Command::new(fmgauge()?);
        command
            .args(["simulate", "--port", "0", "--until-eof", "--fixed"])
            .arg(format!("{}us,{}us,{tokens}", ttft.as_micros(), itl.as_micros()))
            .arg("--log")
            .arg(folder.path().join("truth.jsonl"));
        Ok(Self { process: SimulatorProcess::spawn(command)?, folder })
    }

    pub(crate) fn url(&self) -> &str {
        self.process.url()
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("truth.jsonl")
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
