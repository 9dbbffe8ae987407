//! The choice among the experiments of one dataset.

use std::cmp::Ordering;

use super::{Candidate, Choice, Judgement, NearestMiss, RunnerUp, Verdict, endpoint, sentence};
use crate::plan::LatencyMetric;
use crate::units::NanoUsd;

/// What qualifies and has a price, the best first.
///
/// Each endpoint stands by its highest load that qualifies, one whose criteria are all shown before
/// one that only meets them: a price of tokens does not depend on the load, so that the cheapest
/// load would be drawn by lot. Among endpoints those whose criteria are shown come first, then the
/// cheapest, then the fastest. Its other loads follow.
pub(super) fn ranking<'a>(rivals: &[Candidate<'a>]) -> Vec<(NanoUsd, Candidate<'a>)> {
    let qualified = rivals.iter().filter(|rival| rival.judgement.qualifies);
    let qualified = qualified.filter(|rival| {
        let endpoint = &rival.summary.endpoint;
        let levels = rivals.iter().filter(|other| other.summary.endpoint == *endpoint);
        let levels: Vec<_> = levels.copied().collect();
        // What qualifies above a load that does not may have been lucky.
        let reliable = endpoint::reliable(&levels);
        let id = &rival.summary.experiment;
        reliable.is_empty() || reliable.iter().any(|other| other.summary.experiment == *id)
    });
    let mut ranked: Vec<_> = qualified.filter_map(|rival| Some((rival.price()?, *rival))).collect();
    let rank =
        |one: &Candidate<'_>, two: &Candidate<'_>| two.judgement.shown.cmp(&one.judgement.shown);
    ranked.sort_by(|(_, one), (_, two)| {
        rank(one, two).then_with(|| two.summary.load.cmp(&one.summary.load))
    });
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for candidate in ranked {
        let endpoint = &candidate.1.summary.endpoint;
        let is_known = |(_, known): &(_, Candidate<'_>)| known.summary.endpoint == *endpoint;
        if first.iter().any(is_known) { &mut others } else { &mut first }.push(candidate);
    }
    // The plan's order decides what else is equal.
    let place = |wanted: &Candidate<'_>| {
        rivals.iter().position(|rival| rival.summary.experiment == wanted.summary.experiment)
    };
    first.sort_by(|(one_price, one), (two_price, two)| {
        rank(one, two)
            .then_with(|| one_price.cmp(two_price))
            .then_with(|| faster(one, two))
            .then_with(|| place(one).cmp(&place(two)))
    });
    first.append(&mut others);
    first
}

/// The first of each endpoint in a ranking.
pub(super) fn best_of_each<'a>(ranked: &[(NanoUsd, Candidate<'a>)]) -> Vec<Candidate<'a>> {
    let mut best: Vec<Candidate<'a>> = Vec::new();
    for (_, candidate) in ranked {
        if best.iter().all(|other| other.summary.endpoint != candidate.summary.endpoint) {
            best.push(*candidate);
        }
    }
    best
}

/// The best of the ranking, or why there is none.
pub(super) fn choose(rivals: &[Candidate<'_>], ranked: &[(NanoUsd, Candidate<'_>)]) -> Choice {
    if rivals.iter().all(|rival| rival.summary.requests.completed == 0) {
        return Choice::NoData;
    }
    let Some(((price, best), others)) = ranked.split_first() else {
        return if rivals.iter().any(|rival| rival.judgement.qualifies) {
            Choice::NoPrices
        } else {
            Choice::NoneQualifies { nearest: nearest(rivals) }
        };
    };
    let is_elsewhere =
        |(_, other): &&(NanoUsd, Candidate<'_>)| other.summary.endpoint != best.summary.endpoint;
    // What is cheaper and only meets the criteria must not be overlooked.
    let cheaper = others.iter().filter(is_elsewhere).filter(|(other, _)| other < price);
    let elsewhere =
        cheaper.min_by_key(|(other, _)| *other).or_else(|| others.iter().find(is_elsewhere));
    let runner_up = elsewhere.or(others.first()).map(|(other_price, other)| RunnerUp {
        experiment: other.summary.experiment.clone(),
        more_per_10k_transactions_nano_usd: NanoUsd(other_price.0.saturating_sub(price.0)),
        words: sentence::runner_up((*price, best), (*other_price, other)),
    });
    Choice::Best { experiment: best.summary.experiment.clone(), runner_up }
}

fn faster(one: &Candidate<'_>, two: &Candidate<'_>) -> Ordering {
    let p95 = |c: &Candidate<'_>| {
        c.summary.latency(LatencyMetric::E2e).map_or(f64::INFINITY, |e2e| e2e.p95_ms)
    };
    p95(one).total_cmp(&p95(two))
}

/// The experiment whose largest excess is smallest. What lacks data for a criterion is no near miss.
pub(super) fn nearest(rivals: &[Candidate<'_>]) -> Option<NearestMiss> {
    rivals
        .iter()
        .filter_map(|rival| {
            let missed = missed(rival)?;
            let excess = missed.first()?.excess()?;
            Some((excess, NearestMiss { experiment: rival.summary.experiment.clone(), missed }))
        })
        .min_by(|(one, _), (two, _)| one.total_cmp(two))
        .map(|(_, miss)| miss)
}

/// The criteria not met, the largest excess first; `None` where one has no data.
fn missed(rival: &Candidate<'_>) -> Option<Vec<Judgement>> {
    let criteria = &rival.judgement.criteria;
    if criteria.iter().any(|judgement| judgement.verdict == Verdict::NoData) {
        return None;
    }
    let mut missed: Vec<_> =
        criteria.iter().filter(|judged| judged.verdict == Verdict::NotMet).copied().collect();
    let excess = |judged: &Judgement| judged.excess().unwrap_or(f64::INFINITY);
    missed.sort_by(|one, two| excess(two).total_cmp(&excess(one)));
    Some(missed)
}
