//! What a transaction costs where time is what costs.

use std::collections::BTreeMap;

use super::BlockPlace;
use super::kept::Kept;
use super::sums::Mean;
use crate::price::HourPrice;
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
