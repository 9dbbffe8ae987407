//! `fmgauge resume`: goes on with a run on AWS that ended before it was complete.

use anyhow::{Result, bail};
use serde_json::json;
use shared::stack::Execution;
use shared::store::RunStatus;

use super::watch::Watched;
use crate::exit::{Exit, Refusal};
use crate::terminal::{note, say};
use crate::{arguments, local};

pub(crate) async fn run(arguments: &arguments::Resume) -> Result<Exit> {
    let target = &arguments.target;
    let cloud = target.connect().await?;
    let run = local::find(&cloud.stores, &arguments.run).await?;
    let run_id = run.run_id;
    let again = target.again();
    match run.status {
        RunStatus::Incomplete => {}
        RunStatus::Complete => bail!(Refusal(format!("run {run_id} is complete already"))),
        RunStatus::Running => {
            if cloud.machines.execution(&run.owner).await? == Some(Execution::Running) {
                bail!(Refusal(format!(
                    "run {run_id} is running: to watch it, fmgauge watch {run_id}{again}"
                )));
            }
        }
    }
    let input = json!({"resume": run_id});
    let execution = cloud.machines.start(&cloud.stack.run_machine, None, &input).await?;
    note(&format!("run {run_id} goes on"));
    let watching = &arguments.watching;
    let watched = Watched { cloud: &cloud, target, run_id: &run_id, execution: &execution };
    if watching.watch {
        return watched.to_the_end(watching.quiet, watching.json).await;
    }
    if watching.json {
        say(&json!({"run_id": run_id, "execution": execution}).to_string());
    } else {
        say(&format!("To watch it: fmgauge watch {run_id}{again}"));
    }
    Ok(Exit::Done)
}
