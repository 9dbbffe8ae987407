//! What the run cost, what it was, and what the words mean.

use std::time::Duration;

use crate::plan::{EndpointKind, EndpointSpec, Inference};
use crate::price::Price;
use crate::report::Report;
use crate::report::page::{Page, Table};
use crate::summary::{BlockPlace, Spending, milliseconds};
use crate::words::{NO_DATA, count, exact_latency, list, number, plural, usd};

/// `block 2`, or with its round where there are more.
pub(super) fn block_name(place: BlockPlace) -> String {
    match place.round {
        1 => format!("block {}", place.block),
        round => format!("block {} of round {round}", place.block),
    }
}

/// What the run itself cost.
pub(super) fn cost(page: &mut Page, report: &Report<'_>) {
    let summary = report.summary;
    let (counted, uncounted) = (&summary.counted, &summary.uncounted);
    let total = counted.spent_nano_usd.saturating_add(uncounted.spent_nano_usd);
    page.heading(2, "What this run cost");
    page.paragraph(&format!(
        "{} for tokens, by the prices below; warm-up and failed requests are \
         in it where the service reported their tokens.",
        usd(total)
    ));
    let mut table = Table::new()
        .words("")
        .number("Requests")
        .number("of them warm-up")
        .number("Prompt tokens")
        .number("Answer tokens")
        .number("USD");
    for endpoint in &report.plan.endpoints {
        let mut spending = Spending::default();
        for experiment in summary.experiments.iter().filter(|e| e.endpoint == endpoint.name) {
            spending.join(&experiment.spending);
        }
        table.row(&spending_row(format!("`{}`", endpoint.name), &spending));
    }
    if uncounted.requests > 0 {
        table.row(&spending_row("attempts that do not count".to_owned(), uncounted));
    }
    page.table(&table);
    if uncounted.requests > 0 {
        page.paragraph(
            "Attempts that do not count were interrupted and measured again, or never finished: \
             what they sent is paid for and in no other figure.",
        );
    }
    let without = counted.without_usage + uncounted.without_usage;
    if without > 0 {
        page.paragraph(&format!(
            "{} did not report their tokens; what they may have cost is not in the sum.",
            plural(without, "request")
        ));
    }
}

fn spending_row(name: String, spending: &Spending) -> Vec<String> {
    vec![
        name,
        count(spending.requests),
        count(spending.warmup_requests),
        count(spending.input_tokens),
        count(spending.output_tokens),
        usd(spending.spent_nano_usd),
    ]
}

/// What the run was, so that it can be judged and repeated.
pub(super) fn run(page: &mut Page, report: &Report<'_>) {
    let plan = report.plan;
    let time = |time: &Option<String>| {
        let short =
            time.as_deref().map(|time| time.split('.').next().unwrap_or(time).to_owned() + "Z");
        short.unwrap_or_else(|| NO_DATA.to_owned())
    };
    let mut concurrencies: Vec<_> = plan.experiments.iter().map(|e| e.concurrency.get()).collect();
    concurrencies.sort_unstable();
    concurrencies.dedup();
    let concurrencies: Vec<_> = concurrencies.iter().map(ToString::to_string).collect();
    let deadlines = &plan.deadlines;
    let [connect, first, stall, request] =
        [deadlines.connect, deadlines.first_token, deadlines.stall, deadlines.request]
            .map(duration);
    let mut table = Table::new().words("").words("");
    let mut row = |name: &str, value: String| table.row(&[name.to_owned(), value]);
    row("Run", format!("`{}`", plan.run_id));
    row("fmgauge", plan.fmgauge_version.clone());
    row("Seed", plan.seed.to_string());
    row("Configuration, SHA-256", format!("`{}`", plan.config_sha256));
    row("First request", time(&report.summary.first_sent_at));
    row("Last request", time(&report.summary.last_sent_at));
    row("Load", format!("closed loop: {} requests in flight", list(&concurrencies)));
    row("Replicates", plan.replicates.to_string());
    row(
        "Warm-up",
        format!(
            "{} per connection and block",
            plural(plan.warmup_requests_per_slot.into(), "request")
        ),
    );
    row(
        "Deadlines",
        format!("connect {connect}, first token {first}, stall {stall}, request {request}"),
    );
    row("Sampling", sampling(&plan.inference));
    row("Report written", report.written_at.to_owned());
    page.heading(2, "What the run was");
    page.table(&table);
    page.table(&endpoints(report));
    page.table(&datasets(report));
}

