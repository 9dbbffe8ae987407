//! Lambda function: records become a report.

mod handler;

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use shared::run::{Failure, Stores};
use shared::store::cloud;

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
    let stack = &std::env::var("FMGAUGE_STACK").unwrap_or_default();
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
