//! What a simulator serves that is told nothing.

use serde_json::{Value, json};

use crate::testing::post;
use crate::{Container, ContainerFormat, Outcome, Simulator, SimulatorConfig};

async fn check(simulator: &Simulator, path: &str, request: String) {
    let reply = post(simulator.connect(), path, request).await.unwrap();
    assert_eq!(reply.status, 200, "{path}: {:?}", reply.body);
    let truth = simulator.truth().pop().unwrap();
    assert_eq!((truth.outcome, truth.output_tokens > 0), (Outcome::Ok, true), "{path}");
}

#[tokio::test(start_paused = true)]
async fn every_family_has_a_model() {
    let simulator = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let messages = json!([{"role": "user", "content": "a"}]);
    let blocks = json!([{"role": "user", "content": [{"text": "a"}]}]);
    let claude = json!({
        "anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": messages
    });
    let models: [(&str, Value); 8] = [
        ("amazon.titan-text-lite-v1", json!({"inputText": "a"})),
        ("amazon.nova-micro-v1%3A0", json!({ "messages": blocks })),
        ("anthropic.claude-3-haiku-20240307-v1%3A0", claude.clone()),
        ("us.anthropic.claude-haiku-4-5-20251001-v1%3A0", claude),
        ("cohere.command-text-v14", json!({"prompt": "a", "stream": true})),
        ("meta.llama3-8b-instruct-v1%3A0", json!({"prompt": "a"})),
        ("mistral.mistral-7b-instruct-v0%3A2", json!({"prompt": "a"})),
        ("openai.gpt-oss-120b-1%3A0", json!({ "messages": messages })),
    ];
    for (model, request) in models {
        for operation in ["invoke", "invoke-with-response-stream"] {
            check(&simulator, &format!("/model/{model}/{operation}"), request.to_string()).await;
        }
    }
    let request = json!({"prompt": "a"}).to_string();
    check(&simulator, "/model/ai21.j2-mid-v1/invoke", request).await;
    let request = json!({"model": "openai.gpt-oss-120b-1:0", "messages": messages});
    check(&simulator, "/v1/chat/completions", request.to_string()).await;
}

#[tokio::test(start_paused = true)]
async fn every_format_has_an_endpoint() {
    let simulator = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let messages = json!([{"role": "user", "content": "a"}]);
    for Container { endpoint_name, format, .. } in Container::built_in() {
        let (request, streams) = match format {
            ContainerFormat::Tgi | ContainerFormat::Djl | ContainerFormat::DjlSse => {
                (json!({"inputs": "a"}).to_string(), true)
            }
            ContainerFormat::OpenAiChat => (json!({ "messages": messages }).to_string(), true),
            ContainerFormat::JumpstartLlama2 => {
                (json!({ "inputs": [messages] }).to_string(), false)
            }
            ContainerFormat::TextClassification => ("a".to_owned(), false),
            ContainerFormat::Embedding => (json!({"text_inputs": "a"}).to_string(), false),
        };
        let path = format!("/endpoints/{endpoint_name}/invocations");
        check(&simulator, &path, request.clone()).await;
        if streams {
            check(&simulator, &format!("{path}-response-stream"), request).await;
        }
    }
}
