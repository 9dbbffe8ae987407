//! A runner killed in a block, and the retry of the state machine.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use sha2::{Digest, Sha256};
use shared::block::WARMUP_TEXT;
use shared::dataset::{deal, nonce, with_nonce};
use shared::plan::Plan;
use shared::record::Phase;
use shared::run::{Prepared, Source, draft};
use shared::store::pack::{RECORDS_PER_CHUNK, digest};
use shared::store::{BlockEnd, BlockKey};
use simulator::{Outcome, OutputTokens, Profile, Simulator, SimulatorConfig, Truth};

use super::stack::Stack;
use super::taken::{Taken, request_ids};
use super::{by_request_id, run_id, until};

/// Requests in flight.
const SLOTS: usize = 4;

/// Requests of the only block: some 7 s.
const REQUESTS: usize = 600;

/// What an attempt that was killed may have sent and not stored: what was in flight, and what had
/// ended since the last chunk was stored. A chunk is stored when it is full or its first record is a
/// second old, which at some 90 requests a second comes first, so that a full chunk leaves room for
/// what ends while one is being stored.
const LOST_AT_MOST: usize = SLOTS + RECORDS_PER_CHUNK;

/// When to kill: after so many requests have ended. More than [`LOST_AT_MOST`], so that a runner that
/// stored nothing meanwhile would be found out; drawn from the seed.
fn killed_after(seed: u64) -> usize {
    let draw = Sha256::digest(seed.to_le_bytes());
    LOST_AT_MOST + 6 + usize::from(draw[0]) % 160
}

/// Answers in about 45 ms.
fn profile() -> Profile {
    Profile {
        base: Duration::from_millis(20),
        prefill_per_token: Duration::ZERO,
        decode_per_token: Duration::from_millis(5),
        output_tokens: OutputTokens { cv: 0.3, ..OutputTokens::fixed(6.0) },
        ..Profile::find("mistral.mistral-7b-instruct-v0:2").unwrap()
    }
}

fn config(seed: u64, url: &str) -> String {
    format!(
        r#"version: 1
seed: {seed}
endpoints:
  - {{name: mistral-7b, kind: bedrock, region: us-east-1, model_id: "mistral.mistral-7b-instruct-v0:2", endpoint_url: "{url}"}}
datasets:
  - name: one-liners
    prompts: [Why is the sky blue?, Why is the grass green?, Why is the sea salty?]
    max_tokens: 20
load:
  - concurrency: {SLOTS}
stop: {{requests: {REQUESTS}}}
replicates: 1
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_runner_is_retried_and_counts_once() {
    let stack = Stack::up();
    for seed in [1, 2] {
        kill_and_retry(&stack, seed).await;
    }
}

async fn kill_and_retry(stack: &Stack, seed: u64) {
    let started = Instant::now();
    let simulator = SimulatorConfig { seed, profiles: vec![profile()], ..Default::default() };
    let simulator = Simulator::spawn_thread(simulator).unwrap();
    let text = config(seed, &simulator.url());
    let id = run_id(&format!("killed-{seed}"));
    let uri = stack.put_config(id.as_str(), &text).await;

    let execution = stack.start(&json!({"config_uri": uri, "run_id": id}));
    let ended_at_least = |count| {
        until("requests before the kill", Duration::from_millis(2), || {
            let ended = simulator.truth().len();
            (ended >= count).then_some(ended)
        })
    };
    ended_at_least(1);
    let runners = stack.runners();
    assert_eq!(runners.len(), 1, "one block, one runner");
    let ended = ended_at_least(killed_after(seed));
    let killed = Command::new("kill").arg("-9").args(&runners).status().unwrap();
    assert!(killed.success(), "kill -9 {runners:?}");
    let finished = stack.wait(&execution);
    assert_eq!(finished.status, "SUCCEEDED", "{finished:?}");

    let taken = Taken::from(&stack.stores(), &id).await;
    let [block] = &taken.blocks[..] else { panic!("{:?}", taken.blocks) };
    let receipt = block.receipt.as_ref().unwrap();
    assert_eq!((block.attempt, receipt.attempt, receipt.ended), (2, 2, BlockEnd::Requests));
    let count = |phase| taken.counted.iter().filter(|record| record.phase == phase).count();
    assert_eq!((count(Phase::Measured), count(Phase::Warmup)), (REQUESTS, SLOTS));
    assert!(taken.uncounted.iter().all(|record| record.attempt == 1));
    let summary = taken.summary().summary;
    assert_eq!(summary.experiments[0].requests.sent, 600);
    assert_eq!(summary.uncounted.requests, u64::try_from(taken.uncounted.len()).unwrap());
    // What the killed attempt is known to have spent is reported and part of the output.
    let spent = summary.counted.spent_nano_usd.saturating_add(summary.uncounted.spent_nano_usd);
    assert_eq!(finished.output["cost_usd"], json!(spent.as_usd()));

    // The records are of distinct requests, all of them in the truth, ...
    let mut lost = by_request_id(simulator.truth());
    let (counted, uncounted) = (request_ids(&taken.counted), request_ids(&taken.uncounted));
    for request in counted.iter().chain(&uncounted) {
        assert!(lost.remove(request).is_some(), "{request}: recorded and never sent, or twice");
    }
    // ... and what else is there was sent by the killed attempt, and is not much.
    let prepared = draft(&text, id.clone(), &Source::Deployed).await.unwrap();
    let sendable = can_be_sent(&block.key, 1, &prepared);
    for Truth { prompt_sha256, .. } in lost.values() {
        let prompt = prompt_sha256.as_ref().unwrap();
        assert!(sendable.contains(prompt), "sent by nobody we know: {prompt}");
    }
    let broken_off = lost.values().filter(|truth| truth.outcome != Outcome::Ok).count();
    assert!(broken_off <= SLOTS, "{broken_off} requests were in flight");
    assert!(lost.len() <= LOST_AT_MOST, "{} requests were lost", lost.len());
    println!(
        "seed {seed}: killed after {ended} of {} requests; {} stored by the killed attempt, {} lost, \
         {broken_off} of them in flight; {:.1?}",
        REQUESTS + SLOTS,
        uncounted.len(),
        lost.len(),
        started.elapsed(),
    );
}

/// SHA-256 of all that an attempt at a block may send.
fn can_be_sent(key: &BlockKey, attempt: u32, prepared: &Prepared) -> BTreeSet<String> {
    let plan: &Plan = &prepared.plan;
    let block = plan.block(&key.experiment, key.block).unwrap();
    let prompts = &prepared.datasets[0].prompts;
    let count = u32::try_from(prompts.len()).unwrap();
    let order = deal(plan.seed, &prepared.datasets[0].name, count);
    let measured = (1..=block.requests.unwrap()).map(|sequence| {
        let place = (block.first_prompt + sequence - 1) % count;
        let prompt = &prompts[order[place as usize] as usize];
        let (run, experiment) = (&key.run_id, &key.experiment);
        let nonce = nonce(run, experiment, key.round, key.block, attempt, sequence);
        digest(&[with_nonce(&nonce, &prompt.text)])
    });
    measured.chain([digest(&[WARMUP_TEXT])]).collect()
}
