//! Exit codes: 0 done, 1 failed, 2 refused, 3 incomplete (see `interrupted`), 4 nothing completed.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

use super::{Desk, done};

const CONFIG: &str = r#"version: 1
endpoints:
  - {name: mistral, kind: simulated, simulate_as: "mistral.mistral-7b-instruct-v0:2"}
datasets:
  - {name: mine, prompts: [Why is the sky blue?], max_tokens: 2}
load: [{concurrency: 4}]
stop: {requests: 8}
"#;

/// Refused: the reason is told and nothing changes.
#[track_caller]
fn refused(desk: &Desk, arguments: &[&str], reason: &str) {
    let before = desk.files();
    let done = desk.run(arguments);
    assert_eq!((done.code, &*done.stdout), (Some(2), ""), "{arguments:?}: {}", done.stderr);
    assert!(done.stderr.contains(reason), "{arguments:?}: {}", done.stderr);
    assert_eq!(desk.files(), before, "{arguments:?}");
}

#[test]
fn what_is_not_there_is_refused() {
    let desk = Desk::new(CONFIG);
    refused(&desk, &["run", "no.yml"], "failed to read the configuration no.yml");
    refused(&desk, &["plan", "no.yml"], "failed to read the configuration no.yml");
    for command in [&["records"][..], &["report"], &["run", "--resume"]] {
        refused(&desk, command, "there are no runs in fmgauge-out");
    }
    assert!(!desk.path("fmgauge-out").exists());
    desk.succeed(&["run", "config.yml", "--run-id", "one", "--quiet"]);
    for command in [&["records", "two"][..], &["report", "two"], &["run", "--resume", "two"]] {
        refused(&desk, command, "there is no run two");
    }
}

#[test]
fn a_wrong_command_line_is_refused() {
    let desk = Desk::new(CONFIG);
    refused(&desk, &["run"], "<CONFIG>");
    refused(&desk, &["measure", "config.yml"], "unrecognized subcommand");
    refused(&desk, &["run", "config.yml", "--run-id", "a/b"], "\"a/b\" is no run id");
    refused(&desk, &["plan", "config.yml", "--run-id", ""], "1 to 64 characters");
    refused(&desk, &["records", "../one"], "fmgauge-out");
}

#[test]
fn a_run_id_that_is_taken_is_refused() {
    let desk = Desk::new(CONFIG);
    desk.succeed(&["run", "config.yml", "--run-id", "one", "--quiet"]);
    refused(&desk, &["run", "config.yml", "--run-id", "one"], "run one exists already");
    desk.write("config.yml", &CONFIG.replace("requests: 8", "requests: 12"));
    refused(&desk, &["run", "config.yml", "--run-id", "one"], "run one exists already");
    // Nor is a run gone on with by another configuration than it had.
    refused(&desk, &["run", "config.yml", "--resume", "one"], "not planned from config.yml");
    desk.write("config.yml", CONFIG);
    assert_eq!(desk.run(&["run", "config.yml", "--resume", "one"]).code, Some(0));
}

#[test]
fn a_run_without_one_completed_request_says_so() {
    // A port that was free a moment ago, and on which nobody listens.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let desk = Desk::new(&CONFIG.replace(
        "kind: simulated, simulate_as:",
        &format!("kind: bedrock, region: us-east-1, endpoint_url: \"http://{closed}\", model_id:"),
    ));
    let done = desk.run(&["run", "config.yml", "--quiet"]);
    assert_eq!(done.code, Some(4), "{}", done.stderr);
    assert!(done.stdout.contains("no request was completed"), "{}", done.stdout);
}

#[test]
fn what_cannot_be_simulated_is_refused_by_plan_and_run() {
    let known = "mistral.mistral-7b-instruct-v0:2";
    let desk = Desk::new(&CONFIG.replace(known, "amazon.nova-pro-v1:0"));
    refused(&desk, &["plan", "config.yml"], known);
    refused(&desk, &["run", "config.yml"], known);
}

#[test]
fn without_credentials_nothing_is_sent_to_a_real_endpoint() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let real = format!(
        "kind: bedrock, region: us-east-1, model_id: \"mistral.mistral-7b-instruct-v0:2\", \
         endpoint_url: \"http://{}\"",
        listener.local_addr().unwrap()
    );
    let simulated = "kind: simulated, simulate_as: \"mistral.mistral-7b-instruct-v0:2\"";
    let desk = Desk::new(&CONFIG.replace(simulated, &real));
    let before = desk.files();
    let mut command = desk.fmgauge(&["run", "config.yml"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let done = done(&mut command);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(done.stderr.contains("there are no AWS credentials"), "{}", done.stderr);
    assert_eq!(desk.files(), before);
    assert!(listener.accept().is_err());
}

#[test]
fn what_fails_on_our_side_is_a_failure() {
    let desk = Desk::new(CONFIG);
    desk.write("in-the-way", "a file");
    let done = desk.run(&["run", "config.yml", "--out", "in-the-way"]);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stderr.contains("in-the-way"), "{}", done.stderr);

    std::fs::create_dir(desk.path("damaged")).unwrap();
    desk.write("damaged/records.sqlite", &"no database ".repeat(1000));
    let done = desk.run(&["records", "--out", "damaged"]);
    assert_eq!(done.code, Some(1), "{}", done.stderr);

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let done = desk.run(&["simulate", "--port", &port]);
    assert_eq!((done.code, &*done.stdout), (Some(1), ""));
    assert!(done.stderr.contains(&port), "{}", done.stderr);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let desk = Desk::new(CONFIG);
    desk.succeed(&["run", "config.yml", "--quiet"]);
    let mut process = desk.fmgauge(&["records"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    // As `head -1`: one line, then the pipe is closed.
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with('{'));
    assert_eq!(process.wait().unwrap().code(), Some(0));
}
