//! Deleting a run. Each step finds what it deletes by what a later one deletes: chunks by their
//! blocks, the entry in the list of runs by META, which goes in one transaction with it.
//!
//! Only keys are read, so that what is damaged can be deleted, too.

use aws_sdk_dynamodb::types::{Delete, DeleteRequest, TransactWriteItem, WriteRequest};
use serde::Deserialize;

use super::{DynamoDbStore, REPEATS, all, back_off, try_again};
use crate::store::item::{Item, key, read};
use crate::store::{BlockKey, StoreError, keys};
use crate::units::{ExperimentId, RunId};

/// The most items that one batch may delete.
const BATCH: usize = 25;

const ACTION: &str = "delete the run";

/// What a block's item says of its attempts.
#[derive(Debug, Deserialize)]
struct Attempts {
    experiment: ExperimentId,
    round: u32,
    block: u32,
    attempt: u32,
}

/// What META says of the entry in the list of runs.
#[derive(Debug, Deserialize)]
struct Started {
    started_at: String,
}

impl DynamoDbStore {
    pub(super) async fn delete_all_of(&self, run_id: &RunId) -> Result<(), StoreError> {
        let pk = keys::run(run_id);
        let Some(meta) = self.item(ACTION, &pk, keys::META).await? else { return Ok(()) };
        let Started { started_at } = read(meta)?;

        let request = self
            .of_partition(&pk)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":prefix", super::text(keys::BLOCK_PREFIX))
            .projection_expression("#experiment, #round, #block, #attempt")
            .expression_attribute_names("#experiment", "experiment")
            .expression_attribute_names("#round", "round")
            .expression_attribute_names("#block", "block")
            .expression_attribute_names("#attempt", "attempt");
        for item in all(ACTION, request).await? {
            let Attempts { experiment, round, block, attempt: last } = read(item)?;
            let key = BlockKey { run_id: run_id.clone(), experiment, round, block };
            for attempt in 1..=last {
                self.delete_items(self.keys_in(&keys::attempt(&key, attempt)).await?).await?;
            }
        }
        let mut items = self.keys_in(&pk).await?;
        items.retain(|item| item.get("sk") != Some(&super::text(keys::META)));
        self.delete_items(items).await?;
        let entry = key(keys::RUNS, &keys::runs_entry(&started_at, run_id));
        self.delete_together([key(&pk, keys::META), entry]).await
    }

    /// The keys of all items of a partition.
    async fn keys_in(&self, pk: &str) -> Result<Vec<Item>, StoreError> {
        all(ACTION, self.of_partition(pk).projection_expression("pk, sk")).await
    }

    async fn delete_items(&self, items: Vec<Item>) -> Result<(), StoreError> {
        for batch in items.chunks(BATCH) {
            let delete = |item: &Item| {
                let request = DeleteRequest::builder().set_key(Some(item.clone())).build()?;
                Ok(WriteRequest::builder().delete_request(request).build())
            };
            let writes = batch.iter().map(delete).collect::<Result<Vec<_>, _>>();
            let mut open = writes.map_err(|error: aws_sdk_dynamodb::error::BuildError| {
                StoreError::backend(ACTION)(error)
            })?;
            for repeat in 0..=REPEATS {
                let request = self.client.batch_write_item().request_items(&self.table, open);
                let output = request.send().await.map_err(StoreError::backend(ACTION))?;
                let unprocessed =
                    output.unprocessed_items.and_then(|mut of| of.remove(&self.table));
                open = unprocessed.unwrap_or_default();
                if open.is_empty() {
                    break;
                }
                back_off(repeat).await;
            }
            if !open.is_empty() {
                let error = "DynamoDB left items unprocessed again and again";
                return Err(StoreError::backend(ACTION)(error));
            }
        }
        Ok(())
    }

    async fn delete_together<const N: usize>(&self, items: [Item; N]) -> Result<(), StoreError> {
        let delete = |item| {
            let delete = Delete::builder().table_name(&self.table).set_key(Some(item)).build()?;
            Ok(TransactWriteItem::builder().delete(delete).build())
        };
        let writes = items.into_iter().map(delete).collect::<Result<Vec<_>, _>>();
        let writes = writes.map_err(|error: aws_sdk_dynamodb::error::BuildError| {
            StoreError::backend(ACTION)(error)
        })?;
        for repeat in 0..REPEATS {
            let request = self.client.transact_write_items();
            match request.set_transact_items(Some(writes.clone())).send().await {
                Ok(_) => return Ok(()),
                Err(error) if try_again(&error) => back_off(repeat).await,
                Err(error) => return Err(StoreError::backend(ACTION)(error)),
            }
        }
        Err(StoreError::backend(ACTION)("others keep changing it"))
    }
}
