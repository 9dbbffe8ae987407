//! Records in one SQLite file.
//!
//! Several processes may use the file at once. What was stored survives the death of the process:
//! the write-ahead log is the operating system's by then. (`synchronous = NORMAL`: a power cut may
//! take the last transactions, in their order, and leaves the file sound.) SQLite blocks, so every
//! call goes to tokio's threads for that.

mod file;
mod rows;
mod spending;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, ErrorCode, TransactionBehavior, params};

use self::rows::{BLOCK_COLUMNS, block, block_state, from_json, meta, put_meta, to_json};
use crate::store::{
    BlockKey, BlockState, Claim, Receipt, RecordStore, RunMeta, RunStatus, Spend, Standing,
    StoreError, keys,
};
use crate::units::{ExperimentId, NanoUsd, RunId};

/// Records in one SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    connection: Arc<Mutex<Connection>>,
}

/// Why a transaction failed: SQLite's reason, or ours.
enum Failure {
    Sqlite(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    fn into_store_error(self, action: &str) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Sqlite(error)
                if matches!(
                    error.sqlite_error_code(),
                    Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
                ) =>
            {
                StoreError::unreadable("the database")(error)
            }
            Self::Sqlite(error) => StoreError::backend(action)(error),
        }
    }
}

impl SqliteStore {
    /// Opens the file, and creates it where it is missing.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let action = format!("open {}", path.display());
        let opened = tokio::task::spawn_blocking(move || file::open(&path)).await;
        let connection = opened
            .map_err(StoreError::backend(&action))?
            .map_err(|failure| failure.into_store_error(&action))?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Runs `work` as one transaction that has the file's write lock from its start, so that it
    /// never fails half-way because another process wrote first.
    async fn transaction<T: Send + 'static>(
        &self,
        action: &str,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.with(action, |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })
        .await
    }

    async fn with<T: Send + 'static>(
        &self,
        action: &str,
        work: impl FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.connection);
        tokio::task::spawn_blocking(move || {
            // A panic inside a transaction has rolled it back: the connection is still good.
            work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        })
        .await
        .map_err(StoreError::backend(action))?
        .map_err(|failure| failure.into_store_error(action))
    }

    async fn change_meta(
        &self,
        action: &str,
        run_id: &RunId,
        change: impl FnOnce(&mut RunMeta) + Send + 'static,
    ) -> Result<(), StoreError> {
        let run_id = run_id.clone();
        self.transaction(action, move |transaction| {
            let mut meta =
                meta(transaction, &run_id)?.ok_or_else(|| StoreError::NoSuchRun(run_id.clone()))?;
            change(&mut meta);
            put_meta(transaction, &meta)
        })
        .await
    }
}

impl RecordStore for SqliteStore {
    async fn create_run(&self, meta: &RunMeta) -> Result<bool, StoreError> {
        let meta = meta.clone();
        self.transaction("create the run", move |transaction| {
            let rows = transaction.execute(
                "INSERT INTO runs (run_id, meta) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                params![meta.run_id.as_str(), to_json(&meta)?],
            )?;
            if rows == 1 {
                let spend = Spend { limit: meta.spend_limit, ..Spend::default() };
                spending::put_spend(transaction, &meta.run_id, &spend)?;
            }
            Ok(rows == 1)
        })
        .await
    }

    async fn run(&self, run_id: &RunId) -> Result<Option<RunMeta>, StoreError> {
        let run_id = run_id.clone();
        self.with("read the run", move |connection| meta(connection, &run_id)).await
    }

    async fn runs(&self) -> Result<Vec<RunMeta>, StoreError> {
        self.with("list the runs", |connection| {
            let mut statement = connection.prepare("SELECT run_id, meta FROM runs")?;
            let mut rows = statement.query([])?;
            let mut runs: Vec<RunMeta> = Vec::new();
            while let Some(row) = rows.next()? {
                let run_id: String = row.get(0)?;
                runs.push(from_json(run_id, &row.get::<_, String>(1)?)?);
            }
            runs.sort_by_cached_key(|run| {
                std::cmp::Reverse(keys::runs_entry(&run.started_at, &run.run_id))
            });
            Ok(runs)
        })
        .await
    }

    async fn set_status(
        &self,
        run_id: &RunId,
        status: RunStatus,
        ended_at: Option<&str>,
    ) -> Result<(), StoreError> {
        let ended_at = ended_at.map(str::to_owned);
        self.change_meta("set the run's status", run_id, move |meta| {
            meta.status = status;
            meta.ended_at = ended_at;
            if status == RunStatus::Running {
                meta.ended_at = None;
                meta.stopping = false;
            }
        })
        .await
    }

    async fn take_up(&self, run_id: &RunId, owner: &str) -> Result<bool, StoreError> {
        let (run_id, owner) = (run_id.clone(), owner.to_owned());
        self.transaction("take up the run", move |transaction| {
            let incomplete = |meta: &RunMeta| meta.status == RunStatus::Incomplete;
            let Some(meta) = meta(transaction, &run_id)?.filter(incomplete) else {
                return Ok(false);
            };
            let status = RunStatus::Running;
            let taken = RunMeta { owner, status, stopping: false, ended_at: None, ..meta };
            put_meta(transaction, &taken)?;
            Ok(true)
        })
        .await
    }

