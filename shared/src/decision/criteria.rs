//! Whether an experiment meets the criteria, by its point estimates and their intervals.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::plan::{Criteria, LatencyMetric, Statistic};
use crate::stats::{FEWEST_CLUSTERS, Interval};
use crate::summary::{ExperimentSummary, Grade, milliseconds};
use crate::units::{ExperimentId, NanoUsd};
use crate::words;

/// What a limit is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// A statistic of a latency.
    Latency {
        /// Which latency.
        metric: LatencyMetric,
        /// Which statistic of it.
        statistic: Statistic,
    },
    /// The share of failed requests.
    ErrorRate,
    /// What 10,000 transactions cost.
    CostPer10kTransactions,
}

impl Criterion {
    /// What values and limits of it are in.
    pub fn unit(self) -> Unit {
        match self {
            Self::Latency { .. } => Unit::Ms,
            Self::ErrorRate => Unit::Ratio,
            Self::CostPer10kTransactions => Unit::Usd,
        }
    }

    /// A value of it in words.
    pub(crate) fn words(self, value: f64) -> String {
        match self.unit() {
            Unit::Ms => words::latency(value),
            Unit::Ratio => words::percent(value),
            Unit::Usd => NanoUsd::from_usd(value).map_or_else(|| words::number(value), words::usd),
        }
    }
}

impl Criterion {
    /// A limit of it in words, with the digits that it was set with.
    pub(crate) fn limit_words(self, limit: f64) -> String {
        match self.unit() {
            Unit::Ms => words::exact_latency(limit),
            Unit::Usd if limit.fract() == 0.0 => format!("${limit}"),
            // Rounded where binary fractions show, far below what anybody sets.
            Unit::Ratio => format!("{} %", (limit * 1e8).round() / 1e6),
            Unit::Usd => self.words(limit),
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Latency { metric, statistic } => {
                write!(f, "{} {}", words::statistic_name(statistic), words::metric_name(metric))
            }
            Self::ErrorRate => f.write_str("error rate"),
            Self::CostPer10kTransactions => f.write_str("cost per 10,000 transactions"),
        }
    }
}

/// The unit of a criterion's values and limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// 0 to 1.
    Ratio,
    /// US dollars.
    Usd,
}

/// A criterion with its limit: a value up to the limit, the limit included, meets it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// What is limited.
    pub criterion: Criterion,
    /// The unit of `limit`.
    pub unit: Unit,
    /// The largest value allowed.
    pub limit: f64,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.criterion.limit_words(self.limit);
        match self.criterion {
            Criterion::ErrorRate if self.limit == 0.0 => f.write_str("no errors"),
            Criterion::CostPer10kTransactions => {
                write!(f, "cost ≤ {limit} per 10,000 transactions")
            }
            Criterion::Latency { .. } | Criterion::ErrorRate => {
                write!(f, "{} ≤ {limit}", self.criterion)
            }
        }
    }
}

/// Whether a criterion is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The value is at most the limit, and so is the upper end of its interval, which rests on at
    /// least five blocks.
    Shown,
    /// The value is at most the limit, but its interval holds the limit, or rests on fewer than
    /// five blocks, or there is none.
    Met,
    /// The value is above the limit.
    NotMet,
    /// There is no value.
    NoData,
}

/// One criterion of one experiment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// What is judged.
    pub criterion: Criterion,
    /// The unit of `value` and `limit`.
    pub unit: Unit,
    /// The point estimate.
    pub value: Option<f64>,
    /// The largest value allowed.
    pub limit: f64,
    /// The 95 % interval of the value.
    #[serde(default)]
    pub interval: Option<Interval>,
    /// Whether it holds.
    pub verdict: Verdict,
    /// The value is a percentile of too few samples.
    pub too_few_samples: bool,
}

impl Judgement {
    /// How far the value is above the limit, in shares of the limit: value / limit - 1. Above a
    /// limit of 0 it is in shares of 0.01 of the unit (one percent of errors, a cent), so that
    /// misses of it can be compared too.
    pub fn excess(&self) -> Option<f64> {
        let whole = if self.limit > 0.0 { self.limit } else { 0.01 };
        Some((self.value? - self.limit) / whole)
    }

    /// The value is within the limit.
    pub fn is_met(&self) -> bool {
        matches!(self.verdict, Verdict::Shown | Verdict::Met)
    }

