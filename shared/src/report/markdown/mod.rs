//! `report.md`: the answer first, then the figures behind it, then what they mean.

mod about;
mod results;

use super::page::Page;
use super::{PLOT_PNG, Report};
use crate::plan::EndpointKind;
use crate::summary::ExperimentSummary;
use crate::words;

/// Said wherever a choice is.
const NO_QUALITY: &str = "The quality of answers was not measured: what is cheap and fast here may \
     still answer badly.";

/// The whole report.
pub(super) fn render(report: &Report<'_>) -> String {
    let mut page = Page::default();
    title(&mut page, report);
    answer(&mut page, report);
    results::criteria(&mut page, report);
    results::glance(&mut page, report);
    endpoints(&mut page, report);
    results::latencies(&mut page, report);
    results::requests(&mut page, report);
    about::cost(&mut page, report);
    about::run(&mut page, report);
    about::definitions(&mut page);
    page.finish()
}

fn title(page: &mut Page, report: &Report<'_>) {
    let plan = report.plan;
    let name = plan.name.as_deref().unwrap_or(plan.run_id.as_str());
    page.heading(1, &format!("Price and performance: {name}"));
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

fn answer(page: &mut Page, report: &Report<'_>) {
    let decision = report.decision;
    page.heading(2, "Answer");
    page.paragraph(&format!("**{}**", decision.answer));
    let datasets = decision.datasets.iter();
    page.items(datasets.map(|decided| format!("`{}`: {}", decided.dataset, decided.words)));
    page.paragraph(&format!("{} {NO_QUALITY}", decision.certainty));
    if let Some(what) = report.summary.incomplete() {
        page.paragraph(&format!(
            "**This run is incomplete:** {what}, so some figures are of fewer requests than \
             planned:"
        ));
        page.items(report.summary.experiments.iter().filter_map(unfinished_blocks));
    }
    page.paragraph(&format!("![Price against latency, a mark for each experiment]({PLOT_PNG})"));
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

fn endpoints(page: &mut Page, report: &Report<'_>) {
    page.heading(2, "How far each endpoint can be loaded");
    for dataset in &report.plan.datasets {
        page.heading(3, &format!("`{}`", dataset.name));
        let decided = report.decision.endpoints.iter();
        let decided = decided.filter(|endpoint| endpoint.dataset == dataset.name);
        page.items(decided.map(|endpoint| format!("`{}`: {}", endpoint.endpoint, endpoint.words)));
    }
}
