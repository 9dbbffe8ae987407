//! What a transaction costs where time is what costs.

use std::collections::BTreeMap;

use super::BlockPlace;
use super::kept::Kept;
use super::sums::Mean;
use crate::price::{HourPrice, Price};
use crate::stats::FEWEST_CLUSTERS;
use crate::store::Receipt;

/// Shares what the time of a block's window costs among the transactions that were completed in it:
/// price of the time / completed in the window, which is what a transaction costs while the endpoint is
/// kept as busy. `completed` is by the place of the block among the receipts. Gives the mean.
pub(super) fn share(
    price: &HourPrice,
    receipts: &BTreeMap<BlockPlace, &Receipt>,
    completed: &BTreeMap<u32, u64>,
    requests: &mut [Kept],
) -> Mean {
    let share = |(block, receipt): (u32, &&Receipt)| {
        Some((block, price.of_time(receipt.window).0 / completed.get(&block)?))
    };
    let shares: BTreeMap<u32, u64> = (0..).zip(receipts.values()).filter_map(share).collect();
    let mut mean = Mean::default();
    for request in requests.iter_mut().filter(|request| request.is_completed()) {
        let cost = shares.get(&request.block).copied();
        request.charge(cost);
        mean.add(cost);
    }
    mean
}

/// Whether a mean cost has an interval. What time costs is the same for all requests of a block: only blocks
/// tell how it varies, and it takes as many as make clusters.
pub(super) fn has_interval(price: Option<&Price>, blocks: usize) -> bool {
    let by_time = price.is_some_and(|price| price.hours().is_some());
    !by_time || u32::try_from(blocks).is_ok_and(|blocks| blocks >= FEWEST_CLUSTERS)
}
