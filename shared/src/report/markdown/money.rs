//! What transactions cost: as measured, and with answers of equal length.

use super::cell::{UNKNOWN, each_dataset};
use crate::price::Price;
use crate::report::page::{Page, Table};
use crate::report::{Report, plot};
use crate::stats::{Sample, float};
use crate::summary::ExperimentSummary;
use crate::units::Name;
use crate::words::{count, dollars, number};

/// Transactions that prices are told for.
const TRANSACTIONS: f64 = 10_000.0;

/// The bars, and the table at equal lengths.
pub(super) fn section(page: &mut Page, report: &Report<'_>) {
    page.heading(2, "What transactions cost");
    page.picture(plot::COST);
    page.paragraph(
        "Models answer at different lengths, and a terse one is cheaper for it. The last two columns \
         price every endpoint's own mean prompt (the same prompts, by its own token count) with \
         answers of one length: the median of the endpoints' mean answers, and the limit of an \
         answer. This is arithmetic with prices; no such answers were measured.",
    );
    each_dataset(page, report, 3, |page, dataset| {
        let table = at_equal_length(report, dataset);
        if table.is_empty() {
            page.paragraph("No tokens were reported.");
        }
        page.table(&table);
    });
}

fn at_equal_length(report: &Report<'_>, dataset: &Name) -> Table {
    let endpoints = report.plan.endpoints.iter().map(|endpoint| {
        let experiments = report.summary.experiments.iter();
        let experiments =
            experiments.filter(|e| e.dataset == *dataset && e.endpoint == endpoint.name);
        (endpoint, Tokens::of(experiments))
    });
    let endpoints: Vec<_> =
        endpoints.filter_map(|(endpoint, tokens)| Some((endpoint, tokens?))).collect();
    let median = Sample::new(endpoints.iter().map(|(_, tokens)| tokens.output));
    let median = median.map_or(0, |sample| whole(sample.percentile(50.0)));
    let limit = report.plan.dataset(dataset).map_or(0, |dataset| u64::from(dataset.max_tokens));
    let mut table = Table::new()
        .words("Endpoint")
        .number("Prompt tokens, mean")
        .number("Answer tokens, mean")
        .number("USD each, as measured")
        .number("USD per 10,000")
        .number(format!("at {} answer tokens (median)", count(median)))
        .number(format!("at {} (limit)", count(limit)));
    for (endpoint, tokens) in endpoints {
        let at = |transactions: f64, output: f64| {
            let price = |price| price_of(price, transactions, (tokens.input, output));
            match &endpoint.price {
                Some(known @ Price::Tokens(_)) => price(known),
                Some(Price::Hours(_)) => "by the hour".to_owned(),
                None => UNKNOWN.to_owned(),
            }
        };
        table.row(&[
            format!("`{}`", endpoint.name),
            number(tokens.input),
            number(tokens.output),
            at(1.0, tokens.output),
            at(TRANSACTIONS, tokens.output),
            at(TRANSACTIONS, float(median)),
            at(TRANSACTIONS, float(limit)),
        ]);
    }
    table
}

/// What so many transactions of so many prompt and answer tokens cost.
fn price_of(price: &Price, transactions: f64, (input, output): (f64, f64)) -> String {
    let tokens = |mean: f64| whole(mean * TRANSACTIONS);
    let usd = price.of_tokens(tokens(input), tokens(output)).as_usd() * transactions / TRANSACTIONS;
    dollars(usd)
}

/// To the nearest whole number.
fn whole(value: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "means of token counts, or sums of 10,000 of them"
    )]
    let whole = value.round() as u64;
    whole
}

/// The mean tokens of an endpoint's transactions, over all its loads.
#[derive(Debug, Clone, Copy)]
struct Tokens {
    input: f64,
    output: f64,
}

impl Tokens {
    fn of<'a>(experiments: impl Iterator<Item = &'a ExperimentSummary>) -> Option<Self> {
        let (mut input, mut output, mut requests) = (0.0, 0.0, 0.0);
        for experiment in experiments {
            let means = experiment.input_tokens_mean.zip(experiment.output_tokens_mean);
            let Some((input_mean, output_mean)) = means else { continue };
            let completed = float(experiment.requests.completed);
            input += input_mean * completed;
            output += output_mean * completed;
            requests += completed;
        }
        (requests > 0.0).then(|| Self { input: input / requests, output: output / requests })
    }
}
