//! The library's client of Bedrock against servers that are not its own: the simulator, with its
//! known truth, and small servers that break the protocol on purpose.
//!
//! | module | what it shows |
//! | --- | --- |
//! | `refused`, `broken`, `deadlines` | each way to fail is an outcome of its own, sent once |
//! | `answered` | a good answer is observed as it was given |
//! | `whole` | the same and the failures where the answer arrives whole |
//! | `asked` | what is asked for beside the prompt: system, latency mode, service tier |
//! | `fault_matrix` | every fault, alone and mixed, against a whole block and the truth |
//! | `blocks` | a whole block against the truth log |
//! | `windows` | the barrier after the warm-up, and the window that a receipt tells |
//! | `credentials` | credentials that expire: the block is given up and measured anew |
//! | `endings` | a block that ends before its time: superseded, stopping, cut |
//! | `tls` | N slots make N connections, all HTTP/1.1, where h2 is offered |
//! | `judged` | what is sent to Bedrock and SageMaker is held against botocore's service models |
//! | `held` | a request that is ready waits for its start |
//! | `retries` | requests that are sent again: each try is a record of its own |
//! | `published` | the configuration that repeats a published benchmark says what that says |
//! | `served` | every format of bodies, from Bedrock, SageMaker and a server, against the truth |
//! | `boto3` | a client that is not ours agrees with the simulator |

mod answered;
mod asked;
mod blocks;
mod boto3;
mod broken;
mod credentials;
mod deadlines;
mod endings;
mod fault_matrix;
mod held;
mod judged;
mod local;
mod published;
mod refused;
mod retries;
mod served;
mod server;
mod tls;
mod ways;
mod whole;
mod windows;

use std::path::PathBuf;
use std::time::Duration;

use shared::digest::sha256;
use shared::endpoint::bedrock::BedrockEndpoint;
use shared::endpoint::{self, Endpoint, Request, placeholder_config};
use shared::plan::{Api, Container, Deadlines, EndpointKind, EndpointSpec, Server};
use shared::price::{Price, TokenPrice};
use shared::record::{Observation, Outcome};
use shared::units::NanoUsd;
use simulator::{
    Fault, InputTokens, OutputTokens, Profile, ScriptedFault, Simulator, SimulatorConfig,
    SimulatorThread, Truth, When,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The model of these tests: ten tokens within 25 ms.
const QUICK: &str = "quick";

/// The model that answers for five seconds.
const SLOW: &str = "slow";

/// Longer than any test takes: the deadline that a test is not about.
const NEVER: Duration = Duration::from_mins(2);

fn profile(model_id: &str, decode: Duration, tokens: f64) -> Profile {
    Profile {
        model_id: model_id.to_owned(),
        base: Duration::from_millis(5),
        prefill_per_token: Duration::ZERO,
        decode_per_token: decode,
        input_tokens: InputTokens::default(),
        output_tokens: OutputTokens::fixed(tokens),
        reasoning_tokens: 0,
        noise_cv: 0.0,
        day_swing: None,
        slots: 64,
        input_per_1k_usd: 0.001,
        output_per_1k_usd: 0.002,
        source: "a test".to_owned(),
    }
}

/// A simulator on a thread of its own that keeps its truth in a file.
struct Bench {
    simulator: SimulatorThread,
    folder: TempDir,
}

impl Bench {
    /// The models [`QUICK`] and [`SLOW`]; a prompt that contains a fault's word meets it.
    fn new(faults: &[(&str, Fault)]) -> Self {
        let profiles = vec![
            profile(QUICK, Duration::from_millis(2), 10.0),
            profile(SLOW, Duration::from_millis(50), 100.0),
        ];
        let script = faults.iter().map(|(word, fault)| ScriptedFault {
            model_id: None,
            when: When::Containing((*word).to_owned()),
            fault: fault.clone(),
        });
        Self::serving(profiles, script.collect())
    }

    fn serving(profiles: Vec<Profile>, script: Vec<ScriptedFault>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let truth_log = Some(folder.path().join("truth.jsonl"));
        let config = SimulatorConfig { profiles, script, truth_log, ..SimulatorConfig::default() };
        Self { simulator: Simulator::spawn_thread(config).unwrap(), folder }
    }

    fn slot(&self, deadlines: Deadlines) -> BedrockEndpoint {
        slot(&self.simulator.url(), QUICK, deadlines)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("truth.jsonl")
    }

    /// Stops the simulator: the truth about every request that ever arrived whole.
    fn ended(self) -> Vec<Truth> {
        let log = self.log();
        self.simulator.shutdown().unwrap();
        truths(&std::fs::read_to_string(log).unwrap())
    }

    /// The same, where there was exactly one: nothing was sent again.
    #[track_caller]
    fn the_only(self) -> Truth {
        let [truth] = <[Truth; 1]>::try_from(self.ended()).expect("one request and no retry");
        truth
    }
}

fn truths(log: &str) -> Vec<Truth> {
    log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Deadlines that no test reaches.
fn patient() -> Deadlines {
    Deadlines { connect: NEVER, first_token: NEVER, stall: NEVER, request: NEVER }
}

/// A slot of its own to a model at an address.
fn slot(url: &str, model_id: &str, deadlines: Deadlines) -> BedrockEndpoint {
    slot_of(&spec(url, model_id), deadlines)
}

fn slot_of(spec: &EndpointSpec, deadlines: Deadlines) -> BedrockEndpoint {
    BedrockEndpoint::new(spec, deadlines, &placeholder_config(), endpoint::tls().unwrap())
}

fn spec(url: &str, model_id: &str) -> EndpointSpec {
    let price = TokenPrice {
        input_per_1k_nano_usd: NanoUsd(1_000_000),
        output_per_1k_nano_usd: NanoUsd(2_000_000),
        source: "a test".to_owned(),
    };
    EndpointSpec {
        name: "tested".parse().unwrap(),
        kind: EndpointKind::Bedrock,
        region: "us-east-1".to_owned(),
        model_id: model_id.to_owned(),
        endpoint_url: Some(url.to_owned()),
        api: Api::default(),
        payload: None,
        container: Container::default(),
        provision: None,
        server: Server::default(),
        latency_mode: None,
        service_tier: None,
        price: Some(Price::Tokens(price)),
    }
}

fn request(text: &str) -> Request {
    Request {
        system: None,
        text: text.to_owned(),
        estimated_tokens: 1,
        max_tokens: 100,
        temperature: Some(0.1),
        top_p: None,
        start: None,
    }
}

/// Asks and waits for the end.
async fn ask(slot: &BedrockEndpoint, text: &str) -> Observation {
    slot.invoke(&request(text), &CancellationToken::new()).await
}

/// What an observation is counted as: the name of its outcome and of its class.
fn counted_as(outcome: Outcome) -> (&'static str, Option<&'static str>) {
    (outcome.name(), outcome.error_class())
}

/// Fails unless the offsets come in the order in which things happen.
#[track_caller]
fn assert_in_order(observation: &Observation) {
    let timeline = &observation.timeline;
    let seen = [
        timeline.headers,
        timeline.first_event,
        timeline.first_content,
        timeline.first_text,
        timeline.last_content,
        Some(timeline.end),
    ];
    let seen: Vec<Duration> = seen.into_iter().flatten().collect();
    assert!(seen.is_sorted(), "{timeline:?}");
}
