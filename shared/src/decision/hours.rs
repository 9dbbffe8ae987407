//! Whether latency goes with the time of day, and whether it drifts.
//!
//! What is compared are logarithms of means of E2E, because hours make services slower by a share
//! and not by milliseconds. Of at least two days a swing with a period of 24 hours is tested, with
//! rounds as units. Less than two days hold no hour twice, so no test can tell the time of day from
//! what happened once: there it is only tested whether the hours of that time differ, with blocks as
//! units (or rounds, where each hour has several).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::Zone;
use crate::stats::{DailyTest, GroupTest, Interval, Moment, SIGNIFICANT, Trend, float, holm};
use crate::summary::{ExperimentSummary, HoursSummary, RoundsSummary, RunSummary};
use crate::units::ExperimentId;

/// So many days hold every hour twice.
pub(crate) const DAYS_FOR_A_DAILY_EFFECT: f64 = 2.0;

/// What a run shows of the time of day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimeOfDay {
    /// How long it was measured, from its first round to one round after its last.
    pub days: f64,
    /// Each experiment, in the plan's order.
    pub experiments: Vec<HoursDecision>,
}

/// What an experiment shows of the time of day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HoursDecision {
    /// The experiment.
    pub experiment: ExperimentId,
    /// What the test shows.
    pub verdict: HoursVerdict,
    /// The p-value of the test; `None` where there is too little for one.
    pub p_value: Option<f64>,
    /// The same after Holm's correction for all experiments.
    pub p_holm: Option<f64>,
    /// The swing with a period of 24 hours; `None` for less than two days.
    pub swing: Option<Swing>,
    /// The hours that may be the fastest; empty where no difference is shown.
    pub fastest: Vec<u8>,
    /// The hours that may be the slowest; empty where no difference is shown. Both together hold the
    /// true ones in 95 % of runs.
    pub slowest: Vec<u8>,
    /// How E2E changed over the run; `None` with too few rounds.
    pub drift: Option<Change>,
}

/// What a test of the time of day shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoursVerdict {
    /// E2E swings with the time of day, the same every day.
    Daily,
    /// The hours of this run differ; whether they do every day cannot be told.
    HoursDiffer,
    /// No difference is shown.
    Indistinguishable,
    /// There are too few rounds, or blocks in an hour, for a test.
    TooFew,
}

/// A wave of 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Swing {
    /// How far it goes: the slowest time of the day is (1 + share) and the fastest (1 - share) times
    /// what lies in the middle.
    pub share: f64,
    /// The 95 % interval of `share`.
    pub interval: Interval,
    /// When it is slowest, in hours of the day from 0 to below 24.
    pub peak_hour: f64,
}

/// A change from the first round to the last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// As a share of the level at the first round: 0.1 for 10 % slower.
    pub share: f64,
    /// Its 95 % interval.
    pub interval: Interval,
}

/// The time of day of all experiments; `None` where the rounds lie in a single hour.
pub(super) fn decide(summary: &RunSummary) -> Option<TimeOfDay> {
    let HoursSummary { time_zone, .. } = summary.hours.as_ref()?;
    let days = days(summary.rounds.as_ref()?);
    let mut experiments: Vec<_> = summary
        .experiments
        .iter()
        .map(|experiment| Rounds::new(experiment, time_zone).decide(experiment, days))
        .collect();
    let p_values: Vec<_> = experiments.iter().filter_map(|decided| decided.p_value).collect();
    let tested = experiments.iter_mut().filter(|decided| decided.p_value.is_some());
    for (decided, p_holm) in tested.zip(holm(&p_values)) {
        decided.p_holm = Some(p_holm);
        if p_holm >= SIGNIFICANT {
            decided.verdict = HoursVerdict::Indistinguishable;
            decided.fastest.clear();
            decided.slowest.clear();
        }
    }
    Some(TimeOfDay { days, experiments })
}

fn days(rounds: &RoundsSummary) -> f64 {
    let numbers = || rounds.begun.iter().map(|time| time.round);
    let span = numbers().max().zip(numbers().min()).map_or(0, |(last, first)| last - first + 1);
    rounds.every.as_secs_f64() * f64::from(span) / 86_400.0
}

/// The blocks of an experiment by round: when each began in hours of local time, and the logarithm of
/// its mean E2E.
#[derive(Debug)]
struct Rounds(BTreeMap<u32, Vec<Moment>>);

impl Rounds {
    fn new(experiment: &ExperimentSummary, time_zone: &Zone) -> Self {
        let blocks = experiment.blocks.iter().filter_map(|block| {
            let began: Timestamp = block.began_at.as_ref()?.parse().ok()?;
            let e2e = block.e2e_mean_ms.filter(|ms| *ms > 0.0)?;
            Some((block.place.round, began, e2e.ln()))
        });
        let mut rounds: BTreeMap<u32, Vec<Moment>> = BTreeMap::new();
        let mut midnight = None;
        for (round, began, value) in blocks {
            // A day has 24 hours, also where clocks are changed in it.
            let utc = float(u64::try_from(began.as_millisecond()).unwrap_or(0)) / 3.6e6;
            let midnight = *midnight.get_or_insert_with(|| {
                let ahead = time_zone.hours_ahead(began);
                ((utc + ahead) / 24.0).floor() * 24.0 - ahead
            });
            rounds.entry(round).or_default().push((utc - midnight, value));
        }
        Self(rounds)
    }

