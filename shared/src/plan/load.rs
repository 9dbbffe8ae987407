//! How requests are sent: the [`Load`] of an experiment.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{Arrivals, Concurrency, ExperimentId, Name, RatePerMinute};

/// The most streams of one load.
pub const MAX_STREAMS: u16 = 1000;

/// An open loop opens no fewer streams where it is not said how many: requests come in bunches.
const FEWEST_STREAMS: u64 = 10;

/// How requests are sent. Loads are ordered: closed ones before open ones, each by what they ask
/// of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// So many requests are in flight; the next is sent when one ends.
    Closed {
        /// Requests in flight.
        concurrency: Concurrency,
    },
    /// Requests arrive at a rate, whether or not earlier ones have been answered.
    Open(OpenLoad),
}

/// The load of an open loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OpenLoad {
    /// How many arrive in a minute.
    pub rate_per_minute: RatePerMinute,
    /// How they are spread over time.
    pub arrivals: Arrivals,
    /// The most requests in flight: as many connections are opened and warmed beforehand. What
    /// arrives while all are busy waits for one.
    pub max_streams: Concurrency,
}

impl Load {
    /// A closed loop of so many.
    pub fn closed(concurrency: Concurrency) -> Self {
        Self::Closed { concurrency }
    }

    /// The connections that it takes.
    pub fn slots(&self) -> u16 {
        match self {
            Self::Closed { concurrency } => concurrency.get(),
            Self::Open(open) => open.max_streams.get(),
        }
    }

    /// Requests in flight of a closed loop.
    pub fn concurrency(&self) -> Option<Concurrency> {
        match self {
            Self::Closed { concurrency } => Some(*concurrency),
            Self::Open(_) => None,
        }
    }

    /// The open loop that it is.
    pub fn open(&self) -> Option<OpenLoad> {
        match self {
            Self::Closed { .. } => None,
            Self::Open(open) => Some(*open),
        }
    }

    /// The key of an experiment under this load.
    pub fn experiment(&self, endpoint: &Name, dataset: &Name) -> ExperimentId {
        match self {
            Self::Closed { concurrency } => ExperimentId::closed(endpoint, dataset, *concurrency),
            Self::Open(open) => {
                ExperimentId::open(endpoint, dataset, open.rate_per_minute, open.arrivals)
            }
        }
    }

    /// Where there is little room: `8`, `120/min`, `120/min P` for Poisson arrivals.
    pub fn mark(&self) -> String {
        match self {
            Self::Closed { concurrency } => concurrency.to_string(),
            Self::Open(OpenLoad { rate_per_minute, arrivals: Arrivals::Constant, .. }) => {
                format!("{rate_per_minute}/min")
            }
            Self::Open(OpenLoad { rate_per_minute, arrivals: Arrivals::Poisson, .. }) => {
                format!("{rate_per_minute}/min P")
            }
        }
    }

    /// Within a sentence, after "at": `a concurrency of 8`, `120 a minute`.
    pub fn in_words(&self) -> String {
        match self {
            Self::Closed { concurrency } => format!("a concurrency of {concurrency}"),
            Self::Open(open) => open.to_string(),
        }
    }
}

impl fmt::Display for Load {
    /// `8 at a time`, `120 a minute`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { concurrency } => write!(f, "{concurrency} at a time"),
            Self::Open(open) => open.fmt(f),
        }
    }
}

impl OpenLoad {
    /// So many requests arrive in a span of time, rounded down.
    pub fn arrivals_in(&self, time: Duration) -> u32 {
        let arrivals = time.as_nanos() * u128::from(self.rate_per_minute.get()) / NANOS_PER_MINUTE;
        u32::try_from(arrivals).unwrap_or(u32::MAX)
    }

    /// The most that arrive in a span of time: of random arrivals four standard deviations more
    /// than their mean n, which is n + 4 x root of n, and 4 at least.
    pub fn arrivals_at_most(&self, time: Duration) -> u32 {
        let mean = self.arrivals_in(time);
        match self.arrivals {
            Arrivals::Constant => mean,
            Arrivals::Poisson => mean.saturating_add(4 * (mean.isqrt() + 1)),
        }
    }

