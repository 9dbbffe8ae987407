//! The two kinds of stores, each with a back door through which a test sees and damages what is
//! stored.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use rusqlite::Connection;
use serde_json::{Map, Value};
use shared::store::dynamodb::DynamoDbStore;
use shared::store::folder::FolderStore;
use shared::store::s3::S3Store;
use shared::store::sqlite::SqliteStore;
use shared::store::{ArtifactStore, BlockKey, RecordStore, cloud, keys};
use shared::units::{ExperimentId, RunId};
use tempfile::TempDir;

use crate::ministack::ministack;

/// A pair of empty stores.
pub(crate) trait Bench: Sized {
    type Records: RecordStore + Clone + 'static;
    type Artifacts: ArtifactStore + Clone + 'static;

    async fn new() -> Self;
    /// Another empty store of the kind.
    async fn fresh(&self) -> Self::Records;
    /// How many random sequences a case tries: what takes milliseconds here takes seconds there.
    fn seeds(&self) -> u64;
    fn records(&self) -> &Self::Records;
    fn artifacts(&self) -> &Self::Artifacts;

    /// Makes the run's own item unreadable.
    async fn damage_meta(&self, run_id: &RunId);
    /// Puts something into the block that is no receipt.
    async fn damage_receipt(&self, key: &BlockKey);
    /// The metrics as a person finds them in the store.
    async fn metrics(&self, run_id: &RunId, experiment: &ExperimentId, round: u32) -> Value;
    /// How many rows or items there are of the run, whatever they are.
    async fn items(&self, run_id: &RunId) -> usize;
}

/// SQLite and a folder.
pub(crate) struct Local {
    records: SqliteStore,
    artifacts: FolderStore,
    folder: TempDir,
}

impl Local {
    /// A second look into the same file.
    pub(crate) fn connection(&self) -> Connection {
        Connection::open(self.folder.path().join("records.db")).unwrap()
    }
}

