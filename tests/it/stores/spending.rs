//! What a run has reserved and spent: never more than its limit, whatever happens to its attempts.

use std::collections::{BTreeMap, BTreeSet};

use shared::store::{BlockEnd, BlockKey, Claim, Receipt, RecordStore, RunMeta, Spend, StoreError};
use shared::units::NanoUsd;
use tokio::task::JoinSet;

use super::bench::{Bench, Cloud, Local};
use super::{Random, key, meta, receipt, run_id, suite};

suite!(
    a_claim_reserves_and_a_receipt_gives_back_the_rest,
    a_dead_attempt_is_charged_in_full,
    a_late_receipt_changes_nothing,
    a_stopped_attempt_and_a_later_one_both_count,
    an_attempt_that_sent_nothing_is_released,
    what_the_limit_has_no_room_for_is_refused_and_marked,
    without_a_limit_the_sums_are_kept,
    a_run_that_was_never_created_has_spent_nothing,
    many_claimers_never_reserve_more_than_the_limit,
    whatever_happens_the_sums_are_those_of_the_attempts,
    whatever_happens_at_once_the_limit_holds,
);

pub(super) const LIMIT: NanoUsd = NanoUsd(1_000);

/// The run `r` with a limit.
pub(super) async fn limited(store: &impl RecordStore, limit: Option<NanoUsd>) {
    let meta = RunMeta { spend_limit: limit, ..meta("r", "2026-11-22T10:00:00Z") };
    assert!(store.create_run(&meta).await.unwrap());
}

pub(super) fn block(number: u32) -> BlockKey {
    key("mistral-7b~chat~c4", 1, number)
}

pub(super) fn receipt_of(attempt: u32, spent: u64, ended: BlockEnd) -> Receipt {
    Receipt { spent: NanoUsd(spent), ended, ..receipt(attempt) }
}

async fn reserve(store: &impl RecordStore, number: u32, reservation: u64) -> Claim {
    store.claim(&block(number), NanoUsd(reservation), None).await.unwrap()
}

#[track_caller]
fn spend(limit: Option<NanoUsd>, reserved: u64, spent: u64) -> Spend {
    Spend { limit, reserved: NanoUsd(reserved), spent: NanoUsd(spent) }
}

pub(super) async fn assert_spend(store: &impl RecordStore, reserved: u64, spent: u64) {
    let expected = spend(Some(LIMIT), reserved, spent);
    assert_eq!(store.spend(&run_id("r")).await.unwrap(), expected);
}

async fn a_claim_reserves_and_a_receipt_gives_back_the_rest(bench: &impl Bench) {
    let store = bench.records();
    limited(store, Some(LIMIT)).await;
    assert_spend(store, 0, 0).await;
    assert_eq!(reserve(store, 1, 400).await, Claim::Attempt(1));
    assert_eq!(reserve(store, 2, 500).await, Claim::Attempt(1));
    assert_spend(store, 900, 0).await;
    let proof = receipt_of(1, 150, BlockEnd::Requests);
    for _ in 0..2 {
        store.finish(&block(1), &proof).await.unwrap();
        assert_spend(store, 500, 150).await;
    }
    assert_eq!(reserve(store, 1, 400).await, Claim::Done(proof));
    assert_spend(store, 500, 150).await;
    let blocks = store.blocks(&run_id("r")).await.unwrap();
    let reservations: Vec<_> = blocks.iter().map(|block| block.reservation).collect();
    assert_eq!(reservations, [None, Some(NanoUsd(500))]);
}

async fn a_dead_attempt_is_charged_in_full(bench: &impl Bench) {
    let store = bench.records();
    limited(store, Some(LIMIT)).await;
    assert_eq!(reserve(store, 1, 400).await, Claim::Attempt(1));
    assert_eq!(reserve(store, 1, 300).await, Claim::Attempt(2));
    assert_spend(store, 300, 400).await;
    store.finish(&block(1), &receipt_of(2, 10, BlockEnd::Requests)).await.unwrap();
    assert_spend(store, 0, 410).await;
}

