//! Keeping: what a run leaves behind, in the cloud and on one machine.
//!
//! Two traits, [`RecordStore`] (DynamoDB or SQLite) and [`ArtifactStore`] (S3 or a folder), with one
//! suite of tests that every implementation passes. Keys are built in [`keys`] and nowhere else.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`keys`] | every key |
//! | [`pack`] | records as compressed chunks, and back |
//! | [`read`] | the records of an attempt, checked against its receipt |
//! | [`Spend`] | what a run has spent and reserved |
//! | [`copy`] | a whole run from one store into another |
//! | [`sqlite`], [`folder`] | the stores of one machine |
//! | [`dynamodb`], [`s3`], [`cloud`] | the stores in AWS, and connecting to them |
//! | [`objects`] | files in S3 that a configuration names |

mod artifacts;
pub mod cloud;
pub mod copy;
pub mod dynamodb;
pub mod folder;
mod item;
pub mod keys;
pub mod objects;
pub mod pack;
pub mod read;
pub mod s3;
mod spend;
pub mod sqlite;
mod standing;

use std::future::Future;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::artifacts::ArtifactStore;
pub use self::spend::Spend;
pub use self::standing::Standing;
use crate::client::ClientFigures;
use crate::stats::GapHistogram;
use crate::units::{ExperimentId, NanoUsd, RunId, nanos};

/// Why a store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The attempt is not the block's current one any more: another has taken over.
    #[error("attempt {attempt} of the block has been superseded")]
    Superseded {
        /// The attempt that asked.
        attempt: u32,
    },
    /// The run does not exist.
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    /// What is stored cannot be read: another version wrote it, or it is damaged.
    #[error("what is stored under {key} cannot be read: {message}")]
    Unreadable {
        /// Where it is.
        key: String,
        /// What is wrong with it.
        message: String,
    },
    /// A key that no artifact may have: it could lead out of its folder.
    #[error("{0:?} is no key of an artifact")]
    InvalidKey(String),
    /// The store itself failed; trying again may help.
    #[error("failed to {action}")]
    Backend {
        /// What was tried, as a verb with its object.
        action: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// For `map_err`: the store failed to `action`.
    fn backend<E>(action: &str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Backend { action: action.to_owned(), source: source.into() }
    }

    /// For `map_err`: what is stored under `key` cannot be read.
    fn unreadable<E: std::fmt::Display>(key: impl Into<String>) -> impl FnOnce(E) -> Self {
        move |error| Self::Unreadable { key: key.into(), message: error.to_string() }
    }
}

/// A run as the list of runs shows it (item `META`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunMeta {
    /// The run.
    pub run_id: RunId,
    /// What the user calls it.
    pub name: Option<String>,
    /// Who runs it: an execution's ARN, or the host and process on one machine.
    pub owner: String,
    /// SHA-256 of the configuration's text, hexadecimal.
    pub config_sha256: String,
    /// Where the run stands.
    pub status: RunStatus,
    /// Workers are asked to stop sending.
    pub stopping: bool,
    /// When it was planned, RFC 3339.
    pub started_at: String,
    /// When its status became terminal, RFC 3339.
    pub ended_at: Option<String>,
    /// The most that its requests may cost by our bound; `None`: whatever they cost.
    #[serde(default)]
    pub spend_limit: Option<NanoUsd>,
    /// What carries it, where it is deployed.
    #[serde(default)]
    pub deployment: Option<Deployment>,
    /// What it puts load on ([`EndpointSpec::target`](crate::plan::EndpointSpec::target)).
    #[serde(default)]
    pub targets: Vec<String>,
}

/// What carries a deployed run, as far as its price depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Memory of the function that measures, MB.
    pub runner_memory_mb: u32,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Planned; blocks may be running.
    Running,
    /// Ended before all blocks were done; it can be resumed.
    Incomplete,
    /// Every planned block has its receipt, and the report is written.
    Complete,
}

/// What a block is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlockKey {
    /// The run.
    pub run_id: RunId,
    /// The experiment.
    pub experiment: ExperimentId,
    /// The round, from 1.
    pub round: u32,
    /// The block of the experiment (its replicate), from 1.
    pub block: u32,
}

