//! How figures differ from round to round, of runs that have many.

use humantime::format_duration;

use super::cell::{each_dataset, load_head, of_dataset, or_none, place, seconds};
use crate::report::Report;
use crate::report::page::{Page, Table};
use crate::summary::{ExperimentSummary, RoundFigures, RoundTime, RoundsSummary};
use crate::units::Name;
use crate::words::{NO_DATA, count, list, percent, plural};

/// Of so many rounds each is shown; of more only their range.
const ROUNDS_SHOWN: usize = 48;

/// Which rounds ran, how far each experiment's figures differ, and the choice by round.
pub(super) fn section(page: &mut Page, report: &Report<'_>) {
    let Some(rounds) = &report.summary.rounds else { return };
    page.heading(2, "Rounds");
    page.paragraph(&told(rounds));
    page.paragraph(
        "From the lowest to the highest of the rounds' figures; `summary.json` has those of every \
         experiment in every round.",
    );
    each_dataset(page, report, 3, |page, dataset| {
        page.table(&ranges(report, rounds, dataset));
        let chosen = of_dataset(report, dataset)
            .find(|experiment| report.decision.is_chosen(&experiment.experiment));
        if let Some(chosen) = chosen.filter(|_| rounds.begun.len() <= ROUNDS_SHOWN) {
            page.paragraph(&format!(
                "Round by round, the choice: `{}` at {}.",
                chosen.endpoint,
                chosen.load.in_words()
            ));
            page.table(&by_round(rounds, chosen));
        }
    });
}

/// Which rounds were measured, and when.
fn told(rounds: &RoundsSummary) -> String {
    let begun = rounds.begun.len();
    let mut sentences = vec![format!(
        "{begun} of {} were measured, one every {}.",
        plural(rounds.planned.into(), "round"),
        format_duration(rounds.every)
    )];
    if let [first, .., last] = &rounds.begun[..] {
        let (first, last) = (begin(first), begin(last));
        sentences.push(format!("The first began on {first} UTC, the last on {last}."));
    }
    if !rounds.skipped.is_empty() {
        let skipped: Vec<_> = rounds.skipped.iter().map(ToString::to_string).collect();
        sentences.push(format!(
            "Skipped, because the next was due before they could begin: {}.",
            list(&skipped)
        ));
    }
    if rounds.not_begun > 0 {
        sentences.push(format!("Not begun: the last {}.", count(rounds.not_begun.into())));
    }
    sentences.join(" ")
}

/// `01-31 13:00`: month, day, hour and minute of a round's first send.
fn begin(round: &RoundTime) -> String {
    let minute = round.first_sent_at.as_deref().and_then(|time| time.get(5..16));
    minute.map_or_else(|| NO_DATA.to_owned(), |minute| minute.replace('T', " "))
}

type Figure = fn(&RoundFigures) -> Option<f64>;

/// Name and where it is, milliseconds.
const LATENCIES: [(&str, Figure); 4] = [
    ("E2E p50 (s)", |round| round.e2e_p50_ms),
    ("E2E p95 (s)", |round| round.e2e_p95_ms),
    ("TTFT p50 (s)", |round| round.ttft_p50_ms),
    ("TTFT p95 (s)", |round| round.ttft_p95_ms),
];

/// The lowest and the highest figure of each experiment's rounds.
fn ranges(report: &Report<'_>, rounds: &RoundsSummary, dataset: &Name) -> Table {
    let mut table = Table::new().words("Endpoint").number(load_head(report)).number("Rounds");
    for (name, _) in LATENCIES {
        table = table.number(name);
    }
    table = table.number("Errors").words("Slowest round");
    for experiment in of_dataset(report, dataset) {
        let mut row = place(experiment);
        row.push(experiment.rounds.len().to_string());
        row.extend(LATENCIES.map(|(_, of)| range(experiment, of, seconds)));
        row.push(range(experiment, RoundFigures::error_rate, percent));
        row.push(or_none(slowest(rounds, experiment)));
        table.row(&row);
    }
    table
}

fn range(experiment: &ExperimentSummary, of: Figure, show: fn(f64) -> String) -> String {
    let values = || experiment.rounds.iter().filter_map(of);
    let Some(low) = values().reduce(f64::min) else { return NO_DATA.to_owned() };
    let (low, high) = (show(low), show(values().fold(0.0, f64::max)));
    if low == high { low } else { format!("{low} to {high}") }
}

/// The round with the highest median E2E, and when it began.
fn slowest(rounds: &RoundsSummary, experiment: &ExperimentSummary) -> Option<String> {
    let known = experiment.rounds.iter().filter_map(|of| Some((of.e2e_p50_ms?, of.round)));
    // The first of several.
    let (_, round) = known.reduce(|one, two| if two.0 > one.0 { two } else { one })?;
    let time = rounds.begun.iter().find(|time| time.round == round).map(begin)?;
    Some(format!("{round}, on {time}"))
}

fn by_round(rounds: &RoundsSummary, experiment: &ExperimentSummary) -> Table {
    let mut table = Table::new().number("Round").words("Began (UTC)").number("Completed");
    for (name, _) in LATENCIES {
        table = table.number(name);
    }
    table = table.number("Errors");
    for time in &rounds.begun {
        let figures = experiment.rounds.iter().find(|figures| figures.round == time.round);
        let mut row = vec![time.round.to_string(), begin(time)];
        row.push(count(figures.map_or(0, |figures| figures.completed)));
        row.extend(LATENCIES.map(|(_, of)| or_none(figures.and_then(of).map(seconds))));
        row.push(or_none(figures.and_then(RoundFigures::error_rate).map(percent)));
        table.row(&row);
    }
    table
}