    async fn set_stopping(&self, run_id: &RunId) -> Result<(), StoreError> {
        self.change_meta("stop the run", run_id, |meta| meta.stopping = true).await
    }

    async fn claim(
        &self,
        key: &BlockKey,
        reservation: NanoUsd,
        ceiling: Option<NanoUsd>,
    ) -> Result<Claim, StoreError> {
        let key = key.clone();
        self.transaction("claim the block", move |transaction| {
            spending::claim(transaction, &key, reservation, ceiling)
        })
        .await
    }

    async fn release(
        &self,
        key: &BlockKey,
        attempt: u32,
        charged: NanoUsd,
    ) -> Result<(), StoreError> {
        let key = key.clone();
        self.transaction("give back the reservation", move |transaction| {
            spending::release(transaction, &key, attempt, charged)
        })
        .await
    }

    async fn spend(&self, run_id: &RunId) -> Result<Spend, StoreError> {
        let run_id = run_id.clone();
        self.with("read the spending", move |connection| spending::spend(connection, &run_id)).await
    }

    async fn put_spend(&self, run_id: &RunId, spend: &Spend) -> Result<(), StoreError> {
        let (run_id, spend) = (run_id.clone(), *spend);
        self.transaction("store the spending", move |transaction| {
            spending::put_spend(transaction, &run_id, &spend)
        })
        .await
    }

    async fn standing(&self, key: &BlockKey, attempt: u32) -> Result<Standing, StoreError> {
        let key = key.clone();
        self.with("read the block's standing", move |connection| {
            let snapshot = connection.transaction()?;
            let run = meta(&snapshot, &key.run_id)?
                .ok_or_else(|| StoreError::NoSuchRun(key.run_id.clone()))?;
            let current = block(&snapshot, &key)?.map(|block| block.attempt);
            Ok(Standing::of(&run, current, attempt))
        })
        .await
    }

    async fn put_chunk(
        &self,
        key: &BlockKey,
        attempt: u32,
        chunk: u32,
        packed: Vec<u8>,
    ) -> Result<(), StoreError> {
        let key = key.clone();
        self.transaction("store a chunk of records", move |transaction| {
            transaction.execute(
                "INSERT OR REPLACE INTO chunks
                 (run_id, experiment, round, block, attempt, chunk, packed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    key.run_id.as_str(),
                    key.experiment.as_str(),
                    key.round,
                    key.block,
                    attempt,
                    chunk,
                    packed
                ],
            )?;
            Ok(())
        })
        .await
    }

    async fn chunks_from(
        &self,
        key: &BlockKey,
        attempt: u32,
        first: u32,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let key = key.clone();
        self.with("read the chunks of records", move |connection| {
            let mut statement = connection.prepare(
                "SELECT packed FROM chunks
                 WHERE run_id = ?1 AND experiment = ?2 AND round = ?3 AND block = ?4
                   AND attempt = ?5 AND chunk >= ?6
                 ORDER BY chunk",
            )?;
            let of_attempt = params![
                key.run_id.as_str(),
                key.experiment.as_str(),
                key.round,
                key.block,
                attempt,
                first
            ];
            let rows = statement.query_map(of_attempt, |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn finish(&self, key: &BlockKey, receipt: &Receipt) -> Result<(), StoreError> {
        let (key, receipt) = (key.clone(), receipt.clone());
        self.transaction("leave the receipt", move |transaction| {
            spending::finish(transaction, &key, &receipt)
        })
        .await
    }

    async fn blocks(&self, run_id: &RunId) -> Result<Vec<BlockState>, StoreError> {
        let run_id = run_id.clone();
        self.with("list the blocks", move |connection| {
            let mut statement = connection.prepare(&format!(
                "SELECT {BLOCK_COLUMNS} FROM blocks
                 WHERE run_id = ?1 ORDER BY experiment, round, block"
            ))?;
            let mut rows = statement.query([run_id.as_str()])?;
            let mut blocks = Vec::new();
            while let Some(row) = rows.next()? {
                blocks.push(block_state(&run_id, row)?);
            }
            Ok(blocks)
        })
        .await
    }

    async fn put_metrics(
        &self,
        run_id: &RunId,
        experiment: &ExperimentId,
        round: u32,
        metrics: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), StoreError> {
        let text = to_json(metrics)?;
        let (run_id, experiment) = (run_id.clone(), experiment.clone());
        self.transaction("store the metrics", move |transaction| {
            transaction.execute(
                "INSERT OR REPLACE INTO metrics (run_id, experiment, round, metrics)
                 VALUES (?1, ?2, ?3, ?4)",
                params![run_id.as_str(), experiment.as_str(), round, text],
            )?;
            Ok(())
        })
        .await
    }

    async fn delete_run(&self, run_id: &RunId) -> Result<(), StoreError> {
        let run_id = run_id.clone();
        self.transaction("delete the run", move |transaction| {
            for table in ["chunks", "blocks", "metrics", "spend", "runs"] {
                let delete = format!("DELETE FROM {table} WHERE run_id = ?1");
                transaction.execute(&delete, [run_id.as_str()])?;
            }
            Ok(())
        })
        .await
    }
}
