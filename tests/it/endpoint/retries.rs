//! Requests that are sent again, against the simulator's truth: each try is a record of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::endpoint::placeholder_config;
use shared::record::{ErrorClass, Outcome, Phase, Record};
use shared::run::Connections;
use shared::store::BlockEnd;
use simulator::{Fault, Profile, ScriptedFault, When};

use super::Bench;
use super::local::LocalRun;

const MODEL: &str = "mistral.mistral-7b-instruct-v0:2";

/// Tries of the sixth request, by the number of the request on the wire: two of warm-up come first.
const THROTTLED: [u64; 2] = [8, 9];

fn config(url: &str) -> String {
    format!(
        r#"
version: 1
endpoints:
  - {{name: mistral, kind: bedrock, region: us-east-1, model_id: "{MODEL}", endpoint_url: "{url}"}}
datasets: [{{name: d, prompts: [Why is the sky blue?], max_tokens: 5}}]
load: [{{concurrency: 1}}]
warmup: {{requests_per_slot: 2}}
stop: {{requests: 10}}
replicates: 1
retries: {{most: 2, backoff: 40ms}}
"#
    )
}

fn fault(numbers: &[u64], status: u16, code: &str) -> ScriptedFault {
    let (code, message) = (code.to_owned(), "as scripted".to_owned());
    let fault = Fault::Status { status, code, message };
    ScriptedFault { model_id: None, when: When::Numbers(numbers.to_vec()), fault }
}

#[tokio::test]
async fn each_try_is_a_record_and_a_request_of_its_own() {
    // The sixth request succeeds with its third try. The eighth never: 14 = 2 + 5 + 3 + 1 + 3.
    let script = vec![
        fault(&THROTTLED, 429, "ThrottlingException"),
        fault(&[12, 13, 14], 500, "InternalServerException"),
        fault(&[15], 400, "ValidationException"),
    ];
    let profile = Profile { base: Duration::from_millis(2), ..Profile::find(MODEL).unwrap() };
    let bench = Bench::serving(vec![profile], script);
    let run = LocalRun::plan(&config(&bench.simulator.url())).await;
    let measured = run.measure(&Connections::new(placeholder_config()).unwrap()).await;
    let truth = bench.ended();

    assert_eq!(measured.receipt.ended, BlockEnd::Requests);
    assert_eq!(truth.len(), measured.records.len(), "every try on the wire has its record");
    let ids: BTreeMap<_, _> = truth.iter().map(|t| (t.request_id.as_str(), t.status)).collect();
    for record in &measured.records {
        let id = record.served.request_id.as_deref().unwrap();
        assert_eq!(ids[id], record.served.status);
    }

    let mut tries: BTreeMap<u32, Vec<&Record>> = BTreeMap::new();
    for record in measured.of(Phase::Measured) {
        tries.entry(record.sequence).or_default().push(record);
    }
    let outcomes = |sequence: u32| -> Vec<(u32, Outcome)> {
        tries[&sequence].iter().map(|r| (r.timeline.retry, r.outcome)).collect()
    };
    let (throttled, server) = (Outcome::Throttled, Outcome::Failed(ErrorClass::Server));
    assert_eq!(tries.len(), 10);
    assert_eq!(outcomes(6), [(0, throttled), (1, throttled), (2, Outcome::Completed)]);
    assert_eq!(outcomes(8), [(0, server), (1, server), (2, server)]);
    assert_eq!(outcomes(9), [(0, Outcome::Failed(ErrorClass::Validation))], "not retried");
    assert_eq!(outcomes(10), [(0, Outcome::Completed)]);

    // The waits are at least half of 40 ms, and half of 80 ms.
    let [first, second, third] = tries[&6][..] else { panic!("three tries") };
    let waited = |record: &Record| record.timeline.since_first_send;
    assert_eq!(waited(first), Duration::ZERO);
    assert!(waited(second) >= Duration::from_millis(20), "{:?}", waited(second));
    assert!(waited(third) >= waited(second) + Duration::from_millis(40), "{:?}", waited(third));
}
