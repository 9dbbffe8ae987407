//! One side of a turn: a client, and what it came to.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use shared::calibration::{ErrorStats, Truth};

use crate::{minimal, ours};

/// Which client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The SDK's own client in a loop.
    Minimal,
    /// The client of fmgauge, records and receipt included.
    Ours,
}

/// What a client came to. Errors are against the truth of each request, milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) requests: u64,
    pub(crate) requests_per_s: f64,
    /// CPU seconds of the process while it sent, for 1,000 requests.
    pub(crate) cpu_s_per_1000: f64,
    pub(crate) peak_mb: f64,
    /// The mean number of requests in flight over the asked one.
    pub(crate) in_flight: f64,
    pub(crate) ttft: Option<ErrorStats>,
    pub(crate) e2e: Option<ErrorStats>,
    /// What fmgauge says of itself.
    pub(crate) verdict: String,
}

impl Side {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Minimal, Self::Ours].into_iter().find(|side| side.name() == text)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Ours => "ours",
        }
    }

    /// Measures, and prints the figures as JSON.
    pub(crate) fn run(
        self,
        url: &str,
        log: &Path,
        streams: u16,
        tokens: u32,
        lasting: Duration,
    ) -> Result<()> {
        let figures = match self {
            Self::Minimal => minimal::run(url, log, streams, tokens, lasting)?,
            Self::Ours => ours::run(url, log, streams, tokens, lasting)?,
        };
        println!("{}", serde_json::to_string(&figures)?);
        Ok(())
    }
}

/// The truth log, once it has so many lines.
pub(crate) fn truths(log: &Path, requests: usize) -> Result<Vec<Truth>> {
    for _ in 0..60 {
        let text = std::fs::read_to_string(log)?;
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        if whole.lines().count() >= requests {
            return Ok(whole.lines().map(serde_json::from_str).collect::<Result<_, _>>()?);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    anyhow::bail!("the server did not write down all that it served")
}

/// The most memory that this process has used, MB.
pub(crate) fn peak_mb() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|line| line.split_whitespace().next()).context("Linux tells it")?;
    Ok(kb.parse::<f64>()? / 1024.0)
}

/// CPU time of this process so far.
pub(crate) fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
