//! Records in one DynamoDB table.
//!
//! | pk | sk | attributes |
//! | --- | --- | --- |
//! | `RUN#<run>` | `META` | those of [`RunMeta`] |
//! | `RUN#<run>` | `SPEND` | those of [`Spend`], and `left` |
//! | `RUN#<run>` | `BLOCK#<experiment>#<round>#<block>` | `experiment`, `round`, `block`, `attempt`, `reservation`, `refused`, `receipt` |
//! | `RUN#<run>` | `METRICS#<experiment>#<round>` | the metrics, each its own attribute |
//! | `RUN#<run>#<experiment>#<round>#<block>#<attempt>` | `<chunk>` | `packed` |
//! | `RUNS` | `<started>#<run>` | `run_id`, `name`: a reference, META is what counts |
//!
//! Every read is strongly consistent: a claim, a receipt and what follows from them must not be
//! seen late. A block is changed by one conditional transaction at a time, so nothing here needs a
//! clock, and the SDK may repeat any call whose answer was lost.

mod deleting;
mod spending;
mod taking_up;

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem};
use serde::{Deserialize, Serialize};

use crate::store::item::{Item, item, key, read, text};
use crate::store::{
    BlockKey, BlockState, Claim, Receipt, RecordStore, RunMeta, RunStatus, Spend, Standing,
    StoreError, keys,
};
use crate::units::{ExperimentId, NanoUsd, RunId};

/// The most items that one batch may read.
const BATCH: usize = 100;

/// How often a call is repeated that DynamoDB asks to repeat, beyond what the SDK does by itself.
const REPEATS: u32 = 6;

/// Records in one DynamoDB table.
#[derive(Debug, Clone)]
pub struct DynamoDbStore {
    client: Client,
    table: String,
}

/// The item of a block.
#[derive(Debug, Deserialize)]
struct BlockItem {
    experiment: ExperimentId,
    round: u32,
    block: u32,
    attempt: u32,
    #[serde(default)]
    receipt: Option<Receipt>,
    #[serde(default)]
    reservation: Option<NanoUsd>,
    #[serde(default)]
    refused: bool,
}

impl BlockItem {
    fn state(self, run_id: &RunId) -> BlockState {
        let Self { experiment, round, block, attempt, receipt, reservation, refused } = self;
        let key = BlockKey { run_id: run_id.clone(), experiment, round, block };
        BlockState { key, attempt, receipt, reservation, refused }
    }
}

/// An entry of the list of runs.
#[derive(Debug, Serialize, Deserialize)]
struct RunsEntry {
    run_id: RunId,
    name: Option<String>,
}

impl DynamoDbStore {
    /// Records in `table`, whose keys are the strings `pk` and `sk`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    async fn item(&self, action: &str, pk: &str, sk: &str) -> Result<Option<Item>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key(pk, sk)));
        let output =
            request.consistent_read(true).send().await.map_err(StoreError::backend(action))?;
        Ok(output.item)
    }

    /// All items of a partition whose sort keys start with `prefix`, in the order of those.
    async fn query(&self, action: &str, pk: &str, prefix: &str) -> Result<Vec<Item>, StoreError> {
        let mut request = self.of_partition(pk);
        if !prefix.is_empty() {
            request = request
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", text(prefix));
        }
        all(action, request).await
    }

    /// A query for all items of a partition.
    fn of_partition(&self, pk: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(pk))
    }

    async fn put(&self, action: &str, item: Item) -> Result<(), StoreError> {
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        request.send().await.map(drop).map_err(StoreError::backend(action))
    }

    /// An update of a run that must exist.
    async fn update_meta(
        &self,
        action: &str,
        run_id: &RunId,
        update: &str,
        names: &[(&str, &str)],
        values: impl IntoIterator<Item = (&str, AttributeValue)>,
    ) -> Result<(), StoreError> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value));
        let updated = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(&keys::run(run_id), keys::META)))
            .condition_expression("attribute_exists(pk)")
            .update_expression(update)
            .set_expression_attribute_names(Some(names.iter().map(owned).collect()))
            .set_expression_attribute_values(Some(values.collect()))
            .send()
            .await;
        match updated {
            Ok(_) => Ok(()),
            Err(error) if refused(&error) => Err(StoreError::NoSuchRun(run_id.clone())),
            Err(error) => Err(StoreError::backend(action)(error)),
        }
    }

    /// The META items of up to [`BATCH`] runs, by run.
    async fn metas(&self, runs: &[RunsEntry]) -> Result<HashMap<RunId, RunMeta>, StoreError> {
        let action = "read the runs";
        let keys = runs.iter().map(|run| key(&keys::run(&run.run_id), keys::META)).collect();
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
        let wanted = wanted.build().map_err(StoreError::backend(action))?;
        let mut open = HashMap::from([(self.table.clone(), wanted)]);
        let mut metas = HashMap::new();
        for repeat in 0..REPEATS {
            let request = self.client.batch_get_item().set_request_items(Some(open));
            let output = request.send().await.map_err(StoreError::backend(action))?;
            for item in output.responses.into_iter().flatten().flat_map(|(_, items)| items) {
                let meta: RunMeta = read(item)?;
                metas.insert(meta.run_id.clone(), meta);
            }
            open = output.unprocessed_keys.unwrap_or_default();
            if open.is_empty() {
                return Ok(metas);
            }
            back_off(repeat).await;
        }
        Err(StoreError::backend(action)("DynamoDB left keys unprocessed again and again"))
    }
}

