//! What a reader must know before trusting an experiment's figures.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::accumulate::whole;
use super::{ExperimentSummary, ScheduleFigures};
use crate::record::ErrorClass;
use crate::stats::float;
use crate::words::{count, latency, plural};

/// What qualifies an experiment's figures; shown beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// No measured request was completed.
    NothingCompleted,
    /// Some planned blocks have no receipt.
    BlocksMissing {
        /// How many.
        missing: u32,
        /// Of how many.
        planned: u32,
    },
    /// Some blocks had to end before their time.
    BlocksCut {
        /// How many.
        blocks: u32,
    },
    /// The endpoint throttled on and on.
    Throttled {
        /// How many blocks gave up for it.
        blocks: u32,
    },
    /// The endpoint did not keep up with the rate: latency from the schedule grew, and service
    /// latency did not.
    FallenBehind {
        /// Mean E2E from the schedule in the first and in the second half of the blocks, in whole
        /// milliseconds.
        from_schedule_ms: [u64; 2],
        /// The same from the send.
        service_ms: [u64; 2],
    },
    /// Some arrivals were never sent: every stream was busy until sending ended.
    ArrivalsMissed {
        /// How many.
        missed: u64,
        /// Of how many.
        arrivals: u64,
    },
    /// Some arrivals found every stream busy.
    StreamsBusy {
        /// How many.
        waited: u64,
        /// Of how many.
        arrivals: u64,
        /// How many streams there were.
        streams: u16,
        /// In how many blocks.
        blocks: u32,
    },
    /// Some requests were still running when measuring ended: the slowest are not in the latencies.
    RequestsCut {
        /// How many.
        requests: u64,
    },
    /// Some completed requests did not say what they used: they are in no cost or token figure.
    WithoutUsage {
        /// How many.
        requests: u64,
    },
    /// Some measured requests had to open their connection first, after a failure or because the
    /// service closed it.
    NewConnections {
        /// How many.
        requests: u64,
    },
    /// The service read prompts from a cache, at another price than the one used here.
    CacheReads {
        /// Of how many requests.
        requests: u64,
    },
    /// Requests failed for our credentials: that says nothing of the endpoint.
    Credentials {
        /// How many.
        requests: u64,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NothingCompleted => f.write_str("no request was completed"),
            Self::BlocksMissing { missing, planned } => {
                write!(f, "{missing} of {} missing", plural(planned.into(), "block"))
            }
            Self::BlocksCut { blocks } => {
                write!(f, "{} ended before time", plural(blocks.into(), "block"))
            }
            Self::Throttled { blocks } => write!(
                f,
                "{} gave up after a minute in which nearly every request was throttled, and the \
                 endpoint's later blocks of that round were left out: lower the load, or ask for a \
                 higher quota",
                plural(blocks.into(), "block")
            ),
            Self::FallenBehind { from_schedule_ms, service_ms } => {
                let [first, second] = from_schedule_ms.map(|ms| latency(float(ms)));
                let [before, after] = service_ms.map(|ms| latency(float(ms)));
                write!(
                    f,
                    "the endpoint did not keep up: mean latency from the schedule grew from {first} \
                     in the first half of the blocks to {second} in the second, and would grow \
                     without bound, while that of the service went from {before} to {after}"
                )
            }
            Self::ArrivalsMissed { missed, arrivals } => write!(
                f,
                "{} of {} never sent, every stream being busy to the end",
                count(missed),
                plural(arrivals, "arrival")
            ),
            Self::StreamsBusy { waited, arrivals, streams, blocks } => write!(
                f,
                "{} of {} found all {} busy, in {}",
                count(waited),
                plural(arrivals, "arrival"),
                plural(streams.into(), "stream"),
                plural(blocks.into(), "block")
            ),
            Self::RequestsCut { requests } => {
                write!(f, "{} cut while running, not in the latencies", plural(requests, "request"))
            }
            Self::WithoutUsage { requests } => {
                write!(f, "{} without token counts, not in the cost", plural(requests, "request"))
            }
            Self::NewConnections { requests } => {
                write!(f, "{} opened a new connection", plural(requests, "request"))
            }
            Self::CacheReads { requests } => {
                write!(f, "{} read from a prompt cache", plural(requests, "request"))
            }
            Self::Credentials { requests } => {
                write!(f, "{} failed for our own credentials", plural(requests, "request"))
            }
        }
    }
}

/// All that qualifies these figures, the gravest first.
pub(super) fn warnings(summary: &ExperimentSummary) -> Vec<Warning> {
    let requests = &summary.requests;
    let missing = whole(summary.missing_blocks.len());
    let stopped = whole(summary.stopped_blocks.len());
    let throttled = summary.throttled_blocks;
    let credentials =
        requests.errors_by_class.get(ErrorClass::Credentials.name()).copied().unwrap_or(0);
    let schedule = summary.schedule.as_ref();
    let unsent = schedule.filter(|schedule| schedule.missed > 0).map(|schedule| {
        Warning::ArrivalsMissed { missed: schedule.missed, arrivals: schedule.arrivals }
    });
    let busy = schedule.filter(|schedule| schedule.waited > 0).map(|schedule| {
        let (waited, arrivals) = (schedule.waited, schedule.arrivals);
        let (streams, blocks) = (summary.load.slots(), schedule.blocks_at_cap);
        Warning::StreamsBusy { waited, arrivals, streams, blocks }
    });
    [
        (requests.completed == 0).then_some(Warning::NothingCompleted),
        (credentials > 0).then_some(Warning::Credentials { requests: credentials }),
        (missing > 0)
            .then_some(Warning::BlocksMissing { missing, planned: summary.blocks_planned }),
        (throttled > 0).then_some(Warning::Throttled { blocks: throttled }),
        (stopped > throttled).then_some(Warning::BlocksCut { blocks: stopped - throttled }),
        summary.schedule.as_ref().and_then(fallen_behind),
        unsent,
        busy,
        (requests.cut > 0).then_some(Warning::RequestsCut { requests: requests.cut }),
        (summary.completed_without_usage > 0)
            .then_some(Warning::WithoutUsage { requests: summary.completed_without_usage }),
        (summary.new_connections > 0)
            .then_some(Warning::NewConnections { requests: summary.new_connections }),
        (summary.cache_reads > 0).then_some(Warning::CacheReads { requests: summary.cache_reads }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn fallen_behind(schedule: &ScheduleFigures) -> Option<Warning> {
    let halves = schedule.fallen_behind()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "latencies are positive, and `as` saturates"
    )]
    let whole_ms = |ms: f64| ms.round() as u64;
    Some(Warning::FallenBehind {
        from_schedule_ms: halves.map(|half| whole_ms(half.e2e_from_schedule_ms)),
        service_ms: halves.map(|half| whole_ms(half.e2e_ms)),
    })
}
