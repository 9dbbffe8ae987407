//! How wrong the client is: what it recorded of requests against what a server of known timing
//! really did.
//!
//! Pure: the server's truth is read elsewhere. What it calls an error holds all that stands
//! between the two clocks: the client, the kernel and the way of the bytes between them.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::client::ClientSummary;
use crate::plan::Load;
use crate::record::{Outcome, Phase, Record};
use crate::stats::{Percentile, Sample, float};
use crate::summary::{Grade, LatencyStats, Validity};

/// What a request really went through, nanoseconds by the server's own monotonic clock: a line of
/// its truth log. Other fields of the line are skipped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Truth {
    /// The id that the server gave its answer.
    pub request_id: String,
    /// The whole request had arrived.
    pub received_ns: u64,
    /// The first token was written.
    pub first_token_written_ns: Option<u64>,
    /// The last token was written.
    pub last_token_written_ns: Option<u64>,
    /// The end was written.
    pub ended_ns: u64,
}

/// What was recorded less what was true, over the completed measured requests of a load.
/// Milliseconds; positive where the client was late.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ErrorStats {
    /// How many requests were compared.
    pub count: u64,
    /// The median.
    pub p50_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
    /// The largest.
    pub max_ms: f64,
}

/// The errors of what a client records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Errors {
    /// Of the time to first token.
    pub ttft: Option<ErrorStats>,
    /// Of the mean gap between content events.
    pub itl: Option<ErrorStats>,
    /// Of the time to the end.
    pub e2e: Option<ErrorStats>,
    /// The true median of the time to first token.
    pub true_ttft_p50_ms: Option<f64>,
    /// Completed requests of which the server knows nothing.
    pub unmatched: u64,
}

/// What calibrating one load gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// The load.
    pub load: Load,
    /// Completed measured requests.
    pub completed: u64,
    /// Completed requests per second of the window.
    pub requests_per_s: f64,
    /// The mean number of requests in flight over the asked one, or the rate that was sent over
    /// the asked one.
    pub achieved: Option<f64>,
    /// The errors.
    pub errors: Errors,
    /// How late requests were sent against an open loop's schedule, for reasons of the client.
    pub schedule: Option<ErrorStats>,
    /// The client meanwhile.
    pub client: Option<ClientSummary>,
    /// What is said of the figures, without any knowledge of the errors.
    pub validity: Validity,
}

impl Errors {
    /// Joins by request id.
    pub fn of<'a>(
        records: impl IntoIterator<Item = &'a Record>,
        truths: impl IntoIterator<Item = &'a Truth>,
    ) -> Self {
        let truths: HashMap<&str, &Truth> =
            truths.into_iter().map(|truth| (truth.request_id.as_str(), truth)).collect();
        let (mut ttft, mut itl, mut e2e) = (Vec::new(), Vec::new(), Vec::new());
        let mut true_ttft = Vec::new();
        let mut unmatched = 0;
        let is_measured = |record: &&Record| {
            record.phase == Phase::Measured && record.outcome == Outcome::Completed
        };
        for record in records.into_iter().filter(is_measured) {
            let id = record.served.request_id.as_deref();
            let Some(truth) = id.and_then(|id| truths.get(id)) else {
                unmatched += 1;
                continue;
            };
            e2e.push(late(record.e2e(), truth.ended_ns - truth.received_ns));
            let Some(first) = truth.first_token_written_ns else { continue };
            true_ttft.push(float(first - truth.received_ns) / 1e6);
            ttft.extend(record.ttft().map(|seen| late(seen, first - truth.received_ns)));
            let span = truth.last_token_written_ns.map(|last| last - first);
            let gaps = u64::from(record.timeline.content_events).checked_sub(1);
            let gaps = gaps.filter(|&gaps| gaps > 0);
            if let (Some(seen), Some(span), Some(gaps)) = (record.timeline.gap_mean(), span, gaps) {
                itl.push(late(seen, span / gaps));
            }
        }
        Self {
            ttft: ErrorStats::of(ttft),
            itl: ErrorStats::of(itl),
            e2e: ErrorStats::of(e2e),
            true_ttft_p50_ms: Sample::new(true_ttft).map(|sample| sample.at(Percentile::P50)),
            unmatched,
        }
    }

    /// The error of the median TTFT in shares of the truth.
    pub fn ttft_share(&self) -> Option<f64> {
        Some(self.ttft?.p50_ms.abs() / self.true_ttft_p50_ms?)
    }
}

impl From<&LatencyStats> for ErrorStats {
    fn from(stats: &LatencyStats) -> Self {
        let LatencyStats { count, p50_ms, p99_ms, max_ms, .. } = *stats;
        Self { count, p50_ms, p99_ms, max_ms }
    }
}

/// The highest load of each kind up to which all are VALID, in words.
pub fn highest_valid(levels: &[Level]) -> Vec<String> {
    let highest = |is_open: bool| {
        let of_kind = levels.iter().filter(|level| level.load.open().is_some() == is_open);
        let valid = of_kind.take_while(|level| level.validity.grade == Grade::Valid);
        valid.last().map(|level| level.load.to_string())
    };
    [false, true].into_iter().filter_map(highest).collect()
}

impl ErrorStats {
    /// Of milliseconds in any order; `None` where there are none.
    pub fn of(errors_ms: impl IntoIterator<Item = f64>) -> Option<Self> {
        let sample = Sample::new(errors_ms)?;
        Some(Self {
            count: sample.count(),
            p50_ms: sample.at(Percentile::P50),
            p99_ms: sample.at(Percentile::P99),
            max_ms: sample.max(),
        })
    }
}

/// Milliseconds that `seen` is longer than the truth.
fn late(seen: Duration, true_ns: u64) -> f64 {
    seen.as_secs_f64() * 1e3 - float(true_ns) / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::fixture::{MISTRAL, Run};

    /// The truth of a record that is late by so many microseconds at the first token and the end.
    fn truth(record: &Record, late_us: u64) -> Truth {
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap();
        let at = |time: Option<Duration>| time.map(|time| 1_000 + ns(time) - late_us * 1_000);
        Truth {
            request_id: record.served.request_id.clone().unwrap(),
            received_ns: 1_000,
            first_token_written_ns: at(record.timeline.first_text),
            last_token_written_ns: at(record.timeline.last_content),
            ended_ns: at(Some(record.e2e())).unwrap(),
        }
    }

    #[test]
    fn records_are_compared_with_the_truth_of_their_id() {
        let mut run = Run::replicated(&[MISTRAL], &["chat"], &[1], 1);
        for (number, record) in run.records.iter_mut().enumerate() {
            record.served.request_id = Some(format!("request-{number}"));
        }
        let measured = run.records.iter().filter(|record| record.phase == Phase::Measured);
        let mut truths: Vec<_> = measured.clone().map(|record| truth(record, 250)).collect();
        truths.reverse();
        let all = Errors::of(&run.records, &truths);
        let compared = all.ttft.unwrap();
        assert_eq!(compared.count, measured.count() as u64);
        assert!((compared.p50_ms - 0.25).abs() < 1e-6 && (compared.max_ms - 0.25).abs() < 1e-6);
        assert!((all.e2e.unwrap().p99_ms - 0.25).abs() < 1e-6);
        assert!(all.itl.unwrap().max_ms.abs() < 1e-6, "both ends are late alike: {all:?}");
        assert_eq!(all.unmatched, 0);

        truths.pop();
        let fewer = Errors::of(&run.records, &truths);
        assert_eq!((fewer.unmatched, fewer.ttft.unwrap().count), (1, compared.count - 1));
    }
}