/// What a query finds, page after page.
async fn all(action: &str, request: QueryFluentBuilder) -> Result<Vec<Item>, StoreError> {
    let items = request.into_paginator().items().send();
    items.try_collect().await.map_err(StoreError::backend(action))
}

/// Waits before a call is repeated.
async fn back_off(repeat: u32) {
    tokio::time::sleep(Duration::from_millis(50) * 2u32.saturating_pow(repeat)).await;
}

/// Whether the condition of an update did not hold.
fn refused<R>(error: &SdkError<UpdateItemError, R>) -> bool {
    error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}

/// Whether a reason of that code cancelled the transaction.
fn cancelled_by<R>(error: &SdkError<TransactWriteItemsError, R>, code: &str) -> bool {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some(code))
        }
        _ => false,
    }
}

/// Whether a transaction was cancelled for others' sake or for the rate: the SDK repeats neither.
fn try_again<R>(error: &SdkError<TransactWriteItemsError, R>) -> bool {
    ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
        .into_iter()
        .any(|code| cancelled_by(error, code))
}

impl RecordStore for DynamoDbStore {
    async fn create_run(&self, meta: &RunMeta) -> Result<bool, StoreError> {
        let action = "create the run";
        let put = |item| Put::builder().table_name(&self.table).set_item(Some(item));
        let write = |put: Put| TransactWriteItem::builder().put(put).build();
        let entry = RunsEntry { run_id: meta.run_id.clone(), name: meta.name.clone() };
        let meta_put = put(item(&keys::run(&meta.run_id), keys::META, meta)?)
            .condition_expression("attribute_not_exists(pk)")
            .build();
        let entry_sk = keys::runs_entry(&meta.started_at, &meta.run_id);
        let entry_put = put(item(keys::RUNS, &entry_sk, &entry)?).build();
        let spend = Spend { limit: meta.spend_limit, ..Spend::default() };
        let spend_put = put(spending::spend_item(&meta.run_id, &spend)?).build();
        let writes = [
            write(meta_put.map_err(StoreError::backend(action))?),
            write(entry_put.map_err(StoreError::backend(action))?),
            write(spend_put.map_err(StoreError::backend(action))?),
        ];
        for repeat in 0..REPEATS {
            let request = self.client.transact_write_items();
            match request.set_transact_items(Some(writes.to_vec())).send().await {
                Ok(_) => return Ok(true),
                Err(error) if cancelled_by(&error, "ConditionalCheckFailed") => return Ok(false),
                Err(error) if try_again(&error) => back_off(repeat).await,
                Err(error) => return Err(StoreError::backend(action)(error)),
            }
        }
        Err(StoreError::backend(action)("others keep changing it"))
    }

    async fn run(&self, run_id: &RunId) -> Result<Option<RunMeta>, StoreError> {
        let found = self.item("read the run", &keys::run(run_id), keys::META).await?;
        found.map(read).transpose()
    }

    async fn runs(&self) -> Result<Vec<RunMeta>, StoreError> {
        let entries = self.query("list the runs", keys::RUNS, "").await?;
        let entries: Vec<RunsEntry> =
            entries.into_iter().rev().map(read).collect::<Result<_, _>>()?;
        let mut runs = Vec::with_capacity(entries.len());
        for batch in entries.chunks(BATCH) {
            let mut metas = self.metas(batch).await?;
            runs.extend(batch.iter().filter_map(|entry| metas.remove(&entry.run_id)));
        }
        Ok(runs)
    }

