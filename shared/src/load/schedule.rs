//! When the requests of an open loop are to be sent.
//!
//! Nothing of it is stored: it follows from the seed and the block's place in the run.

use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};
use sha2::{Digest, Sha256};

use crate::plan::OpenLoad;
use crate::units::{Arrivals, ExperimentId};

const NANOS_PER_MINUTE: u128 = 60_000_000_000;

/// The arrivals of one block, as times from the begin of its window, rising.
///
/// Each arrival follows a gap, the first too: then n arrivals take n gaps, and the rate is exact at
/// every length. Gaps are all the same, or exponential (a Poisson process).
#[derive(Debug, Clone)]
pub struct Schedule {
    load: OpenLoad,
    requests: Option<u32>,
    duration: Option<Duration>,
    gaps: ChaCha8Rng,
    arrived: u32,
    latest: Duration,
    /// Mean gaps until the latest random arrival.
    gaps_passed: f64,
}

impl Schedule {
    /// The arrivals of a block of an experiment in a round, until so many have come or the time is
    /// over; without either it has no end.
    pub fn new(
        load: OpenLoad,
        seed: u64,
        (experiment, round, block): (&ExperimentId, u32, u32),
        requests: Option<u32>,
        duration: Option<Duration>,
    ) -> Self {
        let mut hash = Sha256::new();
        hash.update(format!("arrivals\n{seed}\n{experiment}\n{round}\n{block}"));
        let gaps = ChaCha8Rng::from_seed(hash.finalize().into());
        Self {
            load,
            requests,
            duration,
            gaps,
            arrived: 0,
            latest: Duration::ZERO,
            gaps_passed: 0.0,
        }
    }

    /// When sending ends, once the last has arrived: then, or with the time that was given.
    pub fn end(&self) -> Duration {
        self.duration.filter(|_| !self.is_complete()).unwrap_or(self.latest)
    }

    /// Whether all its requests have arrived.
    pub fn is_complete(&self) -> bool {
        self.requests.is_some_and(|requests| self.arrived >= requests)
    }

    fn time_of_next(&mut self) -> Duration {
        let rate = self.load.rate_per_minute.get();
        match self.load.arrivals {
            Arrivals::Constant => {
                // From the begin each time, so that rounding does not add up.
                let passed = u128::from(self.arrived + 1) * NANOS_PER_MINUTE / u128::from(rate);
                Duration::from_nanos(u64::try_from(passed).unwrap_or(u64::MAX))
            }
            Arrivals::Poisson => {
                let gap: f64 = Exp1.sample(&mut self.gaps);
                self.gaps_passed += gap;
                Duration::from_secs_f64(self.gaps_passed * 60.0 / f64::from(rate))
            }
        }
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.is_complete() {
            return None;
        }
        let time = self.time_of_next();
        if self.duration.is_some_and(|duration| time > duration) {
            return None;
        }
        self.arrived += 1;
        self.latest = time;
        Some(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Concurrency, RatePerMinute};

    fn schedule(
        (rate, arrivals): (u32, Arrivals),
        (seed, block): (u64, u32),
        requests: Option<u32>,
        duration: Option<Duration>,
    ) -> Schedule {
        let rate_per_minute = RatePerMinute::new(rate).unwrap();
        let load = OpenLoad { rate_per_minute, arrivals, max_streams: Concurrency::ONE };
        let experiment = ExperimentId::from("m~d~r1".to_owned());
        Schedule::new(load, seed, (&experiment, 1, block), requests, duration)
    }

    #[test]
    fn constant_arrivals_are_exact_and_do_not_drift() {
        let rate = (7_000, Arrivals::Constant);
        let times: Vec<_> = schedule(rate, (1, 1), Some(7_000), None).collect();
        assert_eq!(times.len(), 7_000);
        assert_eq!(times[0], Duration::from_nanos(8_571_428));
        assert_eq!(times[6_999], Duration::from_mins(1));
    }

    #[test]
    fn what_comes_first_ends_it() {
        let rate = (60, Arrivals::Constant);
        let ten = Duration::from_secs(10);
        let mut by_time = schedule(rate, (1, 1), Some(11), Some(ten));
        assert_eq!(by_time.by_ref().last(), Some(ten), "the end is part of it");
        assert!(!by_time.is_complete());
        let mut by_requests = schedule(rate, (1, 1), Some(10), Some(ten));
        assert_eq!(by_requests.by_ref().count(), 10);
        assert!(by_requests.is_complete());
    }

    #[test]
    fn random_arrivals_follow_from_the_seed_and_the_block() {
        let times = |seed, block| -> Vec<Duration> {
            schedule((600, Arrivals::Poisson), (seed, block), Some(20_000), None).collect()
        };
        let (one, same) = (times(1, 1), times(1, 1));
        assert_eq!(one, same);
        assert!(one != times(2, 1) && one != times(1, 2));
        assert!(one.is_sorted());
        // The mean of 20,000 gaps of 100 ms is known to 0.7 % (a standard deviation); of exponential
        // gaps 1 / e are longer than their mean.
        let end = one.last().unwrap().as_secs_f64();
        assert!((end / 2_000.0 - 1.0).abs() < 0.02, "{end}");
        let gap = Duration::from_millis(100);
        let long = one.windows(2).filter(|pair| pair[1] > pair[0] + gap).count();
        assert!((7_100..7_600).contains(&long), "{long}");
    }
}
