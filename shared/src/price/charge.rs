//! What a request is charged, so that what a run spends can be bounded before it is known.

use super::Price;
use crate::record::{ErrorClass, Outcome, Phase, Record, Served, Timeline, Usage};
use crate::units::NanoUsd;

/// What the requests of an experiment cost: by their usage, or by our bound of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tariff {
    /// What it is charged by.
    pub price: Price,
    /// The most that a warm-up request costs by our bound.
    pub warmup_bound: NanoUsd,
    /// The most that a measured request costs by our bound.
    pub measured_bound: NanoUsd,
}

/// What a request is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// The cost of the tokens that the service reported.
    Usage(NanoUsd),
    /// The bound: no usage was reported, and it may have cost as much.
    Bound(NanoUsd),
    /// Nothing, for sure.
    Nothing,
}

impl Charge {
    /// The amount.
    pub fn amount(self) -> NanoUsd {
        match self {
            Self::Usage(amount) | Self::Bound(amount) => amount,
            Self::Nothing => NanoUsd::ZERO,
        }
    }
}

impl Tariff {
    /// The most that a request of the phase costs by our bound.
    pub fn bound(&self, phase: Phase) -> NanoUsd {
        match phase {
            Phase::Warmup => self.warmup_bound,
            Phase::Measured => self.measured_bound,
        }
    }

    /// What a request is charged: its usage where that was reported; nothing where it surely cost
    /// nothing ([`is_free`]), or where time is what costs, which passes without it too; else the
    /// bound.
    pub fn charge(
        &self,
        phase: Phase,
        outcome: Outcome,
        usage: &Usage,
        served: &Served,
        timeline: &Timeline,
    ) -> Charge {
        match self.price.of_usage(usage) {
            _ if self.price.hours().is_some() => Charge::Nothing,
            Some(cost) => Charge::Usage(cost),
            None if is_free(outcome, served, timeline) => Charge::Nothing,
            None => Charge::Bound(self.bound(phase)),
        }
    }

    /// What a recorded request is charged.
    pub fn charge_of(&self, record: &Record) -> Charge {
        let Record { phase, outcome, usage, served, timeline, .. } = record;
        self.charge(*phase, *outcome, usage, served, timeline)
    }
}

/// Whether a request without usage surely cost nothing: it was never sent, or the service refused
/// it with a status of 4xx before any content, for a reason that lies before the model (its rate,
/// its form, permissions, a model that is not there or not ready). A model that failed or took too
/// long (424, 408) may have been paid for, and so may whatever ended without saying why.
pub fn is_free(outcome: Outcome, served: &Served, timeline: &Timeline) -> bool {
    use ErrorClass as Class;
    let before_the_model = match outcome {
        Outcome::Throttled => true,
        Outcome::Failed(class) => match class {
            Class::ModelNotReady
            | Class::Validation
            | Class::AccessDenied
            | Class::NotFound
            | Class::EndOfLife
            | Class::QuotaExceeded
            | Class::Credentials => true,
            Class::ModelTimeout
            | Class::ModelError
            | Class::Server
            | Class::Connection
            | Class::Protocol => false,
        },
        Outcome::Completed | Outcome::TimedOut(_) | Outcome::Cut => false,
    };
    let refused = served.status.is_some_and(|status| (400..500).contains(&status));
    served.never_sent || (before_the_model && refused && timeline.content_events == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::TokenPrice;
    use crate::record::{Deadline, UsageSource};

    fn tariff() -> Tariff {
        let price = TokenPrice {
            input_per_1k_nano_usd: NanoUsd(1_000_000),
            output_per_1k_nano_usd: NanoUsd(2_000_000),
            source: String::new(),
        };
        let price = Price::Tokens(price);
        Tariff { price, warmup_bound: NanoUsd(7), measured_bound: NanoUsd(900_000) }
    }

    fn check(outcome: Outcome, status: Option<u16>, content_events: u32, expected: Charge) {
        let served = Served { status, ..Served::default() };
        let timeline = Timeline { content_events, ..Timeline::default() };
        let (tariff, usage) = (tariff(), Usage::default());
        let charge = tariff.charge(Phase::Measured, outcome, &usage, &served, &timeline);
        assert_eq!(charge, expected, "{outcome:?} {status:?}");
    }

    #[test]
    fn only_what_surely_cost_nothing_is_free() {
        use ErrorClass as Class;
        let bound = Charge::Bound(NanoUsd(900_000));
        check(Outcome::Throttled, Some(429), 0, Charge::Nothing);
        check(Outcome::Throttled, Some(200), 0, bound);
        check(Outcome::Failed(Class::Validation), Some(400), 0, Charge::Nothing);
        check(Outcome::Failed(Class::AccessDenied), Some(403), 0, Charge::Nothing);
        check(Outcome::Failed(Class::ModelTimeout), Some(408), 0, bound);
        check(Outcome::Failed(Class::ModelError), Some(424), 0, bound);
        check(Outcome::Failed(Class::Server), Some(503), 0, bound);
        check(Outcome::Failed(Class::Connection), None, 0, bound);
        check(Outcome::TimedOut(Deadline::Stall), Some(200), 3, bound);
        check(Outcome::Completed, Some(200), 3, bound);
        check(Outcome::Cut, None, 0, bound);
    }

    #[test]
    fn usage_counts_whatever_the_outcome_and_what_was_never_sent_is_free() {
        let tariff = tariff();
        let usage = Usage { input_tokens: Some(100), output_tokens: Some(10), ..Usage::default() };
        let (failed, timeline) = (Outcome::Failed(ErrorClass::Server), Timeline::default());
        let charge = |usage: &Usage, served: &Served| {
            tariff.charge(Phase::Warmup, failed, usage, served, &timeline)
        };
        assert_eq!(charge(&usage, &Served::default()), Charge::Usage(NanoUsd(120_000)));
        assert_eq!(charge(&Usage::default(), &Served::default()), Charge::Bound(NanoUsd(7)));
        let estimated = Usage { source: Some(UsageSource::Estimate), ..usage };
        assert_eq!(charge(&estimated, &Served::default()), Charge::Bound(NanoUsd(7)));
        let unsent = Served { never_sent: true, ..Served::default() };
        assert_eq!(charge(&Usage::default(), &unsent), Charge::Nothing);
    }
}
