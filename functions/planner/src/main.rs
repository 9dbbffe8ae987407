//! Lambda function: a configuration becomes a stored plan.

mod handler;
mod schedule;

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use shared::run::{Failure, Stores};
use shared::store::{Deployment, cloud};

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let config = aws_config::load_defaults(cloud::behavior_version()).await;
    let (table, bucket) = (std::env::var("FMGAUGE_TABLE")?, std::env::var("FMGAUGE_BUCKET")?);
    let (records, artifacts) = cloud::connect(&config, &table, &bucket);
    let stores = &Stores { records, artifacts };
    // Without it the run does not tell what its functions cost.
    let memory = std::env::var("FMGAUGE_RUNNER_MEMORY_MB").ok().and_then(|mb| mb.parse().ok());
    let deployment = memory.map(|runner_memory_mb| Deployment { runner_memory_mb });
    let provisions = std::env::var("FMGAUGE_PROVISIONING").is_ok_and(|word| word == "on");
    let stack = &handler::Stack { bucket, deployment, provisions };
    run(service_fn(|event: LambdaEvent<handler::Event>| async move {
        handler::handle(event.payload, stores, stack, jiff::Timestamp::now())
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
