//! Records as they were packed, by attempt.
//!
//! What counts is read through its receipt ([`counted_records`]) and must agree with it; what an
//! attempt without a receipt left behind ([`attempt_records`]) is for accounting and for looking at.

use tokio::sync::mpsc;

use crate::causes::chain;
use crate::record::Record;
use crate::store::pack::{digest, unpack};
use crate::store::{BlockKey, BlockState, Receipt, RecordStore, StoreError, keys};

/// Chunks that are unpacked before they are taken: some thousand records in memory.
const AHEAD: usize = 8;

/// The records of an attempt, chunk by chunk in the order they were stored, unpacked on another thread
/// while `take` is busy with those before. Where the block's receipt names the attempt they are
/// checked as by [`counted_records`]: what was taken counts only if this succeeds.
pub async fn each_chunk<E: From<StoreError>>(
    store: &impl RecordStore,
    block: &BlockState,
    attempt: u32,
    mut take: impl FnMut(Vec<Record>) -> Result<(), E>,
) -> Result<(), E> {
    let key = block.key.clone();
    let receipt = block.receipt.clone().filter(|receipt| receipt.attempt == attempt);
    let chunks = store.chunks(&key, attempt).await?;
    let (sender, mut unpacked) = mpsc::channel(AHEAD);
    let unpacking = tokio::task::spawn_blocking(move || {
        let mut count = 0;
        for (chunk, number) in chunks.iter().zip(1..) {
            let records = unpack_one(&key, attempt, chunk, number)?;
            count += records.len();
            if sender.blocking_send(records).is_err() {
                return Ok(()); // it has failed to take one
            }
        }
        receipt.map_or(Ok(()), |receipt| check(&key, &receipt, &chunks, count))
    });
    while let Some(records) = unpacked.recv().await {
        take(records)?;
    }
    Ok(unpacking.await.map_err(StoreError::backend("unpack the records"))??)
}

/// The records of the attempt that the block's receipt names, in the order they were stored;
/// [`StoreError::Unreadable`] where they are not the ones that the receipt proves.
pub async fn counted_records(
    store: &impl RecordStore,
    key: &BlockKey,
    receipt: &Receipt,
) -> Result<Vec<Record>, StoreError> {
    let chunks = store.chunks(key, receipt.attempt).await?;
    let records = unpack_all(key, receipt.attempt, &chunks)?;
    check(key, receipt, &chunks, records.len())?;
    Ok(records)
}

/// The records that an attempt has stored so far, whether or not it has a receipt.
pub async fn attempt_records(
    store: &impl RecordStore,
    key: &BlockKey,
    attempt: u32,
) -> Result<Vec<Record>, StoreError> {
    unpack_all(key, attempt, &store.chunks(key, attempt).await?)
}

/// Whether the chunks, and the records in them, are those of the receipt.
fn check(
    key: &BlockKey,
    receipt: &Receipt,
    chunks: &[Vec<u8>],
    records: usize,
) -> Result<(), StoreError> {
    let same = |stored: usize, proved: u32| u32::try_from(stored) == Ok(proved);
    let message = if !same(chunks.len(), receipt.chunks) {
        format!("{} chunks, the receipt says {}", chunks.len(), receipt.chunks)
    } else if digest(chunks) != receipt.sha256 {
        "the chunks have another digest than the receipt says".to_owned()
    } else if !same(records, receipt.records) {
        format!("{records} records, the receipt says {}", receipt.records)
    } else {
        return Ok(());
    };
    Err(StoreError::Unreadable { key: keys::attempt(key, receipt.attempt), message })
}

fn unpack_all(key: &BlockKey, attempt: u32, chunks: &[Vec<u8>]) -> Result<Vec<Record>, StoreError> {
    let mut records = Vec::new();
    for (chunk, number) in chunks.iter().zip(1..) {
        records.extend(unpack_one(key, attempt, chunk, number)?);
    }
    Ok(records)
}

fn unpack_one(
    key: &BlockKey,
    attempt: u32,
    chunk: &[u8],
    number: u32,
) -> Result<Vec<Record>, StoreError> {
    unpack(chunk).map_err(|error| StoreError::Unreadable {
        key: format!("{} {}", keys::attempt(key, attempt), keys::chunk(number)),
        message: chain(&error),
    })
}

/// The records that an attempt has stored from the chunk of that number on, chunk by chunk.
pub async fn records_from(
    store: &impl RecordStore,
    key: &BlockKey,
    attempt: u32,
    first: u32,
) -> Result<Vec<Vec<Record>>, StoreError> {
    let chunks = store.chunks_from(key, attempt, first).await?;
    let numbered = chunks.iter().zip(first..);
    numbered.map(|(chunk, number)| unpack_one(key, attempt, chunk, number)).collect()
}
