//! The time of day in virtual time: a swing of the simulator is found in the hours of the run's clock,
//! and nothing is found where it has none.

use serde_json::Value;

use super::Desk;

/// Latency swings by a quarter to either side, slowest at two in the afternoon UTC.
const SWING: &str = "version: 1\nday_swings: [{amplitude: 25%, peak_hour: 14}]\n";

/// Two simulated models; a run in virtual time begins at a midnight UTC.
fn config(requests: u32, rounds: &str, zone: &str) -> String {
    format!(
        "version: 1\n\
         endpoints:\n  \
         - {{name: mistral, kind: simulated, simulate_as: \"mistral.mistral-7b-instruct-v0:2\"}}\n  \
         - {{name: llama, kind: simulated, simulate_as: meta.llama2-13b-chat-v1}}\n\
         datasets: [{{name: mine, synthetic: {{prompt_tokens: 200}}, max_tokens: 20}}]\n\
         load: [{{concurrency: 1}}]\n\
         stop: {{requests: {requests}}}\n\
         rounds: {rounds}\n\
         criteria: {{e2e: {{p95: 20s}}}}\n\
         report: {{time_zone: {zone}}}\n"
    )
}

/// What a run showed of the time of day, its figures by hour, and its report.
struct Shown {
    desk: Desk,
    decided: Value,
    summary: Value,
    report: String,
}

fn run(config: &str, script: Option<&str>) -> Shown {
    let desk = Desk::new(config);
    let mut arguments = vec!["run", "config.yml", "--virtual-time", "--run-id", "day"];
    if let Some(script) = script {
        desk.write("swing.yml", script);
        arguments.extend(["--script", "swing.yml"]);
    }
    desk.succeed(&arguments);
    let file = desk.read("fmgauge-out/runs/day/report/summary.json");
    let mut file: Value = serde_json::from_str(&file).unwrap();
    let decided = file["decision"]["time_of_day"].take();
    let report = desk.read("fmgauge-out/runs/day/report/report.md");
    Shown { desk, decided, summary: file["summary"].take(), report }
}

fn experiments(shown: &Shown) -> &[Value] {
    shown.decided["experiments"].as_array().unwrap()
}

fn hours(of: &Value) -> Vec<u64> {
    of.as_array().unwrap().iter().map(|hour| hour.as_u64().unwrap()).collect()
}

#[test]
fn a_daily_swing_is_found_over_two_days_in_the_hours_of_the_zone() {
    let shown = run(&config(10, "{every: 2h, for: 48h}", "Europe/Berlin"), Some(SWING));
    assert_eq!(shown.summary["hours"]["time_zone"], "Europe/Berlin");
    for experiment in experiments(&shown) {
        assert_eq!(experiment["verdict"], "daily", "{experiment}");
        // Two in the afternoon UTC is three in Berlin, in January.
        let swing = &experiment["swing"];
        let peak = swing["peak_hour"].as_f64().unwrap();
        assert!((peak - 15.0).abs() < 2.0, "{swing}");
        let ends = ["low", "high"].map(|end| swing["interval"][end].as_f64().unwrap());
        assert!(ends[0] < 0.25 && 0.25 < ends[1] && ends[0] > 0.05, "{swing}");
        for (hours, of) in [(hours(&experiment["slowest"]), 15), (hours(&experiment["fastest"]), 3)]
        {
            assert!(hours.is_empty() || hours.contains(&of), "{experiment}");
        }
    }
    assert!(shown.report.contains("## Time of day"), "{}", shown.report);
    assert!(shown.report.contains("Hours are those of Europe/Berlin"));
    for file in ["hours.svg", "hours.png", "hours.csv"] {
        assert!(shown.desk.path(&format!("fmgauge-out/runs/day/report/{file}")).exists(), "{file}");
    }
}

#[test]
fn the_hours_of_one_day_differ_and_are_not_called_a_daily_effect() {
    let shown = run(&config(20, "{every: 2h, for: 24h}", "UTC"), Some(SWING));
    for experiment in experiments(&shown) {
        assert_eq!(experiment["verdict"], "hours_differ", "{experiment}");
        assert!(experiment["swing"].is_null());
    }
    assert!(shown.report.contains("differences between hours of this day, not yet a daily effect"));
}

#[test]
fn without_a_swing_nothing_is_found() {
    for (requests, rounds) in [(10, "{every: 2h, for: 48h}"), (20, "{every: 2h, for: 24h}")] {
        let shown = run(&config(requests, rounds, "UTC"), None);
        for experiment in experiments(&shown) {
            assert_eq!(experiment["verdict"], "indistinguishable", "{rounds}: {experiment}");
            for of in ["fastest", "slowest"] {
                assert!(hours(&experiment[of]).is_empty(), "{experiment}");
            }
        }
    }
}

#[test]
fn a_script_for_real_endpoints_is_refused() {
    let config = "version: 1\nendpoints: [{name: m, kind: bedrock, region: us-east-1, \
                  model_id: \"mistral.mistral-7b-instruct-v0:2\"}]\n\
                  datasets: [{name: d, prompts: [Why?], max_tokens: 5}]\n\
                  load: [{concurrency: 1}]\n";
    let desk = Desk::new(config);
    desk.write("swing.yml", SWING);
    let done = desk.run(&["run", "config.yml", "--script", "swing.yml"]);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(done.stderr.contains("--script is for simulated endpoints"), "{}", done.stderr);
}
