//! The decision in words.

use super::{Candidate, Choice, DatasetDecision, Limit, NearestMiss, certainty};
use crate::plan::{LatencyMetric, Load, Statistic};
use crate::stats::{Interval, Percentile};
use crate::summary::{ExperimentSummary, Grade, RunSummary};
use crate::units::{ExperimentId, Name, NanoUsd};
use crate::words::{self, latency, number, percent, plural, small_usd, usd};

/// `$4.51 per 10,000 transactions`.
pub(super) fn per_10k(cost: NanoUsd) -> String {
    format!("{} per 10,000 transactions", usd(cost))
}

/// The criteria as a phrase.
pub(super) fn limits(criteria: &[Limit]) -> String {
    let limits: Vec<_> = criteria.iter().map(ToString::to_string).collect();
    words::list(&limits)
}

/// `error rate 2.5 %`, where there are errors.
pub(super) fn errors(summary: &ExperimentSummary) -> Option<String> {
    summary
        .error_rate
        .filter(|&rate| rate > 0.0)
        .map(|rate| format!("error rate {}", percent(rate)))
}

/// `mistral-7b at a concurrency of 4`, `mistral-7b at 120 a minute`.
pub(super) fn place(summary: &ExperimentSummary) -> String {
    format!("{} at {}", summary.endpoint, summary.load.in_words())
}

/// Loads in words, each once, the lowest first: `a concurrency of 1 or 4`, `60 a minute or 120 a minute`.
fn loads(of: impl Iterator<Item = Load>) -> String {
    let mut loads: Vec<_> = of.collect();
    loads.sort_unstable();
    loads.dedup();
    let closed: Vec<_> =
        loads.iter().filter_map(Load::concurrency).map(|slots| slots.to_string()).collect();
    let closed = (!closed.is_empty()).then(|| format!("a concurrency of {}", closed.join(" or ")));
    let open = loads.iter().filter_map(Load::open).map(|open| open.to_string());
    closed.into_iter().chain(open).collect::<Vec<_>>().join(" or ")
}

/// Price, tail latency, throughput and errors of an experiment, and why not to trust them.
fn facts(summary: &ExperimentSummary) -> String {
    let cost = summary.cost.map(|cost| {
        let each = small_usd(cost.per_transaction_nano_usd.as_usd());
        format!("{}, {each} each", per_10k(cost.per_10k_transactions_nano_usd))
    });
    let p95 = summary.latency(LatencyMetric::E2e).map(|e2e| {
        let few = if e2e.is_flagged(Percentile::P95) {
            format!(" from only {}", plural(e2e.count, "request"))
        } else {
            String::new()
        };
        format!("p95 latency {}{few}", latency(e2e.statistic_ms(Statistic::P95)))
    });
    let rate = summary.throughput.map(|rate| number(rate.requests_per_minute));
    let rate = rate.map(|rate| format!("{rate} transactions/minute"));
    let doubts = match summary.validity.grade {
        Grade::Valid => None,
        grade @ (Grade::Degraded | Grade::Invalid) => {
            Some(format!("measuring {grade}: {}", summary.validity.words()))
        }
    };
    let facts = [cost, p95, rate, errors(summary), doubts];
    let facts: Vec<_> = facts.into_iter().flatten().collect();
    facts.join(", ")
}

/// `$4.20`, `-$0.12`.
pub(super) fn signed_usd(dollars: f64) -> String {
    let size = NanoUsd::from_usd(dollars.abs());
    let size = size.map_or_else(|| format!("${}", number(dollars.abs())), usd);
    if dollars < 0.0 { format!("-{size}") } else { size }
}

/// An interval of dollars, turned round where `sign` is negative.
pub(super) fn spread(interval: Interval, sign: f64) -> String {
    let (Some(low), Some(high)) = (interval.low, interval.high) else {
        return "no interval".to_owned();
    };
    let (one, two) = (low * sign, high * sign);
    if one.total_cmp(&two).is_eq() {
        return "the same in every replicate".to_owned();
    }
    format!("95 % interval {} to {}", signed_usd(one.min(two)), signed_usd(one.max(two)))
}

pub(super) fn find<'a>(
    rivals: &[Candidate<'a>],
    id: &ExperimentId,
) -> Option<&'a ExperimentSummary> {
    rivals.iter().map(|rival| rival.summary).find(|summary| summary.experiment == *id)
}

