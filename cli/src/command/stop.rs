//! `fmgauge stop`: ends a run on AWS, and tells what it has come to.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;
use shared::run::{RunError, read_conclusion, read_plan, settle};
use shared::stack::Execution;
use shared::store::{RecordStore, RunMeta, RunStatus};

use super::show;
use crate::cloud::Cloud;
use crate::exit::{Exit, Refusal};
use crate::terminal::{note, say};
use crate::{arguments, local};

/// How long workers may take where no plan says how long requests do.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a worker needs beyond its longest request: to be told, and to leave its receipt.
const RECEIPT: Duration = Duration::from_secs(15);

/// How often, and how many times, the run is looked at until it has ended: 5 minutes.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const LOOKS: u32 = 150;

/// After so many looks the end is begun from here: the rule that should begin it may be missing.
const LOOKS_FOR_THE_RULE: u32 = 30;

pub(crate) async fn run(arguments: &arguments::Stop) -> Result<Exit> {
    let cloud = arguments.target.connect().await?;
    let run = match local::find(&cloud.stores, &arguments.run).await {
        Err(missing) => return stop_planning(&cloud, &arguments.run, missing).await,
        run => run?,
    };
    if run.status != RunStatus::Running {
        bail!(Refusal(format!("run {} has ended already", run.run_id)));
    }
    let patience = match read_plan(&cloud.stores, &run.run_id).await {
        Ok(plan) => plan.deadlines.request + RECEIPT,
        Err(RunError::Missing { .. }) => PATIENCE,
        Err(error) => return Err(error.into()),
    };
    let most = humantime::format_duration(patience);
    note(&format!("stopping: waiting for the requests in flight, {most} at most"));
    settle(&run.run_id, &cloud.stores, patience).await?;
    end(&cloud, &run).await?;
    let conclusion = read_conclusion(&cloud.stores, &run.run_id).await?;
    show(&conclusion, arguments.json)?;
    Ok(Exit::Done)
}

/// Stops the execution, and waits until `finish` has set the run's status.
async fn end(cloud: &Cloud, run: &RunMeta) -> Result<()> {
    let run_id = &run.run_id;
    let is_running = cloud.machines.execution(&run.owner).await? == Some(Execution::Running);
    if is_running {
        cloud.machines.stop(&run.owner, "fmgauge stop").await?;
    }
    // Where it had ended before, nothing has finished the run, or something is about to.
    let by_hand_at = if is_running { LOOKS_FOR_THE_RULE } else { 1 };
    for look in 0..LOOKS {
        let now = cloud.stores.records.run(run_id).await.map_err(RunError::from)?;
        if now.is_none_or(|now| now.status != RunStatus::Running) {
            return Ok(());
        }
        if look == by_hand_at {
            let input = json!({"run_id": run_id, "cause": "stopped"});
            cloud.machines.start(&cloud.stack.finish_machine, None, &input).await?;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    bail!(
        "the execution of run {run_id} is stopped, but its report is not written yet: see the \
         executions of {}",
        cloud.stack.finish_machine
    )
}

/// A run that is not planned yet is nothing but its execution.
async fn stop_planning(cloud: &Cloud, run: &str, missing: anyhow::Error) -> Result<Exit> {
    let execution = cloud.stack.execution(run);
    if cloud.machines.execution(&execution).await? != Some(Execution::Running) {
        return Err(missing);
    }
    cloud.machines.stop(&execution, "fmgauge stop").await?;
    say(&format!("Run {run} is stopped before it was planned: nothing was measured"));
    Ok(Exit::Done)
}