    /// How long so many requests take to arrive, on average.
    pub fn time_of(&self, requests: u32) -> Duration {
        Duration::from_mins(1) * requests / self.rate_per_minute.get()
    }
}

impl fmt::Display for OpenLoad {
    /// `120 a minute`, `120 a minute (Poisson)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.rate_per_minute;
        match self.arrivals {
            Arrivals::Constant => write!(f, "{rate} a minute"),
            Arrivals::Poisson => write!(f, "{rate} a minute (Poisson)"),
        }
    }
}

const NANOS_PER_MINUTE: u128 = 60_000_000_000;

/// How many requests are in flight on average if each takes `each`: rate x time (Little's law),
/// rounded up.
pub fn streams_needed(rate: RatePerMinute, each: Duration) -> u64 {
    let needed = (u128::from(rate.get()) * each.as_nanos()).div_ceil(NANOS_PER_MINUTE);
    u64::try_from(needed).unwrap_or(u64::MAX)
}

/// The streams of an open loop where it is not said how many: twice what is needed on average, 10
/// at least and [`MAX_STREAMS`] at most.
pub(super) fn default_streams(rate: RatePerMinute, each: Duration) -> Concurrency {
    let twice = streams_needed(rate, each).saturating_mul(2);
    let streams = twice.clamp(FEWEST_STREAMS, MAX_STREAMS.into());
    u16::try_from(streams).ok().and_then(Concurrency::new).unwrap_or(Concurrency::ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(rate: u32, arrivals: Arrivals) -> Load {
        let max_streams = Concurrency::new(7).unwrap();
        let rate_per_minute = RatePerMinute::new(rate).unwrap();
        Load::Open(OpenLoad { rate_per_minute, arrivals, max_streams })
    }

    #[test]
    fn loads_are_ordered_and_named() {
        let closed = |slots| Load::closed(Concurrency::new(slots).unwrap());
        let (even, random) = (Arrivals::Constant, Arrivals::Poisson);
        let loads = [closed(2), closed(10), open(60, even), open(60, random), open(120, even)];
        assert!(loads.is_sorted());
        let (endpoint, dataset) = ("m".parse().unwrap(), "d".parse().unwrap());
        let names = loads.map(|load| {
            let id = load.experiment(&endpoint, &dataset);
            format!("{id}: {load}, at {}, {}", load.in_words(), load.mark())
        });
        insta::assert_snapshot!(names.join("\n"), @r"
        m~d~c2: 2 at a time, at a concurrency of 2, 2
        m~d~c10: 10 at a time, at a concurrency of 10, 10
        m~d~r60: 60 a minute, at 60 a minute, 60/min
        m~d~r60-poisson: 60 a minute (Poisson), at 60 a minute (Poisson), 60/min P
        m~d~r120: 120 a minute, at 120 a minute, 120/min
        ");
    }

    #[test]
    fn streams_follow_from_the_rate_and_the_time_of_a_request() {
        let check = |rate, seconds, needed, default| {
            let (rate, each) = (RatePerMinute::new(rate).unwrap(), Duration::from_secs(seconds));
            assert_eq!(streams_needed(rate, each), needed);
            assert_eq!(default_streams(rate, each).get(), default);
        };
        check(60, 3, 3, 10);
        check(601, 3, 31, 62);
        check(18_000, 3, 900, 1000);
        check(600_000, 3, 30_000, 1000);
    }

    #[test]
    fn a_span_of_time_holds_what_arrives_in_it() {
        let Load::Open(load) = open(90, Arrivals::Constant) else { panic!("an open load") };
        assert_eq!(load.arrivals_in(Duration::from_secs(10)), 15);
        assert_eq!(load.arrivals_in(Duration::from_millis(9_999)), 14);
        assert_eq!(load.time_of(15), Duration::from_secs(10));
    }
}
