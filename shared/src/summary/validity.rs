//! Whether an experiment's figures can be trusted: VALID, DEGRADED or INVALID, and why.
//!
//! It judges the measuring, not the service: a slow endpoint under a client in good order is
//! VALID. What is INVALID is measured, paid for and shown, but never chosen.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ExperimentSummary, LatencyStats};
use crate::client::ClientSummary;
use crate::words::{self, plural};

/// What of a latency is the client's own even when it is idle: the way of the bytes through the
/// kernel and the wake-up. BENCHMARKS.md has medians of 0.1 to 0.2 ms at light loads, what the
/// kernel and the server add included.
const RESOLUTION_MS: f64 = 0.1;

/// How many times a lag is in a latency: the write of a request and the read of its answer may
/// both be late.
const TIMES: f64 = 2.0;

/// The median latency is wrong by 5 % where the client is late by as much; these leave room for
/// what the samples of the lag miss.
const LATE: Thresholds = Thresholds { degraded: 0.02, invalid: 0.04 };

/// The same of the 99th percentile: it rests on few requests, and a client that is late now and
/// then makes an endpoint look worse, never better.
const LATE_P99: Thresholds = Thresholds { degraded: 0.05, invalid: 0.40 };

/// Used processor time, of all that there is: above it, what was measured may be the client's
/// limit. It is no error by itself: the lag tells that.
const BUSY: f64 = 0.9;

/// The share of the asked load that was missed: a label must mean what it says. The first and the
/// last moment of a block miss up to 1 %.
const MISSED: Thresholds = Thresholds { degraded: 0.05, invalid: 0.20 };

/// How late the 99th percentile of sends may be against their schedule, milliseconds, for reasons
/// of this client: arrivals are not those that were asked for.
const OFF_SCHEDULE_MS: Thresholds = Thresholds { degraded: 1.0, invalid: 10.0 };

/// The share of requests that were served in another mode or tier than asked for.
const OTHERWISE: Thresholds = Thresholds { degraded: 0.0, invalid: 0.05 };

/// Fewer completed requests than this, and not even the median is known well.
const FEW: u64 = 20;

/// From which excess on figures are DEGRADED, and from which INVALID.
struct Thresholds {
    degraded: f64,
    invalid: f64,
}

impl Thresholds {
    fn grade(&self, value: f64) -> Option<Grade> {
        if value > self.invalid {
            Some(Grade::Invalid)
        } else {
            (value > self.degraded).then_some(Grade::Degraded)
        }
    }
}

/// Whether an experiment's figures can be trusted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// The verdict: the worst grade of the doubts.
    pub grade: Grade,
    /// Why it is not VALID, the gravest first.
    pub doubts: Vec<Doubt>,
}

/// How far figures can be trusted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Grade {
    /// They are what they say.
    #[default]
    Valid,
    /// They are usable by whoever knows the reason.
    Degraded,
    /// They say something of the measuring, not of the endpoint.
    Invalid,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valid => "VALID",
            Self::Degraded => "DEGRADED",
            Self::Invalid => "INVALID",
        })
    }
}

/// A reason not to trust figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Doubt {
    /// What it makes of the figures.
    pub grade: Grade,
    /// What is wrong.
    pub cause: Cause,
}

