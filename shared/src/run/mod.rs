//! The steps of a run over its stores: what the Lambda functions and the CLI both call.
//!
//! [`prepare`] turns a configuration into a stored plan, [`measure`] runs one block of it, and
//! [`conclude`] turns records into a report. None of them knows where it runs.

mod beside;
mod calibrate;
mod check;
mod conclude;
mod delete;
mod failure;
mod follow;
mod limit;
mod measure;
mod next_round;
mod prepare;
mod summarize;
mod take_up;
mod upload;

pub use self::beside::refuse_beside_active;
pub use self::calibrate::{Ladder, calibrate, climb, compare};
pub use self::check::check;
pub use self::conclude::{Conclusion, Stage, Verdicts, conclude, settle, unfinished_in_round};
pub use self::delete::delete;
pub use self::failure::Failure;
pub use self::follow::{Follower, News};
pub use self::measure::{Connections, measure};
pub use self::next_round::{BlockReference, LaneReference, NextRound, next_round};
pub use self::prepare::{Prepared, Source, draft, prepare};
pub use self::summarize::attempt_records;
pub use self::take_up::take_up;
pub use self::upload::{Uploaded, upload};
use crate::block::BlockError;
use crate::config::ConfigErrors;
use crate::dataset::DatasetError;
use crate::endpoint::KeyError;
use crate::plan::{PLAN_SCHEMA, Plan};
use crate::record::ParquetError;
use crate::report::RenderError;
use crate::store::{ArtifactStore, RecordStore, StoreError, keys};
use crate::units::{Name, RunId};
use jiff::Timestamp;

/// Where a run is kept.
#[derive(Debug, Clone)]
pub struct Stores<R, A> {
    /// Claims, receipts and records.
    pub records: R,
    /// Files.
    pub artifacts: A,
}

