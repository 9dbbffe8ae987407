//! The real client against a server of known timing, load by load.
//!
//! It is a run like any other: planned, claimed, measured and stored by the same code. Only its
//! records are compared with the truth that the server wrote down.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::prepare::{loaded, planned};
use super::{Connections, RunError, Stores, attempt_records, measure, prepare};
use crate::block::{Instruments, NoObserver, Signals};
use crate::calibration::{ErrorStats, Errors, Level, Truth};
use crate::config;
use crate::dataset::Prompt;
use crate::plan::{MAX_STREAMS, Plan};
use crate::record::Record;
use crate::store::{ArtifactStore, BlockKey, RecordStore};
use crate::summary::{ExperimentSummary, summarize};
use crate::units::RunId;

/// What every request says.
const PROMPT: &str = "Tell me of the clouds over the sea.";

/// Its tokens, by our own count.
const PROMPT_TOKENS: u32 = 9;

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
    /// Requests in flight, each a load; rising.
    pub concurrency: &'a [u16],
    /// Requests that arrive at random in a second, each a load; rising.
    pub rates_per_s: &'a [u32],
    /// How long each load is kept.
    pub duration: Duration,
    /// The model's time to first token.
    pub answer: Duration,
    /// The model's time between tokens.
    pub per_token: Duration,
    /// The tokens of its answers.
    pub tokens: u32,
}

impl Ladder<'_> {
    fn config(&self) -> String {
        let Self { url, model_id, concurrency, tokens, .. } = self;
        let duration = self.duration.as_millis();
        let mut loads = Vec::new();
        if !concurrency.is_empty() {
            loads.push(format!("{{concurrency: {concurrency:?}}}"));
        }
        loads.extend(self.rates_per_s.iter().map(|&rate| {
            let (each, streams) = (rate * 60, self.streams(rate));
            format!("{{rate_per_minute: {each}, arrivals: poisson, max_streams: {streams}}}")
        }));
        format!(
            r#"version: 1
endpoints:
  - {{name: known, kind: bedrock, region: us-east-1, model_id: "{model_id}",
     endpoint_url: "{url}", price: unknown}}
datasets: [{{name: short, prompts: ["{PROMPT}"], max_tokens: {tokens}}}]
load: [{}]
stop: {{duration: {duration}ms}}
replicates: 1
"#,
            loads.join(", ")
        )
    }

    /// Streams for a rate: half as many again as are in flight on average, so that the endpoint is
    /// never what a request waits for.
    fn streams(&self, rate_per_s: u32) -> u16 {
        let each = self.answer + self.per_token * self.tokens;
        let in_flight = 1.5 * f64::from(rate_per_s) * each.as_secs_f64() + 16.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within the range of 16 bits"
        )]
        let streams = in_flight.min(f64::from(MAX_STREAMS)) as u16;
        streams
    }
}

/// Measures every load, one after the other, and compares.
pub async fn calibrate<R: RecordStore, A: ArtifactStore>(
    ladder: &Ladder<'_>,
    run_id: RunId,
    stores: &Stores<R, A>,
    connections: &Connections,
    instruments: &Instruments,
    now: Timestamp,
) -> Result<Vec<Level>, RunError> {
    let plan = climb(ladder, run_id, stores, connections, instruments, now).await?;
    compare(ladder, &plan, stores).await
}

/// Measures every load, one after the other.
pub async fn climb<R: RecordStore, A: ArtifactStore>(
    ladder: &Ladder<'_>,
    run_id: RunId,
    stores: &Stores<R, A>,
    connections: &Connections,
    instruments: &Instruments,
    now: Timestamp,
) -> Result<Plan, RunError> {
    let config = ladder.config();
    let settings = config::parse(&config)?;
    // Counted here, so that a function that calibrates itself need not hold a tokenizer.
    let prompt = Prompt {
        text: PROMPT.to_owned(),
        estimated_tokens: PROMPT_TOKENS,
        max_tokens: ladder.tokens,
    };
    let datasets = vec![loaded(settings.datasets[0].spec.name.clone(), vec![prompt])?];
    let prepared = planned(&config, &settings, datasets, 0, run_id.clone());
    prepare(&prepared, stores, "calibration", now).await?;
    for experiment in &prepared.plan.experiments {
        let key = BlockKey {
            run_id: run_id.clone(),
            experiment: experiment.id.clone(),
            round: 1,
            block: 1,
        };
        let signals = Signals::default();
        measure(key, stores, connections, instruments, &signals, &NoObserver).await?;
    }
    Ok(prepared.plan)
}

/// Compares what was measured with the truth.
pub async fn compare<R: RecordStore, A: ArtifactStore>(
    ladder: &Ladder<'_>,
    plan: &Plan,
    stores: &Stores<R, A>,
) -> Result<Vec<Level>, RunError> {
    let blocks = stores.records.blocks(&plan.run_id).await?;
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
            load: summary.load,
            completed: summary.requests.completed,
            requests_per_s: window.map_or(0.0, |window| window.requests_per_minute / 60.0),
            achieved: summary.achieved_load,
            errors: Errors::of(records.iter().filter(of_it), &truths),
            schedule: (summary.schedule.as_ref())
                .and_then(|schedule| schedule.schedule_error.as_ref())
                .map(ErrorStats::from),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::estimate_tokens;

    #[test]
    fn the_prompt_is_counted_as_all_prompts_are() {
        assert_eq!(estimate_tokens(PROMPT), PROMPT_TOKENS);
    }
}
