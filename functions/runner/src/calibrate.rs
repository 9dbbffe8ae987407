//! How wrong this function's measuring is, by itself: the runner against a simulator of known timing
//! in a process of its own, beside it in the same sandbox. Nothing of the stack is touched.
//!
//! The simulator takes its part of the function's vCPUs, so that a function alone is no worse.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use lambda_runtime::Error;
use serde::{Deserialize, Serialize};
use shared::block::Instruments;
use shared::calibration::{Level, highest_valid};
use shared::endpoint::placeholder_config;
use shared::run::{Connections, Failure, Ladder, Stores, calibrate};
use shared::store::folder::FolderStore;
use shared::store::sqlite::SqliteStore;
use simulator::{FIXED_MODEL, LISTENING, Profile, Simulator, SimulatorConfig, SimulatorProcess};

/// The first argument of the process that simulates.
pub(crate) const SIMULATE: &str = "simulate";

/// The loads and the timing of the simulator; all may be left out.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    /// Requests in flight, each a load.
    concurrency: Vec<u16>,
    /// Poisson arrivals in a second, each a load.
    rates_per_s: Vec<u32>,
    ttft_ms: u32,
    itl_ms: u32,
    tokens: u32,
    /// How long each load is kept.
    seconds: u32,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            concurrency: vec![1, 4, 16, 64, 256],
            rates_per_s: vec![50, 500],
            ttft_ms: 200,
            itl_ms: 20,
            tokens: 50,
            seconds: 10,
        }
    }
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Calibrated {
    /// The highest loads up to which all are VALID: a concurrency, a rate.
    highest_valid: Vec<String>,
    levels: Vec<Level>,
}

/// Measures all loads, one after the other.
pub(crate) async fn handle(
    asked: Asked,
    instruments: &Instruments,
    remaining: Duration,
) -> Result<Calibrated, Failure> {
    let loads = asked.concurrency.len() + asked.rates_per_s.len();
    let needed =
        Duration::from_secs(u64::from(asked.seconds)) * u32::try_from(loads).unwrap_or(u32::MAX);
    if loads == 0 || needed + Duration::from_secs(30) > remaining {
        return Err(Failure::Permanent(format!(
            "{loads} loads of {} s do not fit into the {} s that are left of this function: ask for \
             at least one of \"concurrency\" and \"rates_per_s\", for fewer, or for fewer \"seconds\"",
            asked.seconds,
            remaining.as_secs()
        )));
    }
    let folder = std::env::temp_dir().join(format!("calibration-{}", std::process::id()));
    let measured = measured(&asked, instruments, &folder).await;
    // Nothing of it is worth keeping, and the sandbox is used again.
    drop(std::fs::remove_dir_all(&folder));
    let levels =
        measured.map_err(|error| Failure::Permanent(format!("failed to calibrate: {error}")))?;
    Ok(Calibrated { highest_valid: highest_valid(&levels), levels })
}

async fn measured(
    asked: &Asked,
    instruments: &Instruments,
    folder: &PathBuf,
) -> Result<Vec<Level>, Error> {
    std::fs::create_dir_all(folder)?;
    let truth_log = &folder.join("truth.jsonl");
    let mut command = Command::new(std::env::current_exe()?);
    let timing = [asked.ttft_ms, asked.itl_ms, asked.tokens];
    command.arg(SIMULATE).arg(truth_log).args(timing.map(|number| number.to_string()));
    let server = SimulatorProcess::spawn(command)?;
    let ladder = Ladder {
        url: server.url(),
        model_id: FIXED_MODEL,
        truth_log,
        concurrency: &asked.concurrency,
        rates_per_s: &asked.rates_per_s,
        answer: Duration::from_millis(asked.ttft_ms.into()),
        per_token: Duration::from_millis(asked.itl_ms.into()),
        tokens: asked.tokens,
        duration: Duration::from_secs(asked.seconds.into()),
    };
    let records = SqliteStore::open(folder.join("records.sqlite")).await?;
    let stores = Stores { records, artifacts: FolderStore::new(folder) };
    let connections = Connections::new(placeholder_config())?;
    let now = Timestamp::try_from((instruments.wall)())?;
    let run_id = "calibration".parse()?;
    Ok(calibrate(&ladder, run_id, &stores, &connections, instruments, now).await?)
}

/// The process that simulates: its arguments are those that [`measured`] gives. It ends with its standard
/// input.
pub(crate) fn simulate(arguments: impl Iterator<Item = OsString>) -> Result<(), Error> {
    let arguments: Vec<OsString> = arguments.collect();
    let [log, timing @ ..] = &arguments[..] else { return Err("no truth log is named".into()) };
    let numbers = timing.iter().map(|number| Ok(number.to_str().unwrap_or_default().parse()?));
    let numbers: Vec<u32> = numbers.collect::<Result<_, Error>>()?;
    let [ttft, itl, tokens] = numbers[..] else { return Err("three numbers are needed".into()) };
    let ms = |number: u32| Duration::from_millis(number.into());
    let config = SimulatorConfig {
        profiles: vec![Profile::fixed(ms(ttft), ms(itl), tokens)],
        truth_log: Some(log.into()),
        ..SimulatorConfig::default()
    };
    let simulator = Simulator::spawn_thread(config)?;
    let mut out = std::io::stdout().lock();
    std::io::Write::write_fmt(&mut out, format_args!("{LISTENING}{}\n", simulator.url()))?;
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(simulator.shutdown()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_what_is_asked_for() {
        let sample = include_str!("../../../events/calibrate.json");
        let mut event: serde_json::Value = serde_json::from_str(sample).unwrap();
        let asked: Asked = serde_json::from_value(event["calibrate"].take()).unwrap();
        assert_eq!(asked.concurrency.len() + asked.rates_per_s.len(), 6);
        let nothing: Asked = serde_json::from_str("{}").unwrap();
        assert_eq!(nothing.tokens, 50);
    }
}