/// What claiming a block gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The block is ours under this attempt number, until a higher one is given out.
    Attempt(u32),
    /// Somebody has measured it already: send nothing.
    Done(Receipt),
    /// The spend limit, or what it allows the rounds so far, has no room for the block: send
    /// nothing.
    NoFunds {
        /// What the block would have reserved.
        reservation: NanoUsd,
        /// What could still be reserved.
        left: NanoUsd,
    },
}

/// The proof that a block is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which attempt counts.
    pub attempt: u32,
    /// Records of it, warm-up included.
    pub records: u32,
    /// Chunks that hold them.
    pub chunks: u32,
    /// SHA-256 over the chunks' bytes in order, hexadecimal.
    pub sha256: String,
    /// The measured window's start: all slots full. Nanoseconds since 1970 UTC.
    pub window_start_unix_ns: u64,
    /// The measured window's length: until the block stopped sending.
    #[serde(rename = "window_ns", with = "nanos")]
    pub window: Duration,
    /// Why it stopped sending.
    pub ended: BlockEnd,
    /// What its requests were charged, warm-up included: their usage, or our bound where none was
    /// reported (see [`Tariff::charge`](crate::price::Tariff::charge)).
    pub spent: NanoUsd,
    /// From the attempt's begin to its receipt.
    #[serde(rename = "elapsed_ns", with = "nanos", default)]
    pub elapsed: Duration,
    /// Bytes of its chunks.
    #[serde(default)]
    pub bytes: u64,
    /// The gaps between content events of its measured and completed requests; `None` where there
    /// were none.
    #[serde(default)]
    pub gaps: Option<GapHistogram>,
    /// The client while it sent; `None` where it was not watched: in virtual time nothing is late.
    #[serde(default)]
    pub client: Option<ClientFigures>,
    /// What became of its arrivals; `None` for a closed loop.
    #[serde(default)]
    pub arrivals: Option<crate::load::ArrivalCounts>,
}

impl Receipt {
    /// Whether the block was measured to its end: a stopped or throttled one counts until a later attempt has
    /// measured it whole.
    pub fn is_final(&self) -> bool {
        !matches!(self.ended, BlockEnd::Stopped | BlockEnd::Throttled)
    }
}

/// Why a block stopped sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockEnd {
    /// All its requests were sent.
    Requests,
    /// Its time was over.
    Duration,
    /// It was told to stop, or the machine that measured it had to end.
    Stopped,
    /// The endpoint throttled nearly every request for a whole minute: what follows in its lane is
    /// left out for this round.
    Throttled,
    /// Its share of the spend limit was used up. Another attempt would come no further.
    SpendLimit,
}

/// A block with what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockState {
    /// Which block.
    pub key: BlockKey,
    /// The highest attempt given out; 0 where none was.
    pub attempt: u32,
    /// The receipt, where it is done.
    pub receipt: Option<Receipt>,
    /// What its current attempt has reserved; `None` once that has left its receipt or was
    /// released.
    pub reservation: Option<NanoUsd>,
    /// The spend limit had no room for it when it was last claimed.
    pub refused: bool,
}

impl BlockState {
    /// Whether the receipt may be left: its attempt is the current one, and still has what it
    /// reserved. A receipt that stands then is of an earlier attempt that was stopped.
    fn takes(&self, receipt: &Receipt) -> bool {
        self.attempt == receipt.attempt && self.reservation.is_some()
    }
}

/// Claims, receipts, packed records and readable metrics.
///
/// Every method may be called by several processes at once.
pub trait RecordStore: Send + Sync {
    /// Stores a new run, with its spend limit, and enters it into the list of runs; `false`, and
    /// nothing changed, where the run id is taken.
    fn create_run(&self, meta: &RunMeta) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The run, or `None`.
    fn run(
        &self,
        run_id: &RunId,
    ) -> impl Future<Output = Result<Option<RunMeta>, StoreError>> + Send;

    /// All runs, the latest first.
    fn runs(&self) -> impl Future<Output = Result<Vec<RunMeta>, StoreError>> + Send;

