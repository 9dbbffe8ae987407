//! One file for each subcommand.

pub(crate) mod completions;
pub(crate) mod plan;
pub(crate) mod records;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod simulate;

use std::path::Path;

use anyhow::{Context, Result};
use shared::run::{Conclusion, Source};

use crate::exit::Refusal;
use crate::terminal::{say, wrapped};

/// A configuration's text, and where its relative paths start.
fn read_config(path: &Path) -> Result<(String, Source)> {
    let text = std::fs::read_to_string(path)
        .with_context(|| Refusal(format!("failed to read the configuration {}", path.display())))?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    Ok((text, Source::OneMachine(folder)))
}

/// Shows what a run has come to.
fn show(conclusion: &Conclusion, json: bool) -> Result<()> {
    if json {
        say(&serde_json::to_string(conclusion)?);
        return Ok(());
    }
    if conclusion.simulated {
        say("SIMULATED: the answers came from a simulator, not from a model.");
    }
    say(&wrapped(&conclusion.answer));
    say(&format!("Cost of the run: ${:.6} in tokens", conclusion.cost_usd));
    say(&format!("Report: {}", conclusion.report));
    Ok(())
}
