//! A run on AWS as a person has it from the command line: started, watched, fetched, listed, stopped
//! and deleted.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use shared::run::Conclusion;
use shared::store::{ArtifactStore, RecordStore, RunStatus, keys};
use simulator::{OutputTokens, Profile, Simulator, SimulatorConfig};
use tempfile::TempDir;

use super::proxy::Proxy;
use super::stack::Stack;
use super::taken::Taken;
use super::{local_stores, run_id, until};
use crate::binaries;

/// Answers in about 20 ms.
fn simulator() -> simulator::SimulatorThread {
    let profile = Profile {
        base: Duration::from_millis(10),
        prefill_per_token: Duration::ZERO,
        decode_per_token: Duration::from_millis(2),
        output_tokens: OutputTokens { cv: 0.3, ..OutputTokens::fixed(6.0) },
        ..Profile::find("mistral.mistral-7b-instruct-v0:2").unwrap()
    };
    let config = SimulatorConfig { seed: 3, profiles: vec![profile], ..Default::default() };
    Simulator::spawn_thread(config).unwrap()
}

fn config(url: &str, requests: u32) -> String {
    format!(
        r#"version: 1
name: a session
endpoints:
  - {{name: mistral-7b, kind: bedrock, region: us-east-1, model_id: "mistral.mistral-7b-instruct-v0:2", endpoint_url: "{url}"}}
datasets:
  - name: mine
    file: data/my prompts.jsonl # on this machine
    max_tokens: 20
load:
  - concurrency: [1, 4]
stop: {{requests: {requests}}}
"#
    )
}

/// Somebody's folder, with a configuration and its prompts.
struct Desk {
    folder: TempDir,
    /// What the command asks for goes by way of it.
    proxy: Proxy,
}

impl Desk {
    fn new(stack: &Stack, config: &str) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let prompts = "{\"prompt\": \"Why is the sky blue?\"}\n{\"prompt\": \"Why is it not?\"}\n";
        std::fs::write(folder.path().join("data/my prompts.jsonl"), prompts).unwrap();
        std::fs::write(folder.path().join("chat.yml"), config).unwrap();
        let port = stack.text("endpoint").rsplit(':').next().unwrap();
        Self { folder, proxy: Proxy::before(port, 0) }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `fmgauge` in this folder, which finds the stack by its environment.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binaries::fmgauge();
        command
            .args(arguments)
            .current_dir(self.path())
            .env("FMGAUGE_STACK", "fmgauge")
            .env("AWS_ENDPOINT_URL", &self.proxy.url)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env_remove("AWS_PROFILE")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    #[track_caller]
    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        println!("fmgauge {arguments:?}\n{said}{}", String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success(), "{arguments:?}: {:?}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.succeed(arguments)).unwrap()
    }

