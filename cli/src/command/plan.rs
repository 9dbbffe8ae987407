//! `fmgauge plan`: what a run would measure and cost.

use std::time::Duration;

use anyhow::Result;
use humantime::format_duration;
use shared::plan::{Load, Plan, Rounds, assumed_request_time, power};
use shared::units::NanoUsd;

use super::draft_config;
use crate::arguments;
use crate::connect::check_simulated;
use crate::exit::Exit;
use crate::local::parse_run_id;
use crate::terminal::say;

pub(crate) async fn run(arguments: &arguments::Plan) -> Result<Exit> {
    let run_id = parse_run_id(&arguments.id)?;
    let config = arguments.config.as_deref();
    let plan = draft_config(config, &arguments.starter, run_id).await?.plan;
    check_simulated(&plan.endpoints)?;
    if arguments.json {
        say(&serde_json::to_string_pretty(&plan)?);
    } else {
        say(&describe(&plan));
    }
    Ok(Exit::Done)
}

fn describe(plan: &Plan) -> String {
    let mut lines = vec![format!(
        "{} experiments: {} endpoints x {} datasets x loads, in {} replicates",
        plan.experiments.len(),
        plan.endpoints.len(),
        plan.datasets.len(),
        plan.replicates
    )];
    lines.extend(plan.rounds.map(|rounds| rounds_line(plan, rounds)));
    for experiment in &plan.experiments {
        lines.push(format!("  {}{}", experiment.id, streams(experiment.load)));
    }
    for dataset in &plan.datasets {
        lines.push(format!(
            "dataset {}: {} prompts of about {:.0} tokens (by our own count), answers of up to {}",
            dataset.name, dataset.prompts, dataset.estimated_input_tokens_mean, dataset.max_tokens
        ));
    }
    let estimate = &plan.estimate;
    let requests = estimate.requests.map_or("as many as the time allows".to_owned(), |requests| {
        format!("{requests}, and {} short ones to warm up", estimate.warmup_requests)
    });
    lines.push(format!("requests: {requests}"));
    let assumed = plan.datasets.iter().map(|dataset| assumed_request_time(dataset.max_tokens));
    lines.push(format!(
        "duration: about {} s if a request takes {} s (1 s, then 50 tokens a second)",
        estimate.duration_assumed.as_secs(),
        assumed.max().unwrap_or_default().as_secs()
    ));
    lines.extend(costs(plan));
    lines.extend(power::describe(plan));
    lines.push("Nothing was sent. To measure: fmgauge run with the same configuration.".to_owned());
    lines.join("\n")
}

/// The streams of an open loop, which are opened beforehand.
fn streams(load: Load) -> String {
    match load {
        Load::Closed { .. } => String::new(),
        Load::Open(open) => format!(": {open}, at most {} in flight", open.max_streams),
    }
}

/// How often everything is measured, and whether that can be.
fn rounds_line(plan: &Plan, rounds: Rounds) -> String {
    let round = plan.estimate.round_assumed;
    let every = format_duration(rounds.every);
    let line =
        format!("{} rounds, one every {every}: all that follows is for all of them", rounds.count);
    if round <= rounds.every {
        return line;
    }
    format!(
        "{line}\nWARNING: a round may take {}, longer than the {every} until the next: rounds whose \
         time is over before they begin are skipped. Measure less in a round, or less often",
        format_duration(Duration::from_secs(round.as_secs()))
    )
}

/// What the run will cost, as far as can be told before.
fn costs(plan: &Plan) -> Vec<String> {
    let estimate = &plan.estimate;
    let usd = |cost: NanoUsd| format!("${:.4}", cost.as_usd());
    let Some((low, expected)) = estimate.cost_low.zip(estimate.cost_expected) else {
        let unknown = plan.endpoints.iter().filter(|endpoint| endpoint.price.is_none());
        let unknown: Vec<&str> = unknown.map(|endpoint| endpoint.name.as_str()).collect();
        let unknown = unknown.join(", ");
        return vec![format!("tokens will cost: not known, without the price of {unknown}")];
    };
    let requests = match estimate.requests {
        Some(_) => "",
        None => " (of as many requests as fit into the time)",
    };
    let mut lines = vec![
        format!("tokens will cost: {} if every answer is one token{requests}", usd(low)),
        format!("                  {} if answers are half their limit", usd(expected)),
    ];
    let most = match (estimate.cost_high, plan.spend_limit) {
        (Some(high), _) => {
            format!("{} at most (1.5 x the longest prompt, every answer to its limit)", usd(high))
        }
        (None, Some(limit)) => format!("{} at most: the spend limit", usd(limit)),
        (None, None) => "not bounded: only time stops it (set spend_limit)".to_owned(),
    };
    lines.push(format!("                  {most}"));
    lines.extend(instances(plan));
    if let Some(services) = estimate.cost_services {
        lines.push(format!("deployed, AWS services: about {} more", usd(services)));
    }
    lines
}

/// What is paid for by the hour: what is there anyway, and what is made for the run.
fn instances(plan: &Plan) -> Vec<String> {
    let hourly = plan.endpoints.iter().filter_map(|endpoint| {
        let price = endpoint.price.as_ref()?.hours()?;
        Some(format!("{} ${}", endpoint.name, price.all_per_hour().as_usd()))
    });
    let hourly: Vec<_> = hourly.collect();
    let mut lines = Vec::new();
    if !hourly.is_empty() {
        lines.push(format!("paid by the hour, in none of these: {}", hourly.join(", ")));
    }
    if let Some(most) = plan.provisioned_at_most().filter(|&most| most > NanoUsd::ZERO) {
        lines.push(format!(
            "of it made for the run, and deleted at its end: ${:.2} at most, until it expires after {} hours",
            most.as_usd(),
            plan.provisioned_for().as_secs() / 3600
        ));
    }
    lines
}
