//! A whole block against the simulator's truth.

use std::collections::BTreeMap;

use shared::dataset;
use shared::endpoint::placeholder_config;
use shared::record::{Outcome, Phase};
use shared::run::Connections;
use shared::stats::Gaps;
use shared::store::BlockEnd;
use simulator::{Outcome as End, Profile, Truth};

use super::local::LocalRun;
use super::{Bench, sha256};

const MODEL: &str = "mistral.mistral-7b-instruct-v0:2";

fn config(url: &str) -> String {
    format!(
        r#"
version: 1
endpoints:
  - {{name: mistral, kind: bedrock, region: us-east-1, model_id: "{MODEL}", endpoint_url: "{url}"}}
datasets:
  - {{name: mixed, synthetic: {{prompt_tokens: 60, count: 7}}, max_tokens: 12}}
load: [{{concurrency: 4}}]
stop: {{requests: 40}}
"#
    )
}

#[tokio::test]
async fn a_closed_loop_is_recorded_as_it_was_served() {
    let bench = Bench::serving(vec![Profile::find(MODEL).unwrap()], Vec::new());
    let run = LocalRun::plan(&config(&bench.simulator.url())).await;
    let measured = run.measure(&Connections::new(placeholder_config()).unwrap()).await;
    let truth = bench.ended();

    // As many as planned, and as many as were sent.
    assert_eq!(measured.of(Phase::Measured).count(), 40);
    assert_eq!(measured.of(Phase::Warmup).count(), 4);
    assert_eq!(usize::try_from(measured.receipt.records), Ok(measured.records.len()));
    assert_eq!((measured.receipt.attempt, truth.len()), (1, 44));
    assert_eq!(measured.receipt.ended, BlockEnd::Requests);
    let mut sequences: Vec<u32> = measured.of(Phase::Measured).map(|r| r.sequence).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=40).collect::<Vec<u32>>());

    // Each record is one request of the log, and says what it says.
    let mut by_id: BTreeMap<&str, &Truth> =
        truth.iter().map(|truth| (truth.request_id.as_str(), truth)).collect();
    assert_eq!(by_id.len(), truth.len());
    for record in &measured.records {
        let id = record.served.request_id.as_deref().unwrap();
        let truth = by_id.remove(id).expect("in the log, and in no other record");
        assert_eq!((record.outcome, truth.outcome), (Outcome::Completed, End::Ok));
        assert_eq!(record.usage.input_tokens, Some(truth.input_tokens));
        assert_eq!(record.usage.output_tokens, Some(truth.output_tokens));
        assert_eq!(record.served.new_connection, record.phase == Phase::Warmup);
        assert_eq!(record.served.protocol.as_deref(), Some("HTTP/1.1"));
        assert!(record.served.simulated);
    }
    assert!(by_id.is_empty());

    // One connection for each slot, and its slot's requests one after the other.
    let connection = |id: Option<&String>| {
        truth.iter().find(|truth| Some(&truth.request_id) == id).map(|truth| truth.connection)
    };
    let slots: BTreeMap<_, _> = measured
        .records
        .iter()
        .map(|record| (record.slot, connection(record.served.request_id.as_ref())))
        .collect();
    assert_eq!(slots.len(), 4);
    for record in &measured.records {
        assert_eq!(connection(record.served.request_id.as_ref()), slots[&record.slot]);
    }
    assert_eq!(truth.iter().map(|truth| truth.connection).max(), Some(4));
    assert_eq!(most_at_once(&truth), 4, "the loop was full, and never fuller");

    // What was spent is what the tokens cost, warm-up included.
    let plan = run.plan_of();
    let price = plan.endpoints[0].price.as_ref().unwrap();
    let spent = truth
        .iter()
        .map(|t| price.of_tokens(t.input_tokens.into(), t.output_tokens.into()))
        .sum::<shared::units::NanoUsd>();
    assert_eq!(measured.receipt.spent, spent);

    // Warm-up is in no statistic, the gaps included.
    let mut gaps = Gaps::default();
    gaps.add(measured.receipt.gaps.as_ref().unwrap()).unwrap();
    let expected: u32 = measured
        .records
        .iter()
        .filter(|record| record.phase == Phase::Measured)
        .map(|record| record.timeline.content_events - 1)
        .sum();
    assert_eq!(gaps.count(), u64::from(expected));
}

#[tokio::test]
async fn every_prompt_is_the_one_that_its_place_says() {
    let bench = Bench::serving(vec![Profile::find(MODEL).unwrap()], Vec::new());
    let run = LocalRun::plan(&config(&bench.simulator.url())).await;
    let measured = run.measure(&Connections::new(placeholder_config()).unwrap()).await;
    let truth = bench.ended();

    let plan = run.plan_of();
    let [dataset] = &run.prepared.datasets[..] else { panic!("one dataset") };
    let order = dataset::deal(plan.seed, &dataset.name, 7);
    let sent: BTreeMap<&str, &str> = truth
        .iter()
        .map(|t| (t.request_id.as_str(), t.prompt_sha256.as_deref().unwrap()))
        .collect();
    for record in measured.of(Phase::Measured) {
        let place = measured.block.first_prompt + record.sequence - 1;
        assert_eq!(record.prompt, order[usize::try_from(place % 7).unwrap()]);
        let key = &measured.key;
        let nonce = dataset::nonce(
            &key.run_id,
            &key.experiment,
            key.round,
            key.block,
            measured.receipt.attempt,
            record.sequence,
        );
        let prompt = &dataset.prompts[usize::try_from(record.prompt).unwrap()];
        let text = dataset::with_nonce(&nonce, &prompt.text);
        let id = record.served.request_id.as_deref().unwrap();
        assert_eq!(sent[id], sha256(&text), "sequence {}", record.sequence);
    }
    let mut prompts: Vec<_> = sent.values().collect();
    prompts.sort_unstable();
    prompts.dedup();
    assert_eq!(prompts.len(), 41, "40 unique ones, and the one that warms up");
}

/// The most requests that the server had at the same time.
fn most_at_once(truth: &[Truth]) -> i32 {
    let mut changes: Vec<(u64, i32)> =
        truth.iter().flat_map(|t| [(t.received_ns, 1), (t.ended_ns, -1)]).collect();
    changes.sort_unstable();
    let mut now = 0;
    let counts = changes.into_iter().map(|(_, change)| {
        now += change;
        now
    });
    counts.max().unwrap_or(0)
}
