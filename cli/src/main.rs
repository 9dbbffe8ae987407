//! The `fmgauge` command: benchmarks foundation models and tells what they cost.
//!
//! It parses arguments and shows results; measuring and deciding are in `shared`.

mod arguments;
mod cloud;
mod command;
mod connect;
mod credentials;
mod exit;
mod local;
mod progress;
mod script;
mod terminal;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use shared::block::{Instruments, Time, measuring_runtime};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::arguments::{Arguments, Command};
use crate::exit::Exit;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("FMGAUGE_LOG"))
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let is_virtual = matches!(&arguments.command, Command::Run(run) if run.virtual_time);
    let started = if is_virtual { Runtimes::paused() } else { Runtimes::real() };
    match started {
        Ok(Runtimes { keeping, measuring }) => {
            let measuring = measuring.as_ref().unwrap_or(&keeping).handle().clone();
            keeping.block_on(dispatch(arguments, measuring))
        }
        Err(error) => {
            terminal::note(&format!("error: failed to start: {error}"));
            Exit::Failed
        }
    }
    .into()
}

/// The threads of this process.
struct Runtimes {
    /// Everything but what `measuring` does.
    keeping: Runtime,
    /// Sends and receives, and does nothing else; `None` where that is done by `keeping`.
    measuring: Option<Runtime>,
}

impl Runtimes {
    fn real() -> io::Result<Self> {
        let measuring = measuring_runtime()?;
        let keeping = Builder::new_multi_thread().enable_all().build()?;
        Ok(Self { keeping, measuring: Some(measuring) })
    }

    /// One thread, whose clock goes on when everything waits.
    fn paused() -> io::Result<Self> {
        let keeping = Builder::new_current_thread().enable_all().start_paused(true).build()?;
        Ok(Self { keeping, measuring: None })
    }
}

async fn dispatch(arguments: Arguments, measuring: Handle) -> Exit {
    let out = arguments.out;
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    let wall = std::time::SystemTime::now;
    let done = match arguments.command {
        Command::Run(run) => {
            let time = if run.virtual_time { Time::Virtual } else { Time::Real };
            let instruments = Instruments { wall, measuring, time };
            Box::pin(command::run::run(&run, &out, instruments)).await
        }
        Command::Calibrate(calibrate) => {
            let instruments = Instruments { wall, measuring, time: Time::Real };
            Box::pin(command::calibrate::run(&calibrate, &instruments)).await
        }
        Command::Init(init) => command::init::run(&init),
        Command::Plan(plan) => command::plan::run(&plan).await,
        Command::Check(check) => Box::pin(command::check::run(&check)).await,
        Command::Policy(policy) => command::policy::run(&policy),
        Command::Records(records) => command::records::run(&records, &out).await,
        Command::Report(report) => command::report::run(&report, &out).await,
        Command::List(list) => {
            cloud::on(&list.target, Box::pin(command::list::run(&list, &out))).await
        }
        Command::Delete(delete) => {
            cloud::on(&delete.target, Box::pin(command::delete::run(&delete, &out))).await
        }
        Command::Start(start) => {
            cloud::on(&start.target, Box::pin(command::start::run(&start))).await
        }
        Command::Watch(watch) => {
            cloud::on(&watch.target, Box::pin(command::watch::run(&watch))).await
        }
        Command::Fetch(fetch) => {
            cloud::on(&fetch.target, Box::pin(command::fetch::run(&fetch, &out))).await
        }
        Command::Stop(stop) => cloud::on(&stop.target, Box::pin(command::stop::run(&stop))).await,
        Command::Resume(resume) => {
            cloud::on(&resume.target, Box::pin(command::resume::run(&resume))).await
        }
        Command::Completions(completions) => Ok(command::completions::run(&completions)),
        Command::Prices(arguments) => command::prices::run(&arguments),
        Command::Schema => command::schema::run(),
        Command::Simulate(simulate) => command::simulate::run(&simulate).await,
    };
    done.unwrap_or_else(|error| {
        terminal::note(&format!("error: {error:#}"));
        Exit::of_error(&error)
    })
}
