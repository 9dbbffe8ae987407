//! How an open loop kept its schedule, and latency from it.

use serde::{Deserialize, Serialize};

use super::kept::{Kept, Requests};
use super::latency::{LatencyStats, nanoseconds};
use crate::record::{Outcome, Record};
use crate::stats::float;
use crate::store::Receipt;

/// A request is late if it was sent more than this after it was due. Half of what people call a
/// noticeable error of a schedule, and several times what a pacing thread takes to wake.
const LATE_AFTER_NS: u64 = 1_000_000;

/// An endpoint has fallen behind where at least this share of arrivals found every stream busy ...
const BUSY_RATIO: f64 = 0.1;
/// ... and latency from the schedule has grown to this many times from the first half of the blocks
/// to the second ...
const GROWTH: f64 = 1.5;
/// ... and by so many times what service latency has grown by.
const BEYOND_SERVICE: f64 = 2.0;

const NANOS_PER_MS: f64 = 1e6;

/// What became of the arrivals of an open loop, and latency from its schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScheduleFigures {
    /// Requests that were due within the measured windows.
    pub arrivals: u64,
    /// Of these, sent.
    pub sent: u64,
    /// Of these, sent more than 1 ms after they were due, for whatever reason.
    pub late: u64,
    /// Of the arrivals, found every stream busy and had to wait for one.
    pub waited: u64,
    /// Of these, were still waiting when sending ended, and were never sent.
    pub missed: u64,
    /// Blocks in which an arrival found every stream busy.
    pub blocks_at_cap: u32,
    /// Sent in a minute of the measured windows; `None` without a window.
    pub sent_per_minute: Option<f64>,
    /// How late requests were sent for reasons of ours, without the wait for a free stream and the
    /// opening of a connection.
    pub schedule_error: Option<LatencyStats>,
    /// Intended send to first visible text of completed requests.
    pub ttft_from_schedule: Option<LatencyStats>,
    /// Intended send to end of answer of completed requests.
    pub e2e_from_schedule: Option<LatencyStats>,
    /// Mean E2E of the completed requests in the first and in the second half of the blocks, by
    /// their order of sending; `None` where a half has none.
    pub halves: Option<[HalfLatency; 2]>,
}

/// Mean E2E of half a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HalfLatency {
    /// From the send, milliseconds.
    pub e2e_ms: f64,
    /// From the intended send, milliseconds.
    pub e2e_from_schedule_ms: f64,
}

impl ScheduleFigures {
    /// Late ones / sent.
    pub fn late_ratio(&self) -> Option<f64> {
        (self.sent > 0).then(|| float(self.late) / float(self.sent))
    }

    /// Sent / arrivals: the share of the asked load that was kept up.
    pub fn achieved_load(&self) -> Option<f64> {
        (self.arrivals > 0).then(|| float(self.sent) / float(self.arrivals))
    }

    /// The halves, where the endpoint has fallen behind: latency from the schedule grows with the
    /// length of the run, and service latency does not.
    pub fn fallen_behind(&self) -> Option<[HalfLatency; 2]> {
        let [first, second] = self.halves?;
        let grown = second.e2e_from_schedule_ms - first.e2e_from_schedule_ms;
        let service = (second.e2e_ms - first.e2e_ms).max(0.0);
        let is_busy = float(self.waited) >= BUSY_RATIO * float(self.arrivals);
        let is_growing = second.e2e_from_schedule_ms > GROWTH * first.e2e_from_schedule_ms
            && grown > BEYOND_SERVICE * service;
        (is_busy && is_growing).then_some([first, second])
    }
}

/// Adds up the schedules of one experiment's blocks.
#[derive(Debug, Default)]
pub(super) struct Schedules {
    late: u64,
    /// How late each request was for reasons of ours, with the place of its block.
    errors: Vec<(u64, u32)>,
    /// Of each completed request: block, sequence, and send less intended send.
    delays: Vec<(u32, u32, u64)>,
}

impl Schedules {
    /// A measured request of the block at that place.
    pub(super) fn add(&mut self, record: &Record, block: u32) {
        let delay = nanoseconds(record.timeline.dispatch_delay);
        // A retry is sent by its back-off, not by the schedule.
        if record.timeline.retry == 0 {
            self.late += u64::from(delay > LATE_AFTER_NS);
            self.errors.push((nanoseconds(record.schedule_error()), block));
        }
        if record.outcome == Outcome::Completed {
            self.delays.push((block, record.sequence, delay));
        }
    }