/// What can be wrong with a measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// No measured request was completed.
    NothingCompleted,
    /// The client was late by a part of the median that matters.
    ClientLate {
        /// What it may have added to the median, milliseconds: its own resolution and twice the
        /// median lag.
        late_ms: f64,
        /// The median latency that it is a part of, milliseconds.
        of_ms: f64,
    },
    /// The same of the 99th percentiles.
    ClientLateP99 {
        /// What it may have added, milliseconds.
        late_ms: f64,
        /// The latency, milliseconds.
        of_ms: f64,
    },
    /// The client used nearly all the processor time that there is.
    ClientBusy {
        /// Of the busiest block, 0 to 1.
        cpu_share: f64,
    },
    /// The load was not what it was asked to be.
    LoadMissed {
        /// What was achieved of it, 0 to 1.
        achieved: f64,
    },
    /// Requests were sent late against their schedule, for reasons of this client.
    OffSchedule {
        /// The 99th percentile, milliseconds.
        p99_ms: f64,
    },
    /// Too few requests were completed for any percentile.
    FewCompleted {
        /// How many were.
        completed: u64,
    },
    /// The service read prompts from a cache, which the run does not measure.
    CacheReads {
        /// Of how many requests.
        requests: u64,
    },
    /// Requests were served in another latency mode or tier than was asked for.
    ServedOtherwise {
        /// How many.
        requests: u64,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let late = |f: &mut fmt::Formatter<'_>, late_ms: f64, what: &str, of_ms: f64| {
            let (late, of) = (words::latency(late_ms), words::latency(of_ms));
            write!(f, "up to {late} of the {what} of {of} may be this client's own")
        };
        match *self {
            Self::NothingCompleted => f.write_str("no request was completed"),
            Self::ClientLate { late_ms, of_ms } => late(f, late_ms, "median", of_ms),
            Self::ClientLateP99 { late_ms, of_ms } => late(f, late_ms, "p99", of_ms),
            Self::ClientBusy { cpu_share } => {
                let share = words::percent(cpu_share);
                write!(f, "this client used {share} of its processors")
            }
            Self::LoadMissed { achieved } => {
                write!(f, "{} of the asked load was achieved", words::percent(achieved))
            }
            Self::OffSchedule { p99_ms } => {
                write!(f, "this client was {} behind its schedule (p99)", words::latency(p99_ms))
            }
            Self::FewCompleted { completed } => {
                write!(f, "only {} completed", plural(completed, "request"))
            }
            Self::CacheReads { requests } => {
                write!(f, "{} read from a prompt cache", plural(requests, "request"))
            }
            Self::ServedOtherwise { requests } => {
                let requests = plural(requests, "request");
                write!(f, "{requests} served in another mode or tier than asked for")
            }
        }
    }
}

impl Validity {
    /// Judges the figures of an experiment.
    pub(super) fn of(summary: &ExperimentSummary) -> Self {
        let completed = summary.requests.completed;
        let mut doubts = Vec::new();
        let mut doubt = |grade: Option<Grade>, cause: Cause| {
            doubts.extend(grade.map(|grade| Doubt { grade, cause }));
        };
        let invalid_if = |is: bool| is.then_some(Grade::Invalid);
        let degraded_if = |is: bool| is.then_some(Grade::Degraded);
        doubt(invalid_if(completed == 0), Cause::NothingCompleted);
        let few = degraded_if((1..FEW).contains(&completed));
        doubt(few, Cause::FewCompleted { completed });
        let latency = summary.ttft.as_ref().or(summary.e2e.as_ref());
        if let (Some(client), Some(latency)) = (&summary.client, latency) {
            late(client, latency).for_each(|(grade, cause)| doubt(grade, cause));
            let cpu_share = client.cpu_share_max;
            doubt(degraded_if(cpu_share > BUSY), Cause::ClientBusy { cpu_share });
        }
        if let Some(achieved) = summary.achieved_load {
            // An endpoint that keeps every stream busy is slow, which is what is measured.
            let worst = match &summary.schedule {
                Some(schedule) if schedule.waited > 0 => Grade::Degraded,
                Some(_) | None => Grade::Invalid,
            };
            let grade = MISSED.grade(1.0 - achieved).map(|grade| grade.min(worst));
            doubt(grade, Cause::LoadMissed { achieved });
        }
        let behind = summary.schedule.as_ref().and_then(|one| one.schedule_error.as_ref());
        if let Some(p99_ms) = behind.map(|error| error.p99_ms) {
            doubt(OFF_SCHEDULE_MS.grade(p99_ms), Cause::OffSchedule { p99_ms });
        }
        let requests = summary.cache_reads;
        doubt(degraded_if(requests > 0), Cause::CacheReads { requests });
        let requests = summary.served_otherwise;
        let share = crate::stats::float(requests) / crate::stats::float(completed.max(1));
        doubt(OTHERWISE.grade(share), Cause::ServedOtherwise { requests });
        doubts.sort_by_key(|doubt| std::cmp::Reverse(doubt.grade));
        let grade = doubts.first().map_or(Grade::Valid, |doubt| doubt.grade);
        Self { grade, doubts }
    }

    /// The doubts in words; empty where there are none.
    pub fn words(&self) -> String {
        let doubts: Vec<_> = self.doubts.iter().map(|doubt| doubt.cause.to_string()).collect();
        doubts.join("; ")
    }
}

