//! `report.md`: the answer first, then the figures behind it, then what they mean.

mod about;
mod results;

use super::{PLOT_PNG, Report};
use crate::decision::words::{self, plural};
use crate::plan::EndpointKind;

/// Said wherever a choice is.
const NO_QUALITY: &str = "The quality of answers was not measured: what is cheap and fast here may \
     still answer badly.";

/// The whole report.
pub(super) fn render(report: &Report<'_>) -> String {
    let sections = [
        title(report),
        answer(report),
        results::criteria(report),
        results::glance(report),
        endpoints(report),
        results::latencies(report),
        results::requests(report),
        about::cost(report),
        about::run(report),
        about::DEFINITIONS.to_owned(),
    ];
    let text = sections.concat();
    text.trim_end().to_owned() + "\n"
}

fn title(report: &Report<'_>) -> String {
    let plan = report.plan;
    let name = plan.name.as_deref().unwrap_or(plan.run_id.as_str());
    let mut text = format!("# Price and performance: {name}\n\n");
    if report.summary.simulated {
        let of = simulated_endpoints(report);
        text += &format!(
            "> **SIMULATED.** Answers of {of} came from a simulator, not from a real service. The \
             figures below show how the tool works; they say nothing about real models.\n\n"
        );
    }
    text
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

fn answer(report: &Report<'_>) -> String {
    let decision = report.decision;
    let mut text = format!("## Answer\n\n**{}**\n\n", sentence_case(&decision.answer));
    for decided in &decision.datasets {
        text += &format!("- `{}`: {}\n", decided.dataset, decided.words);
    }
    text += &format!("\n{} {NO_QUALITY}\n\n", decision.certainty);
    let missing = report.summary.blocks_missing();
    if missing > 0 {
        let planned = plural(report.summary.blocks_planned().into(), "block");
        text += &format!("**This run is incomplete:** {missing} of {planned} have no result.\n\n");
        for experiment in &report.summary.experiments {
            let blocks: Vec<_> = experiment.missing_blocks.iter().map(about::block_name).collect();
            if !blocks.is_empty() {
                text += &format!("- `{}`: {}\n", experiment.experiment, words::list(&blocks));
            }
        }
        text += "\n";
    }
    text += &format!("![Price against latency, a mark for each experiment]({PLOT_PNG})\n\n");
    text
}

fn sentence_case(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| {
        first.to_uppercase().collect::<String>() + characters.as_str()
    })
}

fn endpoints(report: &Report<'_>) -> String {
    let mut text = "## How far each endpoint can be loaded\n\n".to_owned();
    for dataset in &report.plan.datasets {
        text += &format!("### `{}`\n\n", dataset.name);
        let decided = report.decision.endpoints.iter();
        for endpoint in decided.filter(|endpoint| endpoint.dataset == dataset.name) {
            text += &format!("- `{}`: {}\n", endpoint.endpoint, endpoint.words);
        }
        text += "\n";
    }
    text
}
