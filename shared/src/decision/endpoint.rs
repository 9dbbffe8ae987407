//! How far one endpoint can be loaded, in a sentence for each dataset.

use super::{Candidate, EndpointDecision, Limit, choice, sentence};
use crate::plan::{LatencyMetric, Load};
use crate::summary::ExperimentSummary;
use crate::units::Name;
use crate::words::{self, count, latency, number, plural};

/// The highest load among `levels` that qualifies as all below it do: what qualifies above one that
/// does not may have been lucky. Closed and open loads are two ladders, because neither says what
/// the other would do; an endpoint stands by its open loads where one qualifies, because arrivals
/// do not wait for answers in what has to be served either. Levels at which nothing was sent say
/// nothing.
pub(super) fn recommend(
    dataset: &Name,
    endpoint: &Name,
    levels: &[Candidate<'_>],
    criteria: &[Limit],
) -> EndpointDecision {
    let best = reliable(levels).last().map(|level| level.summary);
    let lucky = lucky(&measured(levels));
    let words = match best {
        Some(best) => {
            let lucky = lucky.map(|lucky| format!(" {lucky}."));
            format!("{}{}", qualified(best, criteria), lucky.unwrap_or_default())
        }
        None if levels.iter().all(|level| level.summary.requests.completed == 0) => failed(levels),
        None => unqualified(levels, lucky),
    };
    EndpointDecision {
        dataset: dataset.clone(),
        endpoint: endpoint.clone(),
        best: best.map(|best| best.experiment.clone()),
        words,
    }
}

/// The levels at which something was sent: the closed ones, then the open ones, each the lowest
/// first.
fn measured<'a>(levels: &[Candidate<'a>]) -> [Vec<Candidate<'a>>; 2] {
    let sent = levels.iter().filter(|level| level.summary.requests.sent > 0);
    let mut measured: Vec<_> = sent.copied().collect();
    measured.sort_by_key(|level| level.summary.load);
    let is_closed = |level: &Candidate<'_>| level.summary.load.open().is_none();
    let (closed, open) = measured.into_iter().partition(is_closed);
    [closed, open]
}

/// The measured levels of an endpoint below the first of their ladder that does not qualify: the
/// closed ones, then the open ones, each the lowest first.
pub(super) fn reliable<'a>(levels: &[Candidate<'a>]) -> Vec<Candidate<'a>> {
    let below = |ladder: Vec<Candidate<'a>>| {
        ladder.into_iter().take_while(|level| level.judgement.qualifies)
    };
    measured(levels).into_iter().flat_map(below).collect()
}

fn qualified(best: &ExperimentSummary, criteria: &[Limit]) -> String {
    let mut facts = Vec::new();
    facts.extend(
        best.latency(LatencyMetric::E2e)
            .map(|e2e| format!("mean latency {}", latency(e2e.mean_ms))),
    );
    let tokens = |mean: f64| format!("{} tokens", count_mean(mean));
    facts.extend(best.input_tokens_mean.map(|mean| format!("mean prompt size {}", tokens(mean))));
    facts.extend(best.output_tokens_mean.map(|mean| format!("completion {}", tokens(mean))));
    let rate = best.throughput.map(|rate| rate.requests_per_minute);
    facts.extend(rate.map(|rate| format!("{} transactions/minute", number(rate))));
    facts.extend(best.cost.map(|cost| sentence::per_10k(cost.per_10k_transactions_nano_usd)));
    facts.extend(sentence::errors(best));
    let facts = facts.join(", ");
    if criteria.is_empty() {
        let highest = match best.load {
            Load::Closed { concurrency } => {
                format!("concurrency with completed requests is {concurrency}")
            }
            Load::Open(open) => format!("rate with completed requests is {open}"),
        };
        return format!("No criteria are set. The highest measured {highest}: {facts}.");
    }
    let limits = sentence::limits(criteria);
    format!("The best option within {limits} is {}: {facts}.", best.load.in_words())
}

/// A mean token count: whole where that says enough.
fn count_mean(mean: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a mean of 32-bit token counts"
    )]
    let whole = mean.round() as u64;
    if mean < 10.0 { number(mean) } else { count(whole) }
}

/// `concurrency` and `1 and 4`; `load` and `60 a minute` where there are open ones.
fn named(levels: &[Candidate<'_>]) -> (&'static str, String) {
    let loads = || levels.iter().map(|level| level.summary.load);
    let closed: Option<Vec<_>> = loads().map(|load| load.concurrency()).collect();
    match closed {
        Some(closed) => {
            let closed: Vec<_> = closed.iter().map(ToString::to_string).collect();
            ("concurrency", words::list(&closed))
        }
        None => ("load", words::list(&loads().map(|load| load.to_string()).collect::<Vec<_>>())),
    }
}

/// What qualifies above the first of its ladder that does not.
fn lucky(ladders: &[Vec<Candidate<'_>>]) -> Option<String> {
    let sentences = ladders.iter().filter_map(|ladder| {
        let first = ladder.iter().position(|level| !level.judgement.qualifies)?;
        let (first, above) = ladder.get(first..)?.split_first()?;
        let above = above.iter().filter(|level| level.judgement.qualifies);
        let above: Vec<_> = above.copied().collect();
        if above.is_empty() {
            return None;
        }
        let (_, loads) = named(&above);
        let loads = match first.summary.load {
            Load::Closed { .. } => format!("A concurrency of {loads}"),
            Load::Open(_) => loads,
        };
        let (_, below) = named(std::slice::from_ref(first));
        Some(format!("{loads} qualifies, but is not relied on, because {below} does not"))
    });
    let sentences: Vec<_> = sentences.collect();
    (!sentences.is_empty()).then(|| sentences.join(". "))
}

fn unqualified(levels: &[Candidate<'_>], lucky: Option<String>) -> String {
    let start = lucky.unwrap_or_else(|| {
        let (kind, loads) = named(levels);
        format!("No measured {kind} ({loads}) meets all criteria")
    });
    let Some(miss) = choice::nearest(levels) else {
        let invalid = sentence::invalid(levels);
        return match invalid {
            Some(invalid) => format!("{start}. {invalid}"),
            None => format!("{start}: there is too little data to judge."),
        };
    };
    let nearest = levels.iter().find(|level| level.summary.experiment == miss.experiment);
    let load = nearest.map_or(String::new(), |level| level.summary.load.in_words());
    let missed: Vec<_> = miss.missed.iter().map(super::Judgement::words).collect();
    format!("{start}. Nearest is {load}: {}.", words::list(&missed))
}

fn failed(levels: &[Candidate<'_>]) -> String {
    let sent: u64 = levels.iter().map(|level| level.summary.requests.sent).sum();
    if sent == 0 {
        let (kind, loads) = named(levels);
        return format!("Nothing was measured ({kind} {loads}).");
    }
    let mut classes = std::collections::BTreeMap::new();
    for (class, errors) in levels.iter().flat_map(|l| &l.summary.requests.errors_by_class) {
        *classes.entry(class).or_insert(0) += errors;
    }
    let classes: Vec<_> =
        classes.into_iter().map(|(class, errors)| format!("{class} {}", count(errors))).collect();
    let reason =
        if classes.is_empty() { String::new() } else { format!(" ({})", words::list(&classes)) };
    format!("None of {} was completed{reason}.", plural(sent, "request"))
}
