//! `fmgauge run`: plans, measures and concludes on this machine.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use shared::block::{Instruments, Signals, WallClock};
use shared::digest::sha256;
use shared::plan::Plan;
use shared::run::{Connections, RunError, Stage, conclude, prepare, read_plan};
use shared::store::{RecordStore, RunStatus};
use simulator::SimulatorThread;
use tokio::time::Instant;

use super::rounds::{Measuring, at};
use super::{draft_config, new_run_id, read_config, show, tell_unfinished};
use crate::arguments;
use crate::connect::{Simulation, connect};
use crate::credentials::Access;
use crate::exit::{Exit, Refusal};
use crate::local::{self, LocalStores};
use crate::progress::Progress;
use crate::terminal::note;

/// What a shell says of a process that Ctrl-C has ended.
const EXIT_INTERRUPTED: i32 = 130;

pub(crate) async fn run(
    arguments: &arguments::Run,
    out: &Path,
    mut instruments: Instruments,
) -> Result<Exit> {
    let begun = at(instruments.wall)?;
    if arguments.virtual_time {
        instruments.wall = virtual_wall;
    }
    let Started { stores, plan, begun, connections, simulator } = match &arguments.resume {
        Some(run) => resume(arguments, run, out, instruments.wall).await?,
        None => start(arguments, out, begun, instruments.wall).await?,
    };
    // In virtual time every process begins anew.
    let begun = if arguments.virtual_time { at(instruments.wall)? } else { begun };
    let run_id = plan.run_id.clone();
    let signals = Signals::default();
    let progress = Arc::new(Progress::new(&plan, arguments.quiet || arguments.virtual_time));
    let listening = tokio::spawn(listen(signals.clone(), Arc::clone(&progress)));
    let access = Access::new(connections);
    let measuring = Measuring {
        plan: &plan,
        stores: &stores,
        access: &access,
        instruments: &instruments,
        begun,
        signals: &signals,
        progress: &progress,
    };
    let failures = tokio::select! {
        failures = measuring.rounds() => failures?,
        never = progress.draw() => match never {},
    };
    progress.finish();
    drop(simulator);
    if failures.iter().any(RunError::is_superseded) {
        bail!("another process has taken over run {run_id}: this one has left it");
    }

    let conclusion = conclude(&run_id, &stores, Stage::Final, at(instruments.wall)?).await?;
    listening.abort();
    show(&conclusion, arguments.json)?;
    if conclusion.status != RunStatus::Complete {
        let next = if measuring.can_go_on().await? {
            let virtual_time = if arguments.virtual_time { " --virtual-time" } else { "" };
            format!("to go on: fmgauge run --resume {run_id}{virtual_time}")
        } else {
            "the time of their rounds is over".to_owned()
        };
        tell_unfinished(&conclusion, &next);
    }
    let mut failures = failures.into_iter();
    if let Some(first) = failures.next() {
        failures.for_each(|error| note(&format!("error: {:#}", anyhow::Error::from(error))));
        return Err(first.into());
    }
    Ok(Exit::of_conclusion(&conclusion))
}

/// A run that is stored and can be measured.
struct Started {
    stores: LocalStores,
    plan: Plan,
    /// When the run was begun, by its entry in the list of runs.
    begun: Timestamp,
    connections: Connections,
    simulator: Option<SimulatorThread>,
}

/// Plans and stores a new run, called by the time `begun`. What can be refused is refused before
/// anything is written.
async fn start(
    arguments: &arguments::Run,
    out: &Path,
    begun: Timestamp,
    wall: WallClock,
) -> Result<Started> {
    let run_id = new_run_id(arguments.id.as_deref(), begun)?;
    let prepared = draft_config(arguments.config.as_deref(), &arguments.starter, run_id).await?;
    let simulation = simulation(arguments, wall);
    let (endpoints, seed) = (&prepared.plan.endpoints, prepared.plan.seed);
    let (connections, simulator) = connect(endpoints, seed, simulation).await?;
    let stores = local::open(out).await?;
    prepare(&prepared, &stores, &owner(begun), begun).await?;
    if !arguments.quiet {
        let plan = &prepared.plan;
        let rounds = match plan.round_count() {
            1 => String::new(),
            rounds => format!(" in {rounds} rounds"),
        };
        note(&format!("run {}: {} experiments{rounds}", plan.run_id, plan.experiments.len()));
    }
    Ok(Started { stores, plan: prepared.plan, begun, connections, simulator })
}

/// The wall clock of virtual time: runs begin at midnight UTC of 1 January 2026.
fn virtual_wall() -> SystemTime {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    let begun = BEGUN.get_or_init(Instant::now);
    SystemTime::UNIX_EPOCH + Duration::from_hours(490_896) + begun.elapsed()
}

/// How the run's endpoints are simulated; `wall` is its wall clock.
fn simulation(arguments: &arguments::Run, wall: WallClock) -> Simulation<'_> {
    Simulation {
        virtual_wall: arguments.virtual_time.then_some(wall),
        script: arguments.script.as_deref(),
    }
}

/// A run's owner is one process: nobody else plans under its id.
fn owner(now: Timestamp) -> String {
    format!("process {} of {now}", std::process::id())
}

/// Takes up a stored run. Blocks with a receipt are not measured again.
async fn resume(
    arguments: &arguments::Run,
    run: &str,
    out: &Path,
    wall: WallClock,
) -> Result<Started> {
    let stores = local::open_existing(out).await?;
    let meta = local::find(&stores, run).await?;
    let run_id = meta.run_id;
    let begun = meta.started_at.parse::<Timestamp>();
    let begun = begun.context("the run's entry does not say when it began")?;
    let plan = read_plan(&stores, &run_id).await?;
    if let Some(path) = &arguments.config {
        let (text, _) = read_config(path)?;
        if sha256(&text) != plan.config_sha256 {
            let path = path.display();
            bail!(Refusal(format!("run {run_id} was not planned from {path}, as it is now")));
        }
    }
    let simulation = simulation(arguments, wall);
    let (connections, simulator) = connect(&plan.endpoints, plan.seed, simulation).await?;
    let standing = if meta.status == RunStatus::Complete {
        "is complete already"
    } else {
        stores
            .records
            .set_status(&run_id, RunStatus::Running, None)
            .await
            .map_err(RunError::from)?;
        "goes on"
    };
    if !arguments.quiet {
        note(&format!("run {run_id} {standing}"));
    }
    Ok(Started { stores, plan, begun, connections, simulator })
}

/// The first Ctrl-C stops sending and drains, the second gives up what is in flight, the third ends
/// the process: what was stored stays.
async fn listen(signals: Signals, progress: Arc<Progress>) {
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    progress.remark("stopping: waiting for the requests in flight (Ctrl-C again gives them up)");
    signals.stop.cancel();
    if tokio::signal::ctrl_c().await.is_ok() {
        signals.cut.cancel();
    }
    if tokio::signal::ctrl_c().await.is_ok() {
        #[expect(clippy::exit, reason = "a person has asked three times")]
        std::process::exit(EXIT_INTERRUPTED);
    }
}
