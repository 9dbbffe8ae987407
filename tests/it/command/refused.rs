//! Bad configurations: a clear message with the place; nothing is written, sent or spent.

use std::io::ErrorKind;
use std::net::TcpListener;

use super::Desk;

fn good(url: &str) -> String {
    format!(
        r#"version: 1
endpoints:
  - {{name: mistral, kind: bedrock, region: us-east-1, model_id: "mistral.mistral-7b-instruct-v0:2", endpoint_url: "{url}"}}
datasets:
  - {{name: mine, prompts: [Why is the sky blue?], max_tokens: 5}}
load:
  - concurrency: [1, 2]
stop: {{requests: 4}}
"#
    )
}

/// What is written instead of what, where the message must say that it is, and a part of it.
const CASES: [(&str, &str, &str, &str); 38] = [
    ("version: 1", "version: 2", "line 1, column 10", "write `version: 1`"),
    ("endpoints:", "endpoint:", "line 2, column 1", "endpoints"),
    ("name: mistral,", "name: my model,", "line 3, column 12", "not allowed in a name"),
    ("kind: bedrock", "kind: bedrok", "line 3, column 27", "did you mean `bedrock`?"),
    ("kind: bedrock", "kind: sagemakr", "line 3, column 27", "did you mean `sagemaker`?"),
    ("region: us-east-1, ", "", "line 3, column 5", "region"),
    ("mistral-7b-instruct-v0:2", "mistral-9b", "line 3,", "price"),
    ("endpoint_url: \"http", "endpoint_url: \"ftp", "line 3,", "endpoint_url"),
    (", endpoint_url", ", api: invok, endpoint_url", "line 3,", "did you mean `invoke`?"),
    (
        ", endpoint_url",
        ", price: {input_per_1k_usd: 1}, endpoint_url",
        "line 3,",
        "output_per_1k_usd",
    ),
    ("name: mine", "name: -mine", "line 5, column 12", "start with a letter or digit"),
    ("prompts: [Why is the sky blue?], ", "", "line 5,", "prompts"),
    ("prompts: [Why", "file: a.jsonl, prompts: [Why", "line 5,", "file"),
    ("[Why is the sky blue?]", "[]", "line 5,", "prompts"),
    (", max_tokens: 5", "", "line 5,", "max_tokens"),
    ("max_tokens: 5", "max_tokens: many", "line 5, column 63", "whole number"),
    // What is left open is noticed where the next thing cannot belong to it.
    ("max_tokens: 5}", "max_tokens: 5", "line 7, column 3", "bracket"),
    ("concurrency: [1, 2]", "concurency: [1, 2]", "line 7, column 5", "concurrency"),
    ("concurrency: [1, 2]", "concurrency: [1, 0]", "line 7, column 22", "1 to 1000"),
    ("concurrency: [1, 2]", "rate_per_minute: 0", "line 7,", "1 to 600000"),
    ("requests: 4", "requests: 1", "line 8, column 18", "cannot fill 2 slots"),
    ("requests: 4", "requests: 4, passes: 1", "line 8, column 29", "keep one of the two"),
    (", endpoint_url", ", latency_mode: optimized, endpoint_url", "line 3,", "prices of its own"),
    (", endpoint_url", ", service_tier: cheap, endpoint_url", "line 3,", "default, flex, priority"),
    (", endpoint_url", ", datasets: [mien], endpoint_url", "line 3,", "did you mean `mine`?"),
    (
        ", endpoint_url",
        ", load: [{concurrency: 2}], endpoint_url",
        "line 7, column 3",
        "used by none",
    ),
    ("prompts: [Why", "template: a.txt, prompts: [Why", "line 5, column 28", "filled from"),
    (
        "prompts: [Why is the sky blue?]",
        "synthetic: {prompt_tokens: {mean: 50, stddev: 60}}",
        "line 5, column 64",
        "0 to 50",
    ),
    ("max_tokens: 5", "max_tokens: 5, bucket: {from: 9, below: 9}", "line 5,", "`below` is not"),
    ("stop: {", "baseline: mistrl\nstop: {", "line 8, column 11", "did you mean `mistral`?"),
    ("stop: {", "workload: {headroom: 5%}\nstop: {", "line 8,", "requests_per_minute: 300"),
    ("stop: {", "spend_limit: {per_run_usd: -1}\nstop: {", "line 8,", "above 0"),
    ("stop: {", "inference: {system: ' '}\nstop: {", "line 8,", "this text is empty"),
    ("requests: 4", "duration: 30", "line 8,", "800ms, 5s, 2m or 1h"),
    ("stop: {", "criteria: {e2e: {p96: 2s}}\nstop: {", "line 8,", "p95"),
    (
        "stop: {",
        "rounds: {every: 1h, for: 30m}\nstop: {",
        "line 8, column 26",
        "as long as `every`",
    ),
    (
        "stop: {",
        "rounds: {every: 1m, for: 24h}\nstop: {",
        "line 8, column 17",
        "`every: 2m53s` or more",
    ),
    ("stop: {", "quota_share: 50%\nstop: {", "line 8,", "not yet supported"),
];

