//! How people begin: a configuration that is written for them, or none at all; files in S3.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use simulator::{Profile, Simulator, SimulatorConfig};

use super::{Desk, done};

const MODELS: &str = "mistral.mistral-7b-instruct-v0:2,meta.llama3-8b-instruct-v1:0";

#[test]
fn init_writes_what_plan_accepts_and_overwrites_nothing() {
    let desk = Desk::new("");
    desk.write("my.jsonl", "{\"prompt\": \"Why is the sky blue?\"}\n");
    desk.succeed(&["init"]);
    let plan = desk.succeed(&["plan", "fmgauge.yml"]);
    assert!(plan.contains("nova-micro~about-550-tokens~c1"), "{plan}");

    let done = desk.run(&["init", "fmgauge.yml", "--models", MODELS]);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(done.stderr.contains("fmgauge.yml exists already"), "{}", done.stderr);

    // The file's folder is where its paths begin, wherever it was made.
    std::fs::create_dir(desk.path("sub")).unwrap();
    let arguments = ["init", "sub/mine.yml", "--models", MODELS, "--prompts", "my.jsonl"];
    desk.succeed(&[&arguments[..], &["--region", "us-east-1", "--max-tokens", "7"]].concat());
    let plan = desk.succeed(&["plan", "sub/mine.yml"]);
    assert!(plan.contains("llama3-8b-instruct~my~c4"), "{plan}");
    assert!(plan.contains("answers of up to 7"), "{plan}");

    let done = desk.run(&["init", "other.yml", "--models", "my.own-model-v1:0"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("price: unknown"), "{}", done.stderr);
    assert!(desk.path("other.yml").exists());
}

#[test]
fn a_run_needs_no_file() {
    let at_once = |profile| Profile {
        base: Duration::ZERO,
        prefill_per_token: Duration::ZERO,
        decode_per_token: Duration::ZERO,
        ..profile
    };
    let profiles = Profile::built_in().into_iter().map(at_once).collect();
    let config = SimulatorConfig { profiles, ..SimulatorConfig::default() };
    let simulator = Simulator::spawn_thread(config).unwrap();
    let desk = Desk::new("");
    desk.write("my.txt", "Why is the sky blue?\n");
    let flags = ["--models", MODELS, "--prompts", "my.txt", "--max-tokens", "3"];
    let plan = desk.succeed(&[&["plan"][..], &flags].concat());
    assert!(plan.contains("mistral-7b-instruct~my~c1"), "{plan}");
    assert!(!desk.path("fmgauge-out").exists());

    let mut command = desk.fmgauge(&[&["run", "--run-id", "one", "--quiet"][..], &flags].concat());
    let run = done(command.env("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", simulator.url()));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    // The run keeps the configuration that was made for it.
    let config = desk.read("fmgauge-out/runs/one/config.yml");
    assert!(config.contains("file: \"my.txt\""), "{config}");
    desk.write("again.yml", &config);
    assert!(desk.succeed(&["plan", "again.yml"]).contains("mistral-7b-instruct~my~c1"));
}

#[test]
fn what_is_made_is_checked_as_what_is_written() {
    let desk = Desk::new("version: 1\n");
    let before = desk.files();
    for (arguments, expected) in [
        (&["run", "--models", "my.own-model-v1:0"][..], "price: unknown"),
        (&["run", "--models", MODELS, "--region", "Ohio"], "`Ohio` is not an AWS region"),
        (&["plan", "--models", MODELS, "--prompts", "none.jsonl"], "none.jsonl"),
        (&["plan", "--models", MODELS, "--max-tokens", "0"], "0 is too small"),
        (&["run", "config.yml", "--models", MODELS], "cannot be used with"),
        (&["run", "--resume", "--models", MODELS], "cannot be used with"),
        (&["run", "--prompts", "my.jsonl"], "<CONFIG>"),
    ] {
        let done = desk.run(arguments);
        assert_eq!((done.code, &*done.stdout), (Some(2), ""), "{arguments:?}: {}", done.stderr);
        assert!(done.stderr.contains(expected), "{arguments:?}: {}", done.stderr);
    }
    assert_eq!(desk.files(), before);
}

#[test]
fn the_schema_is_the_committed_one() {
    let committed = include_str!("../../../events/config.schema.json");
    assert!(Desk::new("").succeed(&["schema"]) == committed);
}

/// Serves objects as S3 does, by path; the address, and what was asked for.
fn s3(objects: BTreeMap<&'static str, &'static str>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
            let Some(head) = lines.next() else { continue };
            lines.find(String::is_empty);
            let path = head.split([' ', '?']).nth(1).unwrap().to_owned();
            let error =
                |code: &str| format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
            let (status, body) = match objects.get(path.as_str()) {
                Some(body) => ("200 OK", (*body).to_owned()),
                None if path.contains("secret") => ("403 Forbidden", error("AccessDenied")),
                None => ("404 Not Found", error("NoSuchKey")),
            };
            seen.lock().unwrap().push(path);
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
            .unwrap();
        }
    });
    (url, asked)
}

