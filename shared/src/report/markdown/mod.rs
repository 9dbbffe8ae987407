//! `report.md`: the answer first, then the figures behind it, then what they mean.

mod about;
mod arrivals;
mod best;
mod capacity;
mod cell;
mod criteria;
mod hours;
mod money;
mod results;
mod retries;
mod rounds;
mod speed;
mod spend;
mod terms;

use super::page::{FEW, Page, plain};
use super::{Report, plot};
use crate::decision::{Comparison, ComparisonVerdict};
use crate::plan::{EndpointKind, EndpointSpec, power};
use crate::summary::ExperimentSummary;
use crate::words;

/// The whole report.
pub(super) fn render(report: &Report<'_>) -> String {
    let mut page = Page::default();
    heading(&mut page, report);
    answer(&mut page, report);
    best::section(&mut page, report);
    criteria::section(&mut page, report);
    results::glance(&mut page, report);
    rounds::section(&mut page, report);
    hours::section(&mut page, report);
    results::endpoints(&mut page, report);
    capacity::section(&mut page, report);
    capacity::savings(&mut page, report);
    money::section(&mut page, report);
    speed::section(&mut page, report);
    arrivals::section(&mut page, report);
    retries::section(&mut page, report);
    results::requests(&mut page, report);
    about::cost(&mut page, report);
    about::run(&mut page, report);
    terms::section(&mut page);
    page.finish()
}

/// The title, with the user's text as it is.
pub(super) fn title(report: &Report<'_>) -> String {
    let plan = report.plan;
    let name = plan.name.as_deref().unwrap_or(plan.run_id.as_str());
    format!("Price and performance: {name}")
}

fn heading(page: &mut Page, report: &Report<'_>) {
    page.heading(1, &plain(&title(report)));
    if report.summary.simulated {
        let of = simulated_endpoints(report);
        page.paragraph(&format!(
            "> **SIMULATED.** Answers of {of} came from a simulator, not from a real service. The \
             figures show how the tool works; they say nothing about real models."
        ));
    }
}

/// The endpoints that a simulator answered for, or `all endpoints`.
fn simulated_endpoints(report: &Report<'_>) -> String {
    let endpoints = &report.plan.endpoints;
    let simulated: Vec<_> = endpoints
        .iter()
        .filter(|endpoint| {
            let mut experiments = report.summary.experiments.iter();
            endpoint.kind == EndpointKind::Simulated
                || experiments.any(|e| e.simulated && e.endpoint == endpoint.name)
        })
        .map(|endpoint| format!("`{}`", endpoint.name))
        .collect();
    if simulated.len() == endpoints.len() {
        return "all endpoints".to_owned();
    }
    words::list(&simulated)
}

/// The first screen: what to use, what it costs, how sure that is, what was not measured.
fn answer(page: &mut Page, report: &Report<'_>) {
    let decision = report.decision;
    page.heading(2, "Answer");
    page.paragraph(&format!("**{}**", decision.answer));
    best::choices(page, report);
    let untested = |one: &Comparison| one.verdict == ComparisonVerdict::TooFewReplicates;
    if decision.datasets.iter().flat_map(|one| &one.comparisons).any(untested) {
        page.paragraph(&format!("To be surer: {}.", power::for_a_test(report.plan)));
    }
    page.paragraph(&not_measured(report));
    if let Some(refused) = spend::refused(report) {
        page.paragraph(&refused);
    }
    if let Some(what) = report.summary.incomplete() {
        page.paragraph(&format!(
            "**This run is incomplete:** {what}, so some figures are of fewer requests than \
             planned:"
        ));
        page.items(report.summary.experiments.iter().filter_map(unfinished_blocks));
    }
    page.picture(plot::PRICE);
}

/// What a reader might think was measured.
fn not_measured(report: &Report<'_>) -> String {
    let endpoints_of = |wanted: fn(&EndpointSpec) -> bool| {
        let endpoints = report.plan.endpoints.iter().filter(|endpoint| wanted(endpoint));
        let names: Vec<_> = endpoints.map(|endpoint| format!("`{}`", endpoint.name)).collect();
        (!names.is_empty()).then(|| words::list(&names))
    };
    let (closed, open) = about::distinct_loads(report.plan);
    let loads = match (closed.is_empty(), open.is_empty()) {
        (_, true) => {
            format!("{} in flight, requests that arrive at a given rate", words::list(&closed))
        }
        (true, false) => words::list(&open),
        (false, false) => format!("{} in flight and {}", words::list(&closed), words::list(&open)),
    };
    let times = match report.plan.rounds {
        None => "other times of day",
        Some(_) => "other times than those of its rounds",
    };
    let mut sentences = vec![format!(
        "**Not measured:** the quality of answers: what is cheap and fast here may still answer \
         badly. Nor other loads than {loads}, other prompts, or {times}."
    )];
    let unpriced = endpoints_of(|endpoint| endpoint.price.is_none());
    sentences.extend(unpriced.map(|endpoints| {
        format!("The price of {endpoints} is unknown: no ranking by cost has it.")
    }));
    let whole = endpoints_of(|endpoint| !endpoint.api.is_streamed());
    sentences.extend(whole.map(|endpoints| {
        format!("The answers of {endpoints} arrive whole: there is no time to first token.")
    }));
    sentences.join(" ")
}

/// The blocks that an experiment lacks, wholly or in part.
fn unfinished_blocks(experiment: &ExperimentSummary) -> Option<String> {
    let kinds = [
        ("missing", &experiment.missing_blocks),
        ("ended before time", &experiment.stopped_blocks),
    ];
    let kinds = kinds.into_iter().filter(|(_, places)| !places.is_empty());
    let kinds: Vec<_> = kinds
        .map(|(what, places)| {
            let blocks: Vec<_> = places.iter().copied().map(about::block_name).collect();
            format!("{} {what}", words::list(&blocks))
        })
        .collect();
    (!kinds.is_empty()).then(|| format!("`{}`: {}", experiment.experiment, kinds.join("; ")))
}
