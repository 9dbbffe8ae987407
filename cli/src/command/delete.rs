//! `fmgauge delete`: a run with everything that is kept of it.

use std::io::{self, IsTerminal};
use std::path::Path;

use anyhow::{Result, bail};
use shared::run::{RunError, Stores, delete};
use shared::stack::Execution;
use shared::store::{ArtifactStore, RecordStore, RunMeta, RunStatus, keys};

use crate::exit::{Exit, Refusal};
use crate::terminal::{note, say};
use crate::{arguments, local};

pub(crate) async fn run(arguments: &arguments::Delete, out: &Path) -> Result<Exit> {
    if !arguments.target.is_given() {
        let stores = local::open_existing(out).await?;
        let run = local::find(&stores, &arguments.run).await?;
        return delete_from(&stores, &run, arguments, false).await;
    }
    let cloud = arguments.target.connect().await?;
    let run = local::find(&cloud.stores, &arguments.run).await?;
    let is_running = run.status == RunStatus::Running
        && cloud.machines.execution(&run.owner).await? == Some(Execution::Running);
    delete_from(&cloud.stores, &run, arguments, is_running).await
}

/// `is_running`: that is more than what is kept of it says.
async fn delete_from<R: RecordStore, A: ArtifactStore>(
    stores: &Stores<R, A>,
    run: &RunMeta,
    arguments: &arguments::Delete,
    is_running: bool,
) -> Result<Exit> {
    let run_id = &run.run_id;
    let again = arguments.target.again();
    if is_running {
        bail!(Refusal(format!("run {run_id} is running: first fmgauge stop {run_id}{again}")));
    }
    if run.status == RunStatus::Running && !arguments.force {
        bail!(Refusal(format!(
            "run {run_id} is kept as running: wait until it has ended, or give --force if what ran \
             it has died"
        )));
    }
    if !arguments.yes && !is_confirmed(stores, run)? {
        note("nothing was deleted");
        return Ok(Exit::Refused);
    }
    if run.status == RunStatus::Running {
        let ended_at = run.ended_at.as_deref();
        let set = stores.records.set_status(run_id, RunStatus::Incomplete, ended_at).await;
        set.map_err(RunError::from)?;
    }
    delete(run_id, stores).await?;
    say(&format!("Run {run_id} is deleted"));
    Ok(Exit::Done)
}

fn is_confirmed<R, A: ArtifactStore>(stores: &Stores<R, A>, run: &RunMeta) -> Result<bool> {
    if !io::stdin().is_terminal() {
        bail!(Refusal("there is nobody to ask: give --yes to delete the run".to_owned()));
    }
    let place = stores.artifacts.location(&keys::artifacts(&run.run_id));
    note(&format!(
        "Delete run {}, started {}, with its records and {place}? [y/N]",
        run.run_id, run.started_at
    ));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