fn duration(duration: Duration) -> String {
    exact_latency(milliseconds(duration))
}

fn sampling(inference: &Inference) -> String {
    let settings: Vec<_> = [("temperature", inference.temperature), ("top_p", inference.top_p)]
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", value?)))
        .collect();
    if settings.is_empty() { "left to the service".to_owned() } else { settings.join(", ") }
}

fn endpoints(report: &Report<'_>) -> Table {
    let mut table = Table::new()
        .words("Endpoint")
        .words("Kind")
        .words("Model")
        .words("Region")
        .number("USD per 1,000 prompt tokens")
        .number("USD per 1,000 answer tokens")
        .words("Price from");
    for endpoint in &report.plan.endpoints {
        let price = |show: fn(&Price) -> String| {
            endpoint.price.as_ref().map_or_else(|| "unknown".to_owned(), show)
        };
        table.row(&[
            format!("`{}`", endpoint.name),
            kind(endpoint),
            format!("`{}`", endpoint.model_id),
            endpoint.region.clone(),
            price(|price| price.input_per_1k_nano_usd.as_usd().to_string()),
            price(|price| price.output_per_1k_nano_usd.as_usd().to_string()),
            price(|price| price.source.clone()),
        ]);
    }
    table
}

fn kind(endpoint: &EndpointSpec) -> String {
    let kind = match endpoint.kind {
        EndpointKind::Bedrock => "Amazon Bedrock, ConverseStream",
        EndpointKind::Simulated => "simulated",
    };
    let url = endpoint.endpoint_url.as_ref().map(|url| format!(" at {url}"));
    kind.to_owned() + &url.unwrap_or_default()
}

fn datasets(report: &Report<'_>) -> Table {
    let mut table = Table::new()
        .words("Dataset")
        .number("Prompts")
        .number("Prompt tokens, estimated mean")
        .number("Answer limit")
        .words("SHA-256");
    for dataset in &report.plan.datasets {
        table.row(&[
            format!("`{}`", dataset.name),
            count(dataset.prompts.into()),
            number(dataset.estimated_input_tokens_mean),
            count(dataset.max_tokens.into()),
            format!("`{}`", dataset.sha256),
        ]);
    }
    table
}

/// What the words of the report mean.
pub(super) fn definitions(page: &mut Page) {
    page.heading(2, "Definitions");
    page.paragraph(DEFINITIONS);
}

const DEFINITIONS: &str = "\
- **Experiment**: one endpoint with one dataset at one concurrency, written `endpoint~dataset~c4`.
- **Concurrency**: requests kept in flight; when one ends the next is sent (closed loop). A closed \
loop sends less when answers slow down, so it shows what so many clients see, not what a given rate \
of arrivals would.
- **Block**: an experiment's share of one replicate; a replicate is one pass over all experiments.
- **E2E**: from the sending of a request to the end of its answer.
- **TTFT**: from the sending to the first visible text.
- **TPOT**: (last content - first content) / (answer tokens - 1), by the service's own count.
- **ITL**: the mean gap between the pieces of an answer as they arrive; a piece is not one token.
- **Percentiles**: linear between neighbours (type 7, NumPy's default), over the completed requests \
of all blocks together.
- **Errors**: throttled, timed out and failed requests, over those sent and not cut. They are in no \
latency.
- **Cut**: still running when measuring ended; neither a success nor an error.
- **Transactions/minute** and **tokens/s**: what was completed within the measured windows, over \
their length. A window begins when all connections are warm and ends when sending stops.
- **USD per 10,000**: the mean price of a completed transaction, by the tokens that the service \
reported, times 10,000.
- **Best**: the cheapest that meets every criterion; of equal prices the lower p95 of E2E, then the \
higher concurrency.
- **Nearest**, where nothing qualifies: the experiment whose worst criterion is least above its \
limit, as a share of the limit; where the limit is 0, as a share of 0.01 of its unit (1 % of \
errors).
";
