//! `fmgauge calibrate`: how wrong this client is on this machine, load by load.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use shared::block::Instruments;
use shared::calibration::{ErrorStats, Level, highest_valid};
use shared::endpoint::placeholder_config;
use shared::run::{Connections, Ladder, calibrate};
use shared::units::RunId;
use simulator::{FIXED_MODEL, SimulatorProcess};

use crate::arguments;
use crate::exit::{Exit, Refusal};
use crate::local;
use crate::terminal::{note, say, wrapped};

pub(crate) async fn run(
    arguments: &arguments::Calibrate,
    instruments: &Instruments,
) -> Result<Exit> {
    let folder = std::env::temp_dir().join(format!("fmgauge-calibrate-{}", std::process::id()));
    let measured = measured(arguments, instruments, &folder).await;
    // Nothing of it is worth keeping.
    drop(std::fs::remove_dir_all(&folder));
    let levels = measured?;
    if arguments.json {
        say(&serde_json::to_string(&levels)?);
        return Ok(Exit::Done);
    }
    for level in &levels {
        say(&described(level));
    }
    let highest = highest_valid(&levels);
    say(&match &highest[..] {
        [] => "At none of these loads is this machine VALID for such answers.".to_owned(),
        highest => format!("VALID on this machine up to: {}.", highest.join("; ")),
    });
    say(&wrapped(
        "Errors are what was recorded less what the server wrote down, in milliseconds. Verdicts \
         know nothing of them.",
    ));
    Ok(Exit::Done)
}

async fn measured(
    arguments: &arguments::Calibrate,
    instruments: &Instruments,
    folder: &Path,
) -> Result<Vec<Level>> {
    let stores = local::open(folder).await?;
    let truth_log = &folder.join("truth.jsonl");
    let arguments::Calibrate { fixed, concurrency, rate, lasting, .. } = arguments;
    let model =
        super::simulate::fixed(fixed).map_err(|error| Refusal(format!("--fixed: {error}")))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["simulate", "--port", "0", "--until-eof", "--fixed", fixed, "--log"]);
    command.arg(truth_log);
    let server = SimulatorProcess::spawn(command).context("failed to start the simulator")?;
    let loads = concurrency.len() + rate.len();
    note(&format!("measuring {loads} loads against {}", server.url()));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the whole number that was given"
    )]
    let tokens = model.output_tokens.mean(0) as u32;
    let ladder = Ladder {
        url: server.url(),
        model_id: FIXED_MODEL,
        truth_log,
        concurrency,
        rates_per_s: rate,
        answer: model.base,
        per_token: model.decode_per_token,
        tokens,
        duration: Duration::from(*lasting),
    };
    let connections = Connections::new(placeholder_config())?;
    let run_id: RunId = "calibration".parse()?;
    let now = Timestamp::try_from((instruments.wall)())?;
    Ok(calibrate(&ladder, run_id, &stores, &connections, instruments, now).await?)
}

/// A level in five lines.
fn described(level: &Level) -> String {
    let share = |share: f64| format!("{:.1} %", 100.0 * share);
    let mut facts = vec![format!("{:.1} completed/s", level.requests_per_s)];
    facts.extend(level.achieved.map(|achieved| format!("{} of the load", share(achieved))));
    if let Some(client) = &level.client {
        facts.push(format!("lag {:.2}/{:.2} ms", client.lag_p50_ms, client.lag_p99_ms));
        facts.push(format!("CPU {}", share(client.cpu_share)));
    }
    let validity = &level.validity;
    let doubts = if validity.doubts.is_empty() { "" } else { ": " };
    let head = format!("{}: {}{doubts}{}", level.load, validity.grade, validity.words());
    let row = |name: &str, errors: Option<ErrorStats>| {
        let errors = errors.map(|errors| [errors.p50_ms, errors.p99_ms, errors.max_ms]);
        let cells = errors.map_or_else(String::new, |errors| {
            errors.map(|error| format!("{error:>10.3}")).concat()
        });
        format!("  {name:<14}{cells}")
    };
    let lines = [
        wrapped(&head),
        format!("  {}", facts.join(", ")),
        format!("  {:<14}{:>10}{:>10}{:>10}", "error (ms)", "p50", "p99", "max"),
        row("TTFT", level.errors.ttft),
        row("ITL", level.errors.itl),
        row("E2E", level.errors.e2e),
        row("send, schedule", level.schedule),
    ];
    let shown = if level.schedule.is_some() { lines.len() } else { lines.len() - 1 };
    lines[..shown].join("\n")
}
