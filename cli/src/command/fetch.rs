//! `fmgauge fetch`: a run on AWS, copied into the folder of this machine.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use shared::run::RunError;
use shared::store::copy::{CopyError, copy_run};
use shared::store::{ArtifactStore, RunStatus, keys};

use crate::exit::{Exit, Refusal};
use crate::terminal::{note, say};
use crate::{arguments, local};

/// The longest that S3 lets a link last.
const LONGEST: Duration = Duration::from_hours(7 * 24);

pub(crate) async fn run(arguments: &arguments::Fetch, out: &Path) -> Result<Exit> {
    let cloud = arguments.target.connect().await?;
    let run = local::find(&cloud.stores, &arguments.run).await?;
    let run_id = run.run_id;
    if arguments.link {
        let expires = *arguments.expires;
        if expires > LONGEST || expires < Duration::from_secs(1) {
            bail!(Refusal("a link lasts from 1s to 7d: change --expires".to_owned()));
        }
        let files = &cloud.stores.artifacts;
        let key = keys::report(&run_id, "report.html");
        if files.list(&key).await.map_err(RunError::from)?.is_empty() {
            bail!(Refusal(format!("run {run_id} has no report yet")));
        }
        say(&files.link(&key, expires).await.map_err(RunError::from)?);
        note(&format!(
            "whoever has the link sees the report for {}; made with the credentials of a role, it \
             ends with them, which may be sooner",
            arguments.expires
        ));
        return Ok(Exit::Done);
    }

    let to = arguments.to.as_deref().unwrap_or(out);
    let (from, to_stores) = (&cloud.stores, local::open(to).await?);
    let copied =
        copy_run(&from.records, &from.artifacts, &to_stores.records, &to_stores.artifacts, &run_id);
    match copied.await {
        Ok(()) => {}
        Err(error @ CopyError::Diverged { .. }) => {
            let mend = format!("{} is left as it is: fetch --to another folder", to.display());
            return Err(error).context(Refusal(mend));
        }
        Err(CopyError::Store(error)) => return Err(RunError::from(error).into()),
    }
    if run.status == RunStatus::Running {
        note(&format!("run {run_id} goes on: this is what there was of it; fetch it again later"));
    }
    let folder = to.display();
    say(&format!("Run {run_id} is in {folder}"));
    let report = to_stores.artifacts.location(&keys::report(&run_id, "report.html"));
    if Path::new(&report).exists() {
        say(&format!("Report: {report}"));
    }
    let out = if to == out { String::new() } else { format!(" --out {folder}") };
    say(&format!("To go on with it: fmgauge records {run_id}{out}, or report"));
    Ok(Exit::Done)
}