/// How the runner-up differs from the choice.
pub(super) fn runner_up(
    (best_price, best): (NanoUsd, &Candidate<'_>),
    (price, other): (NanoUsd, &Candidate<'_>),
) -> String {
    let more = NanoUsd(price.0.saturating_sub(best_price.0));
    let less = NanoUsd(best_price.0.saturating_sub(price.0));
    let ratio = if best_price.0 > 0 { price.as_usd() / best_price.as_usd() } else { 1.0 };
    let cost = match () {
        () if price == best_price => "the same price".to_owned(),
        () if price < best_price => format!(
            "{} less ({}), but its criteria are only met, not all shown",
            percent(1.0 - ratio),
            usd(less)
        ),
        () if ratio >= 1.995 => format!("{} times the price ({} more)", number(ratio), usd(more)),
        () => format!("{} more ({})", percent(ratio - 1.0), usd(more)),
    };
    let p95 = |candidate: &Candidate<'_>| {
        candidate.summary.latency(LatencyMetric::E2e).map(|e2e| e2e.p95_ms)
    };
    let speed = match (p95(best), p95(other)) {
        (Some(best), Some(other)) if other < best => {
            format!(", with a p95 latency {} lower", latency(best - other))
        }
        (Some(best), Some(other)) if other > best => {
            format!(", with a p95 latency {} higher", latency(other - best))
        }
        _ => String::new(),
    };
    format!("{}: {}; {cost}{speed}", place(other.summary), per_10k(price))
}

/// The choice for a dataset.
pub(super) fn dataset(
    dataset: &Name,
    choice: &Choice,
    rivals: &[Candidate<'_>],
    criteria: &[Limit],
) -> String {
    let invalid = invalid(rivals).map_or_else(String::new, |invalid| format!(" {invalid}"));
    chosen(dataset, choice, rivals, criteria) + &invalid
}

/// So many left out are named; the tables have all.
const NAMED_MAX: usize = 3;

/// What is left out because its figures are INVALID.
pub(super) fn invalid(rivals: &[Candidate<'_>]) -> Option<String> {
    let invalid = rivals.iter().map(|rival| rival.summary).filter(|summary| {
        summary.validity.grade == Grade::Invalid && summary.requests.completed > 0
    });
    let mut invalid: Vec<_> = invalid
        .map(|summary| format!("{} ({})", place(summary), summary.validity.words()))
        .collect();
    let more = invalid.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        invalid.truncate(NAMED_MAX);
        invalid.push(format!("{more} more"));
    }
    let left_out = |invalid: &[String]| format!("Left out as INVALID: {}.", words::list(invalid));
    (!invalid.is_empty()).then(|| left_out(&invalid))
}

fn chosen(dataset: &Name, choice: &Choice, rivals: &[Candidate<'_>], criteria: &[Limit]) -> String {
    match choice {
        Choice::Best { experiment, runner_up } => {
            let Some(best) = find(rivals, experiment) else { return String::new() };
            let why = if criteria.is_empty() {
                "the cheapest measured (no criteria are set)".to_owned()
            } else {
                qualified(rivals, shown(rivals, experiment))
            };
            let next = match runner_up {
                Some(next)
                    if find(rivals, &next.experiment).map(|e| &e.endpoint)
                        == Some(&best.endpoint) =>
                {
                    format!("No other endpoint qualifies; next is {}.", next.words)
                }
                Some(next) => format!("Runner-up: {}.", next.words),
                None => "Nothing else qualifies.".to_owned(),
            };
            format!("{}, {why}: {}. {next}", place(best), facts(best))
        }
        Choice::NoneQualifies { nearest } => {
            let why = nearest.as_ref().map_or_else(
                || "there is too little data to name a near miss".to_owned(),
                |miss| format!("nearest is {}", near(miss, rivals)),
            );
            format!("None qualifies. Of {} on {dataset}, {why}.", experiments(rivals))
        }
        Choice::NoPrices => "No ranking. Criteria are met, but there are no costs to compare: the \
                             price is not known, or the service did not report the tokens of its \
                             answers."
            .to_owned(),
        Choice::NoData => "No data. No request was completed.".to_owned(),
    }
}

/// Whether the criteria of an experiment are all shown.
fn shown(rivals: &[Candidate<'_>], id: &ExperimentId) -> bool {
    let found = rivals.iter().find(|rival| rival.summary.experiment == *id);
    found.is_some_and(|rival| rival.judgement.shown)
}

/// What the choice was made from: what is shown to meet the criteria, else what meets them.
fn qualified(rivals: &[Candidate<'_>], shown: bool) -> String {
    let endpoints = |counts: fn(&Candidate<'_>, bool) -> bool| {
        let counted = rivals.iter().filter(|rival| counts(rival, shown));
        let mut names: Vec<_> = counted.map(|rival| &rival.summary.endpoint).collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    };
    let qualified =
        endpoints(|rival, shown| rival.judgement.qualifies && rival.judgement.shown >= shown);
    let how = match (shown, qualified) {
        (true, 1) => "is shown to meet",
        (true, _) => "are shown to meet",
        (false, 1) => "meets",
        (false, _) => "meet",
    };
    let all = endpoints(|_, _| true);
    match qualified {
        1 => {
            format!("the only one of {} that {how} every criterion", plural(all as u64, "endpoint"))
        }
        _ => format!(
            "the cheapest of the {qualified} endpoints (of {all}) that {how} every criterion"
        ),
    }
}

fn experiments(rivals: &[Candidate<'_>]) -> String {
    plural(rivals.len() as u64, "experiment")
}

fn near(miss: &NearestMiss, rivals: &[Candidate<'_>]) -> String {
    let place = find(rivals, &miss.experiment).map(place).unwrap_or_default();
    let missed: Vec<_> = miss.missed.iter().map(super::Judgement::words).collect();
    format!("{place}, with {}", words::list(&missed))
}

/// The answer for all datasets: the choices in one sentence, how sure they are in another.
pub(super) fn answer(
    summary: &RunSummary,
    datasets: &[DatasetDecision],
    candidates: &[Candidate<'_>],
    criteria: &[Limit],
) -> String {
    let clauses = clauses(datasets, candidates);
    let chosen = |decided: &DatasetDecision| matches!(decided.choice, Choice::Best { .. });
    let preferred = datasets.iter().any(|decided| passed_over(decided, candidates).is_some());
    let why = match datasets {
        [only] if chosen(only) => format!(", {}", cheapest(criteria, preferred)),
        _ if clauses.len() == 1 && datasets.iter().all(chosen) => {
            format!(", {}", cheapest(criteria, preferred))
        }
        _ if datasets.iter().any(chosen) => {
            format!("; each choice is {}", cheapest(criteria, preferred))
        }
        _ => String::new(),
    };
    let simulated = if summary.simulated { "Simulated, not a real service: " } else { "" };
    let incomplete = summary.incomplete().map(|what| format!("; the run is incomplete, {what}"));
    let incomplete = incomplete.unwrap_or_default();
    let choices = format!("{simulated}{}{why}{incomplete}.", clauses.join("; "));
    let cheaper: Vec<_> = datasets.iter().filter_map(|one| passed_over(one, candidates)).collect();
    let cheaper = match &cheaper[..] {
        [] => String::new(),
        cheaper => format!(" Cheaper, met but not shown: {}.", cheaper.join("; ")),
    };
    let sure = certainty::answer(datasets);
    let sure = sure.map_or_else(String::new, |sure| format!(" How sure: {sure}."));
    format!("{}{cheaper}{sure}", words::sentence_case(&choices))
}

/// What costs less than the choice and meets the criteria without showing it.
fn passed_over(decided: &DatasetDecision, candidates: &[Candidate<'_>]) -> Option<String> {
    let Choice::Best { experiment, .. } = &decided.choice else { return None };
    let best = candidates.iter().find(|one| one.summary.experiment == *experiment)?;
    let price = best.price().filter(|_| best.judgement.shown)?;
    let cheaper = candidates.iter().filter(|other| {
        other.summary.dataset == decided.dataset
            && other.summary.endpoint != best.summary.endpoint
            && other.judgement.qualifies
            && !other.judgement.shown
    });
    let (cost, cheaper) = cheaper
        .filter_map(|other| Some((other.price()?, other)))
        .filter(|(cost, _)| *cost < price)
        .min_by_key(|(cost, _)| *cost)?;
    Some(format!(
        "for {} {} at {} (measure it longer to tell)",
        decided.dataset,
        place(cheaper.summary),
        per_10k(cost)
    ))
}

fn cheapest(criteria: &[Limit], preferred: bool) -> String {
    let limits = limits(criteria);
    match () {
        () if criteria.is_empty() => "the cheapest measured (no criteria are set)".to_owned(),
        () if preferred => format!("the cheapest measured that is shown to have {limits}"),
        () => format!("the cheapest measured with {limits}"),
    }
}

/// A clause for each dataset; those with the same endpoint as their choice share one.
fn clauses(datasets: &[DatasetDecision], candidates: &[Candidate<'_>]) -> Vec<String> {
    let best = |decided: &DatasetDecision| match &decided.choice {
        Choice::Best { experiment, .. } => find(candidates, experiment),
        Choice::NoneQualifies { .. } | Choice::NoPrices | Choice::NoData => None,
    };
    let mut clauses = Vec::new();
    let mut told: Vec<&Name> = Vec::new();
    for decided in datasets {
        let Some(chosen) = best(decided) else {
            clauses.push(clause(decided, candidates));
            continue;
        };
        if told.contains(&&chosen.endpoint) {
            continue;
        }
        told.push(&chosen.endpoint);
        let same: Vec<_> = datasets
            .iter()
            .filter_map(|other| Some((&other.dataset, best(other)?)))
            .filter(|(_, other)| other.endpoint == chosen.endpoint)
            .collect();
        clauses.push(match &same[..] {
            [_] => clause(decided, candidates),
            same => shared_clause(same, datasets.len()),
        });
    }
    clauses
}

/// The clause of several datasets (of `all`) with the same endpoint as their choice.
fn shared_clause(same: &[(&Name, &ExperimentSummary)], all: usize) -> String {
    let which = match all {
        2 => "both datasets".to_owned(),
        _ if same.len() == all => format!("all {all} datasets"),
        _ => words::list(&same.iter().map(|(dataset, _)| dataset.to_string()).collect::<Vec<_>>()),
    };
    let levels = loads(same.iter().map(|(_, chosen)| chosen.load));
    let costs = same.iter().filter_map(|(_, chosen)| chosen.cost);
    let mut costs: Vec<_> = costs.map(|cost| cost.per_10k_transactions_nano_usd).collect();
    costs.sort_unstable();
    let cost = match &costs[..] {
        [low, .., high] if low < high => format!("{} to {}", usd(*low), per_10k(*high)),
        costs => costs.first().map_or_else(String::new, |cost| per_10k(*cost)),
    };
    let p95 = same.iter().filter_map(|(_, chosen)| chosen.latency(LatencyMetric::E2e));
    let mut p95: Vec<_> = p95.map(|e2e| e2e.statistic_ms(Statistic::P95)).collect();
    p95.sort_unstable_by(f64::total_cmp);
    let p95 = match &p95[..] {
        [low, .., high] if low < high => {
            format!(", p95 latency {} to {}", latency(*low), latency(*high))
        }
        p95 => {
            p95.first().map_or_else(String::new, |p95| format!(", p95 latency {}", latency(*p95)))
        }
    };
    let endpoint = same.first().map_or("", |(_, chosen)| chosen.endpoint.as_str());
    format!("for {which} use {endpoint} at {levels} ({cost}{p95})")
}

fn clause(decided: &DatasetDecision, candidates: &[Candidate<'_>]) -> String {
    let dataset = &decided.dataset;
    match &decided.choice {
        Choice::Best { experiment, .. } => {
            let Some(best) = find(candidates, experiment) else { return String::new() };
            format!("for {dataset} use {} ({})", place(best), facts(best))
        }
        Choice::NoneQualifies { nearest } => {
            let near = nearest.as_ref().and_then(|miss| {
                let place = place(find(candidates, &miss.experiment)?);
                Some(format!(" (nearest is {place}, with {})", miss.missed.first()?.words()))
            });
            let invalid = || {
                let of_dataset = candidates.iter().filter(|one| one.summary.dataset == *dataset);
                Some(format!(" ({})", invalid(&of_dataset.copied().collect::<Vec<_>>())?))
            };
            let near = near.or_else(invalid).unwrap_or_default();
            format!("for {dataset} nothing measured meets all criteria{near}")
        }
        Choice::NoPrices => {
            format!("for {dataset} there is no ranking, for want of prices or reported tokens")
        }
        Choice::NoData => format!("for {dataset} there is no data, as no request was completed"),
    }
}
