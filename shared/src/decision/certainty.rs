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
        () if doubts.is_empty() => Some(format!("{}: 95 % intervals within limits", shown(judged))),
        () => Some(format!("met but not shown: {}", words::list(&doubts))),
    }
}

/// That all is shown that can be; a limit of no errors no sample can show.
fn shown(judged: &ExperimentJudgement) -> String {
    let of = |verdict| judged.criteria.iter().filter(move |one| one.verdict == verdict);
    let Some(high) =
        of(Verdict::Met).find_map(|one| Some(one.criterion.words(one.interval?.high?)))
    else {
        return "every criterion is shown".to_owned();
    };
    let limits: Vec<_> = of(Verdict::Shown).map(|one| one.limit().to_string()).collect();
    let none = format!("no errors were seen (up to {high} may have been missed)");
    if limits.is_empty() { none } else { format!("{} shown, {none}", is_or_are(&limits)) }
}

/// A criterion that is met but not shown, with the reason.
fn doubt(judged: &Judgement) -> String {
    let value = |value: f64| judged.criterion.words(value);
    let why = match judged.interval {
        None => "too few requests for an interval".to_owned(),
        Some(interval) => match interval.high {
            Some(high) if high <= judged.limit => {
                format!("that takes {FEWEST_CLUSTERS} blocks, at different times")
            }
            Some(high) => format!("it may be up to {}", value(high)),
            None => "how high it may be cannot be estimated".to_owned(),
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
        () if doubts.is_empty() => format!("{}, and {cost}", shown(chosen.judgement)),
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
    let cheaper = of(ComparisonVerdict::Cheaper);
    if comparisons.is_empty() {
        return "no other endpoint qualifies".to_owned();
    }
    if few.len() == comparisons.len() {
        let replicates = few.iter().map(|c| c.replicates).max().unwrap_or(0);
        return format!(
            "its cost is not tested against rivals (a test needs {FEWEST_PAIRS} replicates, this \
             run has {replicates})"
        );
    }
    let mut parts = Vec::new();
    if !few.is_empty() {
        parts.push(format!("its cost is not tested against {}", names(&few, candidates)));
    }
    if !same.is_empty() {
        parts.push(format!("it cannot be told apart in cost from {}", names(&same, candidates)));
    }
    if !dearer.is_empty() {
        let rivals = names(&dearer, candidates);
        parts.push(format!("it is dearer than {rivals}, of which not every criterion is shown"));
    }
    match &cheaper[..] {
        [] => {}
        [only] => parts.push(format!(
            "it is shown to be cheaper than {} in {} replicates",
            names(&[only], candidates),
            only.replicates
        )),
        all if all.len() == comparisons.len() => parts.push(
            "it is shown to be cheaper than the best of each other endpoint that qualifies"
                .to_owned(),
        ),
        others => parts.push(format!("it is shown to be cheaper than {} others", others.len())),
    }
    words::list(&parts)
}
