//! `fmgauge report`: summarises a run again.

use std::path::Path;

use anyhow::Result;
use jiff::Timestamp;
use shared::run::{Stage, conclude};

use super::show;
use crate::exit::Exit;
use crate::{arguments, local};

pub(crate) async fn run(arguments: &arguments::Report, out: &Path) -> Result<Exit> {
    let stores = local::open_existing(out).await?;
    let run = local::find(&stores, &arguments.run).await?;
    let conclusion = conclude(&run.run_id, &stores, Stage::Interim, Timestamp::now()).await?;
    show(&conclusion, arguments.json)?;
    Ok(Exit::of_conclusion(&conclusion))
}
