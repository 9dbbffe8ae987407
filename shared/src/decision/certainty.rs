//! How sure a choice is, in words.

use super::sentence::{find, place};
use super::{
    Candidate, Choice, Comparison, ComparisonVerdict, DatasetDecision, ExperimentJudgement,
    Judgement, Verdict,
};
use crate::plan::{Plan, power};
use crate::stats::{FEWEST_CLUSTERS, FEWEST_PAIRS};
use crate::units::{ExperimentId, Name};
use crate::words;

/// How sure the choice for a dataset is, in whole sentences.
pub(super) fn dataset(
    plan: &Plan,
    choice: &Choice,
    comparisons: &[Comparison],
    rivals: &[Candidate<'_>],
) -> String {
    let mut sentences = Vec::new();
    match choice {
        Choice::Best { experiment, .. } => {
            sentences.extend(criteria(experiment, rivals));
            sentences.extend(only_this_time(experiment, rivals));
            sentences.extend(groups(comparisons, rivals));
            if comparisons.is_empty() {
                sentences.push("No other endpoint with a known cost qualifies".to_owned());
            }
            if has(comparisons, ComparisonVerdict::TooFewReplicates) {
                sentences.push(power::for_a_test(plan));
            }
        }
        Choice::NoneQualifies { nearest: Some(miss) } => {
            sentences.extend(miss.missed.first().map(missed));
        }
        Choice::NoneQualifies { nearest: None } | Choice::NoPrices | Choice::NoData => {}
    }
    sentences.extend(unranked(rivals));
    sentences
        .iter()
        .map(|text| format!("{}.", words::sentence_case(text)))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether the criteria of the choice are shown.
fn criteria(chosen: &ExperimentId, rivals: &[Candidate<'_>]) -> Option<String> {
    let judged = rivals.iter().find(|rival| rival.summary.experiment == *chosen)?.judgement;
    let doubts: Vec<_> = judged.criteria.iter().filter(|j| j.is_in_doubt()).map(doubt).collect();
    match () {
        () if judged.criteria.is_empty() => None,
        () if doubts.is_empty() => Some(format!(
            "every criterion is shown{}: the 95 % intervals lie within the limits",
            but_no_errors(judged)
        )),
        () => Some(format!("met but not shown: {}", words::list(&doubts))),
    }
}

/// What is to be said of a limit of no errors, which no sample can show.
fn but_no_errors(judged: &ExperimentJudgement) -> String {
    let unshown = judged.criteria.iter().find(|criterion| criterion.verdict == Verdict::Met);
    let high = unshown.and_then(|criterion| Some((criterion, criterion.interval?.high?)));
    high.map_or_else(String::new, |(criterion, high)| {
        let high = criterion.criterion.words(high);
        format!(" (no errors were seen, up to {high} may have been missed)")
    })
}

/// Whether the intervals see what differs between blocks: from one time to another.
fn sees_blocks(candidate: &Candidate<'_>) -> bool {
    candidate.summary.blocks.len() >= FEWEST_CLUSTERS as usize
}

/// What intervals from batches of few blocks do not see.
fn only_this_time(chosen: &ExperimentId, rivals: &[Candidate<'_>]) -> Option<String> {
    let chosen = rivals.iter().find(|rival| rival.summary.experiment == *chosen)?;
    let blocks = chosen.summary.blocks.len() as u64;
    (!sees_blocks(chosen) && chosen.summary.clusters > 0).then(|| {
        format!(
            "its intervals rest on batches of {}, so what differs from one time to another is \
             not in them: that takes {FEWEST_CLUSTERS} blocks",
            words::plural(blocks, "block")
        )
    })
}

/// A criterion that is met but not shown, with the reason.
fn doubt(judged: &Judgement) -> String {
    let value = |value: f64| judged.criterion.words(value);
    let why = match judged.interval {
        None => "too few requests for an interval".to_owned(),
        Some(interval) => match (interval.low, interval.high) {
            (_, Some(high)) => format!("it may be up to {}", value(high)),
            (_, None) => "how high it may be cannot be estimated".to_owned(),
        },
    };
    format!("{} ({why})", judged.limit())
}

/// Whether the nearest miss is one for sure.
fn missed(judged: &Judgement) -> String {
    let low = judged.interval.and_then(|interval| interval.low);
    let limit = judged.limit();
    if low.is_some_and(|low| low > judged.limit) {
        format!("that the nearest misses {limit} is shown: its 95 % interval lies above")
    } else {
        format!("that the nearest misses {limit} is not shown: more requests may tell otherwise")
    }
}

/// The comparisons, those with the same result together.
fn groups(comparisons: &[Comparison], rivals: &[Candidate<'_>]) -> Vec<String> {
    let group = |verdict, one: &str, all: &str| {
        let same: Vec<_> = comparisons.iter().filter(|c| c.verdict == verdict).collect();
        match &same[..] {
            [] => None,
            // What was measured in each replicate is told where there is room for it.
            [only] if comparisons.len() == 1 => Some(only.words.trim_end_matches('.').to_owned()),
            same if same.len() == comparisons.len() => {
                Some(format!("{all} {} rivals, the best of each other endpoint", same.len()))
            }
            same => Some(format!("{one} {}", names(same, rivals))),
        }
    };
    [
        group(
            ComparisonVerdict::Cheaper,
            "shown to be cheaper than",
            "shown to be cheaper than all",
        ),
        group(
            ComparisonVerdict::Dearer,
            "shown to be dearer than, and preferred because its criteria are shown,",
            "shown to be dearer, and preferred because its criteria are shown, than all",
        ),
        group(
            ComparisonVerdict::Indistinguishable,
            "cannot be told apart in cost from",
            "cannot be told apart in cost from any of",
        ),
        group(
            ComparisonVerdict::TooFewReplicates,
            "its cost is not tested against",
            "its cost is not tested against any of",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn names(comparisons: &[&Comparison], rivals: &[Candidate<'_>]) -> String {
    let rival = |comparison: &&Comparison| find(rivals, &comparison.rival).map(place);
    words::list(&comparisons.iter().filter_map(rival).collect::<Vec<_>>())
}

fn has(comparisons: &[Comparison], verdict: ComparisonVerdict) -> bool {
    comparisons.iter().any(|comparison| comparison.verdict == verdict)
}

/// What meets the criteria but cannot be ranked.
fn unranked(rivals: &[Candidate<'_>]) -> Option<String> {
    let unranked = |rival: &&Candidate<'_>| rival.judgement.qualifies && rival.price().is_none();
    let mut names: Vec<_> =
        rivals.iter().filter(unranked).map(|rival| rival.summary.endpoint.to_string()).collect();
    names.dedup();
    (!names.is_empty()).then(|| {
        format!(
            "left out of the ranking by cost, because what they cost is not known: {}",
            words::list(&names)
        )
    })
}

/// How sure all choices are.
pub(super) fn all(datasets: &[DatasetDecision]) -> String {
    match datasets {
        [only] => only.certainty.clone(),
        datasets => {
            let told = datasets.iter().filter(|decided| !decided.certainty.is_empty());
            let told = told.map(|decided| format!("{}: {}", decided.dataset, decided.certainty));
            told.collect::<Vec<_>>().join(" ")
        }
    }
}

/// How sure the answer is: a clause for each dataset with a choice, equal ones told once; `None`
/// where nothing was chosen.
pub(super) fn answer(datasets: &[DatasetDecision]) -> Option<String> {
    let mut clauses: Vec<(&str, Vec<&Name>)> = Vec::new();
    for decided in datasets.iter().filter(|decided| !decided.sure.is_empty()) {
        match clauses.iter_mut().find(|(other, _)| *other == decided.sure) {
            Some((_, names)) => names.push(&decided.dataset),
            None => clauses.push((&decided.sure, vec![&decided.dataset])),
        }
    }
    let name = |names: &[&Name]| {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        format!("for {} ", words::list(&names))
    };
    let clauses: Vec<_> = clauses
        .iter()
        .map(|(text, names)| {
            let whole = names.len() == datasets.len();
            format!("{}{text}", if whole { String::new() } else { name(names) })
        })
        .collect();
    (!clauses.is_empty()).then(|| clauses.join("; "))
}

/// How sure the choice for a dataset is, in a clause; `None` where nothing was chosen.
pub(super) fn clause(decided: &DatasetDecision, candidates: &[Candidate<'_>]) -> Option<String> {
    let Choice::Best { experiment, .. } = &decided.choice else { return None };
    let chosen = candidates.iter().find(|c| c.summary.experiment == *experiment)?;
    let cost = cost(&decided.comparisons, candidates);
    let doubts: Vec<_> = chosen.judgement.criteria.iter().filter(|j| j.is_in_doubt()).collect();
    let doubts: Vec<_> = doubts.iter().map(|judged| judged.limit().to_string()).collect();
    Some(match () {
        () if chosen.judgement.criteria.is_empty() => cost,
        () if doubts.is_empty() && sees_blocks(chosen) => {
            format!("every criterion is shown{}, and {cost}", but_no_errors(chosen.judgement))
        }
        () if doubts.is_empty() => {
            let but = but_no_errors(chosen.judgement);
            format!("every criterion is shown for the time of measuring{but}, and {cost}")
        }
        () => format!("{cost}; {} met but not shown", is_or_are(&doubts)),
    })
}

fn is_or_are(what: &[String]) -> String {
    format!("{} {}", words::list(what), if what.len() == 1 { "is" } else { "are" })
}

/// What the comparisons say of the cost, the doubts before what is shown.
fn cost(comparisons: &[Comparison], candidates: &[Candidate<'_>]) -> String {
    let of = |verdict| comparisons.iter().filter(|c| c.verdict == verdict).collect::<Vec<_>>();
    let few = of(ComparisonVerdict::TooFewReplicates);
    let same = of(ComparisonVerdict::Indistinguishable);
    let dearer = of(ComparisonVerdict::Dearer);
    match comparisons {
        [] => "no other endpoint qualifies".to_owned(),
        _ if !few.is_empty() => {
            let replicates = few.iter().map(|c| c.replicates).min().unwrap_or(0);
            format!(
                "its cost is not tested against rivals (a test needs {FEWEST_PAIRS} \
                 replicates in common, there are {replicates})"
            )
        }
        _ if !same.is_empty() => {
            format!("its cost cannot be told apart from that of {}", names(&same, candidates))
        }
        _ if !dearer.is_empty() => format!(
            "it is dearer than {}, of which not every criterion is shown",
            names(&dearer, candidates)
        ),
        [only] => format!(
            "it is shown to be cheaper than {} in {} replicates",
            names(&[only], candidates),
            only.replicates
        ),
        _ => "it is shown to be cheaper than the best of each other endpoint that qualifies"
            .to_owned(),
    }
}
