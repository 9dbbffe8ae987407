//! The metrics of one block.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::{Document, Unit};
use crate::block::Observer;
use crate::record::{Outcome, Phase, Record};
use crate::stats::{Percentile, Sample};
use crate::store::{BlockKey, Receipt};

/// Counts the records of one block as they are stored.
#[derive(Debug, Default)]
pub struct BlockTelemetry {
    seen: Mutex<Seen>,
}

/// The measured requests so far.
#[derive(Debug, Default)]
struct Seen {
    requests: u32,
    completed: u32,
    errors: BTreeMap<&'static str, u32>,
    failed: u32,
    throttled: u32,
    timed_out: u32,
    ttft_ms: Vec<f64>,
    e2e_ms: Vec<f64>,
}

impl Observer for BlockTelemetry {
    fn recorded(&self, record: &Record) {
        if record.phase != Phase::Measured {
            return;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.requests += 1;
        if let Some(class) = record.outcome.error_class() {
            *seen.errors.entry(class).or_default() += 1;
        }
        match record.outcome {
            Outcome::Completed => {
                seen.completed += 1;
                seen.e2e_ms.push(milliseconds(record.e2e()));
                seen.ttft_ms.extend(record.ttft().map(milliseconds));
            }
            Outcome::Throttled => seen.throttled += 1,
            Outcome::TimedOut(_) => seen.timed_out += 1,
            Outcome::Failed(_) => seen.failed += 1,
            Outcome::Cut => {}
        }
    }
}

impl BlockTelemetry {
    /// The lines of a block that was measured: its counts and spending, which add up over endpoints
    /// and blocks; its percentiles, which do not; and a line for each class of errors.
    pub fn documents(
        &self,
        stack: &str,
        key: &BlockKey,
        receipt: &Receipt,
        at: SystemTime,
    ) -> Vec<Document> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let experiment = key.experiment.as_str();
        let endpoint = experiment.split('~').next().unwrap_or(experiment);
        let document = || {
            Document::new(stack, at)
                .by("Endpoint", endpoint)
                .with("RunId", key.run_id.as_str())
                .with("Experiment", experiment)
                .with("Round", key.round)
                .with("Block", key.block)
                .with("Attempt", receipt.attempt)
        };
        let p95 = |values: &[f64]| {
            Sample::new(values.iter().copied()).map(|sample| sample.at(Percentile::P95))
        };
        let counts = document()
            .metric("Requests", Unit::Count, f64::from(seen.requests))
            .metric("Completed", Unit::Count, f64::from(seen.completed))
            .metric("Failed", Unit::Count, f64::from(seen.failed))
            .metric("Throttled", Unit::Count, f64::from(seen.throttled))
            .metric("TimedOut", Unit::Count, f64::from(seen.timed_out))
            .metric("SpendUsd", Unit::None, receipt.spent.as_usd());
        let percentiles = document()
            .not_summed()
            .metric("TtftP95", Unit::Milliseconds, p95(&seen.ttft_ms))
            .metric("E2eP95", Unit::Milliseconds, p95(&seen.e2e_ms));
        let errors = seen.errors.iter().map(|(class, count)| {
            let document = document().by("ErrorClass", class).not_summed();
            document.metric("Errors", Unit::Count, f64::from(*count))
        });
        [counts, percentiles].into_iter().chain(errors).collect()
    }
}

fn milliseconds(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::fixture::{MISTRAL, Run};

    #[test]
    fn a_block_s_metrics_are_its_records() {
        let run = Run::new(&[MISTRAL], &["chat"], &[2]);
        let state = &run.blocks[0];
        let telemetry = BlockTelemetry::default();
        let own = |record: &&Record| record.block == state.key.block;
        for record in run.records.iter().filter(own) {
            telemetry.recorded(record);
        }
        let at = SystemTime::UNIX_EPOCH;
        let receipt = state.receipt.as_ref().unwrap();
        let documents = telemetry.documents("fmgauge", &state.key, receipt, at);
        let lines: Vec<_> = documents.iter().filter_map(Document::line).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
