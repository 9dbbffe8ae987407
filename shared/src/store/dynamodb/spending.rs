//! Claiming blocks, receipts, and what both do to the run's spending: each one transaction over
//! two items, on the condition that the block is as it was read. Where it is not, or the limit has
//! no room any more, everything is read again.
//!
//! A condition cannot add, so SPEND also holds `left` = `limit` - `reserved` - `spent`, where there
//! is a limit. The SDK sends a transaction whose answer was lost again with the same token, and
//! DynamoDB does it once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};

use super::{BlockItem, DynamoDbStore, cancelled_by, try_again};
use crate::store::item::{Item, item, key, number, read, text};
use crate::store::{BlockKey, BlockState, Claim, Receipt, Spend, StoreError, keys};
use crate::units::{NanoUsd, RunId};

/// How often a transaction is tried that others keep getting ahead of.
const TRIES: u32 = 60;

/// The longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What a transaction changes a run's spending by.
#[derive(Debug, Clone, Copy)]
struct Change {
    reserved: i128,
    spent: i128,
    /// Only if so much is left.
    needs: NanoUsd,
}

impl Change {
    fn settle(reservation: Option<NanoUsd>, charged: NanoUsd) -> Self {
        let reserved = -i128::from(reservation.unwrap_or_default().0);
        Self { reserved, spent: charged.0.into(), needs: NanoUsd::ZERO }
    }
}

impl DynamoDbStore {
    pub(super) async fn claim_block(
        &self,
        key: &BlockKey,
        reservation: NanoUsd,
        ceiling: Option<NanoUsd>,
    ) -> Result<Claim, StoreError> {
        let action = "claim the block";
        for turn in 0..TRIES {
            let (state, spend) = self.standing_of(action, key).await?;
            if let Some(receipt) = state.as_ref().and_then(|state| state.receipt.as_ref())
                && receipt.is_final()
            {
                return Ok(Claim::Done(receipt.clone()));
            }
            let (seen, attempt) = (state.as_ref(), state.as_ref().map_or(0, |state| state.attempt));
            let update = |more: &str, attempt: u32| {
                self.update_block(key, seen, more)
                    .expression_attribute_values(":attempt", number(attempt))
            };
            if spend.holds(reservation, ceiling) {
                let claimed = update("#reservation = :reservation REMOVE #refused", attempt + 1)
                    .expression_attribute_values(":reservation", amount(reservation.0));
                let dead = seen.and_then(|state| state.reservation);
                let mut change = Change::settle(dead, dead.unwrap_or_default());
                change.reserved += i128::from(reservation.0);
                change.needs = needs(spend, reservation, ceiling);
                let reserved = self.update_spend(&key.run_id, spend, change);
                if self.transact(action, [claimed, reserved]).await? {
                    return Ok(Claim::Attempt(attempt + 1));
                }
            } else {
                let marked = update("#refused = :refused", attempt)
                    .expression_attribute_values(":refused", AttributeValue::Bool(true));
                if self.transact(action, [marked]).await? {
                    let left = spend.left(ceiling).unwrap_or_default();
                    return Ok(Claim::NoFunds { reservation, left });
                }
            }
            pause(turn).await;
        }
        Err(others_first(action))
    }

    pub(super) async fn finish_block(
        &self,
        key: &BlockKey,
        receipt: &Receipt,
    ) -> Result<(), StoreError> {
        let action = "leave the receipt";
        let superseded = || StoreError::Superseded { attempt: receipt.attempt };
        let value: AttributeValue =
            serde_dynamo::to_attribute_value(receipt).map_err(StoreError::backend(action))?;
        for turn in 0..TRIES {
            let (state, spend) = self.standing_of(action, key).await?;
            let state = state.ok_or_else(superseded)?;
            if state.receipt.as_ref() == Some(receipt) {
                return Ok(());
            }
            if !state.takes(receipt) {
                return Err(superseded());
            }
            let finished = self
                .update_block(
                    key,
                    Some(&state),
                    "#receipt = :receipt REMOVE #reservation, #refused",
                )
                .expression_attribute_names("#receipt", "receipt")
                .expression_attribute_values(":receipt", value.clone())
                .expression_attribute_values(":attempt", number(state.attempt));
            let change = Change::settle(state.reservation, receipt.spent);
            let settled = self.update_spend(&key.run_id, spend, change);
            if self.transact(action, [finished, settled]).await? {
                return Ok(());
            }
            pause(turn).await;
        }
        Err(others_first(action))
    }

    pub(super) async fn release_block(
        &self,
        key: &BlockKey,
        attempt: u32,
        charged: NanoUsd,
    ) -> Result<(), StoreError> {
        let action = "give back the reservation";
        for turn in 0..TRIES {
            let (state, spend) = self.standing_of(action, key).await?;
            let held = state.filter(|state| state.attempt == attempt);
            let Some(state) = held.filter(|state| state.reservation.is_some()) else {
                return Ok(());
            };
            let released = self
                .update_block(key, Some(&state), "#refused = :refused REMOVE #reservation")
                .expression_attribute_values(":refused", AttributeValue::Bool(false))
                .expression_attribute_values(":attempt", number(attempt));
            let change = Change::settle(state.reservation, charged);
            let settled = self.update_spend(&key.run_id, spend, change);
            if self.transact(action, [released, settled]).await? {
                return Ok(());
            }
            pause(turn).await;
        }
        Err(others_first(action))
    }

