//! Figures by hour of the day, of runs whose rounds lie in several.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::accumulate::whole;
use super::figures::error_rate_interval;
use super::kept::{Kept, Requests};
use super::latency::interval_ms;
use super::{BlockPlace, ExperimentSummary};
use crate::plan::Zone;
use crate::record::{Outcome, Record};
use crate::stats::{ClusteredSample, Interval, Percentile, float, rate_interval};
use crate::store::Receipt;

const NANOS_PER_MS: f64 = 1e6;

/// In which hours of the day a run was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoursSummary {
    /// Whose hours they are.
    pub time_zone: Zone,
    /// Those in which a block began, from 0 to 23; at least two.
    pub hours: Vec<u8>,
}

/// The figures of an experiment in one hour of the day, over all days: of the blocks that began in
/// it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HourFigures {
    /// The hour, from 0 to 23.
    pub hour: u8,
    /// In how many rounds it was measured.
    pub rounds: u32,
    /// How many blocks began in it.
    pub blocks: u32,
    /// How many clusters of requests the intervals rest on, as those of the experiment do.
    pub clusters: u32,
    /// How many requests were completed.
    pub completed: u64,
    /// How many were throttled, timed out or failed.
    pub errors: u64,
    /// How many of them were throttled.
    pub throttled: u64,
    /// Errors / all that ended.
    pub error_rate: Option<f64>,
    /// The 95 % interval of `error_rate`.
    pub error_rate_interval: Option<Interval>,
    /// E2E of completed requests.
    pub e2e: Option<HourLatency>,
    /// TTFT of completed requests.
    pub ttft: Option<HourLatency>,
    /// Requests that were completed within the measured windows, over their length.
    pub requests_per_minute: Option<f64>,
    /// The 95 % interval of `requests_per_minute`; `None` with fewer than five blocks.
    pub requests_per_minute_interval: Option<Interval>,
}

/// A latency in one hour of the day, milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HourLatency {
    /// How many requests have it.
    pub count: u64,
    /// The median.
    pub p50_ms: f64,
    /// The 95 % interval of the median.
    pub p50_interval: Option<Interval>,
    /// The 95th percentile.
    pub p95_ms: f64,
    /// The 95 % interval of the 95th percentile.
    pub p95_interval: Option<Interval>,
}

impl HourLatency {
    fn of(requests: &Requests, of: impl Fn(&Kept) -> Option<u64> + Copy) -> Option<Self> {
        let nanos = requests.clustered(of).map(|(nanos, cluster)| (float(nanos), cluster));
        let nanos = ClusteredSample::new(nanos)?;
        let at = |percentile| nanos.sample().at(percentile) / NANOS_PER_MS;
        let around = |percentile| nanos.percentile_interval(percentile).map(interval_ms);
        Some(Self {
            count: nanos.sample().count(),
            p50_ms: at(Percentile::P50),
            p50_interval: around(Percentile::P50),
            p95_ms: at(Percentile::P95),
            p95_interval: around(Percentile::P95),
        })
    }
}

impl HoursSummary {
    /// Of all experiments together; `None` for fewer than two hours.
    pub(super) fn new(time_zone: &Zone, experiments: &[ExperimentSummary]) -> Option<Self> {
        let all = experiments.iter().flat_map(|experiment| &experiment.hours);
        let hours: BTreeSet<u8> = all.map(|figures| figures.hour).collect();
        (hours.len() > 1)
            .then(|| Self { time_zone: time_zone.clone(), hours: hours.into_iter().collect() })
    }
}

/// Of each block what is not kept of its requests: a few numbers a block.
#[derive(Debug)]
pub(super) struct HourSums<'p> {
    zone: &'p Zone,
    blocks: BTreeMap<u32, BlockSums>,
}

#[derive(Debug, Clone, Copy, Default)]
struct BlockSums {
    throttled: u64,
    completed_in_window: u64,
}

impl<'p> HourSums<'p> {
    pub(super) fn new(zone: &'p Zone) -> Self {
        Self { zone, blocks: BTreeMap::new() }
    }

