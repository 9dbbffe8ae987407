//! Runs on this machine, listed and deleted.

use serde_json::{Value, json};

use super::Desk;

const CONFIG: &str = r#"version: 1
name: a chat
endpoints:
  - {name: mistral, kind: simulated, simulate_as: "mistral.mistral-7b-instruct-v0:2"}
datasets:
  - {name: mine, prompts: [Why is the sky blue?], max_tokens: 2}
load: [{concurrency: 4}]
stop: {requests: 8}
"#;

fn ids(desk: &Desk) -> Vec<Value> {
    let listed: Value = serde_json::from_str(&desk.succeed(&["list", "--json"])).unwrap();
    listed.as_array().unwrap().iter().map(|run| run["run_id"].clone()).collect()
}

#[test]
fn runs_are_listed_and_deleted() {
    let desk = Desk::new(CONFIG);
    assert_eq!(ids(&desk), [""; 0]);
    assert!(!desk.path("fmgauge-out").exists(), "listing makes nothing");
    for run in ["one", "two"] {
        desk.succeed(&["run", "config.yml", "--run-id", run, "--quiet"]);
    }
    assert_eq!(ids(&desk), ["two", "one"]);
    let table = desk.succeed(&["list"]);
    assert!(table.lines().nth(1).unwrap().starts_with("two  complete  "), "{table}");
    assert!(table.lines().nth(1).unwrap().ends_with("  a chat"), "{table}");

    let refused = desk.run(&["delete", "two"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("give --yes"), "{}", refused.stderr);
    desk.succeed(&["delete", "latest", "--yes"]);
    assert_eq!(ids(&desk), ["one"]);
    assert!(!desk.path("fmgauge-out/runs/two").exists());
    assert!(!desk.path("fmgauge-out/latest.json").exists(), "it was of the run");
    assert_eq!(desk.run(&["report", "two"]).code, Some(2));
    desk.succeed(&["report", "one"]);
}

#[test]
fn what_needs_a_stack_says_so() {
    let desk = Desk::new(CONFIG);
    for arguments in [
        &["start", "config.yml"][..],
        &["watch"],
        &["fetch", "one"],
        &["stop", "one"],
        &["resume", "one"],
    ] {
        let done = desk.run(arguments);
        assert_eq!(done.code, Some(2), "{arguments:?}");
        assert!(done.stderr.contains("give --stack NAME, or set FMGAUGE_STACK"), "{}", done.stderr);
    }
}

#[test]
fn nobody_who_is_not_signed_in_is_left_alone() {
    let desk = Desk::new(CONFIG);
    let mut list = desk.fmgauge(&["list", "--stack", "fm", "--stack-region", "us-east-1"]);
    list.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let done = super::done(&mut list);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(done.stderr.contains("sign in with `aws sso login`"), "{}", done.stderr);
    assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
    let list = desk.run(&["list", "--stack", "fm"]);
    assert_eq!(list.code, Some(2));
    assert!(list.stderr.contains("which AWS region"), "{}", list.stderr);
    assert_eq!(json!([]).to_string(), desk.succeed(&["list", "--json"]).trim());
}
