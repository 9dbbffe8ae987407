//! Figures by round, of runs that have many.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::accumulate::{ExperimentAccumulator, place, rfc3339, whole};
use super::kept::{Kept, Requests};
use super::{BlockPlace, ExperimentSummary};
use crate::plan::Plan;
use crate::record::Record;
use crate::stats::{Percentile, Sample, float};
use crate::store::BlockState;
use crate::units::nanos;
use crate::words::{count, list, plural};

const NANOS_PER_MS: f64 = 1e6;

/// Which rounds of a run were measured, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundsSummary {
    /// How many are planned.
    pub planned: u32,
    /// From the begin of one to the begin of the next.
    #[serde(rename = "every_ns", with = "nanos")]
    pub every: Duration,
    /// Those that were begun, in their order.
    pub begun: Vec<RoundTime>,
    /// Those before the last begun one that were not begun: their time was over.
    pub skipped: Vec<u32>,
    /// How many there are after the last begun one.
    pub not_begun: u32,
}

/// When a round was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundTime {
    /// The round, from 1.
    pub round: u32,
    /// The first send of a counted request, RFC 3339.
    pub first_sent_at: Option<String>,
    /// The last send of a counted request, RFC 3339.
    pub last_sent_at: Option<String>,
}

/// The figures of an experiment in one round: of completed requests, where it is not said otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoundFigures {
    /// The round, from 1.
    pub round: u32,
    /// How many requests were completed.
    pub completed: u64,
    /// How many were throttled, timed out or failed.
    pub errors: u64,
    /// Median E2E, milliseconds.
    pub e2e_p50_ms: Option<f64>,
    /// The 95th percentile of E2E, milliseconds.
    pub e2e_p95_ms: Option<f64>,
    /// Median TTFT, milliseconds.
    pub ttft_p50_ms: Option<f64>,
    /// The 95th percentile of TTFT, milliseconds.
    pub ttft_p95_ms: Option<f64>,
}

/// Adds up one experiment in one round: for the readable metrics.
#[derive(Debug)]
pub struct RoundAccumulator<'p>(ExperimentAccumulator<'p>);

impl<'p> RoundAccumulator<'p> {
    /// Of the blocks of an experiment in a round; `None` where there are none, or of another plan.
    pub fn new(plan: &'p Plan, blocks: &'p [BlockState]) -> Option<Self> {
        let key = &blocks.first()?.key;
        let experiment = plan.experiment(&key.experiment)?;
        let planned = plan.lanes.iter().flat_map(|lane| &lane.blocks);
        let planned = planned.filter(|block| block.experiment == key.experiment);
        let receipts = blocks.iter().map(|state| Some((place(state), state.receipt.as_ref()?)));
        let mut sums = ExperimentAccumulator::new(plan, experiment);
        sums.receipts = receipts.flatten().collect();
        sums.planned = planned.map(|of| BlockPlace { round: key.round, block: of.block }).collect();
        Some(Self(sums))
    }

    /// Adds a record of any attempt; it counts where a receipt names its attempt.
    pub fn add(&mut self, record: &Record) {
        self.0.add(record);
    }

    /// The figures.
    pub fn finish(self) -> ExperimentSummary {
        self.0.finish()
    }
}

impl RoundFigures {
    /// Errors / all that ended.
    pub fn error_rate(&self) -> Option<f64> {
        let ended = self.completed + self.errors;
        (ended > 0).then(|| float(self.errors) / float(ended))
    }
}

impl RoundsSummary {
    /// Of a plan with many rounds: `begun` are those of which a block was claimed, `sends` the
    /// first and last sends of each in nanoseconds since 1970.
    pub(super) fn new(
        plan: &Plan,
        begun: &BTreeSet<u32>,
        sends: &BTreeMap<u32, (u64, u64)>,
    ) -> Option<Self> {
        let rounds = plan.rounds?;
        let last = begun.last().copied().unwrap_or(0);
        let time = |&round: &u32| {
            let sends = sends.get(&round);
            RoundTime {
                round,
                first_sent_at: sends.and_then(|sends| rfc3339(sends.0)),
                last_sent_at: sends.and_then(|sends| rfc3339(sends.1)),
            }
        };
        Some(Self {
            planned: rounds.count,
            every: rounds.every,
            begun: begun.iter().map(time).collect(),
            skipped: (1..last).filter(|round| !begun.contains(round)).collect(),
            not_begun: rounds.count.saturating_sub(last),
        })
    }

    /// What the run lacks: `2 of 24 rounds skipped and 3 not begun`; `None` where all were begun.
    pub(crate) fn incomplete(&self) -> Option<String> {
        let planned = plural(self.planned.into(), "round");
        let skipped = whole(self.skipped.len());
        let parts = [(skipped, "skipped"), (self.not_begun, "not begun")].into_iter();
        let parts: Vec<_> = parts
            .filter(|(rounds, _)| *rounds > 0)
            .enumerate()
            .map(|(place, (rounds, what))| match place {
                0 => format!("{} of {planned} {what}", count(rounds.into())),
                _ => format!("{} {what}", count(rounds.into())),
            })
            .collect();
        (!parts.is_empty()).then(|| list(&parts))
    }
}

/// The figures of each round that sent something; `places` are the experiment's counted blocks.
pub(super) fn figures(requests: &Requests, places: &[BlockPlace]) -> Vec<RoundFigures> {
    let round = |kept: &Kept| places.get(kept.block as usize).map_or(0, |place| place.round);
    let rounds = requests.all().chunk_by(|one, two| round(one) == round(two));
    rounds.filter_map(|kept| Some(of_round(round(kept.first()?), kept))).collect()
}

