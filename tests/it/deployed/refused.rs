//! Configurations that cannot be run.

use std::time::Duration;

use serde_json::json;
use shared::store::{ArtifactStore, RecordStore, keys};
use simulator::{Simulator, SimulatorConfig};

use super::stack::Stack;
use super::until;

const GOOD_HEAD: &str = r#"version: 1
endpoints:
  - {name: mistral-7b, kind: bedrock, region: us-east-1, model_id: "mistral.mistral-7b-instruct-v0:2", endpoint_url: "URL"}
"#;

/// The rest of a configuration, and what the cause of the failure must hold: the place and the mend.
const BAD: [(&str, &[&str]); 2] = [
    (
        "datasets: [{name: mine, prompts: [Why?], max_tokens: 10}]\nload: [{concurency: 2}]\n",
        &["line 5", "concurency", "did you mean `concurrency`?"],
    ),
    (
        "datasets: [{name: mine, file: mine.jsonl, max_tokens: 10}]\nload: [{concurrency: 2}]\n",
        &["dataset mine (file: mine.jsonl)", "start the run with `fmgauge start`"],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_fails_with_its_message_and_leaves_nothing() {
    let stack = Stack::up();
    let simulator = Simulator::spawn_thread(SimulatorConfig::default()).unwrap();
    for (number, (rest, expected)) in BAD.iter().enumerate() {
        let text = GOOD_HEAD.replace("URL", &simulator.url()) + rest;
        let uri = stack.put_config(&format!("bad-{number}"), &text).await;
        let input = json!({"config_uri": uri, "run_id": format!("bad-{number}")});
        let ended = stack.execute("run_state_machine", &input);
        assert_eq!(ended.status, "FAILED", "{ended:?}");
        assert_eq!(ended.error.as_deref(), Some("Permanent"));
        let cause = ended.cause.unwrap_or_default();
        println!("{cause}");
        for part in *expected {
            assert!(cause.contains(part), "{part} is not in: {cause}");
        }
    }
    // The rule starts finish for each execution that has failed; there is nothing to finish.
    let finishes = until("finish ends for each", Duration::from_millis(200), || {
        let finishes = stack.finishes();
        let ended = finishes.iter().all(|finish| finish["status"] != "RUNNING");
        (ended && finishes.len() == BAD.len()).then_some(finishes)
    });
    for finish in finishes {
        assert_eq!(finish["status"], "SUCCEEDED", "{finish}");
        assert_eq!(finish["input"]["cause"], "FAILED", "{finish}");
    }

    let stores = stack.stores();
    let client = aws_sdk_dynamodb::Client::new(&stack.config());
    let table = client.scan().table_name(stack.text("table")).send().await.unwrap();
    assert_eq!(table.count(), 0, "{table:?}");
    assert!(stores.records.runs().await.unwrap().is_empty());
    assert_eq!(stores.artifacts.list("runs/").await.unwrap(), Vec::<String>::new());
    assert_eq!(stores.artifacts.get(keys::LATEST).await.unwrap(), None);
    assert!(simulator.truth().is_empty(), "something was sent");
}
