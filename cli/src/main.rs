//! The `fmgauge` command: benchmarks foundation models and tells what they cost.
//!
//! It parses arguments and shows results; measuring and deciding are in `shared`.

mod arguments;
mod command;
mod connect;
mod exit;
mod local;
mod progress;
mod script;
mod terminal;

use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::Builder;

use crate::arguments::{Arguments, Command};
use crate::exit::Exit;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("FMGAUGE_LOG"))
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let is_virtual = matches!(&arguments.command, Command::Run(run) if run.virtual_time);
    let runtime = if is_virtual {
        Builder::new_current_thread().enable_all().start_paused(true).build()
    } else {
        Builder::new_multi_thread().enable_all().build()
    };
    match runtime {
        Ok(runtime) => runtime.block_on(dispatch(arguments)),
        Err(error) => {
            terminal::note(&format!("error: failed to start: {error}"));
            Exit::Failed
        }
    }
    .into()
}

async fn dispatch(arguments: Arguments) -> Exit {
    let out = arguments.out;
    let done = match arguments.command {
        Command::Run(run) => {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place that reads the wall clock"
            )]
            let wall = std::time::SystemTime::now;
            Box::pin(command::run::run(&run, &out, wall)).await
        }
        Command::Init(init) => command::init::run(&init),
        Command::Plan(plan) => command::plan::run(&plan).await,
        Command::Records(records) => command::records::run(&records, &out).await,
        Command::Report(report) => command::report::run(&report, &out).await,
        Command::Completions(completions) => Ok(command::completions::run(&completions)),
        Command::Schema => command::schema::run(),
        Command::Simulate(simulate) => command::simulate::run(&simulate).await,
    };
    done.unwrap_or_else(|error| {
        terminal::note(&format!("error: {error:#}"));
        Exit::of_error(&error)
    })
}
