//! The steps of a run over its stores: what the Lambda functions and the CLI both call.
//!
//! [`prepare`] turns a configuration into a stored plan, [`measure`] runs one block of it, and
//! [`conclude`] turns records into a report. None of them knows where it runs.

mod calibrate;
mod check;
mod conclude;
mod failure;
mod limit;
mod measure;
mod prepare;
mod summarize;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::calibrate::{Ladder, calibrate, climb, compare};
pub use self::check::check;
pub use self::conclude::{Conclusion, Stage, conclude, settle, unfinished_in_round};
pub use self::failure::Failure;
pub use self::measure::{Connections, measure};
pub use self::prepare::{Prepared, Source, draft, prepare};
pub use self::summarize::attempt_records;
use crate::block::BlockError;
use crate::config::ConfigErrors;
use crate::dataset::DatasetError;
use crate::plan::{PLAN_SCHEMA, Plan};
use crate::record::ParquetError;
use crate::report::RenderError;
use crate::store::{ArtifactStore, RecordStore, StoreError, keys};
use crate::units::{ExperimentId, Name, RunId};

/// Where a run is kept.
#[derive(Debug, Clone)]
pub struct Stores<R, A> {
    /// Claims, receipts and records.
    pub records: R,
    /// Files.
    pub artifacts: A,
}

/// A lane as the state machine reads it, a line of `lanes.jsonl`: references only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneReference {
    /// The run.
    pub run_id: RunId,
    /// The endpoint whose blocks these are.
    pub lane: Name,
    /// Its blocks, in their order of measuring.
    pub blocks: Vec<BlockReference>,
}

/// A block as the state machine refers to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockReference {
    /// The experiment.
    pub experiment: ExperimentId,
    /// Which block of it.
    pub block: u32,
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
            Self::Block(BlockError::Task(_) | BlockError::Credentials(_)) => true,
            Self::Block(BlockError::NotPlanned(_) | BlockError::Pack(_))
            | Self::Config(_)
            | Self::Dataset { .. }
            | Self::NotDeployable { .. }
            | Self::OverSpendLimit { .. }
            | Self::Exists(_)
            | Self::Missing { .. }
            | Self::Unreadable { .. }
            | Self::Unwritable { .. }
            | Self::NewerPlan { .. }
            | Self::Render(_)
            | Self::Parquet(_)
            | Self::Tls(_)
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

async fn read<R: RecordStore, A: ArtifactStore>(
    stores: &Stores<R, A>,
    run_id: &RunId,
    key: &str,
) -> Result<Vec<u8>, RunError> {
    let bytes = stores.artifacts.get(key).await?;
    bytes.ok_or_else(|| RunError::Missing { run_id: run_id.clone(), key: key.to_owned() })
}
