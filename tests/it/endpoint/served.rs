//! Every format, asked of the simulator by the client: the observation agrees with the truth.

use std::sync::Arc;
use std::time::Duration;

use shared::endpoint::{
    BedrockEndpoint, Dial, OpenAiEndpoint, SageMakerEndpoint, Slot, placeholder_config,
};
use shared::payload::Payload;
use shared::plan::{Api, EndpointKind, EndpointSpec, KeySource};
use shared::record::{ErrorClass, Observation, Outcome, UsageSource};
use simulator::{Container, ContainerFormat, Profile, Simulator, SimulatorConfig, Truth};
use tokio_util::sync::CancellationToken;

use super::{patient, profile, request, spec};

const TOKENS: u32 = 10;

/// The models of the seeds and today's, each with its family's format.
const MODELS: [(&str, Payload); 22] = [
    ("ai21.j2-mid-v1", Payload::Ai21J2),
    ("ai21.j2-ultra-v1", Payload::Ai21J2),
    ("amazon.nova-lite-v1:0", Payload::Nova),
    ("amazon.titan-text-express-v1", Payload::Titan),
    ("amazon.titan-text-lite-v1", Payload::Titan),
    ("anthropic.claude-3-haiku-20240307-v1:0", Payload::Anthropic),
    ("anthropic.claude-3-sonnet-20240229-v1:0", Payload::Anthropic),
    ("anthropic.claude-instant-v1", Payload::AnthropicText),
    ("anthropic.claude-v2:1", Payload::AnthropicText),
    ("cohere.command-light-text-v14", Payload::Cohere),
    ("cohere.command-r-plus-v1:0", Payload::CohereR),
    ("cohere.command-text-v14", Payload::Cohere),
    ("deepseek.v3.2", Payload::OpenaiChat),
    ("meta.llama2-13b-chat-v1", Payload::Llama2),
    ("meta.llama2-70b-chat-v1", Payload::Llama2),
    ("meta.llama3-70b-instruct-v1:0", Payload::Llama3),
    ("meta.llama3-8b-instruct-v1:0", Payload::Llama3),
    ("mistral.mistral-7b-instruct-v0:2", Payload::Mistral),
    ("mistral.mistral-large-3-675b-instruct", Payload::OpenaiChat),
    ("mistral.mixtral-8x7b-instruct-v0:1", Payload::Mistral),
    ("openai.gpt-oss-20b-1:0", Payload::OpenaiChat),
    ("qwen.qwen3-32b-v1:0", Payload::OpenaiChat),
];

/// A simulator in memory that serves one model, by whatever name.
async fn serve(model_id: &str, with: impl FnOnce(&mut SimulatorConfig)) -> Arc<Simulator> {
    let model = profile(model_id, Duration::from_millis(2), f64::from(TOKENS));
    let mut config =
        SimulatorConfig { profiles: vec![model], containers: Vec::new(), ..Default::default() };
    with(&mut config);
    Arc::new(Simulator::start(config).await.unwrap())
}

fn dial(simulator: &Arc<Simulator>) -> Dial {
    let simulator = Arc::clone(simulator);
    Dial::Memory(Arc::new(move || simulator.dial()))
}

async fn ask(slot: Box<dyn Slot>, simulator: &Simulator) -> (Observation, Truth) {
    let seen = slot.invoke(&request("Why is the sky blue?"), &CancellationToken::new()).await;
    drop(slot);
    tokio::time::sleep(Duration::from_millis(1)).await;
    (seen, simulator.truth().pop().expect("a request"))
}

/// What must hold of any completed answer.
fn agree(what: &str, streamed: bool, (seen, truth): &(Observation, Truth)) {
    assert_eq!(seen.outcome, Outcome::Completed, "{what}: {seen:?}");
    assert_eq!(seen.served.request_id.as_deref(), Some(&*truth.request_id), "{what}");
    assert!(seen.served.simulated && seen.served.stop_reason.is_some(), "{what}: {seen:?}");
    let timeline = &seen.timeline;
    assert_eq!(timeline.content_events, if streamed { truth.output_tokens } else { 0 }, "{what}");
    let written = |at: Option<u64>| Duration::from_nanos(at.unwrap() - truth.received_ns);
    if streamed {
        // In memory and under a paused clock a stamp is within a timer's millisecond.
        let late = timeline.first_text.unwrap().abs_diff(written(truth.first_token_written_ns));
        assert!(late <= Duration::from_millis(1), "{what}: {late:?}");
        let late = timeline.last_content.unwrap().abs_diff(written(truth.last_token_written_ns));
        assert!(late <= Duration::from_millis(1), "{what}: {late:?}");
    }
    let late = timeline.end.abs_diff(written(Some(truth.ended_ns)));
    assert!(late <= Duration::from_millis(1), "{what}: {late:?}");
}

fn counted(what: &str, (seen, truth): &(Observation, Truth)) {
    let usage = &seen.usage;
    let tokens = (usage.input_tokens, usage.output_tokens);
    let expected = (Some(truth.input_tokens), Some(truth.output_tokens));
    assert_eq!(tokens, expected, "{what}: {usage:?}");
}

