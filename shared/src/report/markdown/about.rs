//! What the run cost, what it was, and what the words mean.

use std::time::Duration;

use humantime::format_duration;

use super::cell::{UNKNOWN, each_dataset, is_unpriced, load_head, of_dataset, or_none, place};
use super::{capacity, spend};
use crate::plan::{
    EndpointKind, EndpointSpec, Inference, LatencyMode, Load, Plan, ServiceTier, Workload,
};
use crate::price::{Price, TokenPrice};
use crate::report::Report;
use crate::report::page::{Page, Table, code, plain};
use crate::summary::{BlockPlace, Spending, milliseconds};
use crate::units::NanoUsd;
use crate::words::{NO_DATA, count, exact_latency, list, number, percent, plural, usd};

/// `block 2`, or with its round where there are more.
pub(super) fn block_name(place: BlockPlace) -> String {
    match place.round {
        1 => format!("block {}", place.block),
        round => format!("block {} of round {round}", place.block),
    }
}

/// What the run itself cost: tokens by endpoint, then by experiment.
pub(super) fn cost(page: &mut Page, report: &Report<'_>) {
    let summary = report.summary;
    let (counted, uncounted) = (&summary.counted, &summary.uncounted);
    let total = counted.spent_nano_usd.saturating_add(uncounted.spent_nano_usd);
    page.heading(2, "What this run cost");
    page.paragraph(&format!(
        "**{} for tokens**, by the prices below; warm-up and failed requests are in it where the \
         service reported their tokens.",
        usd(total)
    ));
    let unpriced = report.plan.endpoints.iter().filter(|endpoint| endpoint.price.is_none());
    let unpriced: Vec<_> = unpriced.map(|endpoint| format!("`{}`", endpoint.name)).collect();
    if !unpriced.is_empty() {
        page.paragraph(&format!("Not in it: {}, of which no price is known.", list(&unpriced)));
    }
    let by_hour = |endpoint: &&EndpointSpec| {
        endpoint.price.as_ref().is_some_and(|price| price.hours().is_some())
    };
    let hourly = report.plan.endpoints.iter().filter(by_hour);
    let hourly: Vec<_> = hourly.map(|endpoint| format!("`{}`", endpoint.name)).collect();
    if !hourly.is_empty() {
        page.paragraph(&format!(
            "Not in it: {}, paid for by the hour, whatever is sent.",
            list(&hourly)
        ));
    }
    let mut table = spending_columns(Table::new().words("Endpoint"));
    let mut row = |name: String, spending: &Spending, priced| {
        let cells = spending_cells(spending, priced);
        table.row(&std::iter::once(name).chain(cells).collect::<Vec<_>>());
    };
    for endpoint in &report.plan.endpoints {
        let mut spending = Spending::default();
        for experiment in summary.experiments.iter().filter(|e| e.endpoint == endpoint.name) {
            spending.join(&experiment.spending);
        }
        row(format!("`{}`", endpoint.name), &spending, endpoint.price.is_some());
    }
    if uncounted.requests > 0 {
        row("attempts that do not count".to_owned(), uncounted, true);
    }
    page.table(&table);
    if uncounted.requests > 0 {
        page.paragraph(
            "Attempts that do not count were interrupted and measured again, or never finished: \
             what they sent is paid for and in no other figure.",
        );
    }
    spend::details(page, report);
    page.heading(3, "Each experiment");
    each_dataset(page, report, 4, |page, dataset| {
        let mut table = spending_columns(Table::new().words("Endpoint").number(load_head(report)));
        table = table.number("Measured (s)");
        for experiment in of_dataset(report, dataset) {
            let priced = !is_unpriced(report, &experiment.endpoint);
            let mut row = place(experiment);
            row.extend(spending_cells(&experiment.spending, priced));
            let window = experiment.throughput.map(|throughput| number(throughput.window_s));
            row.push(or_none(window));
            table.row(&row);
        }
        page.table(&table);
    });
}

fn spending_columns(table: Table) -> Table {
    table
        .number("Requests")
        .number("of them warm-up")
        .number("Prompt tokens")
        .number("Answer tokens")
        .number("USD")
}

fn spending_cells(spending: &Spending, priced: bool) -> [String; 5] {
    [
        count(spending.requests),
        count(spending.warmup_requests),
        count(spending.input_tokens),
        count(spending.output_tokens),
        if priced { usd(spending.spent_nano_usd) } else { UNKNOWN.to_owned() },
    ]
}

/// How requests were sent: `closed loop: 1 and 4 requests in flight`.
fn loads(plan: &Plan) -> String {
    let (closed, open) = distinct_loads(plan);
    let closed =
        (!closed.is_empty()).then(|| format!("closed loop: {} requests in flight", list(&closed)));
    let open = (!open.is_empty()).then(|| format!("open loop: {}", list(&open)));
    closed.into_iter().chain(open).collect::<Vec<_>>().join("; ")
}

/// The loads of a plan, each once and the lowest first: concurrencies, and rates in words.
pub(super) fn distinct_loads(plan: &Plan) -> (Vec<String>, Vec<String>) {
    let mut loads: Vec<_> = plan.experiments.iter().map(|experiment| experiment.load).collect();
    loads.sort_unstable();
    loads.dedup();
    let closed = loads.iter().filter_map(Load::concurrency).map(|slots| slots.to_string());
    let mut open: Vec<_> =
        loads.iter().filter_map(Load::open).map(|open| open.to_string()).collect();
    open.dedup(); // they may differ in their streams
    (closed.collect(), open)
}

