//! `kill -9` at a moment drawn from a seed, then `--resume`.
//!
//! The simulator is a process of its own, so that its truth log outlives the run. Whatever that log
//! has beyond the records was sent by an attempt that was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use serde_json::Value;
use sha2::{Digest, Sha256};
use shared::block::WARMUP_TEXT;
use shared::dataset::{deal, nonce, with_nonce};
use shared::plan::Plan;
use shared::store::BlockKey;
use shared::store::pack::RECORDS_PER_CHUNK;
use shared::units::ExperimentId;
use simulator::{Outcome, Truth};

use super::{Desk, Simulate, is_counted, measured, number, sha256, text};

const PROMPTS: [&str; 3] = ["Why is the sky blue?", "What is rain?", "Who made this?"];

/// Of each of the four experiments, in two blocks.
const REQUESTS: u32 = 120;

/// Warm-up included: 4 x 120, and for each replicate one for each of the 2 + 3 slots of 2 endpoints.
const SENT: usize = 500;

/// A record waits so long for others before it is stored (the block's `FLUSH_AFTER`), ...
const FLUSHED_AFTER_NS: u64 = 1_000_000_000;

/// ... and this is for storing it, and for a busy machine.
const LATE_NS: u64 = 1_000_000_000;

fn config(seed: u64, url: &str) -> String {
    format!(
        r#"version: 1
seed: {seed}
endpoints:
  - {{name: mistral, kind: bedrock, region: us-east-1, model_id: "mistral.mistral-7b-instruct-v0:2", endpoint_url: "{url}"}}
  - {{name: haiku, kind: bedrock, region: us-east-1, model_id: "anthropic.claude-3-haiku-20240307-v1:0", endpoint_url: "{url}"}}
datasets:
  - {{name: asks, prompts: {PROMPTS:?}, max_tokens: 4}}
load: [{{concurrency: [2, 3]}}]
stop: {{requests: {REQUESTS}}}
replicates: 2
"#
    )
}

/// When to kill: after so many requests have ended, from 8 % to 88 % of them.
fn killed_after(seed: u64) -> usize {
    let draw = Sha256::digest(seed.to_le_bytes());
    40 + (usize::from(draw[0]) * 256 + usize::from(draw[1])) % 400
}

#[test]
fn what_is_killed_is_resumed_and_counts_once() {
    // Mostly they wait, so they can do it together.
    let stored: usize = std::thread::scope(|scope| {
        let runs = [1, 2, 3, 4].map(|seed| scope.spawn(move || kill_and_resume(seed)));
        runs.into_iter().map(|run| run.join().unwrap()).sum()
    });
    assert!(stored > 0, "blocks store records while they run");
}

