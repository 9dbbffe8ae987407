//! Made-up services whose true mean and percentiles are known.

use std::f64::consts::TAU;
use std::fmt;

use rand::{Rng, RngExt};
use shared::stats::Percentile;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::study::PERCENTILES;

/// Standard deviation of the logarithm of a latency: a coefficient of variation of 0.53.
const SPREAD: f64 = 0.5;

/// Standard deviation of the logarithm of what all requests of a block have in common.
const BLOCK_EFFECT: f64 = 0.15;

/// Correlation of the logarithms of successive latencies.
const CORRELATION: f64 = 0.7;

/// The median of a latency without a queue or drift, milliseconds.
const MEDIAN_MS: f64 = 1000.0;

/// The mean time of the queue's server for a request, milliseconds.
const SERVICE_MS: f64 = 400.0;

/// A service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Process {
    pub(crate) kind: Kind,
    /// Each block is slower or faster as a whole.
    pub(crate) blocks_differ: bool,
}

/// How latencies come about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Independent, lognormal.
    Independent,
    /// Lognormal, their logarithms a first-order autoregression.
    Correlated,
    /// A constant and the time in a queue with one server, random arrivals and exponential service
    /// (M/M/1, by Lindley's recursion, in its steady state).
    Queue {
        /// How much of the time the server is busy.
        busy: f64,
    },
    /// Independent, lognormal; the median rises by half from the start to the end of the run.
    Rising,
    /// The same with a median that swings by a quarter up and down, once in the run.
    Swinging,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Independent => f.write_str("independent")?,
            Kind::Correlated => f.write_str("autocorrelated")?,
            Kind::Queue { busy } => write!(f, "queue, {:.0} % busy", busy * 100.0)?,
            Kind::Rising => f.write_str("drift: rises by half")?,
            Kind::Swinging => f.write_str("drift: swings by a quarter")?,
        }
        f.write_str(if self.blocks_differ { ", blocks differ" } else { "" })
    }
}

impl Process {
    /// The factor by which all is slower at a time of the run, from 0 to 1.
    fn drift(self, time: f64) -> f64 {
        match self.kind {
            Kind::Independent | Kind::Correlated | Kind::Queue { .. } => 1.0,
            Kind::Rising => 1.0 + time / 2.0,
            Kind::Swinging => 1.0 + (TAU * time).sin() / 4.0,
        }
    }

    /// The latencies of a block, milliseconds, in the order of their sends; `times` are those of the
    /// run, from 0 to 1.
    pub(crate) fn block(self, rng: &mut impl Rng, times: impl Iterator<Item = f64>) -> Vec<f64> {
        let effect = if self.blocks_differ { (BLOCK_EFFECT * normal(rng)).exp() } else { 1.0 };
        let mut next = self.kind.steady(rng);
        times.map(|time| next(rng) * effect * self.drift(time)).collect()
    }

    /// What a run without end would give, its requests spread evenly over all times and blocks.
    pub(crate) fn truth(self) -> Truth {
        let factors = self.factors();
        let average = |of: &dyn Fn(f64) -> f64| {
            factors.iter().map(|&factor| of(factor)).sum::<f64>() / f64::from(STEPS)
        };
        let percentile = |percentile: Percentile| {
            let wanted = f64::from(percentile.percent()) / 100.0;
            let (mut low, mut high) = (0.0, 1e6);
            for _ in 0..60 {
                let middle = f64::midpoint(low, high);
                if average(&|factor| self.kind.share(middle / factor)) < wanted {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            low
        };
        Truth {
            mean: self.kind.mean() * average(&|factor| factor),
            percentiles: PERCENTILES.map(percentile),
        }
    }

    /// What all is slower by, as so many equally frequent factors.
    fn factors(self) -> Vec<f64> {
        let standard = Normal::standard();
        let factor = |share: f64| {
            let effect = BLOCK_EFFECT * standard.inverse_cdf(share);
            if self.blocks_differ { effect.exp() } else { self.drift(share) }
        };
        (0..STEPS).map(|step| factor((f64::from(step) + 0.5) / f64::from(STEPS))).collect()
    }
}

/// How finely drifts and effects of blocks are averaged for the truth.
const STEPS: u32 = 1000;

impl Kind {
    /// One latency after the other, milliseconds, from the steady state.
    fn steady<R: Rng>(self, rng: &mut R) -> impl FnMut(&mut R) -> f64 + use<R> {
        let mut log = normal(rng);
        let mut waiting = match self {
            Self::Queue { busy } if rng.random::<f64>() < busy => {
                exponential(rng, SERVICE_MS / (1.0 - busy))
            }
            Self::Queue { .. }
            | Self::Independent
            | Self::Correlated
            | Self::Rising
            | Self::Swinging => 0.0,
        };
        let innovation = (1.0 - CORRELATION * CORRELATION).sqrt();
        move |rng| match self {
            Self::Independent | Self::Rising | Self::Swinging => {
                MEDIAN_MS * (SPREAD * normal(rng)).exp()
            }
            Self::Correlated => {
                log = CORRELATION * log + innovation * normal(rng);
                MEDIAN_MS * (SPREAD * log).exp()
            }
            Self::Queue { busy } => {
                let served = waiting + exponential(rng, SERVICE_MS);
                waiting = (served - exponential(rng, SERVICE_MS / busy)).max(0.0);
                MEDIAN_MS + served
            }
        }
    }

    /// The mean, milliseconds.
    fn mean(self) -> f64 {
        match self {
            Self::Independent | Self::Correlated | Self::Rising | Self::Swinging => {
                MEDIAN_MS * (SPREAD * SPREAD / 2.0).exp()
            }
            Self::Queue { busy } => MEDIAN_MS + SERVICE_MS / (1.0 - busy),
        }
    }

    /// The share of latencies up to `ms`.
    fn share(self, ms: f64) -> f64 {
        match self {
            Self::Independent | Self::Correlated | Self::Rising | Self::Swinging => {
                Normal::standard().cdf((ms / MEDIAN_MS).ln() / SPREAD)
            }
            // The time in an M/M/1 queue is exponential.
            Self::Queue { busy } => {
                1.0 - (-(ms - MEDIAN_MS).max(0.0) * (1.0 - busy) / SERVICE_MS).exp()
            }
        }
    }
}

/// What is to be found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Truth {
    /// The mean, milliseconds.
    pub(crate) mean: f64,
    /// The percentiles of the study, milliseconds.
    pub(crate) percentiles: [f64; 4],
}

/// A standard normal number, by Box and Muller.
pub(crate) fn normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (TAU * rng.random::<f64>()).cos()
}

fn exponential(rng: &mut impl Rng, mean: f64) -> f64 {
    -(1.0 - rng.random::<f64>()).ln() * mean
}
