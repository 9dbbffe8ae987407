//! The best endpoint over all datasets.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compare::{ComparisonVerdict, Costs, costs, verdict};
use super::{Candidate, limits};
use crate::plan::Plan;
use crate::stats::{FEWEST_PAIRS, test_rivals};
use crate::units::{Name, NanoUsd};
use crate::words::{list, percent, usd};

/// The best endpoint over all datasets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overall {
    /// The endpoint.
    pub endpoint: Name,
    /// Datasets on which it meets all criteria.
    pub qualified_datasets: u32,
    /// All datasets.
    pub datasets: u32,
    /// The next best.
    pub runner_up: Option<Name>,
    /// The choice with its reason and certainty in words.
    pub words: String,
}

/// What qualifies for a dataset, with its price, the best first.
type Ranking<'a> = Vec<(NanoUsd, Candidate<'a>)>;

/// What an endpoint comes to over the datasets on which it qualifies.
#[derive(Debug)]
struct Contender<'a> {
    endpoint: &'a Name,
    /// On which datasets.
    datasets: Vec<&'a Name>,
    /// On how many of them its criteria are all shown.
    shown: usize,
    /// The sum over them of what 10,000 transactions cost with its best experiment.
    cost: NanoUsd,
    /// The same with its cheapest that meet the criteria, shown or not.
    least: NanoUsd,
    /// The same for each replicate that all of them have.
    costs: Costs,
}

/// The endpoint that qualifies on most datasets, then on most with every criterion shown, then the one
/// with the least summed cost; `rankings` holds what qualifies for each dataset, the best first. `None`
/// where there is but one dataset, of which all is said already.
pub(super) fn overall(plan: &Plan, rankings: &[(&Name, Ranking<'_>)]) -> Option<Overall> {
    if plan.datasets.len() < 2 {
        return None;
    }
    let mut contenders: Vec<_> =
        plan.endpoints.iter().filter_map(|endpoint| contender(&endpoint.name, rankings)).collect();
    contenders.sort_by_key(|c| (Reverse(c.datasets.len()), Reverse(c.shown), c.cost));
    let first = contenders.first()?;
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Some(Overall {
        endpoint: first.endpoint.clone(),
        qualified_datasets: count(first.datasets.len()),
        datasets: count(plan.datasets.len()),
        runner_up: contenders.get(1).map(|next| next.endpoint.clone()),
        words: words(&contenders, plan.datasets.len(), limits(&plan.criteria).is_empty()),
    })
}

fn contender<'a>(
    endpoint: &'a Name,
    rankings: &[(&'a Name, Ranking<'_>)],
) -> Option<Contender<'a>> {
    let mut contender = Contender {
        endpoint,
        datasets: Vec::new(),
        shown: 0,
        cost: NanoUsd::ZERO,
        least: NanoUsd::ZERO,
        costs: BTreeMap::new(),
    };
    for (dataset, ranked) in rankings {
        let own = || ranked.iter().filter(|(_, c)| c.summary.endpoint == *endpoint);
        let (Some((price, candidate)), Some(least)) =
            (own().next(), own().map(|(price, _)| *price).min())
        else {
            continue;
        };
        let mut costs = costs(candidate.summary);
        if !contender.datasets.is_empty() {
            costs.retain(|place, _| contender.costs.contains_key(place));
            for (place, cost) in &mut costs {
                *cost += contender.costs[place];
            }
        }
        contender.costs = costs;
        contender.datasets.push(dataset);
        contender.shown += usize::from(candidate.judgement.shown);
        contender.cost = contender.cost.saturating_add(*price);
        contender.least = contender.least.saturating_add(least);
    }
    (!contender.datasets.is_empty()).then_some(contender)
}

/// `$9.01 for 10,000 transactions of each, together`.
fn of_each(contender: &Contender<'_>, cost: NanoUsd) -> String {
    let each = if contender.datasets.len() > 1 { " of each, together" } else { "" };
    format!("{} for 10,000 transactions{each}", usd(cost))
}

fn cost(contender: &Contender<'_>) -> String {
    of_each(contender, contender.cost)
}

fn words(contenders: &[Contender<'_>], datasets: usize, no_criteria: bool) -> String {
    let Some((first, others)) = contenders.split_first() else { return String::new() };
    let on = |contender: &Contender<'_>| match contender.datasets.len() {
        qualified if qualified == datasets => format!("on all {datasets} datasets"),
        qualified => format!("on {qualified} of {datasets} datasets"),
    };
    let does = if no_criteria { "completes requests" } else { "meets the criteria" };
    let choice = format!("{} {does} {} at {}", first.endpoint, on(first), cost(first));
    let Some(next) = others.first() else {
        return format!("{choice}. No other endpoint with a known cost does so on any dataset.");
    };
    let why = reason(first, others);
    let same: Vec<_> = contenders.iter().filter(|other| other.datasets == first.datasets).collect();
    let runner_up = format!("Runner-up: {}, {} at {}", next.endpoint, on(next), cost(next));
    let sure = if next.datasets == first.datasets {
        certainty(first, next, &same)
    } else {
        "these are different datasets, so their costs are not compared".to_owned()
    };
    format!("{choice}: {why}. {runner_up}; {sure}.")
}

/// Why the first comes before all others, of which those that cost less are named.
fn reason(first: &Contender<'_>, others: &[Contender<'_>]) -> String {
    let mut rivals =
        others.iter().filter(|other| other.datasets.len() == first.datasets.len()).peekable();
    if rivals.peek().is_none() {
        return "most datasets".to_owned();
    }
    let cheaper: Vec<_> = rivals
        .filter(|rival| rival.least < first.cost)
        .map(|rival| format!("{} at {}", rival.endpoint, of_each(rival, rival.least)))
        .collect();
    if cheaper.is_empty() {
        return "least cost of all that do so on as many datasets".to_owned();
    }
    format!(
        "of all that do so on as many datasets, the cheapest with every criterion shown on {} of \
         them; cheaper, but passed over because criteria are met and not shown: {}",
        first.shown,
        list(&cheaper)
    )
}

/// How sure the first is cheaper than the next, among all that qualify on the same datasets.
fn certainty(first: &Contender<'_>, next: &Contender<'_>, same: &[&Contender<'_>]) -> String {
    let place = same.iter().position(|other| other.endpoint == next.endpoint);
    let costs: Vec<_> = same.iter().map(|contender| contender.costs.clone()).collect();
    let tested = test_rivals(&costs);
    let Some(tested) = place.and_then(|place| tested.get(place.checked_sub(1)?)) else {
        return "not tested".to_owned();
    };
    let ratio = |one: NanoUsd, two: NanoUsd| percent(1.0 - one.as_usd() / two.as_usd());
    match verdict(tested) {
        ComparisonVerdict::Cheaper => format!(
            "{} is shown to be cheaper, by {} in {} replicates",
            first.endpoint,
            ratio(first.cost, next.cost),
            tested.pairs
        ),
        ComparisonVerdict::Dearer => {
            format!("{} is shown to be cheaper, but fewer of its criteria are shown", next.endpoint)
        }
        ComparisonVerdict::Indistinguishable => {
            format!("their costs cannot be told apart in {} replicates", tested.pairs)
        }
        ComparisonVerdict::TooFewReplicates => format!(
            "their costs are not tested: that needs at least {FEWEST_PAIRS} replicates in \
             common, there are {}",
            tested.pairs
        ),
    }
}
