//! Lambda function: measures one block.

mod calibrate;
mod handler;

use std::time::{Duration, SystemTime};

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use mimalloc::MiMalloc;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::block::{Instruments, Time, measuring_runtime};
use shared::run::{Connections, Failure, Stores};
use shared::store::{ArtifactStore, RecordStore, cloud};
use tokio::runtime::{Builder, Handle};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == calibrate::SIMULATE) {
        return calibrate::simulate(arguments);
    }
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    // Slots have threads of their own, on which nothing else runs.
    let measuring = measuring_runtime()?;
    let keeping = Builder::new_current_thread().enable_all().build()?;
    keeping.block_on(serve(measuring.handle()))
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads environment and clock")]
async fn serve(measuring: &Handle) -> Result<(), Error> {
    let wall = SystemTime::now;
    let instruments = Instruments { wall, measuring: measuring.clone(), time: Time::Real };
    let config = aws_config::load_defaults(cloud::behavior_version()).await;
    let (table, bucket) = (std::env::var("FMGAUGE_TABLE")?, std::env::var("FMGAUGE_BUCKET")?);
    let (records, artifacts) = cloud::connect(&config, &table, &bucket);
    let runner = &handler::Runner {
        stores: Stores { records, artifacts },
        connections: Connections::new(config)?,
        instruments,
        stack: std::env::var("FMGAUGE_STACK").unwrap_or_default(),
    };
    run(service_fn(|event: LambdaEvent<Value>| async move {
        let remaining = event.context.deadline().duration_since(wall());
        let answered = answer(event.payload, runner, remaining.unwrap_or_default()).await;
        answered.map_err(|failure| diagnostic(&failure))
    }))
    .await
}

/// A block is measured, or the function calibrates itself.
async fn answer<R: RecordStore, A: ArtifactStore>(
    mut event: Value,
    runner: &handler::Runner<R, A>,
    remaining: Duration,
) -> Result<Value, Failure> {
    // Boxed: they are tens of kilobytes, and moved several times by the runtime.
    if let Some(asked) = event.get_mut("calibrate").map(Value::take) {
        let calibrating = calibrate::handle(read(asked)?, &runner.instruments, remaining);
        return write(&Box::pin(calibrating).await?);
    }
    let handling = handler::handle(read(event)?, runner, remaining);
    write(&Box::pin(handling).await?)
}

fn read<T: DeserializeOwned>(event: Value) -> Result<T, Failure> {
    serde_json::from_value(event).map_err(|error| Failure::Permanent(format!("the event: {error}")))
}

fn write<T: Serialize>(output: &T) -> Result<Value, Failure> {
    serde_json::to_value(output).map_err(|error| Failure::Permanent(format!("the output: {error}")))
}

/// The state machine retries by this name.
fn diagnostic(failure: &Failure) -> Diagnostic {
    Diagnostic {
        error_type: failure.error_type().to_owned(),
        error_message: failure.message().to_owned(),
    }
}
