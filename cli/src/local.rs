//! The stores of one machine.

use std::path::Path;

use anyhow::{Context, Result, bail};
use shared::run::{RunError, Stores};
use shared::store::folder::FolderStore;
use shared::store::sqlite::SqliteStore;
use shared::store::{RecordStore, RunMeta};

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
        bail!("there are no runs in {}: give another --out, or run one first", out.display());
    }
    open(out).await
}

/// The run of that id; `latest` is the one started last.
pub(crate) async fn find(stores: &LocalStores, run: &str) -> Result<RunMeta> {
    if run == "latest" {
        let latest = stores.records.runs().await.map_err(RunError::from)?.into_iter().next();
        return latest.context("there are no runs yet");
    }
    let run_id = run.parse().with_context(|| format!("{run:?} is no run id"))?;
    let found = stores.records.run(&run_id).await.map_err(RunError::from)?;
    found.with_context(|| format!("there is no run {run_id}"))
}
