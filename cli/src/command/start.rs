//! `fmgauge start`: uploads a configuration and starts a run of it on AWS.

use std::path::Path;

use anyhow::Result;
use jiff::Timestamp;
use serde_json::json;
use shared::config;
use shared::run::upload;

use super::watch::Watched;
use super::{new_run_id, read_text};
use crate::arguments;
use crate::exit::Exit;
use crate::terminal::{note, say};

/// What a configuration is called that was made from arguments.
const MADE: &str = "fmgauge.yml";

pub(crate) async fn run(arguments: &arguments::Start) -> Result<Exit> {
    let target = &arguments.target;
    let (text, name, folder) = if let Some(path) = &arguments.config {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (read_text(path)?, name, path.parent().unwrap_or(Path::new("")))
    } else {
        let starter = &arguments.starter;
        let text = config::starter(&starter.with_prompts(starter.prompts.clone()));
        (text, MADE.to_owned(), Path::new(""))
    };
    let run_id = new_run_id(arguments.id.as_deref(), Timestamp::now())?;
    let cloud = target.connect().await?;
    let uploaded = upload(&text, &name, folder, &run_id, &cloud.stores).await?;
    let mut input = json!({"config_uri": uploaded.config_uri, "run_id": run_id});
    if arguments.force {
        input["force"] = true.into();
    }
    let machine = &cloud.stack.run_machine;
    let execution = cloud.machines.start(machine, Some(run_id.as_str()), &input).await?;

    let watching = &arguments.watching;
    let files = match uploaded.files.len() {
        0 => String::new(),
        1 => ", 1 file uploaded".to_owned(),
        files => format!(", {files} files uploaded"),
    };
    let count = uploaded.plan.experiments.len();
    note(&format!("run {run_id} is started: {count} experiments{files}"));
    let watched = Watched { cloud: &cloud, target, run_id: &run_id, execution: &execution };
    if watching.watch {
        return watched.to_the_end(watching.quiet, watching.json).await;
    }
    if watching.json {
        let started = json!({
            "run_id": run_id,
            "execution": execution,
            "config_uri": uploaded.config_uri,
        });
        say(&started.to_string());
    } else {
        say(&format!("To watch it: fmgauge watch {run_id}{}", target.again()));
    }
    Ok(Exit::Done)
}
