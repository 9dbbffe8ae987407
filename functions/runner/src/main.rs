//! Lambda function: measures one block.

mod handler;

use std::time::SystemTime;

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use shared::block::{Instruments, Time, measuring_runtime};
use shared::run::{Connections, Failure, Stores};
use shared::store::cloud;
use tokio::runtime::{Builder, Handle};

fn main() -> Result<(), Error> {
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
    run(service_fn(|event: LambdaEvent<handler::Event>| async move {
        let remaining = event.context.deadline().duration_since(wall());
        let remaining = remaining.unwrap_or_default();
        // Boxed: it is tens of kilobytes, and moved several times by the runtime.
        Box::pin(handler::handle(event.payload, runner, remaining))
            .await
            .map_err(|failure| diagnostic(&failure))
    }))
    .await
}

/// The state machine retries by this name.
fn diagnostic(failure: &Failure) -> Diagnostic {
    Diagnostic {
        error_type: failure.error_type().to_owned(),
        error_message: failure.message().to_owned(),
    }
}