async fn a_late_receipt_changes_nothing(bench: &impl Bench) {
    let store = bench.records();
    limited(store, Some(LIMIT)).await;
    reserve(store, 1, 400).await;
    reserve(store, 1, 400).await;
    for late in [receipt_of(1, 5, BlockEnd::Requests), receipt_of(1, 5, BlockEnd::Stopped)] {
        let refused = store.finish(&block(1), &late).await;
        assert!(matches!(refused, Err(StoreError::Superseded { attempt: 1 })), "{refused:?}");
    }
    store.release(&block(1), 1, NanoUsd::ZERO).await.unwrap();
    assert_spend(store, 400, 400).await;
}

async fn a_stopped_attempt_and_a_later_one_both_count(bench: &impl Bench) {
    let store = bench.records();
    limited(store, Some(LIMIT)).await;
    reserve(store, 1, 400).await;
    store.finish(&block(1), &receipt_of(1, 100, BlockEnd::Stopped)).await.unwrap();
    assert_spend(store, 0, 100).await;
    assert_eq!(reserve(store, 1, 400).await, Claim::Attempt(2));
    assert_spend(store, 400, 100).await;
    // A block that its allotment ended is done: another attempt would come no further.
    let spent_out = receipt_of(2, 400, BlockEnd::SpendLimit);
    store.finish(&block(1), &spent_out).await.unwrap();
    assert_eq!(reserve(store, 1, 400).await, Claim::Done(spent_out));
    assert_spend(store, 0, 500).await;
}

async fn an_attempt_that_sent_nothing_is_released(bench: &impl Bench) {
    let store = bench.records();
    limited(store, Some(LIMIT)).await;
    store.release(&block(1), 1, NanoUsd::ZERO).await.unwrap();
    assert!(store.blocks(&run_id("r")).await.unwrap().is_empty());
    reserve(store, 1, 400).await;
    for _ in 0..2 {
        store.release(&block(1), 1, NanoUsd::ZERO).await.unwrap();
        assert_spend(store, 0, 0).await;
    }
    assert_eq!(reserve(store, 1, 1_000).await, Claim::Attempt(2));
    assert_spend(store, 1_000, 0).await;
    // One that was given up is charged what it spent, once, and is not charged again as dead.
    for _ in 0..2 {
        store.release(&block(1), 2, NanoUsd(30)).await.unwrap();
        assert_spend(store, 0, 30).await;
    }
    assert_eq!(reserve(store, 1, 900).await, Claim::Attempt(3));
    assert_spend(store, 900, 30).await;
}

async fn what_the_limit_has_no_room_for_is_refused_and_marked(bench: &impl Bench) {
    let store = bench.records();
    limited(store, Some(LIMIT)).await;
    assert_eq!(reserve(store, 1, 700).await, Claim::Attempt(1));
    let no_funds = Claim::NoFunds { reservation: NanoUsd(400), left: NanoUsd(300) };
    for number in [2, 2, 1] {
        assert_eq!(reserve(store, number, 400).await, no_funds);
    }
    assert_spend(store, 700, 0).await;
    let marks = async || {
        let blocks = store.blocks(&run_id("r")).await.unwrap();
        blocks.into_iter().map(|block| (block.attempt, block.refused)).collect::<Vec<_>>()
    };
    assert_eq!(marks().await, [(1, true), (0, true)]);
    // A smaller one fits, and so does the refused one once there is room.
    assert_eq!(reserve(store, 3, 300).await, Claim::Attempt(1));
    store.finish(&block(1), &receipt_of(1, 200, BlockEnd::Requests)).await.unwrap();
    assert_eq!(reserve(store, 2, 400).await, Claim::Attempt(1));
    assert_eq!(marks().await[1..], [(1, false), (1, false)]);
    assert_spend(store, 700, 200).await;
    assert!(matches!(reserve(store, 1, 700).await, Claim::Done(_)), "it needs no room");
}

async fn without_a_limit_the_sums_are_kept(bench: &impl Bench) {
    let store = bench.records();
    limited(store, None).await;
    reserve(store, 1, 5_000_000).await;
    reserve(store, 1, 6_000_000).await;
    store.finish(&block(1), &receipt_of(2, 9_000_000, BlockEnd::Requests)).await.unwrap();
    reserve(store, 2, 0).await;
    let kept = store.spend(&run_id("r")).await.unwrap();
    assert_eq!(kept, spend(None, 0, 14_000_000));
}

