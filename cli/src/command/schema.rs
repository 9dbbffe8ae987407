//! `fmgauge schema`: what a configuration can say, for editors.

use anyhow::Result;
use shared::config::schema;

use crate::exit::Exit;
use crate::terminal::say;

pub(crate) fn run() -> Result<Exit> {
    say(&serde_json::to_string_pretty(&schema())?);
    Ok(Exit::Done)
}
