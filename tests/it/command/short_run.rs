//! A simulated run, from its plan to its report and its records.

use serde_json::Value;

use super::{Desk, is_counted, json_lines, measured, number, text};

const CONFIG: &str = r#"version: 1
name: a short one
endpoints:
  - {name: mistral-7b, kind: simulated, simulate_as: "mistral.mistral-7b-instruct-v0:2"}
  - {name: claude-3-haiku, kind: simulated, simulate_as: "anthropic.claude-3-haiku-20240307-v1:0"}
datasets:
  - {name: asks, prompts: [Why is the sky blue?, What is rain?, Who made this?], max_tokens: 8}
load: [{concurrency: [1, 2]}]
stop: {requests: 10}
criteria: {e2e: {p95: 2s}}
"#;

/// The fields of `fmgauge records` that are promised: more may come, none may go.
const FIELDS: [&str; 47] = [
    "endpoint",
    "experiment",
    "round",
    "block",
    "attempt",
    "counted",
    "sequence",
    "phase",
    "slot",
    "prompt",
    "sent_at",
    "ttft_ms",
    "ttft_any_ms",
    "e2e_ms",
    "tpot_ms",
    "itl_mean_ms",
    "itl_max_ms",
    "headers_ms",
    "connect_ms",
    "dispatch_delay_ms",
    "slot_wait_ms",
    "try_number",
    "since_first_send_ms",
    "ttft_from_schedule_ms",
    "e2e_from_schedule_ms",
    "content_events",
    "bytes",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "outcome",
    "error_class",
    "error_code",
    "error_message",
    "request_id",
    "status",
    "protocol",
    "new_connection",
    "stop_reason",
    "server_latency_ms",
    "latency_mode",
    "service_tier",
    "simulated",
    "reasoning_tokens",
    "usage_source",
    "server_first_byte_ms",
];

#[test]
fn planning_writes_nothing() {
    let desk = Desk::new(CONFIG);
    let before = desk.files();
    let said = desk.succeed(&["plan", "config.yml"]);
    assert!(said.contains("4 experiments") && said.contains("Nothing was sent"), "{said}");
    let plan: Value =
        serde_json::from_str(&desk.succeed(&["plan", "config.yml", "--json"])).unwrap();
    assert_eq!(plan["experiments"].as_array().unwrap().len(), 4);
    assert_eq!(plan["estimate"]["requests"], 40);
    assert_eq!(desk.files(), before);
    assert!(!desk.path("fmgauge-out").exists());
}

#[test]
fn a_run_leaves_its_report_and_its_records() {
    let desk = Desk::new(CONFIG);
    let done = desk.run(&["run", "config.yml", "--run-id", "short"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.starts_with("SIMULATED"), "{}", done.stdout);
    assert!(done.stderr.starts_with("run short: 4 experiments\n"), "{}", done.stderr);
    check_files(&desk);
    check_records(&desk);

    // Again, and it is the same but for the time of writing.
    let summary = "fmgauge-out/runs/short/report/summary.json";
    let without_time = |text: &str| {
        let mut summary: Value = serde_json::from_str(text).unwrap();
        let written_at = summary.as_object_mut().unwrap().remove("written_at");
        (written_at.expect("the time of writing"), summary)
    };
    let before = without_time(&desk.read(summary));
    desk.succeed(&["report"]);
    let after = without_time(&desk.read(summary));
    assert_ne!(before.0, after.0);
    assert_eq!(before.1, after.1);
    let records = desk.succeed(&["records", "short"]);
    assert_eq!(desk.succeed(&["records"]), records, "`latest` is the only one");

    // What is complete stays as it is.
    let resumed = desk.run(&["run", "--resume"]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    assert_eq!(desk.succeed(&["records", "short"]), records);
}

fn check_files(desk: &Desk) {
    let files = desk.files();
    for name in ["config.yml", "plan.json", "report/report.md", "report/summary.json"] {
        assert!(files.contains_key(&format!("fmgauge-out/runs/short/{name}")), "{name}: {files:?}");
    }
    assert_eq!(desk.read("fmgauge-out/runs/short/config.yml"), CONFIG);
    assert!(!files.keys().any(|name| name.contains("/prompts/")), "prompts are not kept");
    let latest: Value = serde_json::from_str(&desk.read("fmgauge-out/latest.json")).unwrap();
    assert_eq!((&latest["run_id"], &latest["status"]), (&"short".into(), &"complete".into()));

    let pictures: Vec<&str> = files.keys().filter_map(|name| name.strip_suffix(".png")).collect();
    assert!(!pictures.is_empty());
    for picture in pictures {
        let bytes = std::fs::read(desk.path(&format!("{picture}.png"))).unwrap();
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{picture}");
        let drawing = desk.read(&format!("{picture}.svg"));
        assert!(drawing.starts_with("<svg") || drawing.starts_with("<?xml"), "{picture}");
    }
    let report = desk.read("fmgauge-out/runs/short/report/report.md");
    assert!(report.contains("SIMULATED"), "{report}");
    for name in ["mistral-7b", "claude-3-haiku", "asks"] {
        assert!(report.contains(name), "{name}");
    }
}

fn check_records(desk: &Desk) {
    let records = desk.records("short");
    for record in &records {
        for field in FIELDS {
            assert!(record.get(field).is_some(), "{field} of {record}");
        }
        assert_eq!((text(record, "outcome"), &record["simulated"]), ("completed", &true.into()));
        assert!(is_counted(record));
        let sent_at = text(record, "sent_at");
        // As 2026-11-22T10:00:00.123456789Z.
        assert_eq!((sent_at.len(), &sent_at[19..20], &sent_at[29..]), (30, ".", "Z"), "{sent_at}");
        let millis = |field: &str| record[field].as_f64().unwrap();
        assert!(millis("ttft_ms") > 0.0 && millis("ttft_ms") <= millis("e2e_ms"));
        assert_eq!(number(record, "content_events"), number(record, "output_tokens"));
    }
    let counts = measured(&records);
    assert_eq!(counts.len(), 4);
    assert!(counts.values().all(|count| *count == 10), "{counts:?}");
    // Each slot of the 1 + 2 of each endpoint was warmed by one request.
    let warmups = records.iter().filter(|record| record["phase"] == "warmup").count();
    assert_eq!((warmups, records.len()), (6, 46));
}

#[test]
fn for_machines_there_is_json_and_silence() {
    let desk = Desk::new(CONFIG);
    let done = desk.run(&["run", "config.yml", "--quiet", "--json", "--run-id", "mute"]);
    assert_eq!((done.code, &*done.stderr), (Some(0), ""));
    let [conclusion] = &json_lines(&done.stdout)[..] else { panic!("{}", done.stdout) };
    assert_eq!(text(conclusion, "run_id"), "mute");
    assert_eq!(text(conclusion, "status"), "complete");
    assert_eq!(number(conclusion, "unfinished_blocks"), 0);
    assert_eq!(conclusion["simulated"], true);
    assert!(conclusion["cost_usd"].as_f64().unwrap() > 0.0);
    assert!(desk.path(text(conclusion, "report")).exists());
    let again = desk.run(&["report", "mute", "--json"]);
    assert_eq!((again.code, again.stderr), (Some(0), String::new()));
    assert_eq!(json_lines(&again.stdout)[0], *conclusion);
}