    /// A block, and what its run has spent.
    async fn standing_of(
        &self,
        action: &str,
        key: &BlockKey,
    ) -> Result<(Option<BlockState>, Spend), StoreError> {
        let (pk, sk) = (keys::run(&key.run_id), keys::block(key));
        let block = self.item(action, &pk, &sk);
        let (block, spend) = tokio::try_join!(block, self.spend_item(&key.run_id))?;
        let block: Option<BlockItem> = block.map(read).transpose()?;
        Ok((block.map(|block| block.state(&key.run_id)), spend))
    }

    pub(super) async fn spend_item(&self, run_id: &RunId) -> Result<Spend, StoreError> {
        let found = self.item("read the spending", &keys::run(run_id), keys::SPEND).await?;
        Ok(found.map(read).transpose()?.unwrap_or_default())
    }

    /// Sets a block's attempt to `:attempt` and does `more`, if it is still as it was `seen`:
    /// every claim changes the attempt, every receipt and release takes away the reservation.
    fn update_block(&self, of: &BlockKey, seen: Option<&BlockState>, more: &str) -> UpdateBuilder {
        let place =
            "#attempt = :attempt, #experiment = :experiment, #round = :round, #block = :block";
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(&keys::run(&of.run_id), &keys::block(of))))
            .update_expression(format!("SET {place}, {more}"))
            .expression_attribute_names("#attempt", "attempt")
            .expression_attribute_names("#experiment", "experiment")
            .expression_attribute_names("#round", "round")
            .expression_attribute_names("#block", "block")
            .expression_attribute_names("#reservation", "reservation")
            .expression_attribute_names("#refused", "refused")
            .expression_attribute_values(":experiment", text(of.experiment.as_str()))
            .expression_attribute_values(":round", number(of.round))
            .expression_attribute_values(":block", number(of.block));
        match seen.map(|seen| (number(seen.attempt), seen.reservation)) {
            None => update.condition_expression(
                "attribute_not_exists(#attempt) AND attribute_not_exists(#reservation)",
            ),
            Some((attempt, None)) => update
                .condition_expression("#attempt = :seen AND attribute_not_exists(#reservation)")
                .expression_attribute_values(":seen", attempt),
            Some((attempt, Some(reservation))) => update
                .condition_expression("#attempt = :seen AND #reservation = :held")
                .expression_attribute_values(":seen", attempt)
                .expression_attribute_values(":held", amount(reservation.0)),
        }
    }

    fn update_spend(&self, run_id: &RunId, spend: Spend, change: Change) -> UpdateBuilder {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(&keys::run(run_id), keys::SPEND)))
            .expression_attribute_names("#reserved", "reserved")
            .expression_attribute_names("#spent", "spent")
            .expression_attribute_values(":reserved", amount(change.reserved))
            .expression_attribute_values(":spent", amount(change.spent));
        if spend.limit.is_none() {
            return update.update_expression("ADD #reserved :reserved, #spent :spent");
        }
        let update = update
            .update_expression("ADD #reserved :reserved, #spent :spent, #left :left")
            .expression_attribute_names("#left", "left")
            .expression_attribute_values(":left", amount(-change.reserved - change.spent));
        if change.needs == NanoUsd::ZERO {
            return update;
        }
        update
            .condition_expression("#left >= :needed")
            .expression_attribute_values(":needed", amount(change.needs.0))
    }

    /// Does all of it, or nothing and `false` where others got ahead.
    async fn transact<const N: usize>(
        &self,
        action: &str,
        updates: [UpdateBuilder; N],
    ) -> Result<bool, StoreError> {
        let mut request = self.client.transact_write_items();
        for update in updates {
            let update = update.build().map_err(StoreError::backend(action))?;
            request = request.transact_items(TransactWriteItem::builder().update(update).build());
        }
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if cancelled_by(&error, "ConditionalCheckFailed") || try_again(&error) => {
                Ok(false)
            }
            Err(error) => Err(StoreError::backend(action)(error)),
        }
    }
}

/// What must be left of the limit, so that a reservation keeps below the ceiling: that much, and
/// what lies between the two.
fn needs(spend: Spend, reservation: NanoUsd, ceiling: Option<NanoUsd>) -> NanoUsd {
    let above = spend.limit.zip(ceiling).map_or(0, |(limit, most)| limit.0.saturating_sub(most.0));
    match reservation {
        NanoUsd::ZERO => NanoUsd::ZERO,
        reservation => reservation.saturating_add(NanoUsd(above)),
    }
}

/// The item SPEND.
pub(super) fn spend_item(run_id: &RunId, spend: &Spend) -> Result<Item, StoreError> {
    let mut item = item(&keys::run(run_id), keys::SPEND, spend)?;
    if let Some(limit) = spend.limit {
        let left = i128::from(limit.0) - i128::from(spend.committed().0);
        item.insert("left".to_owned(), amount(left));
    }
    Ok(item)
}

fn amount(nano_usd: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(nano_usd.into().to_string())
}

/// Waits before the next try, for a random time: so that those who met do not meet again.
async fn pause(turn: u32) {
    let most = (Duration::from_millis(20) * 2u32.saturating_pow(turn)).min(PAUSE_MAX);
    let random = u32::try_from(RandomState::new().hash_one(turn) >> 32).unwrap_or(u32::MAX);
    tokio::time::sleep(most.mul_f64(f64::from(random) / f64::from(u32::MAX))).await;
}

fn others_first(action: &str) -> StoreError {
    StoreError::backend(action)("others keep changing it")
}