/// How many records the attempts that were killed had stored.
fn kill_and_resume(seed: u64) -> usize {
    let desk = Desk::new("");
    let simulator = Simulate::start(&desk.path(""));
    desk.write("config.yml", &config(seed, &simulator.url));
    let mut run = desk
        .fmgauge(&["run", "config.yml", "--run-id", "killed", "--quiet"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    simulator.wait_for(killed_after(seed), &mut run);
    run.kill().unwrap(); // SIGKILL
    run.wait().unwrap();
    let before = desk.records("killed");
    let resumed = desk.run(&["run", "--resume", "killed", "--quiet"]);
    assert_eq!((resumed.code, &*resumed.stderr), (Some(0), ""), "seed {seed}");
    let after = desk.records("killed");
    let truth = simulator.truth();

    check_counts(&after);
    check_done_blocks(&before, &after);
    let lost = lost(&after, truth.clone());
    let killed = killed_attempts(&after);
    check_lost(&desk, &lost, &killed);
    let stored_and_killed = before.iter().filter(|record| !is_counted(record)).count();
    println!(
        "seed {seed}: killed after {} of {SENT} requests; {} records stored by then, {} of them by \
         the {} attempts that were killed, which lost {} more, {} of them in flight; {} sent in all",
        killed_after(seed),
        before.len(),
        stored_and_killed,
        killed.len(),
        lost.len(),
        lost.iter().filter(|truth| truth.outcome != Outcome::Ok).count(),
        truth.len(),
    );
    stored_and_killed
}

/// The plan was measured, whole and once.
fn check_counts(records: &[Value]) {
    let counts = measured(records);
    assert_eq!(counts.len(), 4, "{counts:?}");
    assert!(counts.values().all(|count| *count == REQUESTS), "{counts:?}");
    let counted: Vec<&Value> = records.iter().filter(|record| is_counted(record)).collect();
    assert_eq!(counted.len(), SENT);
    assert!(counted.iter().all(|record| record["outcome"] == "completed"));
    let places: BTreeSet<_> = counted
        .iter()
        .map(|r| {
            (text(r, "experiment"), number(r, "block"), text(r, "phase"), number(r, "sequence"))
        })
        .collect();
    assert_eq!(places.len(), counted.len(), "every place once");
}

/// What was stored when the run was killed reads the same, and what counted is not measured again.
fn check_done_blocks(before: &[Value], after: &[Value]) {
    for record in before {
        assert!(after.contains(record), "{record}");
    }
    let blocks = |records: &[Value]| -> BTreeSet<(String, u32)> {
        records.iter().filter(|record| is_counted(record)).map(block_of).collect()
    };
    for block in blocks(before) {
        let attempts = after.iter().filter(|record| block_of(record) == block);
        assert!(attempts.clone().all(|record| record["attempt"] == 1), "{block:?}");
    }
}

fn block_of(record: &Value) -> (String, u32) {
    (text(record, "experiment").to_owned(), number(record, "block"))
}

/// The requests that no record tells of. Each record must tell of exactly one.
fn lost(records: &[Value], truth: Vec<Truth>) -> Vec<Truth> {
    let sent = truth.len();
    let mut by_id: BTreeMap<String, Truth> =
        truth.into_iter().map(|truth| (truth.request_id.clone(), truth)).collect();
    assert_eq!(by_id.len(), sent, "ids are unique");
    for record in records {
        let id = text(record, "request_id");
        let truth = by_id.remove(id).unwrap_or_else(|| panic!("{id}: never sent, or twice told"));
        assert_eq!(number(record, "output_tokens"), truth.output_tokens);
    }
    by_id.into_values().collect()
}

/// The blocks whose first attempt was killed: those that a second one counts for.
fn killed_attempts(records: &[Value]) -> BTreeSet<(String, u32)> {
    let repeated: Vec<&Value> = records
        .iter()
        .filter(|record| is_counted(record))
        .filter(|record| record["attempt"] != 1)
        .collect();
    assert!(repeated.iter().all(|record| record["attempt"] == 2), "killed once only");
    repeated.into_iter().map(block_of).collect()
}

/// What was sent and not stored was sent by killed attempts, and is bounded: for each block that
/// was running what was in flight and one chunk, and nothing that had waited for long.
fn check_lost(desk: &Desk, lost: &[Truth], killed: &BTreeSet<(String, u32)>) {
    let plan: Plan = serde_json::from_str(&desk.read("fmgauge-out/runs/killed/plan.json")).unwrap();
    assert!(killed.len() <= plan.lanes.len(), "a lane runs one block at a time: {killed:?}");
    let mut sendable: Vec<String> = Vec::new();
    let (mut slots, mut chunks) = (0, 0);
    for (experiment, block) in killed {
        let key = BlockKey {
            run_id: plan.run_id.clone(),
            experiment: ExperimentId::from(experiment.clone()),
            round: 1,
            block: *block,
        };
        slots += usize::from(plan.experiment(&key.experiment).unwrap().load.slots());
        chunks += RECORDS_PER_CHUNK;
        sendable.extend(sent_by(&plan, &key, 1));
    }
    // One after the other, so that a prompt that was sent twice is found out.
    for truth in lost {
        let sent = truth.prompt_sha256.as_ref().unwrap();
        let place = sendable.iter().position(|sendable| sendable == sent);
        sendable.swap_remove(place.unwrap_or_else(|| panic!("not of a killed attempt: {truth:?}")));
    }
    let (answered, in_flight): (Vec<_>, Vec<_>) =
        lost.iter().partition(|truth| truth.outcome == Outcome::Ok);
    assert!(in_flight.len() <= slots, "{} in flight in {slots} slots", in_flight.len());
    assert!(answered.len() <= slots + chunks, "{} not stored", answered.len());
    // The latest of them ended with the process, or shortly before it.
    let ends = lost.iter().map(|truth| truth.ended_ns);
    let killed_at = ends.max().unwrap_or_default();
    for truth in answered {
        let waited = killed_at - truth.ended_ns;
        assert!(waited <= FLUSHED_AFTER_NS + LATE_NS, "{waited} ns, and not stored: {truth:?}");
    }
}

/// SHA-256 of all that an attempt at a block sends, each as often as it does.
fn sent_by(plan: &Plan, key: &BlockKey, attempt: u32) -> Vec<String> {
    let block = plan.block(&key.experiment, key.block).unwrap();
    let slots = plan.experiment(&key.experiment).unwrap().load.slots();
    let order = deal(plan.seed, &plan.datasets[0].name, 3);
    let measured = (1..=block.requests.unwrap()).map(|sequence| {
        let place = (block.first_prompt + sequence - 1) % 3;
        let prompt = PROMPTS[order[place as usize] as usize];
        let (run, experiment) = (&key.run_id, &key.experiment);
        let nonce = nonce(run, experiment, key.round, key.block, attempt, sequence);
        sha256(with_nonce(&nonce, prompt))
    });
    measured.chain((0..slots).map(|_| sha256(WARMUP_TEXT))).collect()
}
