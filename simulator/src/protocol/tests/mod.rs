//! Every API over the wire, whole and streamed.
//!
//! The model says ten words, the first after 100 ms and one more for each token of the prompt, the
//! others 10 ms apart.

mod built_in;
mod errors;
mod faults;
mod invoke;
mod openai;
mod reasoning;
mod sagemaker;

use std::time::{Duration, UNIX_EPOCH};

use crate::testing::plain_profile;
use crate::{Container, ContainerFormat, Fault, ScriptedFault, Simulator, SimulatorConfig, When};

/// When the simulator started, by the wall clock.
const STARTED: u64 = 1_700_000_000;

/// The model `plain`, behind endpoints that are named for their formats, too.
fn config() -> SimulatorConfig {
    let container = |format: ContainerFormat| Container {
        endpoint_name: format.name().to_owned(),
        format,
        model_id: "plain".to_owned(),
    };
    SimulatorConfig {
        profiles: vec![plain_profile()],
        containers: ContainerFormat::ALL.map(container).into(),
        wall_start: Some(UNIX_EPOCH + Duration::from_secs(STARTED)),
        ..Default::default()
    }
}

async fn start() -> Simulator {
    Simulator::start(config()).await.unwrap()
}

async fn start_with(fault: Fault) -> Simulator {
    let script = vec![ScriptedFault { model_id: None, when: When::Every(1), fault }];
    Simulator::start(SimulatorConfig { script, ..config() }).await.unwrap()
}

/// A text in its tokens.
fn split(text: &str) -> Vec<String> {
    let mut tokens: Vec<_> = text.split(' ').map(|word| format!(" {word}")).collect();
    tokens[0].remove(0);
    tokens
}

/// When the tokens of an answer are due, in milliseconds.
fn due(input_tokens: u64, tokens: u64) -> Vec<u128> {
    (0..tokens).map(|token| u128::from(100 + input_tokens + 10 * token)).collect()
}