#[test]
fn prompts_templates_and_buckets_may_be_in_s3() {
    let (url, asked) = s3(BTreeMap::from([
        ("/b/qa.jsonl", "{\"q\": \"Why?\"}\n{\"q\": \"How long has the sky been so blue?\"}\n"),
        ("/b/folder/qa.txt", "Answer: {q}"),
    ]));
    let dataset = |name: &str, file: &str, bucket: &str| {
        format!(
            "  - {{name: {name}, file: \"s3://b/{file}\", template: \"s3://b/folder/qa.txt\", \
             bucket: {bucket}, max_tokens: 5}}\n"
        )
    };
    let config = |datasets: &str| {
        format!(
            "version: 1\nendpoints: [{{name: m, kind: simulated, \
             simulate_as: meta.llama2-13b-chat-v1}}]\nload: [{{concurrency: 1}}]\n\
             stop: {{passes: 1}}\ndatasets:\n{datasets}"
        )
    };
    let both =
        dataset("short", "qa.jsonl", "{below: 5}") + &dataset("long", "qa.jsonl", "{from: 5}");
    let desk = Desk::new(&config(&both));
    let plan =
        |desk: &Desk| done(desk.fmgauge(&["plan", "config.yml"]).env("AWS_ENDPOINT_URL_S3", &url));
    let planned = plan(&desk);
    assert_eq!(planned.code, Some(0), "{}", planned.stderr);
    for expected in ["dataset short: 1 prompts", "dataset long: 1 prompts", "requests: 2,"] {
        assert!(planned.stdout.contains(expected), "{expected}: {}", planned.stdout);
    }
    // Each object is read once, however many datasets it makes.
    assert_eq!(*asked.lock().unwrap(), ["/b/qa.jsonl", "/b/folder/qa.txt"]);

    for (datasets, expected) in [
        (dataset("d", "none.jsonl", "{below: 5}"), ["s3://b/none.jsonl", "NoSuchKey"]),
        (dataset("d", "secret.jsonl", "{below: 5}"), ["s3://b/secret.jsonl", "s3:GetObject"]),
        (
            dataset("d", "qa.jsonl", "{from: 100}"),
            ["no prompt is in the bucket from 100", "4 to 11"],
        ),
    ] {
        desk.write("config.yml", &config(&datasets));
        let before = desk.files();
        let refused = plan(&desk);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        for part in expected {
            assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
        }
        assert!(
            refused.stderr.contains("line 6 of the configuration, dataset d"),
            "{}",
            refused.stderr
        );
        assert_eq!(desk.files(), before);
    }
}

#[test]
fn passes_that_cannot_fill_the_slots_are_refused() {
    let desk = Desk::new(
        "version: 1\nendpoints: [{name: m, kind: simulated, simulate_as: meta.llama2-13b-chat-v1}]\n\
         datasets: [{name: d, prompts: [Why?, How?], max_tokens: 5}]\n\
         load: [{concurrency: [1, 4]}]\nstop: {passes: 1}\n",
    );
    let done = desk.run(&["plan", "config.yml"]);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    let expected = "2 requests (1 x 2 prompts) cannot fill 4 slots: raise `stop.passes`";
    assert!(done.stderr.contains(expected), "{}", done.stderr);
    desk.write("config.yml", &desk.read("config.yml").replace("passes: 1", "passes: 2"));
    desk.succeed(&["run", "config.yml", "--run-id", "one", "--quiet"]);
    let records = desk.records("one");
    for experiment in ["m~d~c1", "m~d~c4"] {
        for prompt in [0, 1] {
            let sent = records.iter().filter(|record| {
                record["phase"] == "measured"
                    && record["experiment"] == experiment
                    && record["prompt"] == prompt
            });
            assert_eq!(sent.count(), 2, "{experiment} {prompt}");
        }
    }
}