async fn a_run_that_was_never_created_has_spent_nothing(bench: &impl Bench) {
    let store = bench.records();
    assert_eq!(store.spend(&run_id("unknown")).await.unwrap(), Spend::default());
    assert_eq!(reserve(store, 1, 70).await, Claim::Attempt(1));
    assert_eq!(store.spend(&run_id("r")).await.unwrap(), spend(None, 70, 0));
}

async fn many_claimers_never_reserve_more_than_the_limit(bench: &impl Bench) {
    limited(bench.records(), Some(LIMIT)).await;
    let mut claimers = JoinSet::new();
    for number in 1..=12 {
        let store = bench.records().clone();
        claimers.spawn(async move { reserve(&store, number, 180).await });
    }
    let claims = claimers.join_all().await;
    let granted = claims.iter().filter(|claim| **claim == Claim::Attempt(1)).count();
    assert_eq!(granted, 5, "{claims:?}");
    assert_spend(bench.records(), 900, 0).await;
}

/// What has become of an attempt, as a bookkeeper sees it who was told everything.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Open,
    Dead,
    Released { charged: u64 },
    Receipted { charged: u64, is_final: bool },
}

#[derive(Debug, Clone)]
struct Attempt {
    number: u32,
    reservation: u64,
    fate: Fate,
}

/// Every attempt at every block.
#[derive(Debug, Default)]
struct Books {
    blocks: BTreeMap<u32, Vec<Attempt>>,
    refused: BTreeSet<u32>,
}

impl Books {
    fn expected(&self) -> Spend {
        let (mut reserved, mut spent) = (0, 0);
        for attempt in self.blocks.values().flatten() {
            match attempt.fate {
                Fate::Open => reserved += attempt.reservation,
                Fate::Dead => spent += attempt.reservation,
                Fate::Released { charged } | Fate::Receipted { charged, .. } => spent += charged,
            }
        }
        spend(Some(LIMIT), reserved, spent)
    }

    fn is_done(&self, number: u32) -> bool {
        let attempts = self.blocks.get(&number).into_iter().flatten();
        attempts.into_iter().any(|a| matches!(a.fate, Fate::Receipted { is_final: true, .. }))
    }
}

/// One step: something happens to some block, as often as its answer is lost.
async fn step(store: &impl RecordStore, books: &mut Books, random: &mut Random) {
    let number = 1 + u32::try_from(random.below(5)).unwrap();
    let done = books.is_done(number);
    let left = books.expected().left(None).unwrap();
    let attempts = books.blocks.entry(number).or_default();
    let is_open = |attempt: &Attempt| attempt.fate == Fate::Open;
    match random.below(10) {
        0..4 => {
            let reservation = random.below(260);
            let claim = reserve(store, number, reservation).await;
            if done {
                assert!(matches!(claim, Claim::Done(_)), "{claim:?}");
            } else if reservation > left.0 {
                assert_eq!(claim, Claim::NoFunds { reservation: NanoUsd(reservation), left });
                books.refused.insert(number);
            } else {
                let next = attempts.len() + 1;
                let next = u32::try_from(next).unwrap();
                assert_eq!(claim, Claim::Attempt(next));
                if let Some(dead) = attempts.last_mut().filter(|attempt| is_open(attempt)) {
                    dead.fate = Fate::Dead;
                }
                attempts.push(Attempt { number: next, reservation, fate: Fate::Open });
                books.refused.remove(&number);
            }
        }
        4..8 => {
            // Mostly the current attempt, sometimes one that was superseded.
            let back = usize::from(random.below(4) == 0);
            let place = attempts.len().checked_sub(1 + back);
            let Some(attempt) = place.map(|place| &mut attempts[place]) else { return };
            let charged = random.below(attempt.reservation + 1);
            let ended = [BlockEnd::Requests, BlockEnd::Stopped, BlockEnd::SpendLimit]
                [usize::try_from(random.below(3)).unwrap()];
            let proof = receipt_of(attempt.number, charged, ended);
            let takes = back == 0 && is_open(attempt);
            let repeats = 1 + random.below(2);
            for _ in 0..repeats {
                let finished = store.finish(&block(number), &proof).await;
                // What was left before must not be left again with other figures.
                let same =
                    matches!(attempt.fate, Fate::Receipted { charged: old, .. } if old == charged);
                assert!(finished.is_ok() == takes || same, "{finished:?} of {attempt:?}");
            }
            if takes {
                attempt.fate = Fate::Receipted { charged, is_final: proof.is_final() };
                books.refused.remove(&number);
            }
        }
        _ => {
            let Some(attempt) = attempts.last_mut() else { return };
            let charged = random.below(attempt.reservation + 1) * random.below(2);
            store.release(&block(number), attempt.number, NanoUsd(charged)).await.unwrap();
            if is_open(attempt) {
                attempt.fate = Fate::Released { charged };
                books.refused.remove(&number);
            }
        }
    }
}

