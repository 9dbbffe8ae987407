//! The best endpoint over all datasets.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Candidate;
use super::compare::{ComparisonVerdict, Costs, costs, verdict};
use crate::plan::Plan;
use crate::stats::{FEWEST_PAIRS, test_rivals};
use crate::units::{Name, NanoUsd};
use crate::words::{percent, plural, usd};

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
    /// The same for each replicate that all of them have.
    costs: Costs,
}

/// The endpoint that qualifies on most datasets, then on most with every criterion shown, then the one
/// with the least summed cost; `best` holds the best of each endpoint for each dataset.
pub(super) fn overall(plan: &Plan, best: &[(&Name, Vec<Candidate<'_>>)]) -> Option<Overall> {
    let mut contenders: Vec<_> =
        plan.endpoints.iter().filter_map(|endpoint| contender(&endpoint.name, best)).collect();
    contenders.sort_by_key(|c| (Reverse(c.datasets.len()), Reverse(c.shown), c.cost));
    let first = contenders.first()?;
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Some(Overall {
        endpoint: first.endpoint.clone(),
        qualified_datasets: count(first.datasets.len()),
        datasets: count(plan.datasets.len()),
        runner_up: contenders.get(1).map(|next| next.endpoint.clone()),
        words: words(&contenders, plan.datasets.len()),
    })
}

fn contender<'a>(
    endpoint: &'a Name,
    best: &[(&'a Name, Vec<Candidate<'_>>)],
) -> Option<Contender<'a>> {
    let mut contender = Contender {
        endpoint,
        datasets: Vec::new(),
        shown: 0,
        cost: NanoUsd::ZERO,
        costs: BTreeMap::new(),
    };
    for (dataset, candidates) in best {
        let Some(candidate) = candidates.iter().find(|c| c.summary.endpoint == *endpoint) else {
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
        contender.cost = contender.cost.saturating_add(candidate.price()?);
    }
    (!contender.datasets.is_empty()).then_some(contender)
}

fn words(contenders: &[Contender<'_>], datasets: usize) -> String {
    let Some((first, others)) = contenders.split_first() else { return String::new() };
    let on = |contender: &Contender<'_>| match contender.datasets.len() {
        qualified if qualified == datasets && datasets == 1 => "on the only dataset".to_owned(),
        qualified if qualified == datasets => format!("on all {datasets} datasets"),
        qualified => format!("on {qualified} of {}", plural(datasets as u64, "dataset")),
    };
    let cost = |contender: &Contender<'_>| {
        let each = if contender.datasets.len() > 1 { " of each dataset" } else { "" };
        format!("{} for 10,000 transactions{each}", usd(contender.cost))
    };
    let choice = format!("{} meets the criteria {} at {}", first.endpoint, on(first), cost(first));
    let Some(next) = others.first() else {
        return format!("{choice}. No other endpoint meets them on any dataset with a known cost.");
    };
    let why = match () {
        () if next.datasets.len() < first.datasets.len() => "most datasets",
        () if next.shown < first.shown => "most datasets with every criterion shown",
        () => "least cost of those that qualify on as many datasets",
    };
    let same: Vec<_> = contenders.iter().filter(|other| other.datasets == first.datasets).collect();
    let runner_up = format!("Runner-up: {}, {} at {}", next.endpoint, on(next), cost(next));
    let sure = if next.datasets == first.datasets {
        certainty(first, next, &same)
    } else {
        "they qualify on different datasets, so their costs are not compared".to_owned()
    };
    format!("{choice}: {why}. {runner_up}; {sure}.")
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