impl Bench for Local {
    type Records = SqliteStore;
    type Artifacts = FolderStore;

    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            records: SqliteStore::open(folder.path().join("records.db")).await.unwrap(),
            artifacts: FolderStore::new(folder.path().join("artifacts")),
            folder,
        }
    }

    async fn fresh(&self) -> SqliteStore {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("fresh-{}.db", NUMBER.fetch_add(1, Ordering::Relaxed));
        SqliteStore::open(self.folder.path().join(name)).await.unwrap()
    }

    fn seeds(&self) -> u64 {
        50
    }

    fn records(&self) -> &SqliteStore {
        &self.records
    }

    fn artifacts(&self) -> &FolderStore {
        &self.artifacts
    }

    async fn damage_meta(&self, run_id: &RunId) {
        let damage = "UPDATE runs SET meta = '{\"run_id\":' WHERE run_id = ?1";
        assert_eq!(self.connection().execute(damage, [run_id.as_str()]), Ok(1));
    }

    async fn damage_receipt(&self, key: &BlockKey) {
        let damage = "UPDATE blocks SET receipt = '{}' WHERE run_id = ?1 AND experiment = ?2";
        let of_block = [key.run_id.as_str(), key.experiment.as_str()];
        assert_eq!(self.connection().execute(damage, of_block), Ok(1));
    }

    async fn metrics(&self, run_id: &RunId, experiment: &ExperimentId, round: u32) -> Value {
        let select = "SELECT metrics FROM metrics
            WHERE run_id = ?1 AND experiment = ?2 AND round = ?3";
        let of_round = (run_id.as_str(), experiment.as_str(), round);
        let text: String = self.connection().query_row(select, of_round, |row| row.get(0)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    async fn items(&self, run_id: &RunId) -> usize {
        let connection = self.connection();
        let count = |table: &str| -> usize {
            let count = format!("SELECT count(*) FROM {table} WHERE run_id = ?1");
            let rows = connection.query_row(&count, [run_id.as_str()], |row| row.get(0));
            usize::try_from(rows.unwrap_or(-1_i64)).unwrap()
        };
        ["runs", "blocks", "spend", "chunks", "metrics"].into_iter().map(count).sum()
    }
}

/// DynamoDB and S3.
pub(crate) struct Cloud {
    records: DynamoDbStore,
    artifacts: S3Store,
    dynamodb: Client,
    table: String,
}

impl Cloud {
    async fn update(&self, key: HashMap<String, AttributeValue>, update: &str) {
        let request = self.dynamodb.update_item().table_name(&self.table).set_key(Some(key));
        let request = request.expression_attribute_values(":nonsense", text("nonsense"));
        request.update_expression(update).send().await.unwrap();
    }
}

impl Bench for Cloud {
    type Records = DynamoDbStore;
    type Artifacts = S3Store;

    async fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("bench-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let config = ministack().config();
        let dynamodb = Client::new(&config);
        create_table(&dynamodb, &name).await;
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
        let s3 = aws_sdk_s3::Client::from_conf(s3);
        s3.create_bucket().bucket(&name).send().await.unwrap();
        let (records, artifacts) = cloud::connect(&config, &name, &name);
        Self { records, artifacts, dynamodb, table: name }
    }

    async fn fresh(&self) -> DynamoDbStore {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("fresh-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        create_table(&self.dynamodb, &name).await;
        DynamoDbStore::new(self.dynamodb.clone(), name)
    }

    fn seeds(&self) -> u64 {
        3
    }

    fn records(&self) -> &DynamoDbStore {
        &self.records
    }

    fn artifacts(&self) -> &S3Store {
        &self.artifacts
    }

    async fn damage_meta(&self, run_id: &RunId) {
        self.update(
            key(&keys::run(run_id), keys::META),
            "SET config_sha256 = :nonsense, stopping = :nonsense",
        )
        .await;
    }

    async fn damage_receipt(&self, block: &BlockKey) {
        let key = key(&keys::run(&block.run_id), &keys::block(block));
        self.update(key, "SET receipt = :nonsense").await;
    }

    async fn metrics(&self, run_id: &RunId, experiment: &ExperimentId, round: u32) -> Value {
        let key = key(&keys::run(run_id), &keys::metrics(experiment, round));
        let request = self.dynamodb.get_item().table_name(&self.table).set_key(Some(key));
        let mut item = request.consistent_read(true).send().await.unwrap().item.unwrap();
        item.retain(|name, _| name != "pk" && name != "sk");
        to_json(&AttributeValue::M(item))
    }

    async fn items(&self, run_id: &RunId) -> usize {
        let pages = self.dynamodb.scan().table_name(&self.table).into_paginator().items().send();
        let items: Vec<HashMap<_, _>> = pages.try_collect().await.unwrap();
        let part =
            |item: &HashMap<String, AttributeValue>, name: &str| item[name].as_s().unwrap().clone();
        let of_run = |item: &&HashMap<String, AttributeValue>| {
            let (pk, sk) = (part(item, "pk"), part(item, "sk"));
            let mut parts = pk.split('#');
            let own = (parts.next(), parts.next()) == (Some("RUN"), Some(run_id.as_str()));
            own || (pk == keys::RUNS && sk.ends_with(&format!("#{run_id}")))
        };
        items.iter().filter(of_run).count()
    }
}

async fn create_table(client: &Client, name: &str) {
    let attribute = |name: &str| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .unwrap()
    };
    let key = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("pk"))
        .attribute_definitions(attribute("sk"))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .send()
        .await
        .unwrap();
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn key(pk: &str, sk: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

/// What the console shows of a value.
#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is open, and the rest a failure")]
fn to_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => text.as_str().into(),
        AttributeValue::N(number) => serde_json::from_str(number).unwrap(),
        AttributeValue::Bool(value) => (*value).into(),
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::M(map) => map
            .iter()
            .map(|(name, value)| (name.clone(), to_json(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => panic!("{other:?} is no readable attribute"),
    }
}
