//! Requests that arrive at a rate, in virtual time: the schedule is kept, and an endpoint that cannot
//! keep up is told.

use serde_json::Value;

use super::{Desk, text};

/// One model that keeps up, and one that serves a request in about a second, one at a time.
const CONFIG: &str = r#"version: 1
endpoints:
  - name: fast
    kind: simulated
    simulate_as: "mistral.mistral-7b-instruct-v0:2"
    load: [{rate_per_minute: 120, arrivals: poisson}]
  - name: slow
    kind: simulated
    simulate_as: "anthropic.claude-3-sonnet-20240229-v1:0"
    load: [{rate_per_minute: 120, max_streams: 2}]
datasets:
  - {name: asks, prompts: [Why is the sky blue?, What is rain?, Who made this?], max_tokens: 8}
stop: {duration: 1m}
replicates: 1
criteria: {e2e: {p95: 4s}}
"#;

fn ran() -> Desk {
    let desk = Desk::new(CONFIG);
    desk.succeed(&["run", "config.yml", "--virtual-time", "--run-id", "open"]);
    desk
}

fn ms(record: &Value, field: &str) -> f64 {
    record[field].as_f64().unwrap_or_else(|| panic!("{field} of {record}"))
}

fn read(desk: &Desk, name: &str) -> String {
    desk.read(&format!("fmgauge-out/runs/open/report/{name}"))
}

/// When a request was due, in nanoseconds since 1970.
fn due(record: &Value) -> i64 {
    let sent: jiff::Timestamp = text(record, "sent_at").parse().unwrap();
    let delay = std::time::Duration::from_secs_f64(ms(record, "dispatch_delay_ms") / 1e3);
    (sent - delay).as_nanosecond().try_into().unwrap()
}

#[test]
fn requests_are_sent_by_their_schedule() {
    let records = ran().records("open");
    let of = |endpoint: &str| -> Vec<Value> {
        let own = records.iter().filter(|r| r["phase"] == "measured" && r["endpoint"] == endpoint);
        let mut own: Vec<Value> = own.cloned().collect();
        own.sort_by_key(|record| record["sequence"].as_u64());
        own
    };
    // Every half second, to the rounding of milliseconds as numbers.
    let slow: Vec<i64> = of("slow").iter().map(due).collect();
    assert!(slow.len() > 40, "{}", slow.len());
    for pair in slow.windows(2) {
        assert!((pair[1] - pair[0] - 500_000_000).abs() < 1_000, "{pair:?}");
    }
    // At random, each within the millisecond of tokio's clock.
    let fast = of("fast");
    assert!((80..160).contains(&fast.len()), "{}", fast.len());
    assert!(fast.iter().all(|record| ms(record, "dispatch_delay_ms") <= 1.0));
    let gaps: Vec<i64> = fast.windows(2).map(|pair| due(&pair[1]) - due(&pair[0])).collect();
    assert!(gaps.iter().any(|gap| *gap < 100_000_000) && gaps.iter().any(|gap| *gap > 900_000_000));
    for record in &records {
        let from_schedule = ms(record, "dispatch_delay_ms") + ms(record, "e2e_ms");
        assert!((ms(record, "e2e_from_schedule_ms") - from_schedule).abs() < 1e-6);
    }
}

#[test]
fn an_endpoint_that_cannot_keep_up_is_told_by_latency_from_the_schedule() {
    let desk = ran();
    let summary: Value = serde_json::from_str(&read(&desk, "summary.json")).unwrap();
    let experiments = summary["summary"]["experiments"].as_array().unwrap();
    let [fast, slow] = experiments.as_slice() else { panic!("{experiments:?}") };
    assert_eq!(fast["achieved_load"], 1.0);
    assert_eq!((&fast["schedule"]["late"], &fast["schedule"]["missed"]), (&0.into(), &0.into()));
    assert_eq!(fast["concurrency"], Value::Null);

    let schedule = &slow["schedule"];
    let count = |name: &str| schedule[name].as_u64().unwrap();
    assert_eq!(count("arrivals"), 120);
    assert_eq!(count("sent") + count("missed"), 120);
    assert!(count("missed") > 40 && count("waited") > 100, "{schedule}");
    // Two in flight, one served at a time: it takes two seconds, however long the run.
    let p99 = |stats: &Value| stats["p99_ms"].as_f64().unwrap();
    assert!(p99(&slow["e2e"]) < 4_000.0, "{}", slow["e2e"]);
    assert!(p99(&schedule["e2e_from_schedule"]) > 20_000.0, "{schedule}");
    let half = |place: usize| schedule["halves"][place]["e2e_from_schedule_ms"].as_f64().unwrap();
    assert!(half(1) > 2.0 * half(0), "{schedule}");

    let report = read(&desk, "report.md");
    assert!(report.contains("`slow` did not keep up with 120 a minute: mean E2E"), "{report}");
    assert!(!report.contains("`fast` did not keep up"), "{report}");
    let judged = &summary["decision"]["experiments"];
    assert_eq!(judged[0]["qualifies"], true, "{judged}");
    assert_eq!(judged[1]["qualifies"], false, "its criterion is of latency from the schedule");
}

#[test]
fn arrivals_follow_from_the_seed() {
    let (one, same) = (ran(), ran());
    for ending in ["summary.json", "report.md", ".parquet"] {
        let of = |desk: &Desk| {
            let files = desk.files().into_iter();
            files.filter(|(path, _)| path.ends_with(ending)).collect::<Vec<_>>()
        };
        let files = of(&one);
        assert!(!files.is_empty(), "{ending}");
        assert_eq!(files, of(&same), "{ending}");
    }
}