async fn whatever_happens_the_sums_are_those_of_the_attempts(bench: &impl Bench) {
    for seed in 0..bench.seeds() {
        let store = &bench.fresh().await;
        limited(store, Some(LIMIT)).await;
        let (mut books, mut random) = (Books::default(), Random(seed));
        for turn in 0..60 {
            step(store, &mut books, &mut random).await;
            let kept = store.spend(&run_id("r")).await.unwrap();
            assert_eq!(kept, books.expected(), "seed {seed}, turn {turn}: {books:#?}");
            assert!(kept.committed() <= LIMIT, "seed {seed}, turn {turn}: {kept:?}");
        }
        let marked = store.blocks(&run_id("r")).await.unwrap();
        let marked = marked.iter().filter(|state| state.refused).map(|state| state.key.block);
        assert_eq!(marked.collect::<BTreeSet<_>>(), books.refused, "seed {seed}");
    }
}

async fn whatever_happens_at_once_the_limit_holds(bench: &impl Bench) {
    for seed in 0..bench.seeds().min(8) {
        let store = bench.fresh().await;
        limited(&store, Some(LIMIT)).await;
        let mut workers = JoinSet::new();
        for worker in 0..4 {
            let store = store.clone();
            workers.spawn(async move { work(&store, Random(seed * 100 + worker)).await });
        }
        let told: Vec<(u32, Attempt)> = workers.join_all().await.into_iter().flatten().collect();
        let mut books = Books::default();
        for (number, attempt) in told {
            books.blocks.entry(number).or_default().push(attempt);
        }
        for attempts in books.blocks.values_mut() {
            attempts.sort_by_key(|attempt| attempt.number);
            let numbers: Vec<u32> = attempts.iter().map(|attempt| attempt.number).collect();
            assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "given out twice");
            let current = attempts.len() - 1;
            for dead in attempts[..current].iter_mut().filter(|a| a.fate == Fate::Open) {
                dead.fate = Fate::Dead;
            }
        }
        let kept = store.spend(&run_id("r")).await.unwrap();
        assert_eq!(kept, books.expected(), "seed {seed}: {books:#?}");
        assert!(kept.committed() <= LIMIT, "seed {seed}: {kept:?}");
    }
}

/// A worker that claims blocks, and leaves receipts or dies: what it was told.
async fn work(store: &impl RecordStore, mut random: Random) -> Vec<(u32, Attempt)> {
    let mut told = Vec::new();
    for _ in 0..12 {
        let number = 1 + u32::try_from(random.below(3)).unwrap();
        let reservation = random.below(200);
        let Claim::Attempt(attempt) = reserve(store, number, reservation).await else { continue };
        let charged = random.below(reservation + 1);
        let ended = if random.below(3) == 0 { BlockEnd::Requests } else { BlockEnd::Stopped };
        let proof = receipt_of(attempt, charged, ended);
        let fate = match random.below(4) {
            0 => Fate::Open,
            _ => match store.finish(&block(number), &proof).await {
                Ok(()) => Fate::Receipted { charged, is_final: proof.is_final() },
                Err(StoreError::Superseded { .. }) => Fate::Open,
                Err(error) => panic!("{error}"),
            },
        };
        told.push((number, Attempt { number: attempt, reservation, fate }));
    }
    told
}
