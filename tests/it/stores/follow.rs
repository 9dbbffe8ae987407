//! Following a run by what its store holds.

use std::path::PathBuf;

use shared::block::BlockRun;
use shared::plan::Plan;
use shared::run::{Follower, News, Source, draft};
use shared::store::{BlockEnd, BlockKey, Receipt, RecordStore, RunStatus};
use shared::units::NanoUsd;

use super::bench::{Bench, Cloud, Local};
use super::{claimed, measured, meta, receipt, run_id, suite};

suite!(
    records_are_told_once_and_before_their_block_ends,
    what_was_there_before_is_told_as_such,
    a_later_attempt_is_followed,
    rounds_are_told,
);

async fn plan(rounds: &str) -> Plan {
    let text = format!(
        "version: 1
endpoints: [{{name: m, kind: simulated, simulate_as: meta.llama2-13b-chat-v1}}]
datasets: [{{name: d, prompts: [Why?], max_tokens: 5}}]
load: [{{concurrency: 1}}]
stop: {{requests: 20}}
replicates: 2
{rounds}"
    );
    let source = Source::OneMachine(PathBuf::new());
    draft(&text, run_id("r"), &source).await.unwrap().plan
}

fn block(round: u32, block: u32) -> BlockKey {
    let experiment = "m~d~c1".to_owned().into();
    BlockKey { run_id: run_id("r"), experiment, round, block }
}

async fn created(bench: &impl Bench) {
    let run = meta("r", "2026-11-22T10:00:00Z");
    assert!(bench.records().create_run(&run).await.unwrap());
}

/// What is new, in a word each: runs of records as `3 records`, with `before` where they were.
async fn look(follower: &mut Follower, bench: &impl Bench) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut count = 0;
    let tell = |news| {
        if let News::Recorded { was_before, .. } = news {
            count += 1;
            let before = if was_before { " before" } else { "" };
            let word = format!("{count} records{before}");
            if count == 1 {
                words.push(word);
            } else {
                *words.last_mut().unwrap() = word;
            }
            return;
        }
        count = 0;
        words.push(match news {
            News::Recorded { .. } => unreachable!(),
            News::Round(round) => format!("round {round}"),
            News::Next(round) => format!("next {round}"),
            News::Block(key, run) => {
                let run = match *run {
                    BlockRun::Measured(_) => "measured",
                    BlockRun::AlreadyMeasured(_) => "before",
                    BlockRun::Stopping => "stopping",
                    BlockRun::NoFunds { .. } => "no funds",
                };
                format!("block {} {run}", key.block)
            }
        });
    };
    follower.look(bench.records(), tell).await.unwrap();
    words
}

async fn records_are_told_once_and_before_their_block_ends(bench: &impl Bench) {
    let store = bench.records();
    created(bench).await;
    let mut follower = Follower::new(plan("").await);
    assert_eq!(look(&mut follower, bench).await, [""; 0]);
    let one = block(1, 1);
    let attempt = claimed(store, &one).await;
    assert_eq!(look(&mut follower, bench).await, [""; 0]);
    let receipt = measured(store, &one, attempt, 600).await;
    assert_eq!(look(&mut follower, bench).await, ["600 records"]);
    assert_eq!(look(&mut follower, bench).await, [""; 0]);
    // One more chunk.
    let chunk = store.chunks(&one, attempt).await.unwrap().remove(2);
    let rest = shared::store::pack::unpack(&chunk).unwrap().len();
    store.put_chunk(&one, attempt, 4, chunk).await.unwrap();
    store.finish(&one, &receipt).await.unwrap();
    let expected = [format!("{rest} records"), "block 1 measured".to_owned()];
    assert_eq!(look(&mut follower, bench).await, expected);
    assert_eq!(look(&mut follower, bench).await, [""; 0]);
    store.claim(&block(1, 2), NanoUsd::ZERO, None).await.unwrap();
    let ended_at = Some("2026-11-22T11:00:00Z");
    store.set_status(&run_id("r"), RunStatus::Incomplete, ended_at).await.unwrap();
    let meta = follower.look(store, |news| panic!("{news:?}")).await.unwrap();
    assert_eq!(meta.status, RunStatus::Incomplete);
}

async fn what_was_there_before_is_told_as_such(bench: &impl Bench) {
    let store = bench.records();
    created(bench).await;
    let (one, two) = (block(1, 1), block(1, 2));
    let attempt = claimed(store, &one).await;
    let receipt = measured(store, &one, attempt, 10).await;
    store.finish(&one, &receipt).await.unwrap();
    let attempt = claimed(store, &two).await;
    let receipt = measured(store, &two, attempt, 7).await;
    let mut follower = Follower::new(plan("").await);
    assert_eq!(look(&mut follower, bench).await, ["block 1 before", "7 records before"]);
    store.finish(&two, &receipt).await.unwrap();
    assert_eq!(look(&mut follower, bench).await, ["block 2 measured"]);
}

async fn a_later_attempt_is_followed(bench: &impl Bench) {
    let store = bench.records();
    created(bench).await;
    let one = block(1, 1);
    let mut follower = Follower::new(plan("").await);
    look(&mut follower, bench).await;
    let first = claimed(store, &one).await;
    measured(store, &one, first, 4).await;
    assert_eq!(look(&mut follower, bench).await, ["4 records"]);
    let second = claimed(store, &one).await;
    let stopped = measured(store, &one, second, 3).await;
    store.finish(&one, &Receipt { ended: BlockEnd::Stopped, ..stopped }).await.unwrap();
    assert_eq!(look(&mut follower, bench).await, ["3 records", "block 1 measured"]);
    let third = claimed(store, &one).await;
    assert_eq!(look(&mut follower, bench).await, [""; 0]);
    let receipt = measured(store, &one, third, 5).await;
    store.finish(&one, &receipt).await.unwrap();
    assert_eq!(look(&mut follower, bench).await, ["5 records", "block 1 measured"]);
}

async fn rounds_are_told(bench: &impl Bench) {
    let store = bench.records();
    created(bench).await;
    let mut follower = Follower::new(plan("rounds: {every: 1h, for: 2h}").await);
    assert_eq!(look(&mut follower, bench).await, [""; 0]);
    for (key, expected) in
        [(block(1, 1), &["block 1 measured"][..]), (block(1, 2), &["block 2 measured", "next 2"])]
    {
        let attempt = claimed(store, &key).await;
        store.finish(&key, &receipt(attempt)).await.unwrap();
        assert_eq!(look(&mut follower, bench).await, expected);
    }
    claimed(store, &block(2, 1)).await;
    assert_eq!(look(&mut follower, bench).await, ["round 2"]);
    // Somebody who comes later learns of the rounds before by their blocks.
    let mut late = Follower::new(plan("rounds: {every: 1h, for: 2h}").await);
    assert_eq!(look(&mut late, bench).await, ["block 1 before", "block 2 before", "round 2"]);
}
