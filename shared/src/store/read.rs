//! Records as they were packed, by attempt.
//!
//! What counts is read through its receipt ([`counted_records`]) and must agree with it; what an
//! attempt without a receipt left behind ([`attempt_records`]) is for accounting and for looking at.

use crate::causes::chain;
use crate::record::Record;
use crate::store::pack::{digest, unpack};
use crate::store::{BlockKey, Receipt, RecordStore, StoreError, keys};

/// The records of the attempt that the block's receipt names, in the order they were stored;
/// [`StoreError::Unreadable`] where they are not the ones that the receipt proves.
pub async fn counted_records(
    store: &impl RecordStore,
    key: &BlockKey,
    receipt: &Receipt,
) -> Result<Vec<Record>, StoreError> {
    let chunks = store.chunks(key, receipt.attempt).await?;
    let records = unpack_all(key, receipt.attempt, &chunks)?;
    let same = |stored: usize, proved: u32| u32::try_from(stored) == Ok(proved);
    let message = if !same(chunks.len(), receipt.chunks) {
        format!("{} chunks, the receipt says {}", chunks.len(), receipt.chunks)
    } else if digest(&chunks) != receipt.sha256 {
        "the chunks have another digest than the receipt says".to_owned()
    } else if !same(records.len(), receipt.records) {
        format!("{} records, the receipt says {}", records.len(), receipt.records)
    } else {
        return Ok(records);
    };
    Err(StoreError::Unreadable { key: keys::attempt(key, receipt.attempt), message })
}

/// The records that an attempt has stored so far, whether or not it has a receipt.
pub async fn attempt_records(
    store: &impl RecordStore,
    key: &BlockKey,
    attempt: u32,
) -> Result<Vec<Record>, StoreError> {
    unpack_all(key, attempt, &store.chunks(key, attempt).await?)
}

fn unpack_all(key: &BlockKey, attempt: u32, chunks: &[Vec<u8>]) -> Result<Vec<Record>, StoreError> {
    let mut records = Vec::new();
    for (chunk, number) in chunks.iter().zip(1..) {
        let unpacked = unpack(chunk).map_err(|error| StoreError::Unreadable {
            key: format!("{} {}", keys::attempt(key, attempt), keys::chunk(number)),
            message: chain(&error),
        })?;
        records.extend(unpacked);
    }
    Ok(records)
}