    /// Sets a run's status; a terminal one with the time it ended (RFC 3339). Setting `Running`
    /// takes back the end and `stopping`.
    fn set_status(
        &self,
        run_id: &RunId,
        status: RunStatus,
        ended_at: Option<&str>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes up a run that ended incomplete: it is running again, and `owner` has it. `false`, and
    /// nothing changed, where it is not incomplete.
    fn take_up(
        &self,
        run_id: &RunId,
        owner: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Asks the run's workers to stop sending.
    fn set_stopping(&self, run_id: &RunId) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Claims a block: in one transaction, the receipt where there is a final one
    /// ([`Receipt::is_final`]), else the next attempt with its `reservation`, if the spend limit
    /// holds it ([`Spend::holds`]): nothing else where there is no `ceiling`, else up to that
    /// ([`Plan::ceiling`](crate::plan::Plan::ceiling)). An earlier attempt that still has its reservation is taken for
    /// dead, and charged with it in full.
    /// A number may be skipped where an answer was lost and the call repeated.
    fn claim(
        &self,
        key: &BlockKey,
        reservation: NanoUsd,
        ceiling: Option<NanoUsd>,
    ) -> impl Future<Output = Result<Claim, StoreError>> + Send;

    /// Ends an attempt without a receipt: what it was `charged` takes the place of its reservation,
    /// nothing where it has sent nothing. Harmless where the attempt is not the current one, or has
    /// no reservation any more.
    fn release(
        &self,
        key: &BlockKey,
        attempt: u32,
        charged: NanoUsd,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What the run has spent and reserved; nothing where it does not exist.
    fn spend(&self, run_id: &RunId) -> impl Future<Output = Result<Spend, StoreError>> + Send;

    /// Replaces what the run has spent and reserved: for its copy in another store.
    fn put_spend(
        &self,
        run_id: &RunId,
        spend: &Spend,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether an attempt may go on. A run that has ended is stopping, too.
    fn standing(
        &self,
        key: &BlockKey,
        attempt: u32,
    ) -> impl Future<Output = Result<Standing, StoreError>> + Send;

    /// Stores one chunk of packed records of an attempt; chunks count from 1. Storing the same
    /// chunk again is harmless.
    fn put_chunk(
        &self,
        key: &BlockKey,
        attempt: u32,
        chunk: u32,
        packed: Vec<u8>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The chunks of an attempt in order, whether or not it has a receipt.
    fn chunks(
        &self,
        key: &BlockKey,
        attempt: u32,
    ) -> impl Future<Output = Result<Vec<Vec<u8>>, StoreError>> + Send {
        self.chunks_from(key, attempt, 1)
    }

    /// The same from the chunk of that number on.
    fn chunks_from(
        &self,
        key: &BlockKey,
        attempt: u32,
        first: u32,
    ) -> impl Future<Output = Result<Vec<Vec<u8>>, StoreError>> + Send;

    /// Leaves the receipt, and in the same transaction charges the run with what it says in the
    /// place of the attempt's reservation; [`StoreError::Superseded`], and nothing changed, where
    /// its attempt is not the current one.
    /// Leaving the same receipt again is harmless; the first one
    /// stands, unless it was of a stopped attempt and this is of a later one.
    fn finish(
        &self,
        key: &BlockKey,
        receipt: &Receipt,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Every block of the run that was ever claimed or refused, ordered by key.
    fn blocks(
        &self,
        run_id: &RunId,
    ) -> impl Future<Output = Result<Vec<BlockState>, StoreError>> + Send;

    /// Stores the readable metrics of an experiment in a round: a flat JSON object of numbers,
    /// strings and small maps. Replaces earlier ones.
    fn put_metrics(
        &self,
        run_id: &RunId,
        experiment: &ExperimentId,
        round: u32,
        metrics: &serde_json::Map<String, serde_json::Value>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Deletes a run with everything that is kept of it, and last its entry in the list of runs: so
    /// it can be repeated where it failed half-way. Deleting what is not there is harmless.
    fn delete_run(&self, run_id: &RunId) -> impl Future<Output = Result<(), StoreError>> + Send;
}
