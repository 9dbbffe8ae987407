//! `fmgauge list`: the runs of a stack, or of this machine, the latest first.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;
use shared::run::RunError;
use shared::store::{RecordStore, RunMeta, RunStatus};
use shared::units::RunId;

use crate::exit::Exit;
use crate::progress::short;
use crate::terminal::{note, say};
use crate::{arguments, local};

/// How many runs are asked for at once what they have spent.
const AT_ONCE: usize = 16;

/// A run as it is listed.
#[derive(Debug, Serialize)]
struct Listed {
    run_id: RunId,
    name: Option<String>,
    status: &'static str,
    started_at: String,
    ended_at: Option<String>,
    duration_s: Option<u64>,
    spent_by_bound_usd: f64,
}

pub(crate) async fn run(arguments: &arguments::List, out: &Path) -> Result<Exit> {
    let now = Timestamp::now();
    let runs = if arguments.target.is_given() {
        listed(&arguments.target.connect().await?.stores.records, now).await?
    } else if out.join("records.sqlite").exists() {
        listed(&local::open(out).await?.records, now).await?
    } else {
        Vec::new()
    };
    if arguments.json {
        say(&serde_json::to_string(&runs)?);
    } else if runs.is_empty() {
        let place = match &arguments.target.stack {
            Some(stack) => format!("stack {stack}"),
            None => format!("{}; for those of a stack give --stack", out.display()),
        };
        note(&format!("there are no runs in {place}"));
    } else {
        say(&table(&runs));
    }
    Ok(Exit::Done)
}

async fn listed(records: &impl RecordStore, now: Timestamp) -> Result<Vec<Listed>> {
    let runs = records.runs().await.map_err(RunError::from)?;
    let spent = stream::iter(runs).map(async |run| {
        let spend = records.spend(&run.run_id).await.map_err(RunError::from)?;
        Ok::<_, anyhow::Error>(Listed::new(run, spend.spent.as_usd(), now))
    });
    spent.buffered(AT_ONCE).try_collect().await
}

impl Listed {
    fn new(run: RunMeta, spent_by_bound_usd: f64, now: Timestamp) -> Self {
        let duration = || {
            let begun: Timestamp = run.started_at.parse().ok()?;
            let ended = match &run.ended_at {
                Some(ended) => ended.parse().ok()?,
                None => now,
            };
            u64::try_from(ended.duration_since(begun).as_secs()).ok()
        };
        let status = match run.status {
            RunStatus::Running if run.stopping => "stopping",
            RunStatus::Running => "running",
            RunStatus::Incomplete => "incomplete",
            RunStatus::Complete => "complete",
        };
        Self {
            duration_s: duration(),
            status,
            spent_by_bound_usd,
            run_id: run.run_id,
            name: run.name,
            started_at: run.started_at,
            ended_at: run.ended_at,
        }
    }

    fn cells(&self) -> [String; 6] {
        let started = self.started_at.get(..19).unwrap_or(&self.started_at).replace('T', " ");
        let took = self.duration_s.map_or("-".to_owned(), |s| short(Duration::from_secs(s)));
        [
            self.run_id.to_string(),
            self.status.to_owned(),
            started,
            took,
            format!("${:.4}", self.spent_by_bound_usd),
            self.name.clone().unwrap_or_default(),
        ]
    }
}

/// The runs in columns; the name, which may be long, is the last.
fn table(runs: &[Listed]) -> String {
    let head = ["RUN", "STATUS", "STARTED (UTC)", "TOOK", "SPENT", "NAME"].map(str::to_owned);
    let rows: Vec<_> = [head].into_iter().chain(runs.iter().map(Listed::cells)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..6).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_shown_in_columns() {
        let run = |id: &str, name: Option<&str>, ended: Option<&str>| RunMeta {
            run_id: id.parse().unwrap(),
            name: name.map(str::to_owned),
            owner: String::new(),
            config_sha256: String::new(),
            status: if ended.is_some() { RunStatus::Complete } else { RunStatus::Running },
            stopping: false,
            started_at: "2026-11-22T10:00:00.000Z".to_owned(),
            ended_at: ended.map(str::to_owned),
            spend_limit: None,
            deployment: None,
            targets: Vec::new(),
        };
        let now = "2026-11-22T12:05:00Z".parse().unwrap();
        let runs = [
            Listed::new(run("chat-2", Some("support chat"), None), 0.012_345, now),
            Listed::new(run("one", None, Some("2026-11-22T10:00:41.000Z")), 1.5, now),
        ];
        let expected = [
            "RUN     STATUS    STARTED (UTC)        TOOK   SPENT    NAME",
            "chat-2  running   2026-11-22 10:00:00  2h05m  $0.0123  support chat",
            "one     complete  2026-11-22 10:00:00  41 s   $1.5000",
        ];
        assert_eq!(table(&runs), expected.join("\n"));
    }
}
