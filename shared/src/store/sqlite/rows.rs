//! Rows from values and back.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Failure;
use crate::store::{BlockKey, BlockState, RunMeta, StoreError, keys};
use crate::units::{ExperimentId, NanoUsd, RunId};

/// Replaces what is stored of a run that exists.
pub(super) fn put_meta(connection: &Connection, meta: &RunMeta) -> Result<(), Failure> {
    connection.execute(
        "UPDATE runs SET meta = ?2 WHERE run_id = ?1",
        params![meta.run_id.as_str(), to_json(meta)?],
    )?;
    Ok(())
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(StoreError::backend("write JSON"))
}

pub(super) fn from_json<T: DeserializeOwned>(
    key: impl Into<String>,
    text: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(StoreError::unreadable(key))
}

pub(super) fn meta(connection: &Connection, run_id: &RunId) -> Result<Option<RunMeta>, Failure> {
    let text: Option<String> = connection
        .query_row("SELECT meta FROM runs WHERE run_id = ?1", [run_id.as_str()], |row| row.get(0))
        .optional()?;
    Ok(text.map(|text| from_json(keys::run(run_id), &text)).transpose()?)
}

/// The columns that [`block_state`] reads.
pub(super) const BLOCK_COLUMNS: &str =
    "experiment, round, block, attempt, receipt, reservation, refused";

pub(super) fn block_state(run_id: &RunId, row: &Row<'_>) -> Result<BlockState, Failure> {
    let key = BlockKey {
        run_id: run_id.clone(),
        experiment: ExperimentId::from(row.get::<_, String>(0)?),
        round: row.get(1)?,
        block: row.get(2)?,
    };
    let receipt: Option<String> = row.get(4)?;
    let reservation: Option<i64> = row.get(5)?;
    Ok(BlockState {
        attempt: row.get(3)?,
        receipt: receipt.map(|text| from_json(keys::block(&key), &text)).transpose()?,
        reservation: reservation.map(|nano| NanoUsd(u64::try_from(nano).unwrap_or_default())),
        refused: row.get(6)?,
        key,
    })
}

pub(super) fn block(
    connection: &Connection,
    key: &BlockKey,
) -> Result<Option<BlockState>, Failure> {
    let mut statement = connection.prepare(&format!(
        "SELECT {BLOCK_COLUMNS} FROM blocks
         WHERE run_id = ?1 AND experiment = ?2 AND round = ?3 AND block = ?4"
    ))?;
    let of_key = params![key.run_id.as_str(), key.experiment.as_str(), key.round, key.block];
    let mut rows = statement.query(of_key)?;
    rows.next()?.map(|row| block_state(&key.run_id, row)).transpose()
}
