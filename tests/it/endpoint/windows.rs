//! The barrier after the warm-up, and the window that a receipt tells.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::endpoint::placeholder_config;
use shared::record::{Phase, Record};
use shared::run::Connections;
use shared::store::BlockEnd;
use simulator::{Profile, Truth};

use super::local::{LocalRun, Measured};
use super::{Bench, profile};

const MODEL: &str = "mistral.mistral-7b-instruct-v0:2";

/// How much later a busy machine may fill the slots.
const LATE: Duration = Duration::from_millis(250);

/// Four slots against a model that serves one request at a time: the warm-ups end one by one,
/// 25 ms apart.
async fn measured(stop: &str) -> (Measured, Vec<Truth>) {
    let model = Profile { slots: 1, ..profile(MODEL, Duration::from_millis(2), 10.0) };
    let bench = Bench::serving(vec![model], Vec::new());
    let run = LocalRun::plan(&format!(
        r#"
version: 1
endpoints:
  - {{name: mistral, kind: bedrock, region: us-east-1, model_id: "{MODEL}", endpoint_url: "{}"}}
datasets: [{{name: mine, prompts: [Why is the sky blue?], max_tokens: 10}}]
load: [{{concurrency: 4}}]
stop: {stop}
"#,
        bench.simulator.url()
    ))
    .await;
    let measured = run.measure(&Connections::new(placeholder_config()).unwrap()).await;
    (measured, bench.ended())
}

/// When each slot sent its first measured request.
fn first_sends(measured: &Measured) -> Vec<u64> {
    let mut first: BTreeMap<u32, u64> = BTreeMap::new();
    for Record { slot, sent_at_unix_ns, .. } in measured.of(Phase::Measured) {
        let first = first.entry(*slot).or_insert(*sent_at_unix_ns);
        *first = (*first).min(*sent_at_unix_ns);
    }
    first.into_values().collect()
}

fn window_end(measured: &Measured) -> u64 {
    let window = u64::try_from(measured.receipt.window.as_nanos()).unwrap();
    measured.receipt.window_start_unix_ns + window
}

#[tokio::test]
async fn no_slot_begins_before_all_are_warm_and_requests_end_the_window() {
    let (measured, truth) = measured("{requests: 40}").await;

    let truth_of = |record: &Record| {
        let id = record.served.request_id.as_ref().unwrap();
        truth.iter().find(|truth| truth.request_id == *id).expect("in the log")
    };
    let warmed = measured.of(Phase::Warmup).map(|record| truth_of(record).ended_ns);
    let warmed: Vec<u64> = warmed.collect();
    let (first, last) = (warmed.iter().min().unwrap(), warmed.iter().max().unwrap());
    assert_eq!(warmed.len(), 4);
    // By how much depends on how busy the machine is; that they end one by one does not.
    assert!(last > first, "the barrier had something to wait for");
    for record in measured.of(Phase::Measured) {
        assert!(truth_of(record).received_ns > *last, "sequence {}", record.sequence);
    }

    let first_sends = first_sends(&measured);
    assert_eq!(first_sends.len(), 4);
    assert_eq!(measured.receipt.ended, BlockEnd::Requests);
    assert_eq!(Some(&measured.receipt.window_start_unix_ns), first_sends.iter().max());
    let last_send = measured.of(Phase::Measured).map(|record| record.sent_at_unix_ns).max();
    assert_eq!(Some(window_end(&measured)), last_send);
}

#[tokio::test]
async fn time_ends_the_window_whatever_was_sent_last() {
    const TIME: Duration = Duration::from_secs(1);
    let (measured, truth) = measured("{duration: 1s}").await;

    let (receipt, first_sends) = (&measured.receipt, first_sends(&measured));
    assert_eq!(receipt.ended, BlockEnd::Duration);
    assert_eq!(first_sends.len(), 4);
    assert_eq!(Some(&receipt.window_start_unix_ns), first_sends.iter().max());
    // Sending began one second before the window's end, and the slots were filled at once.
    let began = window_end(&measured) - u64::try_from(TIME.as_nanos()).unwrap();
    assert!(first_sends.iter().all(|sent| *sent >= began));
    assert!(receipt.window <= TIME && receipt.window + LATE >= TIME, "{:?}", receipt.window);
    // What was in flight at the end was drained, and is recorded.
    assert_eq!(measured.records.len(), truth.len());
    let end = |r: &Record| Duration::from_nanos(r.sent_at_unix_ns) + r.timeline.end;
    let drained = measured.records.iter().map(end).max().unwrap();
    assert!(drained > Duration::from_nanos(window_end(&measured)));
}
