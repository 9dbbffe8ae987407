//! The real client against a server of known timing, load by load.
//!
//! It is a run like any other: planned, claimed, measured and stored by the same code. Only its
//! records are compared with the truth that the server wrote down.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::{Connections, RunError, Source, Stores, attempt_records, draft, measure, prepare};
use crate::block::{Instruments, NoObserver, Signals};
use crate::calibration::{Errors, Level, Truth};
use crate::record::Record;
use crate::store::{ArtifactStore, BlockKey, RecordStore};
use crate::summary::{ExperimentSummary, summarize};
use crate::units::RunId;

/// How long the server may take to write down what it did.
const TRUTH_PATIENCE: Duration = Duration::from_secs(3);

/// How often it is looked for.
const TRUTH_EVERY: Duration = Duration::from_millis(50);

/// The loads that a client is calibrated under, and the server of known timing.
#[derive(Debug, Clone)]
pub struct Ladder<'a> {
    /// Where the server listens.
    pub url: &'a str,
    /// The model that it serves with known timing.
    pub model_id: &'a str,
    /// The file to which it appends the truth of each request, as JSON lines.
    pub truth_log: &'a Path,
    /// Requests in flight, each a load.
    pub concurrency: &'a [u16],
    /// How long each load is kept.
    pub duration: Duration,
    /// The longest answer that is asked for, tokens.
    pub max_tokens: u32,
}

impl Ladder<'_> {
    fn config(&self) -> String {
        let Self { url, model_id, concurrency, max_tokens, .. } = self;
        let duration = self.duration.as_millis();
        format!(
            r#"version: 1
endpoints:
  - {{name: known, kind: bedrock, region: us-east-1, model_id: "{model_id}",
     endpoint_url: "{url}", price: unknown}}
datasets: [{{name: short, prompts: ["Tell me of the clouds over the sea."], max_tokens: {max_tokens}}}]
load: [{{concurrency: {concurrency:?}}}]
stop: {{duration: {duration}ms}}
replicates: 1
"#
        )
    }
}

/// Measures every load, lowest first, and compares.
pub async fn calibrate<R: RecordStore, A: ArtifactStore>(
    ladder: &Ladder<'_>,
    run_id: RunId,
    stores: &Stores<R, A>,
    connections: &Connections,
    instruments: &Instruments,
    now: Timestamp,
) -> Result<Vec<Level>, RunError> {
    let here = Source::OneMachine(PathBuf::new());
    let prepared = draft(&ladder.config(), run_id.clone(), &here).await?;
    prepare(&prepared, stores, "calibration", now).await?;
    let plan = &prepared.plan;
    for experiment in &plan.experiments {
        let key = BlockKey {
            run_id: run_id.clone(),
            experiment: experiment.id.clone(),
            round: 1,
            block: 1,
        };
        let signals = Signals::default();
        measure(key, stores, connections, instruments, &signals, &NoObserver).await?;
    }
    let blocks = stores.records.blocks(&run_id).await?;
    let mut records = Vec::new();
    for block in &blocks {
        records.extend(attempt_records(block, block.attempt, &stores.records).await?);
    }
    let truths = truths(ladder.truth_log, records.len()).await?;
    let summary = summarize(plan, &blocks, &records);
    let level = |summary: &ExperimentSummary| {
        let of_it = |record: &&Record| record.experiment == summary.experiment;
        let window = summary.throughput;
        Level {
            load: summary.load.to_string(),
            completed: summary.requests.completed,
            requests_per_s: window.map_or(0.0, |window| window.requests_per_minute / 60.0),
            achieved: summary.achieved_load,
            errors: Errors::of(records.iter().filter(of_it), &truths),
            client: summary.client,
            validity: summary.validity.clone(),
        }
    };
    Ok(summary.experiments.iter().map(level).collect())
}

/// What the server wrote down, once it has written so many requests.
async fn truths(log: &Path, requests: usize) -> Result<Vec<Truth>, RunError> {
    let unreadable = |source| RunError::Unreadable { key: log.display().to_string(), source };
    let give_up = tokio::time::Instant::now() + TRUTH_PATIENCE;
    loop {
        let text = std::fs::read_to_string(log).map_err(serde_json::Error::io);
        let text = text.map_err(unreadable)?;
        // The last line may be half written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        if whole.lines().count() >= requests || tokio::time::Instant::now() >= give_up {
            let truths: Result<_, _> = whole.lines().map(serde_json::from_str).collect();
            return truths.map_err(unreadable);
        }
        tokio::time::sleep(TRUTH_EVERY).await;
    }
}