    /// Adds a measured request; `block` is the place of its block among the receipts.
    pub(super) fn add(&mut self, record: &Record, block: u32, in_window: bool) {
        let sums = self.blocks.entry(block).or_default();
        sums.throttled += u64::from(record.outcome == Outcome::Throttled);
        sums.completed_in_window += u64::from(in_window);
    }

    /// The figures of each hour that sent something; `receipts` are those of the experiment's counted
    /// blocks. The requests of one hour at a time are copied.
    pub(super) fn figures(
        &self,
        requests: &Requests,
        receipts: &BTreeMap<BlockPlace, &Receipt>,
    ) -> Vec<HourFigures> {
        let mut hours: BTreeMap<u8, Vec<Block<'_>>> = BTreeMap::new();
        for (number, (place, receipt)) in (0..).zip(receipts) {
            let begin = Timestamp::from_nanosecond(receipt.window_start_unix_ns.into());
            let Ok(begin) = begin else { continue };
            let sums = self.blocks.get(&number).copied().unwrap_or_default();
            let block = Block { number, round: place.round, receipt, sums };
            hours.entry(self.zone.hour(begin)).or_default().push(block);
        }
        hours.iter().filter_map(|(&hour, blocks)| of_hour(hour, blocks, requests)).collect()
    }
}

/// A counted block.
#[derive(Debug)]
struct Block<'r> {
    number: u32,
    round: u32,
    receipt: &'r Receipt,
    sums: BlockSums,
}

impl Block<'_> {
    /// What was completed in the window, and its length in minutes.
    fn rate(&self) -> (u64, f64) {
        (self.sums.completed_in_window, self.receipt.window.as_secs_f64() / 60.0)
    }
}

