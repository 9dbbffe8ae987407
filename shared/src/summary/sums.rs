//! What single records add to sums.

use super::{RequestCounts, Spending};
use crate::price::{Charge, Tariff};
use crate::record::{Outcome, Phase, Record};
use crate::stats::float;

/// A sum with its count.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    pub(super) sum: u128,
    pub(super) count: u64,
}

impl Mean {
    pub(super) fn add(&mut self, value: Option<u64>) {
        if let Some(value) = value {
            self.sum += u128::from(value);
            self.count += 1;
        }
    }

    pub(super) fn total(self) -> Option<f64> {
        (self.count > 0).then(|| float(u64::try_from(self.sum).unwrap_or(u64::MAX)))
    }

    pub(super) fn mean(self) -> Option<f64> {
        Some(self.total()? / float(self.count))
    }
}

impl RequestCounts {
    pub(super) fn add(&mut self, outcome: Outcome) {
        self.sent += 1;
        match outcome {
            Outcome::Completed => self.completed += 1,
            Outcome::Throttled => self.throttled += 1,
            Outcome::TimedOut(_) => self.timed_out += 1,
            Outcome::Cut => self.cut += 1,
            Outcome::Failed(_) => self.failed += 1,
        }
        if let Some(class) = outcome.error_class() {
            *self.errors_by_class.entry(class.to_owned()).or_default() += 1;
        }
    }
}

impl Spending {
    pub(super) fn add(&mut self, record: &Record, tariff: Option<&Tariff>) {
        self.requests += 1;
        self.warmup_requests += u64::from(record.phase == Phase::Warmup);
        self.input_tokens += u64::from(record.usage.input_tokens.unwrap_or(0));
        self.output_tokens += u64::from(record.usage.output_tokens.unwrap_or(0));
        let usage = record.usage.input_tokens.zip(record.usage.output_tokens);
        self.without_usage += u64::from(usage.is_none());
        match tariff.map(|tariff| tariff.charge_of(record)) {
            Some(Charge::Usage(cost)) => {
                self.spent_nano_usd = self.spent_nano_usd.saturating_add(cost);
            }
            Some(Charge::Bound(bound)) => {
                self.charged_at_bound += 1;
                self.charged_at_bound_nano_usd =
                    self.charged_at_bound_nano_usd.saturating_add(bound);
            }
            Some(Charge::Nothing) | None => {}
        }
    }

    /// Adds what another part sent and cost.
    pub(crate) fn join(&mut self, other: &Self) {
        self.requests += other.requests;
        self.warmup_requests += other.warmup_requests;
        self.without_usage += other.without_usage;
        self.charged_at_bound += other.charged_at_bound;
        self.charged_at_bound_nano_usd =
            self.charged_at_bound_nano_usd.saturating_add(other.charged_at_bound_nano_usd);
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.spent_nano_usd = self.spent_nano_usd.saturating_add(other.spent_nano_usd);
    }
}
