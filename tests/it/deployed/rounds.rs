//! Three rounds, with waits between them: many blocks in a lane, and an endpoint that fails
//! altogether.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use shared::plan::Plan;
use shared::record::Record;
use shared::run::Conclusion;
use shared::store::{RunStatus, keys};
use shared::units::NanoUsd;
use simulator::{Fault, Outcome, OutputTokens, Profile, ScriptedFault, Simulator, When};

use super::stack::Stack;
use super::taken::{Taken, request_ids};
use super::{by_request_id, run_id};
use crate::binaries;

const RUN: &str = "rounds-1";
const ROUNDS: u32 = 3;

/// The most events that a history may hold, less a margin: AWS ends an execution at 25,000.
const EVENTS_MAX: u64 = 20_000;

/// The most rounds of a run.
const ROUNDS_MAX: u64 = 500;

/// Answers in a few milliseconds, in five tokens.
fn profile(model_id: &str) -> Profile {
    Profile {
        base: Duration::from_millis(4),
        prefill_per_token: Duration::ZERO,
        decode_per_token: Duration::from_millis(1),
        output_tokens: OutputTokens::fixed(5.0),
        ..Profile::find(model_id).unwrap()
    }
}

const MISTRAL: &str = "mistral.mistral-7b-instruct-v0:2";
const LLAMA: &str = "meta.llama2-13b-chat-v1";

fn config(url: &str) -> String {
    format!(
        r#"version: 1
name: three rounds
endpoints:
  - {{name: works, kind: bedrock, region: us-east-1, model_id: "{MISTRAL}", endpoint_url: "{url}"}}
  - {{name: fails, kind: bedrock, region: us-east-1, model_id: "{LLAMA}", endpoint_url: "{url}", load: [{{concurrency: 4}}]}}
datasets: [{{name: mine, synthetic: {{prompt_tokens: 50, count: 30}}, max_tokens: 10}}]
load: [{{concurrency: [1, 2, 3, 4]}}]
stop: {{requests: 200}}
rounds: {{every: 15s, for: 45s}}
spend_limit: {{per_run_usd: 5}}
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn three_rounds_are_measured_at_their_times() {
    binaries::folder();
    let stack = Stack::up_with(&[]);
    let denied = Fault::Status {
        status: 403,
        code: "AccessDeniedException".to_owned(),
        message: "You don't have access to the model.".to_owned(),
    };
    let script = vec![ScriptedFault {
        model_id: Some(LLAMA.to_owned()),
        when: When::Every(1),
        fault: denied,
    }];
    let simulator = Simulator::spawn_thread(simulator::SimulatorConfig {
        profiles: vec![profile(MISTRAL), profile(LLAMA)],
        script,
        ..Default::default()
    })
    .unwrap();
    let uri = stack.put_config("rounds", &config(&simulator.url())).await;
    let ended = stack.execute("run_state_machine", &json!({"config_uri": uri, "run_id": RUN}));
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let conclusion: Conclusion = serde_json::from_value(ended.output.clone()).unwrap();
    assert_eq!((conclusion.status, conclusion.unfinished_blocks), (RunStatus::Complete, 0));

    let taken = Taken::from(&stack.stores(), &run_id(RUN)).await;
    let blocks = |endpoint: &str| {
        let of = |block: &&shared::store::BlockState| {
            block.key.experiment.as_str().starts_with(endpoint)
        };
        taken.blocks.iter().filter(of).count()
    };
    assert_eq!((blocks("works~"), blocks("fails~")), (3 * 20, 3 * 5));
    rounds_begin_at_their_times(&taken.counted);
    every_request_is_recorded_once(simulator.truth(), &taken);
    spending_is_prices_times_tokens(&taken, &conclusion);

    let summary = taken.summary().summary;
    let fails = summary.experiments.iter().find(|e| e.endpoint.as_str() == "fails").unwrap();
    assert_eq!((fails.requests.completed, fails.requests.failed), (0, 600));
    assert!(fails.e2e.is_none(), "what failed is in no latency");
    let latest = stack.file(keys::LATEST).await;
    assert_eq!(serde_json::from_slice::<Conclusion>(&latest).unwrap(), conclusion);

    // The history of the run itself: what is not of a round, and what each round adds. A Distributed
    // Map has 6 on AWS, where the emulator may write fewer.
    let events = stack.events(&ended.execution);
    println!("{} events in {ROUNDS} rounds: {events:?}", events.len());
    let tasks = events.iter().filter(|kind| *kind == "TaskStateEntered").count();
    assert_eq!(tasks, 1 + 2 * 2 + 1, "plan, two reports, two next rounds, finish");
    let all_rounds = u64::try_from(events.len()).unwrap().div_ceil(u64::from(ROUNDS)) * ROUNDS_MAX;
    // Each task may be repeated: a report once, the next round three times, three events for each.
    let retries = (1 + 3) * 3 * ROUNDS_MAX;
    let map_run = 6 * ROUNDS_MAX;
    let most = all_rounds + retries + map_run;
    println!("at most {most} events in {ROUNDS_MAX} rounds");
    assert!(most < EVENTS_MAX, "{most}");
}

fn rounds_begin_at_their_times(records: &[Record]) {
    let first = |round| {
        let of_round = records.iter().filter(|record| record.round == round);
        of_round.map(|record| record.sent_at_unix_ns).min().expect("a record of each round")
    };
    let begins = [1, 2, 3].map(first);
    for (round, begin) in (2..).zip(&begins[1..]) {
        let after = Duration::from_nanos(begin - begins[0]);
        let due = Duration::from_secs(15) * (round - 1);
        // The first is late by what planning it took, so that later ones seem early by as much.
        let late = after.as_secs_f64() - due.as_secs_f64();
        assert!((-5.0..8.0).contains(&late), "round {round} began {late} s after its time");
    }
}

fn every_request_is_recorded_once(truth: Vec<simulator::Truth>, taken: &Taken) {
    assert!(taken.uncounted.is_empty());
    let truth = by_request_id(truth);
    let recorded = request_ids(&taken.counted);
    assert_eq!(recorded.iter().collect::<BTreeSet<_>>(), truth.keys().collect::<BTreeSet<_>>());
    for record in &taken.counted {
        let truth = &truth[record.served.request_id.as_ref().unwrap()];
        let completed = record.outcome == shared::record::Outcome::Completed;
        assert_eq!(completed, truth.outcome == Outcome::Ok, "{record:?}");
    }
}

/// What failed was refused before it cost anything.
fn spending_is_prices_times_tokens(taken: &Taken, conclusion: &Conclusion) {
    let plan: Plan = serde_json::from_slice(&taken.plan).unwrap();
    let price = plan.endpoints[0].price.as_ref().unwrap();
    let costs = taken.counted.iter().filter_map(|record| {
        let (input, output) = record.usage.input_tokens.zip(record.usage.output_tokens)?;
        Some(price.of_tokens(input.into(), output.into()).0)
    });
    let expected = NanoUsd(costs.sum());
    assert_eq!(taken.summary().summary.counted.spent_nano_usd, expected);
    assert_eq!(json!(conclusion.cost_usd), json!(expected.as_usd()));
}
