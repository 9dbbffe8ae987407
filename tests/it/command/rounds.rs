//! Runs of many rounds: each at its time, paced, reported by round, and resumed where they stood.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;

use serde_json::Value;

use super::virtual_time::{example, files_of};
use super::{Desk, interrupt, measured, number};

/// Two simulated models, one round in each time of `rounds`.
fn config(requests: u32, rounds: &str) -> String {
    format!(
        "version: 1\n\
         endpoints:\n  \
         - {{name: mistral, kind: simulated, simulate_as: \"mistral.mistral-7b-instruct-v0:2\"}}\n  \
         - {{name: llama, kind: simulated, simulate_as: meta.llama2-13b-chat-v1}}\n\
         datasets: [{{name: mine, synthetic: {{prompt_tokens: 200, count: 7}}, max_tokens: 20}}]\n\
         load: [{{concurrency: [1, 2]}}]\n\
         stop: {{requests: {requests}}}\n\
         rounds: {rounds}\n\
         criteria: {{e2e: {{p95: 2s}}}}\n\
         spend_limit: {{per_run_usd: 1}}\n"
    )
}

fn summary(desk: &Desk, run: &str) -> Value {
    let file = desk.read(&format!("fmgauge-out/runs/{run}/report/summary.json"));
    serde_json::from_str::<Value>(&file).unwrap()["summary"].clone()
}

#[test]
fn a_day_in_virtual_time_is_the_same_to_the_byte() {
    let config = config(4, "{every: 6h, for: 24h}");
    let files = files_of(&config);
    for round in 1..=4 {
        let key = format!("fmgauge-out/runs/again/records/llama~mine~c2/{round:04}.parquet");
        assert!(files.contains_key(&key), "{key}");
    }
    assert_eq!(files, files_of(&config));
}

#[test]
fn rounds_begin_at_their_times_and_pool_into_the_experiment() {
    let desk = Desk::new(&config(4, "{every: 6h, for: 24h}"));
    desk.succeed(&["run", "config.yml", "--virtual-time", "--run-id", "day"]);
    let summary = summary(&desk, "day");
    let rounds = &summary["rounds"];
    assert_eq!((&rounds["planned"], &rounds["not_begun"]), (&4.into(), &0.into()));
    let begun = rounds["begun"].as_array().unwrap().iter();
    let hours = begun.map(|round| round["first_sent_at"].as_str().unwrap()[..13].to_owned());
    let expected = ["00", "06", "12", "18"].map(|hour| format!("2026-01-01T{hour}"));
    assert_eq!(hours.collect::<Vec<_>>(), expected);
    for experiment in summary["experiments"].as_array().unwrap() {
        assert_eq!(experiment["requests"]["completed"], 16);
        assert_eq!(experiment["blocks_done"], 4);
        let completed = experiment["rounds"].as_array().unwrap().iter();
        assert!(completed.map(|round| &round["completed"]).all(|completed| *completed == 4));
    }

    // Seven prompts, four requests a round: each round goes on where the one before ended.
    let records = desk.records("day");
    let mut prompts: Vec<(u32, u32, u32)> = records
        .iter()
        .filter(|record| record["experiment"] == "mistral~mine~c1" && record["phase"] == "measured")
        .map(|record| {
            (number(record, "round"), number(record, "sequence"), number(record, "prompt"))
        })
        .collect();
    prompts.sort_unstable();
    let prompts: Vec<u32> = prompts.into_iter().map(|(_, _, prompt)| prompt).collect();
    assert_eq!((prompts.len(), &prompts[..7]), (16, &prompts[7..14]));

    // What was written once is not written again.
    let file = desk.path("fmgauge-out/runs/day/records/mistral~mine~c1/0002.parquet");
    let inode = || std::fs::metadata(&file).unwrap().ino();
    let before = inode();
    desk.succeed(&["report", "day"]);
    assert_eq!(inode(), before);
}

#[test]
fn a_round_that_cannot_begin_in_its_time_is_skipped_and_told() {
    // A round takes more than 10 seconds, and every 5 seconds one is due.
    let desk = Desk::new(&config(20, "{every: 5s, for: 1m}"));
    let done = desk.run(&["run", "config.yml", "--virtual-time", "--run-id", "late"]);
    assert_eq!(done.code, Some(3), "{}", done.stderr);
    assert!(done.stderr.contains("round 2 is skipped: the time for it is over"), "{}", done.stderr);
    assert!(done.stderr.contains("the time of their rounds is over"), "{}", done.stderr);
    let summary = summary(&desk, "late");
    assert_eq!(summary["rounds"]["skipped"][0], 2);
    let report = desk.read("fmgauge-out/runs/late/report/report.md");
    assert!(report.contains("Skipped, because the next was due before they could begin: 2"));
    let plan = desk.succeed(&["plan", "config.yml"]);
    assert!(plan.contains("WARNING: a round may take"), "{plan}");
}

#[test]
fn ctrl_c_while_waiting_concludes_at_once_and_the_run_goes_on_with_the_right_round() {
    let desk = Desk::new(&config(2, "{every: 1h, for: 3h}"));
    let mut run = desk
        .fmgauge(&["run", "config.yml", "--run-id", "waiting"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(run.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("round 2 of 3 begins in") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended before it waited");
    }
    // The report of the first round is there already.
    assert_eq!(summary(&desk, "waiting")["rounds"]["not_begun"], 2);
    interrupt(&run);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(3), "{rest}");
    assert!(rest.contains("to go on: fmgauge run --resume waiting"), "{rest}");
    assert_eq!(measured(&desk.records("waiting"))["llama~mine~c2"], 2);

    desk.succeed(&["run", "--resume", "waiting", "--virtual-time"]);
    let records = desk.records("waiting");
    assert_eq!(measured(&records)["llama~mine~c2"], 6);
    assert!(records.iter().all(|record| record["attempt"] == 1), "nothing was measured twice");
    assert_eq!(summary(&desk, "waiting")["rounds"]["not_begun"], 0);
}

#[test]
fn the_example_of_a_day_can_be_planned() {
    let desk = Desk::new(&example("day-2024.yml"));
    let plan = desk.succeed(&["plan", "config.yml"]);
    assert!(plan.contains("24 rounds, one every 1h"), "{plan}");
    assert!(!plan.contains("WARNING"), "{plan}");
    // 11 endpoints x 2 loads x 40 requests x 24 rounds.
    assert!(plan.contains("requests: 21120,"), "{plan}");
}
