//! What the choices save against the endpoint that is used today.

use serde::{Deserialize, Serialize};

use super::capacity::{transaction_usd, workload_tokens};
use super::compare::costs;
use super::sentence::{place, signed_usd, spread};
use super::{Candidate, Choice, DatasetDecision, choice};
use crate::plan::Plan;
use crate::stats::{FEWEST_PAIRS, Interval, PairedTest, differences};
use crate::units::{ExperimentId, Name};

/// Hours of a month: 365 x 24 / 12.
const HOURS_PER_MONTH: f64 = 730.0;

/// The rate where no workload is set, requests a minute.
const DEFAULT_RATE: f64 = 10.0;

/// What the choice saves against the endpoint that is used today, if all requests were of the
/// dataset: those of several datasets are not to be added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saving {
    /// The dataset.
    pub dataset: Name,
    /// The baseline's experiment that it is told against: its best, whether it meets the criteria
    /// or not.
    pub baseline: ExperimentId,
    /// The baseline's experiment meets the criteria.
    #[serde(default)]
    pub baseline_qualifies: bool,
    /// The choice.
    pub chosen: ExperimentId,
    /// The rate that it is told for.
    pub requests_per_minute: f64,
    /// What a month (730 hours) costs less, US dollars; negative where it costs more.
    pub usd_per_month: f64,
    /// That in words, with its certainty.
    pub words: String,
}

/// What the choice for a dataset saves; `None` without a choice, a baseline or its cost.
pub(super) fn saving(
    plan: &Plan,
    decided: &DatasetDecision,
    rivals: &[Candidate<'_>],
) -> Option<Saving> {
    let Choice::Best { experiment, .. } = &decided.choice else { return None };
    let chosen = rivals.iter().find(|rival| rival.summary.experiment == *experiment)?;
    let levels =
        rivals.iter().filter(|rival| Some(&rival.summary.endpoint) == plan.baseline.as_ref());
    let levels: Vec<_> = levels.copied().collect();
    let qualified = choice::ranking(&levels).first().map(|(_, best)| *best);
    let baseline = qualified.or_else(|| {
        levels
            .iter()
            .filter(|level| level.price().is_some())
            .min_by_key(|level| level.price())
            .copied()
    })?;
    let rate = plan.workload.map_or(DEFAULT_RATE, |workload| workload.requests_per_minute);
    let transactions = rate * 60.0 * HOURS_PER_MONTH;
    let before = transaction_usd(plan, baseline.summary)?;
    let usd_per_month = (before - transaction_usd(plan, chosen.summary)?) * transactions;
    let (chosen, baseline) = (chosen.summary, baseline.summary);
    let certainty = if workload_tokens(plan).is_some() {
        "by the workload's own tokens, so without an interval".to_owned()
    } else {
        let differences = differences(&costs(chosen), &costs(baseline));
        certainty(&differences, transactions / 10_000.0, usd_per_month.signum())
    };
    let at = match plan.workload {
        Some(_) => format!("at the workload's {rate} requests a minute"),
        None => format!("at {rate} requests a minute (no workload is set)"),
    };
    let size = signed_usd(usd_per_month.abs());
    let what = if usd_per_month < 0.0 {
        format!("costs {size} more a month")
    } else {
        format!("saves {size} a month")
    };
    let words = if chosen.endpoint == baseline.endpoint {
        format!("{} is the baseline's own: there is nothing to change.", place(chosen))
    } else {
        let named = format!("{} instead of {}", place(chosen), place(baseline));
        format!("{named} {what} of 730 hours {at}: {certainty}.")
    };
    Some(Saving {
        dataset: decided.dataset.clone(),
        baseline: baseline.experiment.clone(),
        baseline_qualifies: qualified.is_some(),
        chosen: chosen.experiment.clone(),
        requests_per_minute: rate,
        usd_per_month,
        words,
    })
}

/// How sure a difference for 10,000 transactions is when it is multiplied by `times`, told with
/// `sign`.
fn certainty(differences: &[f64], times: f64, sign: f64) -> String {
    let enough = differences.len() >= FEWEST_PAIRS as usize;
    let Some(test) = PairedTest::of(differences).filter(|_| enough) else {
        return format!("not tested, with fewer than {FEWEST_PAIRS} replicates in common");
    };
    let end = |end: Option<f64>| end.map(|end| end * times);
    let interval = Interval { low: end(test.interval.low), high: end(test.interval.high) };
    let may_be_none = interval.low <= Some(0.0) && Some(0.0) <= interval.high;
    let doubt = if may_be_none { ", so there may be no difference" } else { "" };
    format!("{}{doubt}", spread(interval, sign))
}