#[tokio::test(start_paused = true)]
async fn every_family_of_bedrock_is_read_in_its_own_bodies() {
    for (model_id, payload) in MODELS {
        assert_eq!(Payload::of_model(model_id), Some(payload), "{model_id}");
        for api in [Api::InvokeStream, Api::Invoke] {
            if api.is_streamed() && !payload.format().streams() {
                continue;
            }
            let simulator = serve(model_id, |_| ()).await;
            let payload = Some(payload);
            let spec = EndpointSpec { api, payload, ..spec("http://simulator.invalid", model_id) };
            let slot =
                BedrockEndpoint::new(&spec, patient(), &placeholder_config(), dial(&simulator));
            let joined = ask(Box::new(slot), &simulator).await;
            let what = format!("{model_id} by {api:?}");
            agree(&what, api.is_streamed(), &joined);
            counted(&what, &joined);
            let served = &joined.0.served;
            assert!(served.server_latency_ms.is_some(), "{what}: {served:?}");
            // Only these streams tell the server's own time to its first byte.
            let first_byte = served.server_first_byte_ms.map(Duration::from_millis);
            assert_eq!(first_byte.is_some(), api.is_streamed(), "{what}");
            if let Some(first_byte) = first_byte {
                let ours = joined.0.timeline.first_text.unwrap();
                assert!(ours.abs_diff(first_byte) <= Duration::from_millis(2), "{what}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_container_of_sagemaker_is_read() {
    use ContainerFormat as Format;
    for (format, payload, reports) in [
        (Format::Tgi, Payload::Tgi, true),
        (Format::Djl, Payload::Djl, true),
        (Format::DjlSse, Payload::Djl, true),
        (Format::OpenAiChat, Payload::OpenaiChat, true),
        (Format::JumpstartLlama2, Payload::JumpstartLlama2, false),
        (Format::TextClassification, Payload::TextClassification, false),
        (Format::Embedding, Payload::Embedding, false),
    ] {
        for api in [Api::InvokeStream, Api::Invoke] {
            if api.is_streamed() && !payload.format().streams() {
                continue;
            }
            let simulator = serve("m", |config| {
                let endpoint_name = "served".to_owned();
                config.containers =
                    vec![Container { endpoint_name, format, model_id: "m".to_owned() }];
            });
            let simulator = simulator.await;
            let spec = EndpointSpec {
                kind: EndpointKind::Sagemaker,
                api,
                payload: Some(payload),
                ..spec("http://simulator.invalid", "served")
            };
            let slot =
                SageMakerEndpoint::new(&spec, patient(), &placeholder_config(), dial(&simulator));
            let joined = ask(Box::new(slot), &simulator).await;
            let what = format!("{format:?} by {api:?}");
            agree(&what, api.is_streamed(), &joined);
            if reports {
                assert_eq!(joined.0.usage.output_tokens, Some(joined.1.output_tokens), "{what}");
            } else {
                assert_eq!(joined.0.usage.source, Some(UsageSource::Estimate), "{what}");
                assert!(joined.0.usage.input_tokens.is_some(), "{what}");
            }
        }
    }
}

/// A slot of a server, with a key where one is given.
fn server(simulator: &Arc<Simulator>, model: &str, api: Api, key: Option<&str>) -> Box<dyn Slot> {
    let completions = matches!(api, Api::CompletionsStream | Api::Completions);
    let payload = if completions { Payload::OpenaiCompletions } else { Payload::OpenaiChat };
    let mut spec = EndpointSpec {
        kind: EndpointKind::Openai,
        api,
        payload: Some(payload),
        ..spec("http://simulator.invalid/v1", model)
    };
    spec.server.api_key = key.map(|_| KeySource::Env("KEY".to_owned()));
    spec.server.headers.insert("x-team".to_owned(), "a".to_owned());
    Box::new(OpenAiEndpoint::new(&spec, patient(), key, dial(simulator)).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_server_is_read_in_all_its_operations() {
    for api in [Api::ChatStream, Api::Chat, Api::CompletionsStream, Api::Completions] {
        let simulator = serve("org/model", |_| ()).await;
        let joined = ask(server(&simulator, "org/model", api, None), &simulator).await;
        agree(&format!("{api:?}"), api.is_streamed(), &joined);
        counted(&format!("{api:?}"), &joined);
    }
}

#[tokio::test(start_paused = true)]
async fn a_servers_key_is_sent_and_told_nowhere() {
    let key = "sk-secret";
    let simulator = serve("m", |config| config.api_key = Some(key.to_owned())).await;
    let slot = server(&simulator, "m", Api::ChatStream, Some(key));
    assert!(!format!("{slot:?}").contains(key));
    agree("with the key", true, &ask(slot, &simulator).await);
    let refused = ask(server(&simulator, "m", Api::ChatStream, None), &simulator).await.0;
    assert_eq!(refused.outcome, Outcome::Failed(ErrorClass::AccessDenied), "{refused:?}");
    assert_eq!(refused.served.status, Some(401));
    let unknown = ask(server(&simulator, "n", Api::ChatStream, Some(key)), &simulator).await.0;
    assert_eq!(unknown.outcome, Outcome::Failed(ErrorClass::NotFound), "{unknown:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_thought_is_told_apart_from_what_is_said() {
    let thinking = async |api: Api| {
        let simulator = serve("m", |config| {
            let model = config.profiles.remove(0);
            config.profiles = vec![Profile { reasoning_tokens: 4, ..model }];
        });
        let simulator = simulator.await;
        ask(server(&simulator, "m", api, None), &simulator).await
    };
    let (seen, truth) = thinking(Api::ChatStream).await;
    assert_eq!((seen.outcome, truth.output_tokens), (Outcome::Completed, TOKENS));
    assert_eq!(seen.usage.reasoning_tokens, Some(4));
    let timeline = seen.timeline;
    let between = timeline.first_text.unwrap().abs_diff(timeline.first_content.unwrap());
    assert_eq!(between.as_millis(), 8, "four tokens were thought, each in 2 ms: {timeline:?}");
    assert_eq!(thinking(Api::Chat).await.0.usage.reasoning_tokens, Some(4));
}