#[test]
fn each_is_told_with_its_place_and_nothing_happens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let good = good(&format!("http://{}", listener.local_addr().unwrap()));
    for (from, to, place, problem) in CASES {
        assert!(good.contains(from), "{from}");
        let desk = Desk::new(&good.replacen(from, to, 1));
        let before = desk.files();
        for arguments in [&["run", "config.yml"][..], &["plan", "config.yml"]] {
            let done = desk.run(arguments);
            assert_eq!(done.code, Some(2), "{to:?} for {from:?}: {}", done.stderr);
            assert_eq!(done.stdout, "");
            assert!(done.stderr.starts_with("error: "), "{}", done.stderr);
            for part in [place, problem] {
                assert!(done.stderr.contains(part), "{to:?} for {from:?}: {}", done.stderr);
            }
            let problems = done.stderr.matches("= help: ").count();
            assert_eq!(problems, 1, "{to:?} for {from:?}: {}", done.stderr);
        }
        assert_eq!(desk.files(), before);
        assert!(!desk.path("fmgauge-out").exists(), "{to:?} for {from:?}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nothing was sent");
}

#[test]
fn several_errors_are_told_at_once() {
    let bad =
        good("http://127.0.0.1:9").replace("[1, 2]", "[0, 1001]").replace("us-east-1", "Ohio");
    let done = Desk::new(&bad).run(&["run", "config.yml"]);
    assert_eq!(done.code, Some(2));
    for place in ["line 3,", "line 7, column 19", "line 7, column 22"] {
        assert_eq!(done.stderr.matches(place).count(), 1, "{place}: {}", done.stderr);
    }
}

#[test]
fn files_of_prompts_are_refused_with_their_place() {
    let prompts = "[Why is the sky blue?]";
    let config =
        good("http://127.0.0.1:9").replace(&format!("prompts: {prompts}"), "file: asks.jsonl");
    for (file, expected) in [
        (None, "asks.jsonl"),
        (Some(""), "there is no prompt"),
        (Some("{\"prompt\": \"Why?\"}\nWhy?\n"), "line 2: this is not a JSON object"),
        (Some("{\"quest\": \"Why?\"}\n"), "line 1: there is no prompt: its fields are quest"),
        (Some("{\"prompt\": \"\"}\n"), "line 1: `prompt` must be a text"),
    ] {
        let desk = Desk::new(&config);
        if let Some(file) = file {
            desk.write("asks.jsonl", file);
        }
        let before = desk.files();
        let done = desk.run(&["run", "config.yml"]);
        assert_eq!(done.code, Some(2), "{}", done.stderr);
        assert!(done.stderr.contains("dataset mine"), "{}", done.stderr);
        assert_eq!(done.stderr.matches(expected).count(), 1, "{expected}: {}", done.stderr);
        assert_eq!(desk.files(), before);
    }
}