fn of_round(round: u32, kept: &[Kept]) -> RoundFigures {
    let sample = |of: fn(&Kept) -> Option<u64>| Sample::new(kept.iter().filter_map(of).map(float));
    let (e2e, ttft) = (sample(Kept::e2e_ns), sample(Kept::ttft_ns));
    let at = |sample: &Option<Sample>, percentile| {
        sample.as_ref().map(|sample| sample.at(percentile) / NANOS_PER_MS)
    };
    let completed = kept.iter().filter(|kept| kept.is_completed()).count() as u64;
    RoundFigures {
        round,
        completed,
        errors: kept.len() as u64 - completed,
        e2e_p50_ms: at(&e2e, Percentile::P50),
        e2e_p95_ms: at(&e2e, Percentile::P95),
        ttft_p50_ms: at(&ttft, Percentile::P50),
        ttft_p95_ms: at(&ttft, Percentile::P95),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::fixture::{HAIKU, MISTRAL, Run};
    use crate::summary::{ExperimentSummary, RunSummary, Warning};

    fn run() -> Run {
        Run::replicated(&[MISTRAL, HAIKU], &["chat"], &[1], 2).in_rounds(4)
    }

    fn first(summary: &RunSummary) -> &ExperimentSummary {
        &summary.experiments[0]
    }

    #[test]
    fn blocks_of_all_rounds_pool_into_the_experiment() {
        let summary = run().summary();
        let experiment = first(&summary);
        assert_eq!((experiment.blocks_planned, experiment.blocks_done), (8, 8));
        assert_eq!((experiment.requests.completed, experiment.clusters), (80, 8));
        assert_eq!(experiment.blocks.len(), 8);
        let rounds = summary.rounds.as_ref().unwrap();
        assert_eq!((rounds.planned, rounds.begun.len(), rounds.not_begun), (4, 4, 0));
        assert!(rounds.skipped.is_empty());
        assert_eq!(summary.incomplete(), None);
        let begins =
            rounds.begun.iter().map(|time| time.first_sent_at.as_ref().unwrap()[11..13].to_owned());
        assert_eq!(begins.collect::<Vec<_>>(), ["00", "01", "02", "03"]);
    }

    #[test]
    fn each_round_has_its_figures() {
        let whole = run();
        let summary = whole.summary();
        let rounds = &first(&summary).rounds;
        assert_eq!(
            rounds.iter().map(|of| (of.round, of.completed)).collect::<Vec<_>>(),
            [(1, 20), (2, 20), (3, 20), (4, 20)]
        );
        // The figures of a round are those of a run that had no other.
        let alone = Run::replicated(&[MISTRAL, HAIKU], &["chat"], &[1], 2).summary();
        let (alone, round) = (first(&alone), &rounds[0]);
        let percentiles = |stats: &Option<crate::summary::LatencyStats>| {
            stats.as_ref().map(|stats| (stats.p50_ms, stats.p95_ms)).unzip()
        };
        assert_eq!((round.e2e_p50_ms, round.e2e_p95_ms), percentiles(&alone.e2e));
        assert_eq!((round.ttft_p50_ms, round.ttft_p95_ms), percentiles(&alone.ttft));
        let slower = rounds[3].e2e_p50_ms.unwrap() / round.e2e_p50_ms.unwrap();
        assert!((slower - 1.3).abs() < 1e-6, "{slower}");
        assert!(alone.rounds.is_empty(), "one round is no table");

        // So are the readable metrics.
        let group: Vec<_> =
            whole.blocks.iter().filter(|state| state.key.round == 1).cloned().collect();
        let of_first = group.iter().filter(|state| state.key.experiment == alone.experiment);
        let of_first: Vec<_> = of_first.cloned().collect();
        let mut sums = RoundAccumulator::new(&whole.plan, &of_first).unwrap();
        let own = |record: &&Record| record.experiment == alone.experiment;
        whole.records.iter().filter(own).for_each(|record| sums.add(record));
        assert_eq!(sums.finish().metrics(), alone.metrics());
    }

    #[test]
    fn what_fails_counts_in_its_round() {
        let mut run = run();
        let of_third =
            run.records.iter_mut().filter(|r| r.round == 3 && r.endpoint.as_str() == "mistral-7b");
        for record in of_third.filter(|record| record.sequence <= 5) {
            record.outcome = crate::record::Outcome::Throttled;
        }
        let summary = run.summary();
        let rates = first(&summary).rounds.iter().map(RoundFigures::error_rate);
        assert_eq!(rates.collect::<Vec<_>>(), [Some(0.0), Some(0.0), Some(0.5), Some(0.0)]);
    }

    #[test]
    fn skipped_rounds_and_those_after_the_last_are_told() {
        let mut run = run().skip(2).kill("mistral-7b~chat~c1", 2);
        run.plan.rounds.as_mut().unwrap().count = 7;
        let summary = run.summary();
        let rounds = summary.rounds.as_ref().unwrap();
        assert_eq!((&rounds.skipped[..], rounds.not_begun), (&[2][..], 3));
        let experiment = first(&summary);
        // Of the rounds begun one block is missing: a skipped round is told once, not block by block.
        assert_eq!((experiment.blocks_planned, experiment.blocks_done), (6, 5));
        assert_eq!(experiment.missing_blocks, [BlockPlace { round: 1, block: 2 }]);
        assert_eq!(experiment.warnings, [Warning::BlocksMissing { missing: 1, planned: 6 }]);
        assert_eq!(
            summary.incomplete().unwrap(),
            "1 of 7 rounds skipped and 3 not begun, 1 of 12 blocks missing"
        );
    }
}
