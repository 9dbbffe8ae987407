//! The client of fmgauge: a block of a run on one machine, with its records and its receipt.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use jiff::Timestamp;
use shared::block::{Instruments, Time, measuring_runtime};
use shared::endpoint::placeholder_config;
use shared::run::{Connections, Ladder, Stores, climb, compare};
use shared::store::folder::FolderStore;
use shared::store::sqlite::SqliteStore;
use simulator::FIXED_MODEL;
use tokio::runtime::Builder;

use crate::side::{Figures, peak_mb};

#[expect(clippy::disallowed_methods, reason = "a bench stands in for a main.rs")]
pub(crate) fn run(
    url: &str,
    log: &Path,
    streams: u16,
    tokens: u32,
    lasting: Duration,
) -> Result<Figures> {
    let measuring = measuring_runtime()?;
    let keeping = Builder::new_multi_thread().enable_all().build()?;
    let instruments = Instruments {
        wall: SystemTime::now,
        measuring: measuring.handle().clone(),
        time: Time::Real,
    };
    let folder = tempfile::tempdir()?;
    let ladder = Ladder {
        url,
        model_id: FIXED_MODEL,
        truth_log: log,
        concurrency: &[streams],
        rates_per_s: &[],
        duration: lasting,
        answer: Duration::ZERO,
        per_token: Duration::ZERO,
        tokens,
    };
    let (level, peak_mb) = keeping.block_on(async {
        let records = SqliteStore::open(folder.path().join("records.sqlite")).await?;
        let stores = Stores { records, artifacts: FolderStore::new(folder.path()) };
        let connections = Connections::new(placeholder_config())?;
        let now = Timestamp::now();
        let run_id = "fidelity".parse()?;
        let plan = climb(&ladder, run_id, &stores, &connections, &instruments, now).await?;
        // Before the truth is in memory, too.
        let peak = peak_mb()?;
        let levels = compare(&ladder, &plan, &stores).await?;
        anyhow::Ok((levels.into_iter().next().context("one load, one level")?, peak))
    })?;
    let client = level.client.context("it was watched")?;
    Ok(Figures {
        requests: level.completed,
        requests_per_s: level.requests_per_s,
        cpu_s_per_1000: client.cpu_s / level.completed as f64 * 1e3,
        peak_mb,
        in_flight: level.achieved.unwrap_or_default(),
        ttft: level.errors.ttft,
        e2e: level.errors.e2e,
        verdict: format!("{} {}", level.validity.grade, level.validity.words()),
    })
}