    /// It is met but not shown, though a sample could show it.
    pub(crate) fn is_in_doubt(&self) -> bool {
        let cannot_be_shown = self.criterion == Criterion::ErrorRate && self.limit == 0.0;
        self.verdict == Verdict::Met && !cannot_be_shown
    }

    /// `p95 E2E ≤ 2 s`.
    pub(crate) fn limit(&self) -> Limit {
        Limit { criterion: self.criterion, unit: self.unit, limit: self.limit }
    }

    /// `p95 E2E 2.47 s against a limit of 2.00 s`.
    pub(crate) fn words(&self) -> String {
        let value =
            self.value.map_or_else(|| "unknown".to_owned(), |value| self.criterion.words(value));
        let limit = self.criterion.limit_words(self.limit);
        format!("{} {value} against a limit of {limit}", self.criterion)
    }
}

/// One experiment against all criteria.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentJudgement {
    /// Which experiment.
    pub experiment: ExperimentId,
    /// At least one request was completed, the figures are not INVALID, and every criterion is
    /// met.
    pub qualifies: bool,
    /// It qualifies, and every criterion is shown. That there are no errors at all no sample can
    /// show: with a limit of 0 it is enough that none was seen.
    #[serde(default)]
    pub shown: bool,
    /// The criteria in the order of [`limits`].
    pub criteria: Vec<Judgement>,
}

/// The criteria as a list: latencies as configured, error rate, cost.
pub fn limits(criteria: &Criteria) -> Vec<Limit> {
    let latencies = criteria.latency.iter().map(|latency| {
        let criterion = Criterion::Latency { metric: latency.metric, statistic: latency.statistic };
        (criterion, milliseconds(latency.limit))
    });
    let errors = criteria.error_rate.map(|rate| (Criterion::ErrorRate, rate));
    let cost = criteria
        .cost_per_10k_transactions
        .map(|cost| (Criterion::CostPer10kTransactions, cost.as_usd()));
    latencies
        .chain(errors)
        .chain(cost)
        .map(|(criterion, limit)| Limit { criterion, unit: criterion.unit(), limit })
        .collect()
}

/// Judges an experiment: by its point estimates whether criteria are met, by their intervals whether
/// they are shown. A criterion without data is not met.
pub fn judge(limits: &[Limit], summary: &ExperimentSummary) -> ExperimentJudgement {
    let criteria: Vec<_> = limits.iter().map(|limit| judge_one(limit, summary)).collect();
    let qualifies = criteria.iter().all(Judgement::is_met)
        && summary.requests.completed > 0
        && summary.validity.grade != Grade::Invalid;
    ExperimentJudgement {
        experiment: summary.experiment.clone(),
        qualifies,
        shown: qualifies && criteria.iter().all(|judged| !judged.is_in_doubt()),
        criteria,
    }
}

fn judge_one(limit: &Limit, summary: &ExperimentSummary) -> Judgement {
    let (value, interval, too_few_samples) = match limit.criterion {
        Criterion::Latency { metric, statistic } => {
            let stats = summary.latency(metric);
            let flagged = stats.is_some_and(|stats| stats.is_statistic_flagged(statistic));
            let value = stats.map(|stats| stats.statistic_ms(statistic));
            (value, stats.and_then(|stats| stats.intervals.of(statistic)), flagged)
        }
        Criterion::ErrorRate => (summary.error_rate, summary.error_rate_interval, false),
        Criterion::CostPer10kTransactions => {
            let cost = summary.cost.map(|cost| cost.per_10k_transactions_nano_usd.as_usd());
            (cost, summary.cost_interval, false)
        }
    };
    // Intervals of fewer blocks do not see what differs from one time to another.
    let at_most = interval
        .filter(|_| summary.blocks.len() >= FEWEST_CLUSTERS as usize)
        .and_then(|interval| interval.high);
    let verdict = match value {
        None => Verdict::NoData,
        Some(value) if value > limit.limit => Verdict::NotMet,
        Some(_) if at_most.is_some_and(|high| high <= limit.limit) => Verdict::Shown,
        Some(_) => Verdict::Met,
    };
    Judgement {
        criterion: limit.criterion,
        unit: limit.unit,
        value,
        limit: limit.limit,
        interval,
        verdict,
        too_few_samples,
    }
}