/// What the run was, so that it can be judged and repeated.
pub(super) fn run(page: &mut Page, report: &Report<'_>) {
    let plan = report.plan;
    let time = |time: &Option<String>| {
        let short =
            time.as_deref().map(|time| time.split('.').next().unwrap_or(time).to_owned() + "Z");
        short.unwrap_or_else(|| NO_DATA.to_owned())
    };
    let deadlines = &plan.deadlines;
    let [connect, first, stall, request] =
        [deadlines.connect, deadlines.first_token, deadlines.stall, deadlines.request]
            .map(duration);
    let mut table = Table::new().words("Fact").words("Value");
    let mut row = |name: &str, value: String| table.row(&[name.to_owned(), value]);
    row("Run", format!("`{}`", plan.run_id));
    row("fmgauge", plan.fmgauge_version.clone());
    row("Seed", plan.seed.to_string());
    row("Configuration, SHA-256", format!("`{}`", plan.config_sha256));
    row("First request", time(&report.summary.first_sent_at));
    row("Last request", time(&report.summary.last_sent_at));
    row("Load", loads(plan));
    row("Replicates", plan.replicates.to_string());
    if let Some(rounds) = plan.rounds {
        let every = format_duration(rounds.every);
        row("Rounds", format!("{}, one every {every}", rounds.count));
    }
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
    if let Some(system) = &plan.inference.system {
        row("System prompt", format!("{} characters", count(system.chars().count() as u64)));
    }
    if let Some(limit) = plan.spend_limit {
        row("Spend limit", usd(limit));
    }
    if plan.provisioned().next().is_some() {
        let hours = plan.provisioned_for().as_secs() / 3600;
        let most = plan.provisioned_at_most().map_or_else(|| UNKNOWN.to_owned(), usd);
        row(
            "Endpoints of its own",
            format!("deleted at its end, after {hours} hours at most: {most}"),
        );
    }
    if let Some(workload) = &plan.workload {
        row("Workload", workload_words(workload));
    }
    if let Some(baseline) = &plan.baseline {
        row("Baseline", format!("`{baseline}`"));
    }
    row("Report written", report.written_at.to_owned());
    page.heading(2, "What the run was");
    page.table(&table);
    page.table(&endpoints(report));
    page.table(&datasets(report));
}

/// `300 requests a minute, of 1,000 prompt tokens and 200 answer tokens, 20 % headroom`.
fn workload_words(workload: &Workload) -> String {
    let rate = capacity::rate(workload.requests_per_minute);
    let tokens = capacity::tokens(workload);
    let tokens = tokens.unwrap_or_else(|| "the dataset's own lengths".to_owned());
    let headroom = match workload.headroom {
        headroom if headroom > 0.0 => format!("{} headroom", percent(headroom)),
        _ => "no headroom".to_owned(),
    };
    format!("{rate} requests a minute, of {tokens}, {headroom}")
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
            endpoint.price.as_ref().map_or_else(|| UNKNOWN.to_owned(), show)
        };
        table.row(&[
            format!("`{}`", endpoint.name),
            kind(endpoint),
            code(&endpoint.model_id),
            plain(&endpoint.region),
            price(|price| per_1k(price, |price| price.input_per_1k_nano_usd)),
            price(|price| per_1k(price, |price| price.output_per_1k_nano_usd)),
            price(source),
        ]);
    }
    table
}

fn per_1k(price: &Price, of: fn(&TokenPrice) -> NanoUsd) -> String {
    price.tokens().map_or_else(|| "by the hour".to_owned(), |price| of(price).as_usd().to_string())
}

/// Where a price comes from; of time, the price itself, too.
fn source(price: &Price) -> String {
    let hours = price.hours().map(|price| {
        let what = price.instance_type.as_deref().unwrap_or("instance");
        let each = price.per_hour_nano_usd.as_usd();
        format!("{} x {} at ${each} an hour; ", price.instances, plain(what))
    });
    format!("{}{}", hours.unwrap_or_default(), plain(price.source()))
}

fn kind(endpoint: &EndpointSpec) -> String {
    let kind = match endpoint.kind {
        EndpointKind::Bedrock => "Amazon Bedrock",
        EndpointKind::Sagemaker => "Amazon SageMaker",
        EndpointKind::Openai => "OpenAI-compatible",
        EndpointKind::Simulated => "simulated",
    };
    let api = endpoint.operation();
    let mode = endpoint.latency_mode.map(|mode| match mode {
        LatencyMode::Standard => ", latency mode standard",
        LatencyMode::Optimized => ", latency mode optimized",
    });
    let tier = endpoint.service_tier.map(|tier| match tier {
        ServiceTier::Default => ", tier default",
        ServiceTier::Flex => ", tier flex",
        ServiceTier::Priority => ", tier priority",
    });
    let (mode, tier) = (mode.unwrap_or_default(), tier.unwrap_or_default());
    let url = endpoint.endpoint_url.as_ref().map(|url| format!(" at {}", code(url)));
    format!("{kind}, {api}{mode}{tier}{}", url.unwrap_or_default())
}

fn datasets(report: &Report<'_>) -> Table {
    let mut table = Table::new()
        .words("Dataset")
        .number("Prompts")
        .number("Prompt tokens, estimated mean")
        .words("Counted by")
        .number("Answer limit")
        .words("SHA-256");
    for dataset in &report.plan.datasets {
        table.row(&[
            format!("`{}`", dataset.name),
            count(dataset.prompts.into()),
            number(dataset.estimated_input_tokens_mean),
            dataset.tokenizer.as_deref().map_or_else(|| "our estimate".to_owned(), code),
            count(dataset.max_tokens.into()),
            format!("`{}`", dataset.sha256),
        ]);
    }
    table
}
