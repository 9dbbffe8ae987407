//! Executions that do not end by themselves: aborted in the middle of a block, aborted during a wait, and
//! timed out. The rule starts `finish`, which drains what still runs and writes the report.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::run::Conclusion;
use shared::store::{BlockEnd, RecordStore, RunStatus, keys};
use simulator::{Simulator, SimulatorConfig, SimulatorThread};

use super::stack::Stack;
use super::taken::{Taken, request_ids};
use super::{by_request_id, config_of_one, run_id, until};

/// The longest that a worker may take to drain.
const DRAINED_WITHIN: Duration = Duration::from_secs(10);

fn config(url: &str, rest: &str) -> String {
    config_of_one(url, &format!("load: [{{concurrency: 2}}]\nreplicates: 1\n{rest}"))
}

/// Starts a run and waits until it has sent something.
async fn started(stack: &Stack, simulator: &SimulatorThread, run: &str, rest: &str) -> String {
    let before = simulator.truth().len();
    let uri = stack.put_config(run, &config(&simulator.url(), rest)).await;
    let execution = stack.start(&json!({"config_uri": uri, "run_id": run}));
    until("the first answers", Duration::from_millis(20), || {
        (simulator.truth().len() > before + 4).then_some(())
    });
    execution
}

/// Waits for the one finish whose input satisfies `wanted`; its output.
fn finished(stack: &Stack, wanted: impl Fn(&Value) -> bool) -> Value {
    until("finish ends", Duration::from_millis(200), || {
        let finishes = stack.finishes();
        let finish = finishes.iter().find(|finish| wanted(&finish["input"]))?;
        (finish["status"] == "SUCCEEDED").then(|| finish.clone())
    })
}

async fn status(stack: &Stack, run: &str) -> RunStatus {
    stack.stores().records.run(&run_id(run)).await.unwrap().unwrap().status
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_execution_is_drained_and_reported() {
    let stack = Stack::up();
    let simulator = Simulator::spawn_thread(SimulatorConfig::default()).unwrap();
    let execution = started(&stack, &simulator, "aborted", "stop: {duration: 2m}").await;
    let aborted = Instant::now();
    stack.stop(&execution);
    assert_eq!(stack.wait(&execution).status, "ABORTED");
    let finish = finished(&stack, |input| input["execution"] == json!(execution));
    let took = aborted.elapsed();
    println!("drained and reported in {took:.1?}");
    assert!(took < DRAINED_WITHIN, "{took:.1?}");
    assert_eq!(finish["input"]["cause"], "ABORTED");

    assert_eq!(status(&stack, "aborted").await, RunStatus::Incomplete);
    let taken = Taken::from(&stack.stores(), &run_id("aborted")).await;
    let receipt = taken.blocks[0].receipt.as_ref().unwrap();
    assert_eq!(receipt.ended, BlockEnd::Stopped);
    // What was sent is recorded, to the last request.
    let truth = by_request_id(simulator.truth());
    assert_eq!(request_ids(&taken.counted), truth.into_keys().collect());
    let latest: Conclusion = serde_json::from_slice(&stack.file(keys::LATEST).await).unwrap();
    assert_eq!((latest.status, latest.unfinished_blocks), (RunStatus::Incomplete, 1));

    // It is taken up by another execution, under its id, and measured whole.
    let resumed = stack.execute("run_state_machine", &json!({"resume": "unknown"}));
    assert_eq!(resumed.status, "FAILED");
    assert!(resumed.cause.unwrap().contains("there is no run unknown"));
    let execution = stack.start(&json!({"resume": "aborted"}));
    let sent = simulator.truth().len();
    until("it goes on", Duration::from_millis(20), || {
        (simulator.truth().len() > sent + 4).then_some(())
    });
    assert_eq!(status(&stack, "aborted").await, RunStatus::Running);
    let second = stack.execute("run_state_machine", &json!({"resume": "aborted"}));
    assert!(second.cause.unwrap().contains("it is running"), "two measure it");
    stack.stop(&execution);
    finished(&stack, |input| input["execution"] == json!(execution));
    let taken = Taken::from(&stack.stores(), &run_id("aborted")).await;
    assert_eq!(taken.blocks[0].receipt.as_ref().unwrap().attempt, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_aborted_while_it_waits_is_reported() {
    let stack = Stack::up_with(&[]);
    let simulator = Simulator::spawn_thread(SimulatorConfig::default()).unwrap();
    let rest = "stop: {requests: 20}\nrounds: {every: 1h, for: 24h}";
    let execution = started(&stack, &simulator, "waiting", rest).await;
    until("it waits", Duration::from_millis(200), || {
        let events = stack.events(&execution);
        (events.last().is_some_and(|kind| kind == "WaitStateEntered")).then_some(())
    });
    // The report of the first round is there while the run goes on.
    let interim: Conclusion = serde_json::from_slice(&stack.file(keys::LATEST).await).unwrap();
    assert_eq!(interim.completed_requests, 20);
    assert_eq!(status(&stack, "waiting").await, RunStatus::Running);
    stack.stop(&execution);
    finished(&stack, |input| input["execution"] == json!(execution));
    assert_eq!(status(&stack, "waiting").await, RunStatus::Incomplete);
    let summary = Taken::from(&stack.stores(), &run_id("waiting")).await.summary();
    let rounds = summary.summary.rounds.unwrap();
    assert_eq!((rounds.planned, rounds.not_begun), (24, 23));
}

/// AWS sends this event when an execution reaches its time limit; the emulator never does.
#[tokio::test(flavor = "multi_thread")]
async fn a_timed_out_execution_is_finished_by_the_rule() {
    let stack = Stack::up();
    let simulator = Simulator::spawn_thread(SimulatorConfig::default()).unwrap();
    let execution = started(&stack, &simulator, "late", "stop: {duration: 2m}").await;
    let detail = json!({
        "executionArn": execution,
        "stateMachineArn": stack.text("run_state_machine"),
        "name": "late",
        "status": "TIMED_OUT",
    });
    stack.put_event("aws.states", "Step Functions Execution Status Change", &detail);
    let finish = finished(&stack, |input| input["cause"] == "TIMED_OUT");
    assert_eq!(finish["input"]["execution"], json!(execution));
    assert_eq!(status(&stack, "late").await, RunStatus::Incomplete);
    let taken = Taken::from(&stack.stores(), &run_id("late")).await;
    assert_eq!(taken.blocks[0].receipt.as_ref().unwrap().ended, BlockEnd::Stopped);
}
