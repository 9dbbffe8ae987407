//! The choice among the experiments of one dataset.

use std::cmp::Ordering;

use super::{Candidate, Choice, Judgement, NearestMiss, RunnerUp, Verdict, sentence};
use crate::units::NanoUsd;

/// What qualifies and has a price, the best first: those whose criteria are all shown before those
/// that only meet them, then the cheapest, the fastest and the fullest.
pub(super) fn ranking<'a>(rivals: &[Candidate<'a>]) -> Vec<(NanoUsd, Candidate<'a>)> {
    let qualified = rivals.iter().filter(|rival| rival.judgement.qualifies);
    let mut ranked: Vec<_> = qualified.filter_map(|rival| Some((rival.price()?, *rival))).collect();
    // Stable: the plan's order decides what else is equal.
    ranked.sort_by(|(one_price, one), (two_price, two)| {
        two.judgement
            .shown
            .cmp(&one.judgement.shown)
            .then_with(|| one_price.cmp(two_price))
            .then_with(|| faster_then_fuller(one, two))
    });
    ranked
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
    let elsewhere =
        others.iter().find(|(_, other)| other.summary.endpoint != best.summary.endpoint);
    let runner_up = elsewhere.or(others.first()).map(|(other_price, other)| RunnerUp {
        experiment: other.summary.experiment.clone(),
        more_per_10k_transactions_nano_usd: NanoUsd(other_price.0.saturating_sub(price.0)),
        words: sentence::runner_up((*price, best), (*other_price, other)),
    });
    Choice::Best { experiment: best.summary.experiment.clone(), runner_up }
}

fn faster_then_fuller(one: &Candidate<'_>, two: &Candidate<'_>) -> Ordering {
    let p95 = |c: &Candidate<'_>| c.summary.e2e.as_ref().map_or(f64::INFINITY, |e2e| e2e.p95_ms);
    p95(one)
        .total_cmp(&p95(two))
        .then_with(|| two.summary.concurrency.cmp(&one.summary.concurrency))
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
