//! Ctrl-C: once it drains and keeps what was measured, twice it gives up what is in flight.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::Stdio;

use serde_json::Value;

use super::{Desk, Simulate, interrupt, is_counted, measured, text};

fn config(url: &str) -> String {
    format!(
        r#"version: 1
endpoints:
  - {{name: mistral, kind: bedrock, region: us-east-1, model_id: "mistral.mistral-7b-instruct-v0:2", endpoint_url: "{url}"}}
datasets:
  - {{name: mine, prompts: [Why is the sky blue?, What is rain?], max_tokens: 4}}
load: [{{concurrency: 2}}]
stop: {{requests: 60}}
replicates: 3
"#
    )
}

#[test]
fn a_run_that_is_stopped_drains_and_can_be_completed() {
    let desk = Desk::new("");
    let simulator = Simulate::start(&desk.path(""));
    desk.write("config.yml", &config(&simulator.url));
    let mut run = desk
        .fmgauge(&["run", "config.yml", "--run-id", "stopped"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // In the second of three blocks of 20.
    simulator.wait_for(30, &mut run);
    interrupt(&run);
    let ended = run.wait_with_output().unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("stopping: waiting for the requests in flight"), "{stderr}");
    assert!(stderr.contains("to go on: fmgauge run --resume stopped"), "{stderr}");

    // Whatever was sent was answered, and is a record: nothing is lost.
    let stopped = desk.records("stopped");
    assert_eq!(ids(&stopped), sent(&simulator));
    assert!(stopped.iter().all(|record| record["outcome"] == "completed"));
    assert!(stopped.iter().all(is_counted));
    let so_far = measured(&stopped)["mistral~mine~c2"];
    assert!((20..60).contains(&so_far), "{so_far}");

    // The report is of what was measured.
    let report = "fmgauge-out/runs/stopped/report/summary.json";
    let sent_of = |summary: &str| {
        let summary: Value = serde_json::from_str(summary).unwrap();
        summary["summary"]["experiments"][0]["requests"]["sent"].as_u64()
    };
    assert_eq!(sent_of(&desk.read(report)), Some(so_far.into()));
    assert!(desk.read("fmgauge-out/runs/stopped/report/report.md").contains("mistral"));
    assert_eq!(desk.run(&["report"]).code, Some(3), "still incomplete");

    // It is completed; the blocks that were whole stay, the stopped one is measured anew.
    let resumed = desk.run(&["run", "--resume", "latest"]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    let complete = desk.records("stopped");
    assert_eq!(measured(&complete)["mistral~mine~c2"], 60);
    assert_eq!(sent_of(&desk.read(report)), Some(60));
    assert!(ids(&stopped).is_subset(&ids(&complete)), "records are never taken back");
    assert_eq!(ids(&complete), sent(&simulator));
    let whole = |record: &&Value| record["block"] == 1;
    let first: Vec<_> = stopped.iter().filter(whole).collect();
    assert_eq!(complete.iter().filter(whole).collect::<Vec<_>>(), first);
}

#[test]
fn a_report_can_be_read_while_the_run_goes_on() {
    let desk = Desk::new("");
    let simulator = Simulate::start(&desk.path(""));
    desk.write("config.yml", &config(&simulator.url).replace("requests: 60", "requests: 240"));
    let mut run = desk.fmgauge(&["run", "config.yml", "--quiet"]).spawn().unwrap();
    simulator.wait_for(90, &mut run);
    let report = desk.run(&["report"]);
    assert_eq!(report.code, Some(3), "{}", report.stderr);
    assert!(run.try_wait().unwrap().is_none(), "the run was over before its report was read");
    assert_eq!(run.wait().unwrap().code(), Some(0));
    assert_eq!(measured(&desk.records("latest"))["mistral~mine~c2"], 240);
}

#[test]
fn a_process_that_was_taken_over_leaves_the_run_to_the_other() {
    let desk = Desk::new("");
    let simulator = Simulate::start(&desk.path(""));
    desk.write("config.yml", &config(&simulator.url).replace("requests: 60", "requests: 240"));
    let mut first = desk
        .fmgauge(&["run", "config.yml", "--run-id", "shared", "--quiet"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    simulator.wait_for(20, &mut first);
    let second = desk.run(&["run", "--resume", "shared"]);
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    let first = first.wait_with_output().unwrap();
    let stderr = String::from_utf8(first.stderr).unwrap();
    assert_eq!(first.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("another process has taken over run shared"), "{stderr}");
    let records = desk.records("shared");
    assert_eq!(measured(&records)["mistral~mine~c2"], 240);
    assert_eq!(desk.run(&["report", "shared"]).code, Some(0), "it stays complete");
}

/// The ids of all records; every one has its own.
fn ids(records: &[Value]) -> BTreeSet<String> {
    let ids: BTreeSet<String> =
        records.iter().map(|record| text(record, "request_id").to_owned()).collect();
    assert_eq!(ids.len(), records.len());
    ids
}

/// The ids of all requests that the simulator has answered.
fn sent(simulator: &Simulate) -> BTreeSet<String> {
    simulator.truth().into_iter().map(|truth| truth.request_id).collect()
}

#[test]
fn a_second_time_gives_up_what_hangs() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let desk = Desk::new(&config(&format!("http://{}", listener.local_addr().unwrap())));
    let mut run = desk
        .fmgauge(&["run", "config.yml", "--run-id", "hung"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Both slots have sent their first request, which nobody will answer.
    let mut connections = Vec::new();
    for _ in 0..2 {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 16]).unwrap();
        connections.push(stream);
    }
    let mut stderr = BufReader::new(run.stderr.take().unwrap()).lines();
    interrupt(&run);
    assert!(stderr.any(|line| line.unwrap().starts_with("stopping: ")));
    assert_eq!(run.try_wait().unwrap(), None, "it waits for what is in flight");
    interrupt(&run);
    assert!(stderr.any(|line| line.unwrap().contains("--resume hung")));
    let ended = run.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(3));
    let records = desk.records("hung");
    let outcomes: Vec<_> = records.iter().map(|r| (text(r, "phase"), text(r, "outcome"))).collect();
    assert_eq!(outcomes, [("warmup", "cut"); 2]);
}