    /// Refused: the reason is told.
    #[track_caller]
    fn refused(&self, arguments: &[&str], reason: &str) {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_started_watched_fetched_and_deleted() {
    let stack = Stack::up();
    let simulator = simulator();
    let mut desk = Desk::new(&stack, &config(&simulator.url(), 60));
    desk.refused(&["list", "--stack", "other"], "there is no stack other in us-east-1");
    desk.refused(&["list", "--stack", "other"], "there are: fmgauge");
    assert_eq!(desk.json(&["list", "--json"]), json!([]));

    let started = desk.json(&["start", "chat.yml", "--run-id", "one", "--json"]);
    assert_eq!(started["run_id"], "one");
    // Nothing of the text has changed but the path.
    let stores = stack.stores();
    let uri = started["config_uri"].as_str().unwrap();
    let key = uri.strip_prefix(&stores.artifacts.location("")).unwrap();
    let uploaded = stores.artifacts.get(key).await.unwrap().unwrap();
    let uploaded = String::from_utf8(uploaded).unwrap();
    let (before, after) = uploaded.split_once("file: ").unwrap();
    let (place, after) = after.split_once(" # on").unwrap();
    let text = std::fs::read_to_string(desk.path().join("chat.yml")).unwrap();
    assert_eq!(format!("{before}file: data/my prompts.jsonl # on{after}"), text);
    assert!(place.ends_with("/my_prompts.jsonl"), "{place}");

    // Watching begins before, while or after it is measured.
    let watched: Conclusion =
        serde_json::from_value(desk.json(&["watch", "one", "--json"])).unwrap();
    assert_eq!((watched.status, watched.unfinished_blocks), (RunStatus::Complete, 0));
    assert_eq!(watched.completed_requests, 120);
    let again: Conclusion = serde_json::from_value(desk.json(&["watch", "--json"])).unwrap();
    assert_eq!(again, watched);
    desk.refused(&["start", "chat.yml", "--run-id", "one"], "run one exists already");
    desk.refused(&["resume", "one"], "run one is complete already");
    desk.refused(&["stop", "one"], "run one has ended already");

    let listed = desk.json(&["list", "--json"]);
    assert_eq!((&listed[0]["run_id"], &listed[0]["status"]), (&json!("one"), &json!("complete")));
    assert_eq!(listed[0]["name"], "a session");
    assert!(listed[0]["spent_by_bound_usd"].as_f64().unwrap() > 0.0);

    // What is fetched gives the same report.
    desk.succeed(&["fetch", "one", "--to", "here"]);
    let here = local_stores(&desk.path().join("here")).await;
    let deployed = Taken::from(&stores, &run_id("one")).await;
    let fetched = Taken::from(&here, &run_id("one")).await;
    assert!(fetched.report == deployed.report, "the report is another");
    let report: Conclusion =
        serde_json::from_value(desk.json(&["report", "--json", "--out", "here"])).unwrap();
    assert_eq!((report.answer, report.cost_usd), (watched.answer, watched.cost_usd));
    let lines = desk.succeed(&["records", "one", "--out", "here"]).lines().count();
    assert_eq!(lines, deployed.counted.len() + deployed.uncounted.len());
    desk.succeed(&["fetch", "one", "--to", "here"]);

    let link = desk.succeed(&["fetch", "one", "--link", "--expires", "1h"]);
    assert!(link.contains("report.html") && link.contains("X-Amz-Expires=3600"), "{link}");
    desk.refused(&["fetch", "one", "--link", "--expires", "8d"], "from 1s to 7d");

    desk.refused(&["delete", "one"], "give --yes");
    desk.succeed(&["delete", "one", "--yes"]);
    assert_eq!(desk.json(&["list", "--json"]), json!([]));
    assert!(stores.artifacts.list("runs/").await.unwrap().is_empty());
    assert_eq!(stores.artifacts.get(keys::LATEST).await.unwrap(), None);
    desk.refused(&["watch", "two"], "there is no run two");
    let (_, asked) = desk.proxy.end();
    let (tables, files) = (["BatchWriteItem"], ["DeleteObjects", "ListObjectsV2", "PutObject"]);
    let machines = ["ListStateMachines", "ListTagsForResource", "StartExecution"];
    let expected = [&tables[..], &files, &machines].concat();
    assert!(expected.iter().all(|operation| asked.contains(*operation)), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_stopped_and_what_was_measured_is_told() {
    let stack = Stack::up();
    let simulator = simulator();
    let desk = Desk::new(&stack, &config(&simulator.url(), 5000));
    desk.succeed(&["start", "chat.yml", "--run-id", "long"]);
    until("requests", Duration::from_millis(20), || (simulator.truth().len() > 20).then_some(()));
    desk.refused(&["delete", "long", "--yes"], "first fmgauge stop long");
    desk.refused(&["resume", "long"], "run long is running");
    let stopped: Conclusion =
        serde_json::from_value(desk.json(&["stop", "long", "--json"])).unwrap();
    assert_eq!(stopped.status, RunStatus::Incomplete);
    assert!(stopped.unfinished_blocks > 0 && stopped.completed_requests > 0, "{stopped:?}");
    let run = stack.stores().records.run(&run_id("long")).await.unwrap().unwrap();
    assert_eq!((run.status, run.stopping), (RunStatus::Incomplete, true));
    let watched = desk.run(&["watch", "long", "--json"]);
    assert_eq!(watched.status.code(), Some(3));
    let told = String::from_utf8_lossy(&watched.stderr);
    assert!(told.contains("fmgauge resume long --stack fmgauge"), "{told}");
    // Every block that was begun has left its receipt.
    for block in stack.stores().records.blocks(&run_id("long")).await.unwrap() {
        assert!(block.reservation.is_none(), "{block:?}");
    }
    // It goes on where it stood, and is stopped again: the block that was cut is measured anew, and
    // what counted of it before does not any more.
    let sent = simulator.truth().len();
    desk.succeed(&["resume", "long"]);
    let enough = sent + usize::try_from(stopped.completed_requests).unwrap() + 20;
    until("more requests", Duration::from_millis(20), || {
        (simulator.truth().len() > enough).then_some(())
    });
    let again: Conclusion = serde_json::from_value(desk.json(&["stop", "long", "--json"])).unwrap();
    assert!(again.completed_requests > stopped.completed_requests, "{again:?}");
    desk.succeed(&["delete", "long", "--yes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_planned_is_told_to_who_watches() {
    let stack = Stack::up();
    let simulator = simulator();
    let desk = Desk::new(&stack, &config(&simulator.url(), 60));
    let simulated = config("", 60)
        .replace("kind: bedrock, region: us-east-1, model_id", "kind: simulated, simulate_as");
    let simulated = simulated.replace(", endpoint_url: \"\"", "");
    std::fs::write(desk.path().join("simulated.yml"), simulated).unwrap();
    desk.refused(&["start", "simulated.yml"], "(kind: simulated) cannot be used");
    assert!(stack.stores().artifacts.list("").await.unwrap().is_empty());

    // The planner refuses what `start` cannot know of: a configuration that is not there any more.
    let input = json!({"config_uri": "s3://elsewhere/chat.yml", "run_id": "refused"});
    stack.start_as("refused", &input);
    desk.refused(&["watch", "refused"], "s3://elsewhere/chat.yml is not in");
    assert!(simulator.truth().is_empty(), "something was sent");
}
