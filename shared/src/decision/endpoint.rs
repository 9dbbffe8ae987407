//! How far one endpoint can be loaded, in a sentence for each dataset.

use super::{Candidate, EndpointDecision, Limit, choice, sentence};
use crate::summary::ExperimentSummary;
use crate::units::Name;
use crate::words::{self, count, latency, number, plural};

/// The highest concurrency among `levels` that qualifies as all below it do: what qualifies above one
/// that does not may have been lucky. Levels at which nothing was sent say nothing.
pub(super) fn recommend(
    dataset: &Name,
    endpoint: &Name,
    levels: &[Candidate<'_>],
    criteria: &[Limit],
) -> EndpointDecision {
    let measured = measured(levels);
    let (reliable, others) = measured.split_at(reliable(levels).len());
    let best = reliable.last().map(|level| level.summary);
    let words = match best {
        Some(best) => {
            let lucky = lucky(others).map(|lucky| format!(" {lucky}."));
            format!("{}{}", qualified(best, criteria), lucky.unwrap_or_default())
        }
        None if levels.iter().all(|level| level.summary.requests.completed == 0) => failed(levels),
        None => unqualified(levels, lucky(others)),
    };
    EndpointDecision {
        dataset: dataset.clone(),
        endpoint: endpoint.clone(),
        best: best.map(|best| best.experiment.clone()),
        words,
    }
}

/// The levels at which something was sent, the lowest first.
fn measured<'a>(levels: &[Candidate<'a>]) -> Vec<Candidate<'a>> {
    let sent = levels.iter().filter(|level| level.summary.requests.sent > 0);
    let mut measured: Vec<_> = sent.copied().collect();
    measured.sort_by_key(|level| level.summary.concurrency);
    measured
}

/// The measured levels of an endpoint below the first that does not qualify, the lowest first.
pub(super) fn reliable<'a>(levels: &[Candidate<'a>]) -> Vec<Candidate<'a>> {
    measured(levels).into_iter().take_while(|level| level.judgement.qualifies).collect()
}

fn qualified(best: &ExperimentSummary, criteria: &[Limit]) -> String {
    let mut facts = Vec::new();
    facts.extend(best.e2e.as_ref().map(|e2e| format!("mean latency {}", latency(e2e.mean_ms))));
    let tokens = |mean: f64| format!("{} tokens", count_mean(mean));
    facts.extend(best.input_tokens_mean.map(|mean| format!("mean prompt size {}", tokens(mean))));
    facts.extend(best.output_tokens_mean.map(|mean| format!("completion {}", tokens(mean))));
    let rate = best.throughput.map(|rate| rate.requests_per_minute);
    facts.extend(rate.map(|rate| format!("{} transactions/minute", number(rate))));
    facts.extend(best.cost.map(|cost| sentence::per_10k(cost.per_10k_transactions_nano_usd)));
    facts.extend(sentence::errors(best));
    let facts = facts.join(", ");
    let concurrency = best.concurrency;
    if criteria.is_empty() {
        return format!(
            "No criteria are set. The highest measured concurrency with completed requests is \
             {concurrency}: {facts}."
        );
    }
    let limits = sentence::limits(criteria);
    format!("The best option within {limits} is a concurrency of {concurrency}: {facts}.")
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

fn concurrencies(levels: &[Candidate<'_>]) -> String {
    let levels: Vec<_> = levels.iter().map(|l| l.summary.concurrency.to_string()).collect();
    words::list(&levels)
}

/// What qualifies above the first of `levels`, which does not.
fn lucky(levels: &[Candidate<'_>]) -> Option<String> {
    let (first, above) = levels.split_first()?;
    let above: Vec<_> = above.iter().filter(|level| level.judgement.qualifies).copied().collect();
    (!above.is_empty()).then(|| {
        format!(
            "A concurrency of {} qualifies, but is not relied on, because {} does not",
            concurrencies(&above),
            first.summary.concurrency
        )
    })
}

fn unqualified(levels: &[Candidate<'_>], lucky: Option<String>) -> String {
    let start = lucky.unwrap_or_else(|| {
        format!("No measured concurrency ({}) meets all criteria", concurrencies(levels))
    });
    let Some(miss) = choice::nearest(levels) else {
        let invalid = sentence::invalid(levels);
        return match invalid {
            Some(invalid) => format!("{start}. {invalid}"),
            None => format!("{start}: there is too little data to judge."),
        };
    };
    let nearest = levels.iter().find(|level| level.summary.experiment == miss.experiment);
    let concurrency = nearest.map_or(String::new(), |level| level.summary.concurrency.to_string());
    let missed: Vec<_> = miss.missed.iter().map(super::Judgement::words).collect();
    format!("{start}. Nearest is a concurrency of {concurrency}: {}.", words::list(&missed))
}

fn failed(levels: &[Candidate<'_>]) -> String {
    let sent: u64 = levels.iter().map(|level| level.summary.requests.sent).sum();
    if sent == 0 {
        return format!("Nothing was measured (concurrency {}).", concurrencies(levels));
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