/// What the client may have added to a latency by being late.
fn late(
    client: &ClientSummary,
    latency: &LatencyStats,
) -> impl Iterator<Item = (Option<Grade>, Cause)> {
    let added = |lag_ms: f64| RESOLUTION_MS + TIMES * lag_ms;
    let (late_ms, of_ms) = (added(client.lag_p50_ms), latency.p50_ms);
    let median = (LATE.grade(late_ms / of_ms), Cause::ClientLate { late_ms, of_ms });
    let (late_ms, of_ms) = (added(client.lag_p99_ms), latency.p99_ms);
    let p99 = (LATE_P99.grade(late_ms / of_ms), Cause::ClientLateP99 { late_ms, of_ms });
    [median, p99].into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::fixture::{MISTRAL, Run};
    use crate::summary::summarize;

    fn experiment() -> ExperimentSummary {
        let run = Run::replicated(&[MISTRAL], &["chat"], &[1], 5);
        summarize(&run.plan, &run.blocks, &run.records).experiments.remove(0)
    }

    fn client(lag_p50_ms: f64, lag_p99_ms: f64) -> ClientSummary {
        ClientSummary {
            lag_samples: 1_000,
            lag_p50_ms,
            lag_p99_ms,
            lag_max_ms: lag_p99_ms,
            cpu_s: 1.0,
            cpu_share: 0.2,
            cpu_share_max: 0.3,
        }
    }

    fn check(spoil: impl FnOnce(&mut ExperimentSummary), grade: Grade, words: &str) {
        let mut summary = experiment();
        spoil(&mut summary);
        let validity = Validity::of(&summary);
        assert_eq!((validity.grade, validity.words().as_str()), (grade, words));
    }

    /// A median and a p99 TTFT of 200 and 300 ms under a lag.
    fn under(lag_p50_ms: f64, lag_p99_ms: f64) -> impl FnOnce(&mut ExperimentSummary) {
        move |summary| {
            let ttft = summary.ttft.as_mut().unwrap();
            (ttft.p50_ms, ttft.p99_ms) = (200.0, 300.0);
            summary.client = Some(client(lag_p50_ms, lag_p99_ms));
        }
    }

    #[test]
    fn a_client_in_good_order_is_valid_whatever_the_endpoint_does() {
        check(|_| {}, Grade::Valid, "");
        check(under(0.05, 2.0), Grade::Valid, "");
        check(|summary| summary.error_rate = Some(0.5), Grade::Valid, "");
    }

    #[test]
    fn a_late_client_is_told_before_it_is_wrong_by_a_twentieth() {
        let words = "up to 5.00 ms of the median of 200 ms may be this client's own";
        check(under(2.45, 3.0), Grade::Degraded, words);
        let words = "up to 8.10 ms of the median of 200 ms may be this client's own";
        check(under(4.0, 5.0), Grade::Invalid, words);
        let words = "up to 20.1 ms of the p99 of 300 ms may be this client's own";
        check(under(0.1, 10.0), Grade::Degraded, words);
    }

    #[test]
    fn an_answer_too_fast_for_any_client_is_not_valid() {
        let fast = |summary: &mut ExperimentSummary| {
            let ttft = summary.ttft.as_mut().unwrap();
            (ttft.p50_ms, ttft.p99_ms) = (1.0, 5.0);
            summary.client = Some(client(0.02, 0.03));
        };
        let words = "up to 0.140 ms of the median of 1.00 ms may be this client's own";
        check(fast, Grade::Invalid, words);
    }

    #[test]
    fn each_other_cause_has_its_words() {
        let nothing = |summary: &mut ExperimentSummary| summary.requests.completed = 0;
        check(nothing, Grade::Invalid, "no request was completed");
        let few = |summary: &mut ExperimentSummary| summary.requests.completed = 19;
        check(few, Grade::Degraded, "only 19 requests completed");
        let half = |summary: &mut ExperimentSummary| summary.achieved_load = Some(0.5);
        check(half, Grade::Invalid, "50 % of the asked load was achieved");
        let most = |summary: &mut ExperimentSummary| summary.achieved_load = Some(0.9);
        check(most, Grade::Degraded, "90 % of the asked load was achieved");
        let cached = |summary: &mut ExperimentSummary| summary.cache_reads = 1;
        check(cached, Grade::Degraded, "1 request read from a prompt cache");
        let otherwise = |summary: &mut ExperimentSummary| summary.served_otherwise = 1;
        let words = "1 request served in another mode or tier than asked for";
        check(otherwise, Grade::Degraded, words);
        let busy = |summary: &mut ExperimentSummary| {
            summary.client = Some(ClientSummary { cpu_share_max: 0.95, ..client(0.01, 0.01) });
        };
        check(busy, Grade::Degraded, "this client used 95 % of its processors");
    }
}