fn of_hour(hour: u8, blocks: &[Block<'_>], requests: &Requests) -> Option<HourFigures> {
    let numbers: BTreeSet<u32> = blocks.iter().map(|block| block.number).collect();
    let is_of_hour =
        |kept: &&[Kept]| kept.first().is_some_and(|first| numbers.contains(&first.block));
    let kept: Vec<Kept> = requests.by_block().filter(is_of_hour).flatten().copied().collect();
    if kept.is_empty() {
        return None;
    }
    let completed = kept.iter().filter(|kept| kept.is_completed()).count() as u64;
    let errors = kept.len() as u64 - completed;
    let own = Requests::new(kept);
    let rates = blocks.iter().map(Block::rate);
    let (in_window, minutes) =
        rates.clone().fold((0, 0.0), |sum, rate| (sum.0 + rate.0, sum.1 + rate.1));
    let rounds: BTreeSet<u32> = blocks.iter().map(|block| block.round).collect();
    Some(HourFigures {
        hour,
        rounds: whole(rounds.len()),
        blocks: whole(blocks.len()),
        clusters: own.clusters(),
        completed,
        errors,
        throttled: blocks.iter().map(|block| block.sums.throttled).sum(),
        error_rate: (completed + errors > 0).then(|| float(errors) / float(completed + errors)),
        error_rate_interval: error_rate_interval(&own),
        e2e: HourLatency::of(&own, Kept::e2e_ns),
        ttft: HourLatency::of(&own, Kept::ttft_ns),
        requests_per_minute: (minutes > 0.0).then(|| float(in_window) / minutes),
        requests_per_minute_interval: rate_interval(rates),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::fixture::{MISTRAL, Run};
    use crate::summary::{LatencyStats, RoundFigures};

    /// Rounds from 01:00 UTC on, one every hour.
    fn run(rounds: u32) -> Run {
        Run::replicated(&[MISTRAL], &["chat"], &[1], 2).in_rounds(rounds)
    }

    fn zone(name: &str) -> Zone {
        Zone::try_from(name.to_owned()).unwrap()
    }

    #[test]
    fn with_one_round_an_hour_they_are_those_of_the_rounds() {
        let mut run = run(4);
        for record in run.records.iter_mut().filter(|record| record.round == 3) {
            if record.sequence <= 2 {
                record.outcome = Outcome::Throttled;
            }
        }
        let summary = run.summary();
        let experiment = &summary.experiments[0];
        let hours: Vec<_> = experiment.hours.iter().map(|figures| figures.hour).collect();
        assert_eq!(hours, [1, 2, 3, 4]);
        assert_eq!(summary.hours.as_ref().unwrap().hours, hours);
        for (hour, round) in experiment.hours.iter().zip(&experiment.rounds) {
            let e2e = hour.e2e.as_ref().unwrap();
            assert_eq!((Some(e2e.p50_ms), Some(e2e.p95_ms)), (round.e2e_p50_ms, round.e2e_p95_ms));
            assert_eq!(hour.ttft.as_ref().map(|ttft| ttft.p95_ms), round.ttft_p95_ms);
            assert_eq!((hour.completed, hour.errors), (round.completed, round.errors));
            assert_eq!(hour.error_rate, RoundFigures::error_rate(round));
            assert_eq!((hour.rounds, hour.blocks, hour.clusters), (1, 2, 20));
        }
        let throttled = experiment.hours.iter().map(|figures| figures.throttled);
        assert_eq!(throttled.collect::<Vec<_>>(), [0, 0, 4, 0]);
    }

    #[test]
    fn rates_of_hours_make_up_that_of_the_experiment() {
        let summary = run(3).summary();
        let experiment = &summary.experiments[0];
        let rate = experiment.hours[0].requests_per_minute.unwrap();
        let all = experiment.throughput.unwrap().requests_per_minute;
        // The later rounds are slower than their windows, which the fixture leaves as they were.
        assert!(rate >= all && rate < 1.2 * all, "{rate} {all}");
        assert_eq!(experiment.hours[0].requests_per_minute_interval, None, "of two blocks");
    }

    #[test]
    fn the_same_hour_of_several_days_is_one_with_blocks_for_clusters() {
        let run = run(50);
        let summary = run.summary();
        let hours = &summary.experiments[0].hours;
        assert_eq!(hours.len(), 24);
        assert_eq!(hours.iter().map(|hour| hour.completed).sum::<u64>(), 1000);
        // 01:00 and 02:00 were there three times.
        let blocks: Vec<_> = hours.iter().map(|hour| (hour.rounds, hour.blocks)).collect();
        assert_eq!((blocks[0], blocks[1], blocks[2], blocks[3]), ((2, 4), (3, 6), (3, 6), (2, 4)));
        assert_eq!((hours[1].clusters, hours[0].clusters), (6, 40));
        assert!(hours[1].requests_per_minute_interval.is_some());
        let e2e = hours[1].e2e.as_ref().unwrap();
        let own = run.records.iter().filter(|record| matches!(record.round, 1 | 25 | 49));
        let own = own.filter(|record| record.phase == crate::record::Phase::Measured);
        let nanos =
            own.map(|r| (u64::try_from(r.e2e().as_nanos()).unwrap(), r.round * 9 + r.block));
        let stats = LatencyStats::of_nanos(nanos).unwrap();
        assert_eq!((e2e.p50_ms, e2e.p95_ms), (stats.p50_ms, stats.p95_ms));
        assert_eq!(
            (e2e.p50_interval, e2e.p95_interval),
            (stats.intervals.p50, stats.intervals.p95)
        );
    }

    #[test]
    fn hours_are_those_of_the_time_zone() {
        let mut run = run(3);
        run.plan.time_zone = zone("Asia/Kolkata");
        let summary = run.summary();
        assert_eq!(summary.hours.unwrap().hours, [6, 7, 8]);
    }

    #[test]
    fn one_hour_is_none() {
        assert_eq!(run(1).summary().hours, None);
        assert!(run(1).summary().experiments[0].hours.is_empty());
        let single = Run::new(&[MISTRAL], &["chat"], &[1]).summary();
        assert_eq!(single.hours, None);
    }
}