    /// Mean time and mean value of each round.
    fn means(&self) -> Vec<Moment> {
        self.0.values().filter_map(|blocks| mean(blocks)).collect()
    }

    fn decide(&self, experiment: &ExperimentSummary, days: f64) -> HoursDecision {
        let rounds = self.means();
        let trend = Trend::of(&rounds, days);
        let mut decided = HoursDecision {
            experiment: experiment.experiment.clone(),
            verdict: HoursVerdict::TooFew,
            p_value: None,
            p_holm: None,
            swing: None,
            fastest: Vec::new(),
            slowest: Vec::new(),
            drift: trend.map(|trend| change(&trend)),
        };
        let is_daily = days >= DAYS_FOR_A_DAILY_EFFECT;
        let hours = if is_daily {
            let test = DailyTest::of(&rounds, days);
            decided.p_value = test.map(|test| test.p_value);
            decided.swing = test.map(|test| swing(&test));
            by_hour(&without(trend, rounds), |time| time.rem_euclid(24.0))
        } else {
            self.hours_of_this_run(&rounds)
        };
        let groups: Vec<Vec<f64>> = hours.iter().map(|(_, values)| values.clone()).collect();
        let test = GroupTest::of(&groups);
        if !is_daily {
            decided.p_value = test.as_ref().map(|test| test.p_value);
        }
        if decided.p_value.is_some() {
            decided.verdict =
                if is_daily { HoursVerdict::Daily } else { HoursVerdict::HoursDiffer };
        }
        let test = test.filter(|test| decided.p_value.is_some() && test.are_told_apart());
        if let Some(test) = test {
            decided.fastest = names(&hours, &test.lowest);
            decided.slowest = names(&hours, &test.highest);
        }
        decided
    }

    /// The values of each hour of less than two days: of rounds where each hour has several, else of
    /// blocks.
    fn hours_of_this_run(&self, rounds: &[Moment]) -> Vec<(u8, Vec<f64>)> {
        let of_rounds = by_hour(rounds, |time| time);
        if of_rounds.iter().all(|(_, values)| values.len() > 1) {
            return of_rounds;
        }
        let blocks: Vec<Moment> = self.0.values().flatten().copied().collect();
        by_hour(&blocks, |time| time)
    }
}

fn mean(blocks: &[Moment]) -> Option<Moment> {
    let count = float(blocks.len() as u64);
    let sum = blocks.iter().copied().reduce(|one, two| (one.0 + two.0, one.1 + two.1))?;
    Some((sum.0 / count, sum.1 / count))
}

/// The values by whole hours of a time, each with its hour of the day.
fn by_hour(moments: &[Moment], time_of: impl Fn(f64) -> f64) -> Vec<(u8, Vec<f64>)> {
    let mut hours: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for &(time, value) in moments {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 744")]
        let hour = time_of(time).floor() as u32;
        hours.entry(hour).or_default().push(value);
    }
    let hour_of_day = |hour: u32| u8::try_from(hour % 24).unwrap_or(0);
    hours.into_iter().map(|(hour, values)| (hour_of_day(hour), values)).collect()
}

/// The moments less their trend.
fn without(trend: Option<Trend>, mut moments: Vec<Moment>) -> Vec<Moment> {
    if let (Some(trend), [first, .., last]) = (trend, &moments[..]) {
        let (first, span) = (first.0, last.0 - first.0);
        for moment in &mut moments {
            moment.1 -= trend.rise * (moment.0 - first) / span;
        }
    }
    moments
}

/// The hours in these places, rising, each once.
fn names(hours: &[(u8, Vec<f64>)], places: &[usize]) -> Vec<u8> {
    let mut names: Vec<u8> = places.iter().filter_map(|&place| Some(hours.get(place)?.0)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Of logarithms: from a to b times a level is half of ln(b / a) to either side, and (b - a) / (b +
/// a) as a share of the middle.
fn swing(test: &DailyTest) -> Swing {
    let (low, high) = test.amplitude_ends;
    Swing {
        share: test.amplitude.tanh(),
        interval: Interval { low: Some(low.tanh()), high: Some(high.tanh()) },
        peak_hour: test.peak_hour,
    }
}

fn change(trend: &Trend) -> Change {
    let (low, high) = trend.ends;
    Change {
        share: trend.rise.exp_m1(),
        interval: Interval { low: Some(low.exp_m1()), high: Some(high.exp_m1()) },
    }
}

#[cfg(test)]
mod tests;
