//! One model, wherever it is served: the example that compares them, against the simulator.

use std::time::Duration;

use serde_json::Value;
use simulator::{Container, ContainerFormat, Profile, Simulator, SimulatorConfig};

use super::{Desk, done};
use crate::binaries::workspace;

const MODEL: &str = "mistral.mistral-7b-instruct-v0:2";
const PROVISIONED: &str = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl";
const SERVED: &str = "mistralai/Mistral-7B-Instruct-v0.2";

/// The example, calling the simulator.
fn config(url: &str) -> String {
    let example = std::fs::read_to_string(workspace().join("events/endpoints.yml")).unwrap();
    let address = format!("    endpoint_url: {url}\n");
    let mut text = example.replace("https://llm.example.com/v1", &format!("{url}/v1"));
    for field in ["kind: bedrock\n", "kind: sagemaker\n"] {
        assert_eq!(text.matches(field).count(), 2, "{field}");
        text = text.replace(field, &format!("{field}{address}"));
    }
    text
}

fn simulator() -> simulator::SimulatorThread {
    let of = |model_id: &str, decode_ms: u64| Profile {
        model_id: model_id.to_owned(),
        base: Duration::from_millis(20),
        prefill_per_token: Duration::ZERO,
        decode_per_token: Duration::from_millis(decode_ms),
        ..Profile::find(MODEL).unwrap()
    };
    let container = |name: &str, format| Container {
        endpoint_name: format!("mistral-7b-{name}"),
        format,
        model_id: name.to_owned(),
    };
    let config = SimulatorConfig {
        profiles: vec![
            of(MODEL, 2),
            of(PROVISIONED, 1),
            of("g5-2xlarge", 2),
            of("inf2-8xlarge", 3),
            of(SERVED, 2),
        ],
        containers: vec![
            container("g5-2xlarge", ContainerFormat::Tgi),
            container("inf2-8xlarge", ContainerFormat::Djl),
        ],
        api_key: Some("sk-test".to_owned()),
        ..SimulatorConfig::default()
    };
    Simulator::spawn_thread(config).unwrap()
}

#[test]
fn one_report_compares_every_kind_of_endpoint_at_equal_load() {
    let simulator = simulator();
    let desk = Desk::new(&config(&simulator.url()));
    // Signed by whatever key: the simulator asks for none.
    let aws = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    let run = ["run", "config.yml", "--run-id", "five", "--quiet"];
    let refused = done(desk.fmgauge(&run).envs(aws).env_remove("VLLM_API_KEY"));
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("VLLM_API_KEY is not set"), "{}", refused.stderr);
    assert!(simulator.truth().is_empty(), "something was sent");

    let ran = done(desk.fmgauge(&run).envs(aws).env("VLLM_API_KEY", "sk-test"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let file = desk.read("fmgauge-out/runs/five/report/summary.json");
    assert!(!file.contains("sk-test"), "the key is kept nowhere");
    let summary: Value = serde_json::from_str(&file).unwrap();
    let experiments = summary["summary"]["experiments"].as_array().unwrap();
    assert_eq!(experiments.len(), 10);
    for experiment in experiments {
        assert_eq!(experiment["requests"]["completed"], 40, "{experiment}");
        let cost = experiment["cost"]["per_10k_transactions_nano_usd"].as_u64().unwrap();
        assert!(cost > 0 && experiment["ttft"]["count"] == 40, "{experiment}");
    }
    // What time costs is its price for the time that 10,000 transactions take.
    let g5 = experiments.iter().find(|e| e["experiment"] == "g5-2xlarge~made-up~c4").unwrap();
    let per_minute = g5["throughput"]["requests_per_minute"].as_f64().unwrap();
    let expected = 1.515 * 10_000.0 / (per_minute * 60.0);
    let cost = g5["cost"]["per_10k_transactions_nano_usd"].as_f64().unwrap() / 1e9;
    assert!((cost / expected - 1.0).abs() < 0.05, "{cost} is about {expected}");

    let report = desk.read("fmgauge-out/runs/five/report/report.md");
    for endpoint in ["on-demand", "provisioned", "g5-2xlarge", "inf2-8xlarge", "vllm-on-eks"] {
        assert!(report.contains(&format!("`{endpoint}`")), "{endpoint}");
    }
    assert!(report.contains("1 x ml.g5.2xlarge at $1.515 an hour"), "{report}");
    let truth = simulator.truth();
    let records = desk.succeed(&["records", "five"]);
    assert_eq!(records.lines().count(), truth.len());
}
