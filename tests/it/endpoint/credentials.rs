//! Credentials that are refused or cannot be found: the block is given up and measured anew, and
//! nothing of that counts.

use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_sdk_bedrockruntime::config::SharedCredentialsProvider;
use shared::block::{BlockError, BlockRun, NoObserver, Signals};
use shared::endpoint::placeholder_config;
use shared::record::{Outcome, Phase};
use shared::run::{Connections, Failure, RunError, attempt_records};
use shared::store::RecordStore;
use shared::units::NanoUsd;
use simulator::{Fault, ScriptedFault, When};

use super::local::LocalRun;
use super::{Bench, profile};

const MODEL: &str = "mistral.mistral-7b-instruct-v0:2";

fn config(url: &str) -> String {
    format!(
        "version: 1
endpoints: [{{name: m, kind: bedrock, region: us-east-1, model_id: \"{MODEL}\", endpoint_url: \"{url}\"}}]
datasets: [{{name: mine, prompts: [Why is the sky blue?], max_tokens: 10}}]
load: [{{concurrency: 2}}]
stop: {{requests: 20}}
spend_limit: {{per_run_usd: 1}}
"
    )
}

/// A server that refuses one request as where the caller's token has expired.
fn bench(number: u64) -> Bench {
    let fault = Fault::Status {
        status: 403,
        code: "ExpiredTokenException".to_owned(),
        message: "The security token included in the request is expired".to_owned(),
    };
    let model = profile(MODEL, Duration::ZERO, 10.0);
    let script = vec![ScriptedFault { model_id: None, when: When::Numbers(vec![number]), fault }];
    Bench::serving(vec![model], script)
}

async fn given_up(run: &LocalRun, connections: &Connections) -> RunError {
    let came_to = run.attempt(connections, &Signals::default(), &NoObserver).await;
    let error = came_to.unwrap_err();
    assert!(matches!(error, RunError::Block(BlockError::Credentials(_))), "{error:?}");
    error
}

#[tokio::test]
async fn a_block_whose_credentials_expire_is_given_up_and_measured_anew() {
    // After two warm-ups and eight requests.
    let bench = bench(11);
    let run = LocalRun::plan(&config(&bench.simulator.url())).await;
    let connections = Connections::new(placeholder_config()).unwrap();
    let store = &run.stores.records;
    let spend = async || store.spend(&run.plan_of().run_id).await.unwrap();

    let error = given_up(&run, &connections).await;
    let message = error.to_string();
    assert!(message.contains("ExpiredTokenException: The security token"), "{message}");
    assert!(matches!(Failure::from(error), Failure::Retryable(_)));
    // No receipt, nothing reserved, and what was answered is paid for.
    let state = run.state().await;
    assert_eq!((state.attempt, state.receipt, state.reservation), (1, None, None));
    let after = spend().await;
    assert!(after.reserved == NanoUsd::ZERO && after.spent > NanoUsd::ZERO, "{after:?}");

    let measured = run.measure(&connections).await;
    assert_eq!(measured.receipt.attempt, 2);
    assert!(measured.records.iter().all(|record| record.outcome == Outcome::Completed));
    assert_eq!(measured.of(Phase::Measured).count(), 20);

    // Everything that was ever sent is a record, and the sums are those of both attempts.
    let state = run.state().await;
    let tariff = run.plan_of().tariff(&run.plan_of().experiments[0]).unwrap();
    let (mut sent, mut refused, mut charged) = (0, 0, NanoUsd::ZERO);
    for attempt in 1..=2 {
        for record in attempt_records(&state, attempt, store).await.unwrap() {
            sent += 1;
            refused += u32::from(record.outcome.error_class() == Some("credentials"));
            charged = charged.saturating_add(tariff.charge_of(&record).amount());
        }
    }
    assert_eq!((spend().await.spent, spend().await.reserved), (charged, NanoUsd::ZERO));
    assert_eq!((sent, refused), (bench.ended().len(), 1));
}

#[tokio::test]
async fn without_credentials_nothing_is_sent_or_charged() {
    let bench = bench(1_000);
    let run = LocalRun::plan(&config(&bench.simulator.url())).await;
    let nobody = ProfileFileCredentialsProvider::builder().profile_name("nobody").build();
    let provider = SharedCredentialsProvider::new(nobody);
    let aws = placeholder_config().to_builder().credentials_provider(provider).build();
    let connections = Connections::new(aws).unwrap();
    let error = given_up(&run, &connections).await;
    assert!(error.to_string().contains("credentials"), "{error}");
    let spend = run.stores.records.spend(&run.plan_of().run_id).await.unwrap();
    assert_eq!((spend.reserved, spend.spent), (NanoUsd::ZERO, NanoUsd::ZERO));

    let connections = connections.with_aws(placeholder_config());
    let again = run.attempt(&connections, &Signals::default(), &NoObserver).await.unwrap();
    assert!(matches!(again, BlockRun::Measured(receipt) if receipt.attempt == 2));
    // Twenty, and the warm-up.
    assert_eq!(bench.ended().len(), 22);
}
