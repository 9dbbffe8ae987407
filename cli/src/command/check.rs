//! `fmgauge check`: one small request to each endpoint.

use anyhow::Result;
use futures_util::future::try_join_all;
use serde::Serialize;
use shared::check::{EndpointCheck, Problem};
use shared::config;
use shared::plan::EndpointSpec;
use shared::price::Price;
use shared::run::{RunError, check};
use shared::units::NanoUsd;

use super::read_config;
use crate::arguments;
use crate::connect::{Simulation, connect};
use crate::exit::Exit;
use crate::terminal::say;

/// The width that everything fits into.
const WIDTH: usize = 80;

/// The widest name of an endpoint that the table shows whole.
const NAME_WIDTH: usize = 18;

/// Everything that was found.
#[derive(Debug, Serialize)]
struct Found {
    endpoints: Vec<EndpointCheck>,
    /// The most that it cost, of the endpoints whose price is known.
    cost_at_most_usd: f64,
}

pub(crate) async fn run(arguments: &arguments::Check) -> Result<Exit> {
    let (text, _) = read_config(&arguments.config)?;
    let settings = config::parse(&text).map_err(RunError::from)?;
    let specs = settings.endpoints.iter().map(|endpoint| endpoint.spec.clone());
    let specs: Vec<EndpointSpec> = specs.collect();
    let (connections, simulator) = connect(&specs, settings.seed, Simulation::default()).await?;
    let checks = specs.iter().map(|spec| Box::pin(check(spec, &settings, &connections)));
    let endpoints = try_join_all(checks).await?;
    drop(simulator);

    let cost: NanoUsd = endpoints.iter().filter_map(|check| check.cost_at_most_nano_usd).sum();
    let is_fine = endpoints.iter().all(|check| check.problem.is_none());
    let found = Found { endpoints, cost_at_most_usd: cost.as_usd() };
    if arguments.json {
        say(&serde_json::to_string_pretty(&found)?);
    } else {
        say(&described(&found, &arguments.config.display().to_string()));
    }
    Ok(if is_fine { Exit::Done } else { Exit::CheckFailed })
}

fn described(found: &Found, config: &str) -> String {
    let columns = ["TCP", "TLS", "TTFB", "TTFT", "tokens"].map(str::to_owned);
    let mut lines = vec![row("endpoint", "access", &columns)];
    lines.extend(found.endpoints.iter().map(figures));
    lines.push(wrapped(
        "Milliseconds: to open a connection (one round trip), to agree on TLS, from the send to the \
         answer's head and to its first text. Tokens in + out, as the service counts them.",
        "",
    ));
    for check in &found.endpoints {
        lines.push(String::new());
        lines.push(wrapped(&title(check), ""));
        let facts = facts(check, config);
        lines.extend(facts.iter().map(|fact| wrapped(fact, "  ")));
    }
    let unpriced = found.endpoints.iter().filter(|check| check.price.is_none()).count();
    let unpriced = match unpriced {
        0 => String::new(),
        unpriced => format!(", without {unpriced} whose price is not known"),
    };
    lines.push(String::new());
    lines.push(format!("This check cost ${:.6} at most{unpriced}.", found.cost_at_most_usd));
    lines.join("\n")
}

/// A line of the table.
fn figures(check: &EndpointCheck) -> String {
    let access = check.problem.as_ref().map_or("ok", |problem| problem.class);
    let tokens = check.input_tokens.zip(check.output_tokens);
    let tokens =
        tokens.map_or_else(|| "-".to_owned(), |(input, output)| format!("{input}+{output}"));
    let [tcp, tls, head, text] =
        [check.tcp_ms, check.tls_ms, check.ttfb_ms, check.ttft_ms].map(milliseconds);
    row(check.endpoint.as_str(), access, &[tcp, tls, head, text, tokens])
}

fn row(name: &str, access: &str, [tcp, tls, head, text, tokens]: &[String; 5]) -> String {
    let name = textwrap::wrap(name, NAME_WIDTH).into_iter().next().unwrap_or_default();
    format!("{name:<NAME_WIDTH$} {access:<20} {tcp:>6} {tls:>6} {head:>7} {text:>7} {tokens:>8}")
}

fn milliseconds(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"))
}

fn title(check: &EndpointCheck) -> String {
    let simulated = if check.simulated { ", SIMULATED" } else { "" };
    // A server is nowhere in AWS: its address says where it is.
    let place = match check.region.as_str() {
        "" => check.target.clone(),
        region => format!("{} in {region}", check.model_id),
    };
    format!("{}: {place}{simulated}", check.endpoint)
}

fn facts(check: &EndpointCheck, config: &str) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(problem) = &check.problem {
        facts.push(said(problem));
        let policy = format!("`fmgauge policy {config}`");
        facts.push(format!("-> {}", problem.mend.replace("`fmgauge policy`", &policy)));
    }
    facts.push(match &check.price {
        Some(Price::Hours(price)) => format!(
            "price of an hour: ${} for {} instances ({})",
            price.all_per_hour().as_usd(),
            price.instances,
            price.source
        ),
        Some(Price::Tokens(price)) => {
            let per_1k = |price: NanoUsd| format!("${}", price.as_usd());
            let (input, output) = (price.input_per_1k_nano_usd, price.output_per_1k_nano_usd);
            format!(
                "price of 1,000 tokens: {} in, {} out ({})",
                per_1k(input),
                per_1k(output),
                price.source
            )
        }
        None => "price: not known, so it is left out of what ranks by cost".to_owned(),
    });
    if check.problem.is_none() {
        let or_silent = |served: &Option<String>| served.clone().unwrap_or("not said".to_owned());
        let as_asked = if check.served_as_asked { "" } else { ": NOT AS ASKED" };
        facts.push(format!(
            "served: tier {}, latency mode {}{as_asked}",
            or_silent(&check.service_tier),
            or_silent(&check.latency_mode)
        ));
        if check.input_tokens.is_none() {
            facts
                .push("the service counts no tokens: requests are charged by our bound".to_owned());
        }
    }
    facts
}

/// `access_denied (403 AccessDeniedException): ...`
fn said(problem: &Problem) -> String {
    let status = problem.status.map(|status| status.to_string());
    let of: Vec<String> = status.into_iter().chain(problem.code.clone()).collect();
    let of = if of.is_empty() { String::new() } else { format!(" ({})", of.join(" ")) };
    let message =
        if problem.message.is_empty() { String::new() } else { format!(": {}", problem.message) };
    format!("{}{of}{message}", problem.class)
}

fn wrapped(prose: &str, indent: &str) -> String {
    let options = textwrap::Options::new(WIDTH).initial_indent(indent).subsequent_indent(indent);
    textwrap::fill(prose, options)
}