/// Why a step could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration is not acceptable.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// A dataset cannot be used.
    #[error("line {line} of the configuration, dataset {name}")]
    Dataset {
        /// Which one.
        name: Name,
        /// The line of the configuration that defines it.
        line: u32,
        /// What is wrong with it.
        #[source]
        source: DatasetError,
    },
    /// The configuration asks for what only one machine can do.
    #[error("{what} cannot be used in a deployed run; {mend}")]
    NotDeployable {
        /// What it is.
        what: String,
        /// What to do instead.
        mend: &'static str,
    },
    /// The spend limit cannot hold the run.
    #[error("{what}: {mend}")]
    OverSpendLimit {
        /// What it cannot hold, with figures.
        what: String,
        /// What to do instead.
        mend: String,
    },
    /// The run id belongs to another run.
    #[error("run {0} exists already: choose another run id, or resume it")]
    Exists(RunId),
    /// Another run is active on the same endpoint.
    #[error(
        "run {run_id} puts load on {target} since {started_at}, and two loads disturb each other: \
         wait for its end, stop it (`fmgauge stop {run_id}`), or start beside it with \
         \"force\": true in the input (`--force`)"
    )]
    BesideActive {
        /// The active run.
        run_id: RunId,
        /// What both put load on.
        target: String,
        /// When it began, RFC 3339.
        started_at: String,
    },
    /// A run that cannot be taken up.
    #[error("run {run_id} cannot be resumed: {why}")]
    NotResumable {
        /// Which run.
        run_id: RunId,
        /// Why not, and what to do.
        why: &'static str,
    },
    /// What is asked for would disturb a run that has not ended.
    #[error("run {0} is running: stop it first")]
    Running(RunId),
    /// An artifact that the run should have is not there.
    #[error("run {run_id} has no {key}: it ended before it was planned, so start it again")]
    Missing {
        /// Which run.
        run_id: RunId,
        /// What is missing.
        key: String,
    },
    /// The stored plan or prompts cannot be read.
    #[error("{key} cannot be read")]
    Unreadable {
        /// Which artifact.
        key: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A later fmgauge planned the run.
    #[error("{key} has schema {schema}, this fmgauge reads up to {PLAN_SCHEMA}: use a later one")]
    NewerPlan {
        /// Which artifact.
        key: String,
        /// Its schema.
        schema: u32,
    },
    /// A value of ours cannot be written as JSON.
    #[error("failed to write {key}")]
    Unwritable {
        /// Which artifact.
        key: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// The block could not be measured.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The report cannot be rendered.
    #[error("failed to render the report")]
    Render(#[from] RenderError),
    /// The records cannot be written as a file.
    #[error("failed to write the records as a Parquet file")]
    Parquet(#[from] ParquetError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] crate::endpoint::TlsError),
    /// The key that a server asks for could not be found.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A server that cannot be called as it is configured.
    #[error(transparent)]
    Server(#[from] crate::endpoint::ServerError),
    /// A simulated endpoint without a simulator.
    #[error("endpoint {0} is simulated, and no simulator is running")]
    NoSimulator(Name),
}

impl RunError {
    /// Whether another process has taken over what this one was measuring.
    pub fn is_superseded(&self) -> bool {
        matches!(self, Self::Block(BlockError::Store(StoreError::Superseded { .. })))
    }

    /// Whether the same step may succeed when it is taken again.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) | Self::Block(BlockError::Store(error)) => {
                matches!(error, StoreError::Backend { .. })
            }
            // Those of a role are renewed by themselves.
            Self::Block(BlockError::Task(_) | BlockError::Credentials(_))
            | Self::Key(KeyError::Secret { .. }) => true,
            Self::Block(BlockError::NotPlanned(_) | BlockError::Pack(_))
            | Self::Config(_)
            | Self::Dataset { .. }
            | Self::NotDeployable { .. }
            | Self::OverSpendLimit { .. }
            | Self::Exists(_)
            | Self::BesideActive { .. }
            | Self::NotResumable { .. }
            | Self::Running(_)
            | Self::Missing { .. }
            | Self::Unreadable { .. }
            | Self::Unwritable { .. }
            | Self::NewerPlan { .. }
            | Self::Render(_)
            | Self::Parquet(_)
            | Self::Tls(_)
            | Self::Key(KeyError::NotSet(_) | KeyError::NoText(_))
            | Self::Server(_)
            | Self::NoSimulator(_) => false,
        }
    }
}

/// A time as the stores keep it: RFC 3339, UTC, always with milliseconds, so that texts sort as
/// times.
fn rfc3339(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// The plan of a stored run.
pub async fn read_plan<R: RecordStore, A: ArtifactStore>(
    stores: &Stores<R, A>,
    run_id: &RunId,
) -> Result<Plan, RunError> {
    let key = keys::plan(run_id);
    let bytes = read(stores, run_id, &key).await?;
    let plan: Plan = serde_json::from_slice(&bytes)
        .map_err(|source| RunError::Unreadable { key: key.clone(), source })?;
    if plan.schema > PLAN_SCHEMA {
        return Err(RunError::NewerPlan { key, schema: plan.schema });
    }
    Ok(plan)
}

/// What a stored run had come to when it was last concluded.
pub async fn read_conclusion<R: RecordStore, A: ArtifactStore>(
    stores: &Stores<R, A>,
    run_id: &RunId,
) -> Result<Conclusion, RunError> {
    let key = keys::conclusion(run_id);
    let bytes = read(stores, run_id, &key).await?;
    serde_json::from_slice(&bytes).map_err(|source| RunError::Unreadable { key, source })
}

async fn read<R: RecordStore, A: ArtifactStore>(
    stores: &Stores<R, A>,
    run_id: &RunId,
    key: &str,
) -> Result<Vec<u8>, RunError> {
    let bytes = stores.artifacts.get(key).await?;
    bytes.ok_or_else(|| RunError::Missing { run_id: run_id.clone(), key: key.to_owned() })
}

fn json_lines<T: serde::Serialize>(items: &[T]) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::new();
    for item in items {
        serde_json::to_writer(&mut bytes, item)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}