    /// The figures; `None` where no block had arrivals.
    pub(super) fn finish<'r>(
        mut self,
        kept: &Requests,
        receipts: impl Iterator<Item = &'r Receipt>,
        window_s: Option<f64>,
    ) -> Option<ScheduleFigures> {
        self.delays.sort_unstable();
        let counts: Vec<_> = receipts.filter_map(|receipt| receipt.arrivals).collect();
        if counts.is_empty() {
            return None;
        }
        let sent = self.errors.len() as u64;
        let from_schedule = |of: fn(&Kept) -> Option<u64>| {
            LatencyStats::of_nanos(kept.clustered(|one| Some(of(one)? + self.delay(one)?)))
        };
        Some(ScheduleFigures {
            arrivals: counts.iter().map(|counts| u64::from(counts.due)).sum(),
            sent,
            late: self.late,
            waited: counts.iter().map(|counts| u64::from(counts.waited)).sum(),
            missed: counts.iter().map(|counts| u64::from(counts.missed)).sum(),
            blocks_at_cap: counts.iter().map(|counts| u32::from(counts.waited > 0)).sum(),
            sent_per_minute: window_s.map(|seconds| float(sent) * 60.0 / seconds),
            ttft_from_schedule: from_schedule(Kept::ttft_ns),
            e2e_from_schedule: from_schedule(Kept::e2e_ns),
            halves: self.halves(kept),
            schedule_error: LatencyStats::of_nanos(self.errors),
        })
    }

    fn delay(&self, kept: &Kept) -> Option<u64> {
        let key = (kept.block, kept.sequence());
        let find = |delay: &(u32, u32, u64)| (delay.0, delay.1).cmp(&key);
        let place = self.delays.binary_search_by(find).ok()?;
        self.delays.get(place).map(|(_, _, delay)| *delay)
    }

    fn halves(&self, kept: &Requests) -> Option<[HalfLatency; 2]> {
        let mut halves = [Half::default(); 2];
        for block in kept.by_block() {
            let completed: Vec<_> = block.iter().filter_map(|one| self.both(one)).collect();
            for (place, (e2e, delay)) in completed.iter().enumerate() {
                let half = usize::from(2 * place >= completed.len());
                halves[half].add(*e2e, *delay);
            }
        }
        let [first, second] = halves.map(Half::mean);
        Some([first?, second?])
    }

    /// E2E and delay of a completed request.
    fn both(&self, kept: &Kept) -> Option<(u64, u64)> {
        Some((kept.e2e_ns()?, self.delay(kept)?))
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Half {
    e2e_ns: u128,
    delay_ns: u128,
    count: u64,
}

impl Half {
    fn add(&mut self, e2e_ns: u64, delay_ns: u64) {
        self.e2e_ns += u128::from(e2e_ns);
        self.delay_ns += u128::from(delay_ns);
        self.count += 1;
    }

    #[expect(clippy::cast_precision_loss, reason = "shown with far fewer digits")]
    fn mean(self) -> Option<HalfLatency> {
        let mean = |sum: u128| sum as f64 / float(self.count) / NANOS_PER_MS;
        (self.count > 0).then(|| HalfLatency {
            e2e_ms: mean(self.e2e_ns),
            e2e_from_schedule_ms: mean(self.e2e_ns + self.delay_ns),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::plan::LatencyMetric;
    use crate::summary::ExperimentSummary;
    use crate::summary::fixture::{MISTRAL, Run};

    /// Three blocks of 20 requests on two streams, each request so much later than the one before.
    fn summary(later_ms: u64) -> ExperimentSummary {
        let run = Run::new(&[MISTRAL], &["chat"], &[2]).open(120, Duration::from_millis(later_ms));
        run.summary().experiments[0].clone()
    }

    #[test]
    fn latency_from_the_schedule_has_the_wait_in_it_and_service_latency_has_not() {
        let (prompt, waiting) = (summary(0), summary(500));
        assert_eq!(prompt.e2e, waiting.e2e);
        let schedule = waiting.schedule.as_ref().unwrap();
        let from_schedule = schedule.e2e_from_schedule.as_ref().unwrap();
        // 0 to 9.5 s later, and 70 µs.
        let more = from_schedule.mean_ms - waiting.e2e.as_ref().unwrap().mean_ms;
        assert!((more - 4750.07).abs() < 1e-6, "{more}");
        assert_eq!(waiting.latency(LatencyMetric::E2e), Some(from_schedule));
        assert_eq!(waiting.latency(LatencyMetric::Tpot), waiting.tpot.as_ref());
        let error = schedule.schedule_error.as_ref().unwrap();
        assert!((error.p99_ms - 0.07).abs() < 1e-9, "{error:?}");
    }

    #[test]
    fn what_came_late_or_never_is_counted() {
        let summary = summary(500);
        let schedule = summary.schedule.as_ref().unwrap();
        // All but the first of each block; two of 22 never.
        assert_eq!((schedule.sent, schedule.late, schedule.missed), (60, 57, 6));
        assert_eq!((schedule.arrivals, schedule.waited, schedule.blocks_at_cap), (66, 30, 3));
        assert_eq!(schedule.late_ratio(), Some(0.95));
        assert_eq!(summary.achieved_load, Some(60.0 / 66.0));
    }

    #[test]
    fn an_endpoint_that_falls_behind_is_told_by_its_growth() {
        let warnings: Vec<_> = summary(500).warnings.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(warnings.join("\n"), @r"
        the endpoint did not keep up: mean latency from the schedule grew from 3.07 s in the first half of the blocks to 8.08 s in the second, and would grow without bound, while that of the service went from 822 ms to 826 ms
        6 of 66 arrivals never sent, every stream being busy to the end
        30 of 66 arrivals found all 2 streams busy, in 3 blocks
        ");
        assert!(summary(0).warnings.is_empty(), "{:?}", summary(0).warnings);
        // It waits, and as long at the end as at the begin.
        let mut run = Run::new(&[MISTRAL], &["chat"], &[2]).open(120, Duration::from_millis(500));
        for record in &mut run.records {
            record.timeline.dispatch_delay = Duration::from_secs(5);
        }
        let schedule = run.summary().experiments[0].schedule.clone().unwrap();
        assert_eq!(schedule.fallen_behind(), None);
    }

    #[test]
    fn a_closed_loop_has_no_schedule() {
        let summary = Run::new(&[MISTRAL], &["chat"], &[2]).summary().experiments[0].clone();
        assert_eq!(summary.schedule, None);
        // Its slots are full but for the end of the slower one.
        assert!(summary.achieved_load.is_some_and(|share| share > 0.98 && share < 1.0));
        assert_eq!(summary.e2e.as_ref(), summary.latency(LatencyMetric::E2e));
    }
}
