//! The stores of one machine, and finding a run in any.

use std::path::Path;

use anyhow::{Context, Result, bail};
use shared::run::{RunError, Stores};
use shared::store::folder::FolderStore;
use shared::store::sqlite::SqliteStore;
use shared::store::{RecordStore, RunMeta};
use shared::units::RunId;

use crate::exit::Refusal;

/// Records in SQLite, files in a folder.
pub(crate) type LocalStores = Stores<SqliteStore, FolderStore>;

/// Opens the stores in `out`, which is made where it does not exist.
pub(crate) async fn open(out: &Path) -> Result<LocalStores> {
    std::fs::create_dir_all(out).with_context(|| format!("failed to make {}", out.display()))?;
    let records = SqliteStore::open(out.join("records.sqlite")).await?;
    Ok(Stores { records, artifacts: FolderStore::new(out) })
}

/// Opens the stores of runs that exist.
pub(crate) async fn open_existing(out: &Path) -> Result<LocalStores> {
    if !out.join("records.sqlite").exists() {
        let folder = out.display();
        bail!(Refusal(format!("there are no runs in {folder}: run one first, or give its --out")));
    }
    open(out).await
}

/// The run of that id; `latest` is the one started last.
pub(crate) async fn find<R: RecordStore, A>(stores: &Stores<R, A>, run: &str) -> Result<RunMeta> {
    if run == "latest" {
        let latest = stores.records.runs().await.map_err(RunError::from)?.into_iter().next();
        return latest.context(Refusal("there are no runs yet".to_owned()));
    }
    let run_id = parse_run_id(run)?;
    let found = stores.records.run(&run_id).await.map_err(RunError::from)?;
    found.ok_or_else(|| Refusal(format!("there is no run {run_id}")).into())
}

/// A run id as it was typed.
pub(crate) fn parse_run_id(text: &str) -> Result<RunId> {
    text.parse().map_err(|error| Refusal(format!("{text:?} is no run id: {error}")).into())
}
