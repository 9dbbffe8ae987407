//! The same run on one machine and through Step Functions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::plan::Plan;
use shared::report::SummaryFile;
use shared::run::Conclusion;
use shared::store::copy::copy_run;
use shared::store::{ArtifactStore, RunStatus, keys};
use simulator::{Outcome, Profile, Simulator, SimulatorConfig};
use tempfile::TempDir;

use super::stack::Stack;
use super::taken::{Taken, request_ids};
use super::{by_request_id, local_stores, run_id};
use crate::binaries;

const RUN: &str = "equal-1";

/// The built-in models, a dozen times as fast: this test is about equality, not about time.
fn profiles() -> Vec<Profile> {
    let mut profiles = Profile::built_in();
    for profile in &mut profiles {
        profile.base /= 12;
        profile.prefill_per_token /= 12;
        profile.decode_per_token /= 12;
    }
    profiles
}

/// Three endpoints, two datasets and two loads: 12 experiments of 3 blocks.
fn config(url: &str) -> String {
    format!(
        r#"version: 1
name: equal
seed: 7
defaults: {{region: us-east-1, max_tokens: 30}}
endpoints:
  - {{name: mistral-7b, kind: bedrock, model_id: "mistral.mistral-7b-instruct-v0:2", endpoint_url: "{url}"}}
  - name: claude-3-haiku
    kind: bedrock
    model_id: "anthropic.claude-3-haiku-20240307-v1:0"
    endpoint_url: "{url}"
    price: {{input_per_1k_usd: 0.00025, output_per_1k_usd: 0.00125}}
  - {{name: llama2-13b, kind: bedrock, model_id: meta.llama2-13b-chat-v1, endpoint_url: "{url}"}}
datasets:
  - name: made-up
    synthetic: {{prompt_tokens: 200}}
  - name: one-liners
    prompts:
      - Summarize cloud computing in one sentence.
      - Name three uses of a queue between two services.
      - Explain to a child why the sky is blue.
load:
  - concurrency: [1, 2]
stop: {{requests: 60}}
criteria:
  e2e: {{p95: 2s}}
  error_rate: 1%
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_through_step_functions_equals_a_local_one() {
    binaries::folder();
    let started = Instant::now();
    let stack = Stack::up();
    let simulator = SimulatorConfig { seed: 7, profiles: profiles(), ..Default::default() };
    let simulator = Simulator::spawn_thread(simulator).unwrap();
    let text = config(&simulator.url());
    let up = started.elapsed();

    let measuring = Instant::now();
    let out = TempDir::new().unwrap();
    std::fs::write(out.path().join("config.yml"), &text).unwrap();
    let out = out.path();
    let conclusion = fmgauge(out, &["run", "--run-id", RUN, "config.yml", "--quiet", "--json"]);
    let local = Taken::from(&local_stores(out).await, &run_id(RUN)).await;
    let local_took = measuring.elapsed();

    let measuring = Instant::now();
    let uri = stack.put_config("equal", &text).await;
    let input = json!({"config_uri": uri, "run_id": RUN});
    let ended = stack.execute("run_state_machine", &input);
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let deployed = Taken::from(&stack.stores(), &run_id(RUN)).await;
    let deployed_took = measuring.elapsed();

    the_output_says_it_in_short(&stack, &ended.output, &deployed.summary()).await;
    assert_eq!(ended.output["cost_usd"], json!(conclusion.cost_usd));
    the_measuring_is_the_same(&local, &deployed);
    every_request_is_recorded_once(&simulator, &local, &deployed);
    a_copy_gives_the_same_report(&stack, &deployed).await;
    the_metrics_are_readable(&stack, &deployed.summary()).await;
    let events = stack.events(&ended.execution).len();
    assert!(events < 100, "{events} events");
    let finish = stack.finishes()[0]["execution"].as_str().unwrap().to_owned();
    let kinds = stack.events(&finish);
    let succeeded = kinds.iter().filter(|kind| *kind == "TaskSucceeded").count();
    assert_eq!(succeeded, 2, "summarised, and told to the topic: {kinds:?}");

    // Whatever is repeated changes nothing: a block, the end of a run, a whole run.
    let sent = simulator.truth().len();
    let plan: Plan = serde_json::from_slice(&deployed.plan).unwrap();
    let block = &plan.lanes[0].blocks[0];
    let payload =
        json!({"run_id": RUN, "round": 1, "experiment": block.experiment, "block": block.block});
    let answer = stack.invoke_runner(&payload);
    assert_eq!((&answer["status"], &answer["attempt"]), (&json!("already_measured"), &json!(1)));
    let again = stack.execute("finish_state_machine", &json!({"run_id": RUN, "cause": "again"}));
    assert_eq!((again.status.as_str(), &again.output), ("SUCCEEDED", &ended.output));
    let duplicate = stack.execute("run_state_machine", &input);
    assert_eq!(duplicate.status, "FAILED", "{duplicate:?}");
    assert!(duplicate.cause.unwrap().contains("choose another run id"));
    assert_eq!(simulator.truth().len(), sent, "something was sent again");
    let repeated = Taken::from(&stack.stores(), &run_id(RUN)).await;
    same_but_for_the_time_of_writing(&deployed, &repeated);

    println!(
        "{} requests each; {events} events; up {up:.1?}, local run {local_took:.1?}, deployed run \
         {deployed_took:.1?}, all {:.1?}",
        local.counted.len(),
        started.elapsed(),
    );
}

/// `fmgauge` with no credentials but invented ones; what it concluded.
fn fmgauge(out: &Path, arguments: &[&str]) -> Conclusion {
    let output = binaries::fmgauge()
        .args(arguments)
        .arg("--out")
        .arg(out)
        .current_dir(out)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn the_output_says_it_in_short(stack: &Stack, output: &Value, summary: &SummaryFile) {
    assert!(output.to_string().len() < 2000, "{output}");
    let conclusion: Conclusion = serde_json::from_value(output.clone()).unwrap();
    assert_eq!(conclusion.run_id, run_id(RUN));
    assert_eq!((conclusion.status, conclusion.unfinished_blocks), (RunStatus::Complete, 0));
    assert!(conclusion.simulated);
    assert_eq!(conclusion.answer, summary.decision.answer);
    assert_eq!(output["cost_usd"], json!(summary.summary.counted.spent_nano_usd.as_usd()));
    assert!(conclusion.cost_usd > 0.0);
    let bucket = stack.text("bucket");
    assert_eq!(conclusion.report, format!("s3://{bucket}/runs/{RUN}/report/report.md"));
    let latest = stack.stores().artifacts.get(keys::LATEST).await.unwrap().unwrap();
    assert_eq!(&serde_json::from_slice::<Value>(&latest).unwrap(), output);
}

/// Plan (the digests of the prompts included), requests, tokens and cost; not the times.
fn the_measuring_is_the_same(local: &Taken, deployed: &Taken) {
    assert!(local.plan == deployed.plan, "plan.json differs");
    let plan: Plan = serde_json::from_slice(&deployed.plan).unwrap();
    assert_eq!((plan.lanes.len(), plan.experiments.len(), plan.replicates), (3, 12, 3));
    for taken in [local, deployed] {
        assert_eq!(taken.blocks.len(), 36);
        assert!(taken.blocks.iter().all(|block| block.attempt == 1 && block.receipt.is_some()));
        assert!(taken.uncounted.is_empty());
        // 12 experiments of 60 requests, and a warm-up of each slot in each block.
        assert_eq!(taken.counted.len(), 12 * 60 + 6 * 3 * (1 + 2));
    }
    assert_eq!(local.requests(), deployed.requests());
    let (local, deployed) = (local.summary(), deployed.summary());
    assert_eq!(local.summary.counted, deployed.summary.counted);
    assert_eq!(local.summary.uncounted, deployed.summary.uncounted);
    for (local, deployed) in local.summary.experiments.iter().zip(&deployed.summary.experiments) {
        assert_eq!(local.experiment, deployed.experiment);
        assert_eq!(local.requests, deployed.requests);
        assert_eq!(local.spending, deployed.spending);
        assert_eq!(local.cost, deployed.cost);
        assert_eq!(local.input_tokens_mean, deployed.input_tokens_mean);
        assert_eq!(local.output_tokens_mean, deployed.output_tokens_mean);
        assert_eq!((deployed.requests.completed, deployed.error_rate), (60, Some(0.0)));
    }
}

fn every_request_is_recorded_once(
    simulator: &simulator::SimulatorThread,
    local: &Taken,
    deployed: &Taken,
) {
    let truth = by_request_id(simulator.truth());
    assert!(truth.values().all(|truth| truth.outcome == Outcome::Ok));
    let (local, deployed) = (request_ids(&local.counted), request_ids(&deployed.counted));
    assert!(local.is_disjoint(&deployed));
    let recorded: BTreeSet<_> = local.union(&deployed).collect();
    assert_eq!(recorded, truth.keys().collect::<BTreeSet<_>>());
}

/// Downloads the run and summarises it here.
async fn a_copy_gives_the_same_report(stack: &Stack, deployed: &Taken) {
    let folder = TempDir::new().unwrap();
    let (from, to) = (stack.stores(), local_stores(folder.path()).await);
    let id = run_id(RUN);
    copy_run(&from.records, &from.artifacts, &to.records, &to.artifacts, &id).await.unwrap();
    for name in shared::report::FILES {
        to.artifacts.delete(&keys::report(&id, name)).await.unwrap();
    }
    let conclusion = fmgauge(folder.path(), &["report", RUN, "--json"]);
    assert_eq!(conclusion.status, RunStatus::Complete);
    same_but_for_the_time_of_writing(deployed, &Taken::from(&to, &id).await);
}

fn same_but_for_the_time_of_writing(one: &Taken, other: &Taken) {
    for (name, written) in
        [("summary.json", "  \"written_at\": \""), ("report.md", "| Report written ")]
    {
        let (one, other) = (one.file(name), other.file(name));
        let lines = |bytes| {
            let text = std::str::from_utf8(bytes).unwrap();
            let (times, lines): (Vec<&str>, Vec<&str>) =
                text.split_inclusive('\n').partition(|line| line.starts_with(written));
            assert_eq!(times.len(), 1, "{name} is written once");
            lines
        };
        assert_eq!(lines(one), lines(other), "{name} differs");
    }
    for name in ["price_latency.svg", "price_latency.png"] {
        assert!(one.file(name) == other.file(name), "{name} differs");
    }
}

/// What people see in the console of DynamoDB.
async fn the_metrics_are_readable(stack: &Stack, summary: &SummaryFile) {
    let client = aws_sdk_dynamodb::Client::new(&stack.config());
    for experiment in &summary.summary.experiments {
        let text = |text: String| AttributeValue::S(text);
        let id = &experiment.experiment;
        let request = client
            .get_item()
            .table_name(stack.text("table"))
            .key("pk", text(keys::run(&run_id(RUN))))
            .key("sk", text(keys::metrics(id, 1)));
        let item = request.send().await.unwrap().item.expect("an item of metrics");
        let number = |name: &str| -> f64 {
            let value = item.get(name).unwrap_or_else(|| panic!("{id}: no {name}"));
            value.as_n().unwrap_or_else(|_| panic!("{id}: {name} is no number")).parse().unwrap()
        };
        let expected: BTreeMap<_, f64> = [("sent", 60.0), ("completed", 60.0), ("error_rate", 0.0)]
            .into_iter()
            .chain(["failed", "throttled", "timed_out", "cut"].map(|name| (name, 0.0)))
            .chain([("blocks_planned", 3.0), ("blocks_done", 3.0)])
            .collect();
        for (name, expected) in expected {
            assert!((number(name) - expected).abs() < f64::EPSILON, "{id}: {name}");
        }
        let latencies = ["ttft", "e2e", "tpot"].into_iter().flat_map(|metric| {
            ["mean", "p50", "p90", "p95", "p99"].map(|statistic| format!("{metric}_{statistic}_ms"))
        });
        let rates = ["requests_per_minute", "input_tokens_per_s", "output_tokens_per_s"];
        let tokens = ["input_tokens_mean", "output_tokens_mean"];
        let costs = ["cost_per_transaction_usd", "cost_per_10k_transactions_usd", "spent_usd"];
        let others = [&rates[..], &tokens, &costs].concat().into_iter().map(str::to_owned);
        for name in latencies.chain(others) {
            assert!(number(&name) > 0.0, "{id}: {name}");
        }
        assert_eq!(item["endpoint"], text(experiment.endpoint.to_string()));
        assert_eq!(item["dataset"], text(experiment.dataset.to_string()));
        assert_eq!(item["errors_by_class"], AttributeValue::M([].into()));
    }
}
