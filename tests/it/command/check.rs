//! `fmgauge check`: what one request tells of each endpoint.

use serde_json::Value;

use super::{Desk, Simulate};

/// What is told of a model by what its requests meet.
const SCRIPT: &str = r#"version: 1
faults:
  - {kind: error, status: 429, model: "meta.llama3-8b-instruct-v1:0"}
  - {kind: error, status: 403, code: AccessDeniedException, message: "User: arn:aws:iam::123456789012:user/me is not authorized to perform: bedrock:InvokeModelWithResponseStream", model: "amazon.titan-text-lite-v1"}
  - {kind: error, status: 404, code: ResourceNotFoundException, message: "This model version has reached the end of its life.", model: "cohere.command-text-v14"}
"#;

fn config(url: &str) -> String {
    let endpoint = |name: &str, model: &str, more: &str| {
        format!(
            "  - {{name: {name}, kind: bedrock, region: us-east-1, model_id: \"{model}\", \
             endpoint_url: \"{url}\"{more}}}\n"
        )
    };
    let endpoints = [
        endpoint("fine", "mistral.mistral-7b-instruct-v0:2", ""),
        endpoint("whole", "mistral.mixtral-8x7b-instruct-v0:1", ", api: converse, price: unknown"),
        endpoint("busy", "meta.llama3-8b-instruct-v1:0", ""),
        endpoint("closed", "amazon.titan-text-lite-v1", ""),
        endpoint("gone", "cohere.command-text-v14", ""),
        endpoint("unknown", "meta.llama9-8b-instruct-v1:0", ", price: unknown"),
    ];
    format!(
        "version: 1\nendpoints:\n{}datasets: [{{name: d, prompts: [Why?], max_tokens: 5}}]\n\
         load: [{{concurrency: 1}}]\n",
        endpoints.concat()
    )
}

/// The same with each figure of milliseconds as `#`, as wide as it was.
fn masked(text: &str) -> String {
    let mask = |word: &str| {
        let is_figure = word.contains('.') && word.parse::<f64>().is_ok();
        if is_figure { format!("{:>1$}", "#", word.len()) } else { word.to_owned() }
    };
    let line = |line: &str| line.split(' ').map(mask).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_endpoint_is_told_with_its_mend() {
    let desk = Desk::new("");
    let simulator = Simulate::scripted(&desk.path(""), SCRIPT);
    desk.write("config.yml", &config(&simulator.url));
    let done = desk.run(&["check", "config.yml"]);
    assert_eq!(done.code, Some(5), "{}", done.stderr);
    assert!(done.stdout.lines().all(|line| line.chars().count() <= 80), "{}", done.stdout);
    insta::assert_snapshot!(masked(&done.stdout));
    assert_eq!(simulator.truth().len(), 6, "one request for each");
    assert!(!desk.path("fmgauge-out").exists());

    let done = desk.run(&["check", "config.yml", "--json"]);
    assert_eq!(done.code, Some(5), "{}", done.stderr);
    let found: Value = serde_json::from_str(&done.stdout).unwrap();
    let classes: Vec<_> =
        found["endpoints"].as_array().unwrap().iter().map(|e| &e["problem"]["class"]).collect();
    let named = ["throttled", "access_denied", "end_of_life", "not_found"].map(Value::from);
    assert_eq!(classes[..2], [&Value::Null, &Value::Null]);
    assert_eq!(classes[2..], named.iter().collect::<Vec<_>>());
    let fine = &found["endpoints"][0];
    assert!(fine["ttft_ms"].as_f64() >= fine["ttfb_ms"].as_f64() && fine["tls_ms"].is_null());
    assert!(fine["tcp_ms"].as_f64().unwrap() > 0.0);
    let cost: f64 = found["cost_at_most_usd"].as_f64().unwrap();
    assert!(cost > 0.0 && cost < 0.001, "{cost}");
}

#[test]
fn where_all_is_fine_it_is_done() {
    let desk = Desk::new(
        "version: 1
endpoints:
  - {name: mistral, kind: simulated, simulate_as: 'mistral.mistral-7b-instruct-v0:2'}
datasets: [{name: d, file: not-there.jsonl, max_tokens: 5}]
load: [{concurrency: 1}]
",
    );
    let said = desk.succeed(&["check", "config.yml"]);
    assert!(said.contains("SIMULATED") && said.contains("mistral            ok"), "{said}");
    assert!(said.contains("litellm"), "the price has its source and date: {said}");
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let desk = Desk::new(&config(&url));
    let done = desk.run(&["check", "config.yml"]);
    assert_eq!(done.code, Some(5), "{}", done.stderr);
    let prose = done.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(prose.contains("connection: ") && prose.contains("failed to connect"), "{prose}");
    assert!(prose.contains(&format!("-> is the server at {url} up")), "{prose}");
    assert!(prose.contains("This check cost $0.000000 at most"), "{prose}");
}
