//! An endpoint that throttles on and on.

use serde_json::Value;

use super::Desk;

const CONFIG: &str = r#"version: 1
endpoints:
  - {name: busy, kind: simulated, simulate_as: "mistral.mistral-7b-instruct-v0:2"}
  - {name: free, kind: simulated, simulate_as: meta.llama2-13b-chat-v1}
datasets: [{name: mine, prompts: [Why is the sky blue?], max_tokens: 10}]
load: [{concurrency: [1, 2]}]
stop: {duration: 4m}
replicates: 2
rounds: {every: 1h, for: 2h}
"#;

const SCRIPT: &str = r#"version: 1
limits: [{model: "mistral.mistral-7b-instruct-v0:2", requests_per_minute: 6, burst: 10s}]
"#;

#[test]
fn the_rest_of_its_round_is_left_out() {
    let desk = Desk::new(CONFIG);
    desk.write("script.yml", SCRIPT);
    let run = ["run", "config.yml", "--virtual-time", "--script", "script.yml", "--run-id", "r"];
    let ended = desk.run(&run);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let told = "busy throttles nearly every request: the rest of its round is left out";
    assert_eq!(ended.stderr.matches(told).count(), 2, "once in each round: {}", ended.stderr);
    let file = desk.read("fmgauge-out/runs/r/report/summary.json");
    let summary: Value = serde_json::from_str(&file).unwrap();
    let experiments = summary["summary"]["experiments"].as_array().unwrap();
    let sum = |endpoint: &str, field: &str| -> u64 {
        let of = experiments.iter().filter(|experiment| experiment["endpoint"] == endpoint);
        of.map(|experiment| experiment[field].as_u64().unwrap()).sum()
    };
    assert_eq!((sum("busy", "blocks_done"), sum("busy", "throttled_blocks")), (0, 2));
    assert_eq!((sum("free", "blocks_done"), sum("free", "throttled_blocks")), (8, 0));
    let report = desk.read("fmgauge-out/runs/r/report/report.md");
    assert!(report.contains("gave up after a minute in which nearly every request was throttled"));
}
