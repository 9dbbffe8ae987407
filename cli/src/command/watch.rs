//! `fmgauge watch`: follows a run on AWS to its end.

use std::time::Duration;

use anyhow::{Result, bail};
use jiff::Timestamp;
use shared::plan::{Due, Plan};
use shared::run::{Follower, News, RunError, read_conclusion, read_plan};
use shared::stack::Execution;
use shared::store::{RecordStore, RunMeta, RunStatus};
use shared::units::RunId;

use super::{show, tell_unfinished};
use crate::arguments::{self, Target};
use crate::cloud::{Cloud, is_about_credentials};
use crate::exit::{Exit, Refusal};
use crate::local;
use crate::progress::Progress;
use crate::terminal::note;

/// How often the run is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// At every so many looks the execution is asked for, too.
const LOOKS_AT_EXECUTION: u32 = 5;

/// How many looks may fail one after the other: a minute.
const FAILURES: u32 = 30;

/// How many looks a run may take to end once its execution has: workers drain for a minute, then
/// the report is written.
const LOOKS_AFTER_THE_END: u32 = 150;

pub(crate) async fn run(arguments: &arguments::Watch) -> Result<Exit> {
    let target = &arguments.target;
    let cloud = target.connect().await?;
    let (run_id, execution) = match local::find(&cloud.stores, &arguments.run).await {
        Ok(run) => (run.run_id, run.owner),
        Err(missing) => {
            // It may not be planned yet.
            let execution = cloud.stack.execution(&arguments.run);
            match arguments.run.parse() {
                Ok(run_id) if cloud.machines.execution(&execution).await?.is_some() => {
                    (run_id, execution)
                }
                Ok(_) | Err(_) => return Err(missing),
            }
        }
    };
    let watched = Watched { cloud: &cloud, target, run_id: &run_id, execution: &execution };
    watched.to_the_end(arguments.quiet, arguments.json).await
}

/// A run with the execution that carries it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) target: &'a Target,
    pub(crate) run_id: &'a RunId,
    pub(crate) execution: &'a str,
}

impl Watched<'_> {
    /// Shows how the run comes along, and what it has come to. Ctrl-C ends the watching only.
    pub(crate) async fn to_the_end(self, quiet: bool, json: bool) -> Result<Exit> {
        tokio::select! {
            ended = self.watch(quiet, json) => ended,
            _ = tokio::signal::ctrl_c() => {
                let (run_id, again) = (self.run_id, self.target.again());
                note(&format!(
                    "no longer watching; the run goes on. To watch it again: fmgauge watch \
                     {run_id}{again}; to end it: fmgauge stop {run_id}{again}"
                ));
                Ok(Exit::Incomplete)
            }
        }
    }

    async fn watch(self, quiet: bool, json: bool) -> Result<Exit> {
        let plan = self.planned().await?;
        let progress = Progress::new(&plan, quiet);
        tokio::select! {
            followed = self.follow(plan, &progress) => followed?,
            never = progress.draw() => match never {},
        }
        progress.finish();
        let conclusion = read_conclusion(&self.cloud.stores, self.run_id).await?;
        show(&conclusion, json)?;
        if conclusion.status != RunStatus::Complete {
            let next = format!("to go on: fmgauge resume {}{}", self.run_id, self.target.again());
            tell_unfinished(&conclusion, &next);
        }
        Ok(Exit::of_conclusion(&conclusion))
    }

    /// Waits until the execution has planned the run.
    async fn planned(self) -> Result<Plan> {
        let Self { cloud, run_id, .. } = self;
        loop {
            // Asked for first: what an execution that has ended has stored is there.
            let execution = cloud.machines.execution(self.execution).await?;
            let run = cloud.stores.records.run(run_id).await.map_err(RunError::from)?;
            let is_ours =
                |run: &RunMeta| run.owner == self.execution || run.status == RunStatus::Running;
            if run.as_ref().is_some_and(is_ours) {
                match read_plan(&cloud.stores, run_id).await {
                    Ok(plan) => return Ok(plan),
                    Err(RunError::Missing { .. }) if execution == Some(Execution::Running) => {}
                    Err(error) => return Err(error.into()),
                }
            } else if let Some(Execution::Ended { status, error, cause }) = execution {
                let cause = cause.unwrap_or_else(|| "it does not say why".to_owned());
                // Whoever planned says so where it is for a person to mend.
                if error.as_deref() == Some("Permanent") {
                    bail!(Refusal(cause));
                }
                bail!("run {run_id} was not planned, its execution ended ({status}): {cause}");
            } else if execution != Some(Execution::Running) {
                bail!(Refusal(format!("there is no run {run_id}")));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Shows what is new of the run until it has ended.
    async fn follow(self, plan: Plan, progress: &Progress) -> Result<()> {
        let mut follower = Follower::new(plan.clone());
        let (mut failures, mut ended) = (0, 0);
        for look in 0.. {
            let mut next = None;
            let looked = follower.look(&self.cloud.stores.records, |news| match news {
                News::Next(round) => next = Some(round),
                News::Round(_) | News::Recorded { .. } | News::Block(..) => {
                    progress.tell(&plan, news);
                }
            });
            match looked.await.map_err(anyhow::Error::from) {
                Ok(run) if run.status != RunStatus::Running => return Ok(()),
                Ok(run) => {
                    failures = 0;
                    if let Some(round) = next {
                        wait(&plan, &run, round, progress);
                    }
                }
                Err(error) => {
                    failures += 1;
                    if failures > FAILURES || is_about_credentials(&error) || !may_pass(&error) {
                        return Err(error);
                    }
                    if failures == 1 {
                        progress.remark(&format!("failed to look at the run: {error:#}"));
                    }
                }
            }
            if look % LOOKS_AT_EXECUTION == 0 && ended == 0 {
                ended = u32::from(self.tell_an_early_end(progress).await?);
            } else if ended > 0 {
                ended += 1;
            }
            if ended > LOOKS_AFTER_THE_END {
                let (run_id, again) = (self.run_id, self.target.again());
                bail!(
                    "the execution of run {run_id} has ended, but the run has not: to end it, \
                     fmgauge stop {run_id}{again}; to go on with it, fmgauge resume {run_id}{again}"
                );
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Whether the execution has ended before the run; says so.
    async fn tell_an_early_end(self, progress: &Progress) -> Result<bool> {
        let how = match self.cloud.machines.execution(self.execution).await? {
            Some(Execution::Running) => return Ok(false),
            Some(Execution::Ended { status, cause, .. }) => match cause {
                Some(cause) => format!("{status}: {cause}"),
                None => status,
            },
            Some(Execution::Succeeded) => "SUCCEEDED".to_owned(),
            None => "it is not known any more".to_owned(),
        };
        progress.remark(&format!("the execution has ended ({how}): waiting for the run's report"));
        Ok(true)
    }
}

/// Whether the same may succeed a moment later.
fn may_pass(error: &anyhow::Error) -> bool {
    error.downcast_ref::<RunError>().is_some_and(RunError::is_retryable)
}

/// Shows when the next round begins, if that is not now.
fn wait(plan: &Plan, run: &RunMeta, round: u32, progress: &Progress) {
    let Ok(begun) = run.started_at.parse::<Timestamp>() else { return };
    let elapsed = Duration::try_from(Timestamp::now().duration_since(begun)).unwrap_or_default();
    let due = (round..=plan.round_count()).map(|round| (round, plan.due(round, elapsed)));
    if let Some((round, Due::In(time))) = due.into_iter().find(|(_, due)| *due != Due::Over) {
        progress.wait(round, time);
    }
}
