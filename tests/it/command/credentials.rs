//! Credentials that expire while a run measures: it waits, says what to type, and goes on; or is
//! ended, and can be resumed.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Stdio};

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

/// One request, in the second of three blocks, is refused as by AWS when a session has ended.
const EXPIRED: &str = "version: 1
faults:
  - {kind: error, status: 403, code: ExpiredTokenException, message: The security token is expired, numbers: [30]}
";

/// `fmgauge run` until it waits for credentials: what it said, and what it goes on to say.
fn waiting(
    desk: &Desk,
    change: impl Fn(&mut std::process::Command),
) -> (Child, String, BufReader<ChildStderr>) {
    let mut command = desk.fmgauge(&["run", "config.yml", "--run-id", "r"]);
    change(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut run = command.spawn().unwrap();
    let mut stderr = BufReader::new(run.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("Ctrl-C") {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "it ended: {said}");
    }
    assert!(said.contains("ExpiredTokenException: The security token is expired"), "{said}");
    (run, said, stderr)
}

fn rest(mut stderr: BufReader<ChildStderr>) -> String {
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    rest
}

fn errors(desk: &Desk) -> Value {
    let summary = desk.read("fmgauge-out/runs/r/report/summary.json");
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let requests = &summary["summary"]["experiments"][0]["requests"];
    assert_eq!(requests["sent"], requests["completed"], "{requests}");
    summary["summary"]["uncounted"]["requests"].clone()
}

#[test]
fn a_run_waits_for_a_new_session_and_goes_on() {
    let desk = Desk::new("");
    let simulator = Simulate::scripted(&desk.path(""), EXPIRED);
    desk.write("config.yml", &config(&simulator.url));
    std::fs::create_dir(desk.path(".aws")).unwrap();
    let session =
        |key: &str| format!("[dev]\naws_access_key_id = {key}\naws_secret_access_key = s\n");
    desk.write(".aws/credentials", &session("first"));
    desk.write(".aws/config", "[profile dev]\nregion = us-east-1\n");
    let (mut run, said, stderr) = waiting(&desk, |command| {
        command
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SECRET_ACCESS_KEY")
            .env("AWS_PROFILE", "dev");
    });
    assert!(said.contains("aws sso login --profile dev"), "{said}");
    assert!(said.contains("aws login --profile dev"), "{said}");
    desk.write(".aws/credentials", &session("second"));
    let rest = rest(stderr);
    assert_eq!(run.wait().unwrap().code(), Some(0), "{rest}");
    assert!(rest.contains("the run goes on"), "{rest}");

    let records = desk.records("r");
    assert_eq!(measured(&records)["mistral~mine~c2"], 60);
    let refused: Vec<_> = records.iter().filter(|r| r["error_class"] == "credentials").collect();
    assert!(refused.len() == 1 && !is_counted(refused[0]), "{refused:?}");
    let given_up = records.iter().filter(|record| !is_counted(record)).count();
    assert_eq!(errors(&desk), given_up);
    assert_eq!(records.len(), simulator.truth().len());
}

#[test]
fn the_wait_can_be_ended_and_the_run_resumed() {
    let desk = Desk::new("");
    let simulator = Simulate::scripted(&desk.path(""), EXPIRED);
    desk.write("config.yml", &config(&simulator.url));
    let (mut run, said, stderr) = waiting(&desk, |_| {});
    assert!(said.contains("environment variables"), "{said}");
    interrupt(&run);
    let rest = rest(stderr);
    assert_eq!(run.wait().unwrap().code(), Some(3), "{rest}");
    assert!(rest.contains("to go on: fmgauge run --resume r"), "{rest}");
    let first = desk.records("r");
    assert_eq!(
        measured(&first)["mistral~mine~c2"],
        20,
        "the whole block counts, the other does not"
    );

    let resumed = desk.run(&["run", "--resume", "r", "--quiet"]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    let records = desk.records("r");
    assert_eq!(measured(&records)["mistral~mine~c2"], 60);
    let attempts: Vec<_> = records.iter().filter(|r| is_counted(r) && r["block"] == 2).collect();
    assert!(
        attempts
            .iter()
            .all(|record| record["attempt"] == 2 && text(record, "outcome") == "completed")
    );
    errors(&desk);
}
