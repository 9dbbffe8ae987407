//! A limit that is paced over rounds: none uses more than its share and what earlier ones left.

use shared::store::{BlockEnd, BlockKey, Claim, RecordStore};
use shared::units::NanoUsd;
use tokio::task::JoinSet;

use super::bench::{Bench, Cloud, Local};
use super::spending::{LIMIT, assert_spend, block, limited, receipt_of};
use super::{Random, run_id, suite};

suite!(
    a_round_may_use_its_share_and_what_earlier_ones_left,
    whatever_happens_no_round_passes_its_ceiling,
    many_claimers_never_reserve_more_than_the_ceiling,
);

/// A claim in a round of a run whose limit is paced over four.
async fn reserve_in_round(
    store: &impl RecordStore,
    round: u32,
    number: u32,
    reservation: u64,
) -> Claim {
    let key = BlockKey { round, ..block(number) };
    store.claim(&key, NanoUsd(reservation), Some(ceiling(round))).await.unwrap()
}

fn ceiling(round: u32) -> NanoUsd {
    NanoUsd(LIMIT.0 * u64::from(round) / 4)
}

async fn a_round_may_use_its_share_and_what_earlier_ones_left(bench: &impl Bench) {
    let store = bench.records();
    limited(store, Some(LIMIT)).await;
    assert_eq!(reserve_in_round(store, 1, 1, 200).await, Claim::Attempt(1));
    let no_funds = Claim::NoFunds { reservation: NanoUsd(100), left: NanoUsd(50) };
    assert_eq!(reserve_in_round(store, 1, 2, 100).await, no_funds);
    assert_eq!(reserve_in_round(store, 1, 2, 50).await, Claim::Attempt(1));
    assert_eq!(reserve_in_round(store, 1, 3, 0).await, Claim::Attempt(1), "nothing always fits");
    assert_spend(store, 250, 0).await;
    // The first block spends little: the next round has that and its own share.
    let first = BlockKey { round: 1, ..block(1) };
    store.finish(&first, &receipt_of(1, 20, BlockEnd::Requests)).await.unwrap();
    let no_funds = Claim::NoFunds { reservation: NanoUsd(431), left: NanoUsd(430) };
    assert_eq!(reserve_in_round(store, 2, 1, 431).await, no_funds);
    assert_eq!(reserve_in_round(store, 2, 1, 430).await, Claim::Attempt(1));
    assert_spend(store, 480, 20).await;
    // A ceiling above the limit is no more than the limit.
    let key = BlockKey { round: 4, ..block(1) };
    let most = Some(NanoUsd(5 * LIMIT.0));
    let no_funds = Claim::NoFunds { reservation: NanoUsd(501), left: NanoUsd(500) };
    assert_eq!(store.claim(&key, NanoUsd(501), most).await.unwrap(), no_funds);
    assert_eq!(store.claim(&key, NanoUsd(500), most).await.unwrap(), Claim::Attempt(1));
}

async fn whatever_happens_no_round_passes_its_ceiling(bench: &impl Bench) {
    for seed in 0..bench.seeds() {
        let store = &bench.fresh().await;
        limited(store, Some(LIMIT)).await;
        let mut random = Random(seed);
        for round in 1..=4 {
            for turn in 0..15 {
                let number = 1 + u32::try_from(random.below(3)).unwrap();
                let reservation = random.below(120);
                let before = store.spend(&run_id("r")).await.unwrap();
                let claim = reserve_in_round(store, round, number, reservation).await;
                let left = before.left(Some(ceiling(round))).unwrap();
                match claim {
                    Claim::Attempt(attempt) => {
                        assert!(reservation == 0 || reservation <= left.0, "seed {seed}");
                        if random.below(3) > 0 {
                            let charged = random.below(reservation + 1);
                            let proof = receipt_of(attempt, charged, BlockEnd::Stopped);
                            let key = BlockKey { round, ..block(number) };
                            store.finish(&key, &proof).await.unwrap();
                        }
                    }
                    Claim::NoFunds { left: told, .. } => {
                        assert!(reservation > left.0 && told == left, "seed {seed}, turn {turn}");
                    }
                    Claim::Done(receipt) => panic!("{receipt:?} is not final"),
                }
                let kept = store.spend(&run_id("r")).await.unwrap();
                assert!(kept.committed() <= ceiling(round), "seed {seed}, {round}: {kept:?}");
            }
        }
    }
}

async fn many_claimers_never_reserve_more_than_the_ceiling(bench: &impl Bench) {
    limited(bench.records(), Some(LIMIT)).await;
    let mut claimers = JoinSet::new();
    for number in 1..=8 {
        let store = bench.records().clone();
        claimers.spawn(async move { reserve_in_round(&store, 2, number, 140).await });
    }
    let claims = claimers.join_all().await;
    let granted = claims.iter().filter(|claim| **claim == Claim::Attempt(1)).count();
    assert_eq!(granted, 3, "{claims:?}");
    assert_spend(bench.records(), 420, 0).await;
}
