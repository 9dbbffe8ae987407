//! `fmgauge plan`: what a run would measure and cost.

use anyhow::Result;
use shared::plan::{Plan, assumed_request_time};

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
    check_simulated(&plan)?;
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
    for experiment in &plan.experiments {
        lines.push(format!("  {}", experiment.id));
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
    let cost = estimate.cost_high.map_or("not bounded: only time stops it".to_owned(), |cost| {
        format!(
            "at most ${:.4} (1.5 x the longest prompt, every answer to its limit)",
            cost.as_usd()
        )
    });
    lines.push(format!("tokens will cost: {cost}"));
    lines.push("Nothing was sent. To measure: fmgauge run with the same configuration.".to_owned());
    lines.join("\n")
}