    async fn set_status(
        &self,
        run_id: &RunId,
        status: RunStatus,
        ended_at: Option<&str>,
    ) -> Result<(), StoreError> {
        let action = "set the run's status";
        let running = status == RunStatus::Running;
        let ended_at = ended_at.filter(|_| !running).map(text);
        let status =
            serde_dynamo::to_attribute_value(status).map_err(StoreError::backend(action))?;
        let mut update = "SET #status = :status, #ended_at = :ended_at".to_owned();
        let mut names = vec![("#status", "status"), ("#ended_at", "ended_at")];
        let mut values = vec![
            (":status", status),
            (":ended_at", ended_at.unwrap_or(AttributeValue::Null(true))),
        ];
        if running {
            update.push_str(", #stopping = :stopping");
            names.push(("#stopping", "stopping"));
            values.push((":stopping", AttributeValue::Bool(false)));
        }
        self.update_meta(action, run_id, &update, &names, values).await
    }

    async fn take_up(&self, run_id: &RunId, owner: &str) -> Result<bool, StoreError> {
        self.take_up_run(run_id, owner).await
    }

    async fn set_stopping(&self, run_id: &RunId) -> Result<(), StoreError> {
        let names = [("#stopping", "stopping")];
        let values = [(":stopping", AttributeValue::Bool(true))];
        self.update_meta("stop the run", run_id, "SET #stopping = :stopping", &names, values).await
    }

    async fn claim(
        &self,
        key: &BlockKey,
        reservation: NanoUsd,
        ceiling: Option<NanoUsd>,
    ) -> Result<Claim, StoreError> {
        self.claim_block(key, reservation, ceiling).await
    }

    async fn release(
        &self,
        key: &BlockKey,
        attempt: u32,
        charged: NanoUsd,
    ) -> Result<(), StoreError> {
        self.release_block(key, attempt, charged).await
    }

    async fn spend(&self, run_id: &RunId) -> Result<Spend, StoreError> {
        self.spend_item(run_id).await
    }

    async fn put_spend(&self, run_id: &RunId, spend: &Spend) -> Result<(), StoreError> {
        self.put("store the spending", spending::spend_item(run_id, spend)?).await
    }

    async fn standing(&self, key: &BlockKey, attempt: u32) -> Result<Standing, StoreError> {
        let (pk, sk) = (keys::run(&key.run_id), keys::block(key));
        let block = self.item("read the block", &pk, &sk);
        let (run, block) = tokio::try_join!(self.run(&key.run_id), block)?;
        let run = run.ok_or_else(|| StoreError::NoSuchRun(key.run_id.clone()))?;
        let block: Option<BlockItem> = block.map(read).transpose()?;
        Ok(Standing::of(&run, block.map(|block| block.attempt), attempt))
    }

    async fn put_chunk(
        &self,
        key_of: &BlockKey,
        attempt: u32,
        chunk: u32,
        packed: Vec<u8>,
    ) -> Result<(), StoreError> {
        let mut item = key(&keys::attempt(key_of, attempt), &keys::chunk(chunk));
        item.insert("packed".to_owned(), AttributeValue::B(Blob::new(packed)));
        self.put("store a chunk of records", item).await
    }

    async fn chunks_from(
        &self,
        key: &BlockKey,
        attempt: u32,
        first: u32,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let pk = keys::attempt(key, attempt);
        let action = "read the chunks of records";
        let request = self
            .of_partition(&pk)
            .key_condition_expression("pk = :pk AND sk >= :first")
            .expression_attribute_values(":first", text(&keys::chunk(first)));
        let items = all(action, request).await?;
        let packed = |mut item: Item| match item.remove("packed") {
            Some(AttributeValue::B(packed)) => Ok(packed.into_inner()),
            _ => Err(StoreError::unreadable(pk.as_str())("a chunk without bytes")),
        };
        items.into_iter().map(packed).collect()
    }

    async fn finish(&self, key: &BlockKey, receipt: &Receipt) -> Result<(), StoreError> {
        self.finish_block(key, receipt).await
    }

    async fn blocks(&self, run_id: &RunId) -> Result<Vec<BlockState>, StoreError> {
        let items = self.query("list the blocks", &keys::run(run_id), keys::BLOCK_PREFIX).await?;
        let state = |item| Ok(read::<BlockItem>(item)?.state(run_id));
        let mut blocks = items.into_iter().map(state).collect::<Result<Vec<_>, StoreError>>()?;
        blocks.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(blocks)
    }

    async fn put_metrics(
        &self,
        run_id: &RunId,
        experiment: &ExperimentId,
        round: u32,
        metrics: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), StoreError> {
        let item = item(&keys::run(run_id), &keys::metrics(experiment, round), metrics)?;
        self.put("store the metrics", item).await
    }

    async fn delete_run(&self, run_id: &RunId) -> Result<(), StoreError> {
        self.delete_all_of(run_id).await
    }
}
