//! Claiming blocks, receipts, and what both do to the run's spending: each within one transaction.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{Failure, block, from_json, to_json};
use crate::store::{BlockKey, Claim, Receipt, Spend, StoreError, keys};
use crate::units::{NanoUsd, RunId};

pub(super) fn claim(
    transaction: &Transaction<'_>,
    key: &BlockKey,
    reservation: NanoUsd,
    ceiling: Option<NanoUsd>,
) -> Result<Claim, Failure> {
    let state = block(transaction, key)?;
    let (attempt, dead, receipt) =
        state.map_or((0, None, None), |state| (state.attempt, state.reservation, state.receipt));
    if let Some(receipt) = receipt.filter(Receipt::is_final) {
        return Ok(Claim::Done(receipt));
    }
    let spend = spend(transaction, &key.run_id)?;
    if !spend.holds(reservation, ceiling) {
        put_block(transaction, key, attempt, dead, true)?;
        return Ok(Claim::NoFunds { reservation, left: spend.left(ceiling).unwrap_or_default() });
    }
    put_block(transaction, key, attempt + 1, Some(reservation), false)?;
    put_spend(transaction, &key.run_id, &spend.claimed(reservation, dead))?;
    Ok(Claim::Attempt(attempt + 1))
}

pub(super) fn finish(
    transaction: &Transaction<'_>,
    key: &BlockKey,
    receipt: &Receipt,
) -> Result<(), Failure> {
    let superseded = StoreError::Superseded { attempt: receipt.attempt };
    let Some(state) = block(transaction, key)? else { return Err(superseded.into()) };
    if state.receipt.as_ref() == Some(receipt) {
        return Ok(());
    }
    if !state.takes(receipt) {
        return Err(superseded.into());
    }
    transaction.execute(
        "UPDATE blocks SET receipt = ?5, reservation = NULL, refused = 0
         WHERE run_id = ?1 AND experiment = ?2 AND round = ?3 AND block = ?4",
        params![
            key.run_id.as_str(),
            key.experiment.as_str(),
            key.round,
            key.block,
            to_json(receipt)?
        ],
    )?;
    let reservation = state.reservation.unwrap_or_default();
    let spend = spend(transaction, &key.run_id)?.settled(reservation, receipt.spent);
    put_spend(transaction, &key.run_id, &spend)
}

pub(super) fn release(
    transaction: &Transaction<'_>,
    key: &BlockKey,
    attempt: u32,
    charged: NanoUsd,
) -> Result<(), Failure> {
    let state = block(transaction, key)?.filter(|state| state.attempt == attempt);
    let Some(reservation) = state.as_ref().and_then(|state| state.reservation) else {
        return Ok(());
    };
    put_block(transaction, key, attempt, None, false)?;
    let spend = spend(transaction, &key.run_id)?.settled(reservation, charged);
    put_spend(transaction, &key.run_id, &spend)
}

/// Everything of a block but its receipt.
fn put_block(
    transaction: &Transaction<'_>,
    key: &BlockKey,
    attempt: u32,
    reservation: Option<NanoUsd>,
    refused: bool,
) -> Result<(), Failure> {
    let reservation = reservation.map(|amount| i64::try_from(amount.0).unwrap_or(i64::MAX));
    transaction.execute(
        "INSERT INTO blocks (run_id, experiment, round, block, attempt, reservation, refused)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET attempt = ?5, reservation = ?6, refused = ?7",
        params![
            key.run_id.as_str(),
            key.experiment.as_str(),
            key.round,
            key.block,
            attempt,
            reservation,
            refused
        ],
    )?;
    Ok(())
}

pub(super) fn spend(connection: &rusqlite::Connection, run_id: &RunId) -> Result<Spend, Failure> {
    let text: Option<String> = connection
        .query_row("SELECT spend FROM spend WHERE run_id = ?1", [run_id.as_str()], |row| row.get(0))
        .optional()?;
    let key = || format!("{} {}", keys::run(run_id), keys::SPEND);
    Ok(text.map(|text| from_json(key(), &text)).transpose()?.unwrap_or_default())
}

pub(super) fn put_spend(
    transaction: &Transaction<'_>,
    run_id: &RunId,
    spend: &Spend,
) -> Result<(), Failure> {
    transaction.execute(
        "INSERT OR REPLACE INTO spend (run_id, spend) VALUES (?1, ?2)",
        params![run_id.as_str(), to_json(spend)?],
    )?;
    Ok(())
}
