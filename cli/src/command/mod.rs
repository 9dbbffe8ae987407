//! One file for each subcommand.

pub(crate) mod calibrate;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod delete;
pub(crate) mod fetch;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod prices;
pub(crate) mod records;
pub(crate) mod report;
pub(crate) mod resume;
mod rounds;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod simulate;
pub(crate) mod start;
pub(crate) mod stop;
pub(crate) mod watch;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jiff::Timestamp;
use shared::config;
use shared::run::{Conclusion, Prepared, Source, draft};
use shared::units::RunId;

use crate::arguments::Starter;
use crate::exit::Refusal;
use crate::local::parse_run_id;
use crate::terminal::{note, say, wrapped};

/// Plans a run of a configuration's file, or of what is made from the arguments: its paths belong
/// to the folder that the command is used in.
async fn draft_config(path: Option<&Path>, starter: &Starter, run_id: RunId) -> Result<Prepared> {
    let (text, source) = if let Some(path) = path {
        read_config(path)?
    } else {
        let text = config::starter(&starter.with_prompts(starter.prompts.clone()));
        (text, Source::OneMachine(PathBuf::new()))
    };
    let drafted = draft(&text, run_id, &source).await;
    if path.is_none() && drafted.is_err() {
        note(
            "To change what --models makes, write it into a file: fmgauge init, with the same arguments",
        );
    }
    Ok(drafted?)
}

/// A configuration's text, and where its relative paths start.
fn read_config(path: &Path) -> Result<(String, Source)> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    Ok((read_text(path)?, Source::OneMachine(folder)))
}

/// A configuration's text.
fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path)
        .with_context(|| Refusal(format!("failed to read the configuration {}", path.display())))
}

/// The id of a run that begins now: as it is given, or of the time.
fn new_run_id(given: Option<&str>, now: Timestamp) -> Result<RunId> {
    if let Some(given) = given {
        return parse_run_id(given);
    }
    let time = now.strftime("%Y%m%d-%H%M%S");
    parse_run_id(&format!("{time}-{:04x}", now.subsec_nanosecond() >> 14))
}

/// Says how much of a run was not measured, and what to do next.
fn tell_unfinished(conclusion: &Conclusion, next: &str) {
    let refused = match conclusion.refused_blocks {
        0 => String::new(),
        refused => format!(
            ", {refused} of them because the spend limit has no room for them (for these, start a \
             new run with a higher one)"
        ),
    };
    let unfinished = conclusion.unfinished_blocks;
    note(&format!("{unfinished} planned blocks were not measured to their end{refused}; {next}"));
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
    say(&format!("Cost of the run: {}", cost(conclusion)));
    let page = conclusion.report.strip_suffix(".md").unwrap_or(&conclusion.report);
    say(&format!("Report: {page}.html, or report.md beside it"));
    Ok(())
}

/// What was spent: tokens as reported, the bound where it is more, and the services.
fn cost(conclusion: &Conclusion) -> String {
    let (tokens, bound) = (conclusion.cost_usd, conclusion.spent_by_bound_usd);
    let services = conclusion
        .services_usd
        .map_or(String::new(), |services| format!(" and ${services:.6} in AWS services"));
    let bound = match conclusion.spend_limit_usd {
        Some(limit) => format!("; ${bound:.6} of the ${limit} that it may spend, by our bound"),
        None if bound > tokens => {
            format!("; up to ${bound:.6}, as not all of it was reported")
        }
        None => String::new(),
    };
    format!("${tokens:.6} in tokens{services}{bound}")
}
