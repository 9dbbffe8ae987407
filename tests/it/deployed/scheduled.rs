//! Runs that EventBridge Scheduler starts.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use shared::store::{RecordStore, RunStatus};
use simulator::{Simulator, SimulatorConfig};

use super::stack::Stack;
use super::{config_of_one, run_id, until};

fn config(url: &str) -> String {
    config_of_one(url, "load: [{concurrency: 1}]\nstop: {requests: 10}\nreplicates: 1")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_is_delivered_twice_has_one_run() {
    let stack = Stack::up();
    let simulator = Simulator::spawn_thread(SimulatorConfig::default()).unwrap();
    let uri = stack.put_config("scheduled", &config(&simulator.url())).await;
    let arn = "arn:aws:scheduler:us-east-1:000000000000:schedule/default/fmgauge-weekly";
    let delivered = |time| {
        let schedule = json!({"arn": arn, "scheduled_time": time});
        stack.execute("run_state_machine", &json!({"config_uri": uri, "schedule": schedule}))
    };
    let first = delivered("2026-11-28T02:00:00Z");
    assert_eq!(first.status, "SUCCEEDED", "{first:?}");
    let run = first.output["run_id"].as_str().unwrap().to_owned();
    assert!(run.starts_with("fmgauge-weekly-20261128T020000Z-"), "{run}");
    let sent = simulator.truth().len();
    let again = delivered("2026-11-28T02:00:00Z");
    assert_eq!(again.status, "SUCCEEDED", "{again:?}");
    assert_eq!(again.output, json!({"status": "duplicate", "run_id": run}));
    assert_eq!(simulator.truth().len(), sent, "something was sent");
    let next = delivered("2026-12-05T02:00:00Z");
    assert_eq!(next.output["status"], "complete", "{next:?}");
    let runs = stack.stores().records.runs().await.unwrap();
    let ids: BTreeSet<_> = runs.iter().map(|run| run.run_id.as_str()).collect();
    let next = next.output["run_id"].as_str().unwrap();
    assert!(next.starts_with("fmgauge-weekly-20261205T020000Z-"), "{next}");
    assert_eq!(ids, BTreeSet::from([run.as_str(), next]));
}

/// The emulator does not fill in the placeholders, so that the run is called after its execution.
#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_of_the_stack_starts_a_run() {
    let stack = Stack::up_with(&[
        "--parameter",
        "ScheduleExpression=rate(1 minute)",
        "--parameter",
        "ScheduleConfigKey=configs/weekly.yml",
    ]);
    let simulator = Simulator::spawn_thread(SimulatorConfig::default()).unwrap();
    stack.put_config("weekly", &config(&simulator.url())).await;
    let mut run = None;
    for _ in 0..600 {
        let runs = stack.stores().records.runs().await.unwrap();
        run = runs.into_iter().find(|run| run.status == RunStatus::Complete);
        if run.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let run = run.expect("the schedule has started a run, which is complete");
    assert!(run.owner.ends_with(run.run_id.as_str()), "{run:?}");
    assert!(simulator.truth().len() >= 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_on_the_same_endpoint_is_refused() {
    let stack = Stack::up();
    let simulator = Simulator::spawn_thread(SimulatorConfig::default()).unwrap();
    let text = config(&simulator.url()).replace("requests: 10", "duration: 2m");
    let uri = stack.put_config("long", &text).await;
    let first = stack.start(&json!({"config_uri": uri, "run_id": "first"}));
    until("the first answers", Duration::from_millis(20), || {
        (simulator.truth().len() > 2).then_some(())
    });
    let beside =
        stack.execute("run_state_machine", &json!({"config_uri": uri, "run_id": "beside"}));
    assert_eq!(beside.status, "FAILED", "{beside:?}");
    let cause = beside.cause.unwrap();
    println!("{cause}");
    for part in ["run first puts load on mistral", "fmgauge stop first", "\"force\": true"] {
        assert!(cause.contains(part), "{part} is not in: {cause}");
    }
    let records = stack.stores().records;
    assert_eq!(records.run(&run_id("beside")).await.unwrap(), None, "it leaves nothing");

    let short = stack.put_config("short", &config(&simulator.url())).await;
    let input = json!({"config_uri": short, "run_id": "forced", "force": true});
    let forced = stack.execute("run_state_machine", &input);
    assert_eq!(forced.status, "SUCCEEDED", "{forced:?}");
    stack.stop(&first);
    until("the first has ended", Duration::from_millis(200), || {
        stack
            .finishes()
            .iter()
            .any(|finish| {
                finish["input"]["execution"] == json!(first) && finish["status"] == "SUCCEEDED"
            })
            .then_some(())
    });
    let input = json!({"config_uri": short, "run_id": "after"});
    assert_eq!(stack.execute("run_state_machine", &input).status, "SUCCEEDED");
}
