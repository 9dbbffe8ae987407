//! Errors in the words of each API.

use serde_json::{Value, json};

use super::openai::{CHAT, chat};
use super::{config, start, start_with};
use crate::testing::post;
use crate::{Fault, Limit, Outcome, Simulator, SimulatorConfig};

const INVOKE: &str = "/model/plain/invoke";
const INVOKE_STREAM: &str = "/model/plain/invoke-with-response-stream";

#[tokio::test(start_paused = true)]
async fn bedrock_refuses_what_its_models_need() {
    let simulator = start().await;
    let check = async |path: &str, request: Value, part: &str| {
        let reply = post(simulator.connect(), path, request.to_string()).await.unwrap();
        assert_eq!(reply.status, 400, "{request}");
        assert!(reply.header("x-amzn-errortype").starts_with("ValidationException:"));
        let message = reply.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(part), "{message}");
        assert_eq!(simulator.truth().pop().unwrap().outcome, Outcome::Refused);
    };
    let messages = json!([{"role": "user", "content": "a"}]);
    let claude = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/invoke";
    check(claude, json!({"messages": messages, "max_tokens": 1}), "[anthropic_version]").await;
    let version = "bedrock-2023-05-31";
    check(claude, json!({"messages": messages, "anthropic_version": version}), "[max_tokens]")
        .await;
    check(claude, json!({"anthropic_version": version, "max_tokens": 1}), "[messages]").await;
    let claude = "/model/anthropic.claude-v2/invoke";
    check(claude, json!({"prompt": "a"}), "[max_tokens_to_sample]").await;
    check(INVOKE_STREAM, json!({"prompt": "a", "k": 1}), "[stream]").await;
    check(INVOKE, json!({"prompt": "a", "max_gen_len": 0}), "#/max_gen_len: 0").await;
    check(INVOKE, json!({"text": "a"}), "no known required key").await;
}

#[tokio::test(start_paused = true)]
async fn sagemaker_has_its_own_words() {
    let simulator = start().await;
    let post = async |simulator: &Simulator, endpoint: &str, body: &str| {
        let path = format!("/endpoints/{endpoint}/invocations");
        post(simulator.connect(), &path, body.to_owned()).await.unwrap()
    };
    let reply = post(&simulator, "nowhere", "{}").await;
    assert!(reply.header("x-amzn-errortype").starts_with("ValidationError:"));
    let message = "Endpoint nowhere of account 000000000000 not found.";
    assert_eq!((reply.status, reply.json()), (400, json!({ "Message": message })));
    assert_eq!(simulator.truth()[0].model_id.as_deref(), Some("nowhere"));

    let reply = post(&simulator, "tgi", "{}").await;
    assert!(reply.header("x-amzn-errortype").starts_with("ModelError:"));
    assert_eq!((reply.status, &reply.json()["OriginalStatusCode"]), (424, &json!(400)));

    let valid = json!({"inputs": "a"}).to_string();
    let check = async |status: u16, code: &str, expected: &str| {
        let (code, message) = (code.to_owned(), "It broke.".to_owned());
        let simulator = start_with(Fault::Status { status, code, message }).await;
        let reply = post(&simulator, "tgi", &valid).await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.header("x-amzn-errortype").split(':').next(), Some(expected));
        assert_eq!(reply.json()["Message"], "It broke.");
        let truth = simulator.truth().pop().unwrap();
        assert_eq!((truth.outcome, truth.status), (Outcome::Status, Some(status)));
    };
    check(424, "ModelError", "ModelError").await;
    check(503, "ServiceUnavailableException", "ServiceUnavailable").await;
    check(429, "ModelNotReadyException", "ModelNotReadyException").await;
    check(429, "ThrottlingException", "ThrottlingException").await;
    check(500, "InternalServerException", "InternalFailure").await;
}

#[tokio::test(start_paused = true)]
async fn whole_only_containers_do_not_stream() {
    let simulator = start().await;
    let requests = [
        ("jumpstart_llama2", json!({"inputs": [[{"role": "user", "content": "a"}]]}).to_string()),
        ("text_classification", "a".to_owned()),
        ("embedding", json!({"text_inputs": "a"}).to_string()),
    ];
    for (endpoint, body) in requests {
        let path = format!("/endpoints/{endpoint}/invocations-response-stream");
        let reply = post(simulator.connect(), &path, body).await.unwrap();
        assert_eq!(reply.status, 424);
        let message = reply.json()["Message"].to_string();
        assert!(message.contains("does not stream"), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn openai_has_its_own_form() {
    let check =
        async |simulator: &Simulator, request: Value, status: u16, kind: &str, code: &str| {
            let reply = post(simulator.connect(), CHAT, request.to_string()).await.unwrap();
            assert_eq!((reply.status, reply.header("content-type")), (status, "application/json"));
            assert_eq!(reply.header("x-request-id"), reply.header("x-amzn-requestid"));
            let body = reply.json();
            let error = &body["error"];
            assert!(error["message"].is_string());
            assert_eq!((&error["type"], &error["code"]), (&json!(kind), &json!(code)));
            assert_eq!(reply.headers.contains_key("retry-after"), status == 429);
            assert_eq!(simulator.truth().pop().unwrap().status, Some(status));
        };
    let simulator = start().await;
    let invalid = "invalid_request_error";
    let mut request = chat(true);
    request["model"] = json!("unknown");
    check(&simulator, request, 404, invalid, "model_not_found").await;
    check(&simulator, json!({"messages": []}), 400, invalid, "invalid_request").await;
    check(&simulator, json!({"model": "plain"}), 400, invalid, "invalid_request").await;
    let fault = |status, code: &str| {
        start_with(Fault::Status { status, code: code.into(), message: "It broke.".into() })
    };
    let simulator = fault(429, "ThrottlingException").await;
    check(&simulator, chat(true), 429, "rate_limit_error", "rate_limit_exceeded").await;
    let simulator = fault(503, "ServiceUnavailableException").await;
    check(&simulator, chat(false), 503, "server_error", "service_unavailable").await;
    let limits = vec![Limit { requests_per_minute: Some(1), ..Limit::default() }];
    let simulator = Simulator::start(SimulatorConfig { limits, ..config() }).await.unwrap();
    post(simulator.connect(), CHAT, chat(false).to_string()).await.unwrap();
    check(&simulator, chat(true), 429, "rate_limit_error", "rate_limit_exceeded").await;
}
