//! SageMaker's endpoints, for each container.

use serde_json::{Value, json};

use super::{STARTED, due, start};
use crate::testing::{Reply, post};
use crate::{Outcome, Simulator, count_tokens};

fn inputs(limit: u32) -> Value {
    json!({"inputs": "one two", "parameters": {"max_new_tokens": limit}, "stream": true})
}

async fn whole(simulator: &Simulator, endpoint: &str, request: String) -> (Reply, Value) {
    let path = format!("/endpoints/{endpoint}/invocations");
    let reply = post(simulator.connect(), &path, request).await.unwrap();
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    assert_eq!(reply.header("x-amzn-invoked-production-variant"), "AllTraffic");
    let truth = simulator.truth().pop().unwrap();
    assert_eq!((truth.outcome, truth.model_id.as_deref()), (Outcome::Ok, Some("plain")));
    let body = reply.json();
    (reply, body)
}

pub(super) async fn stream(simulator: &Simulator, endpoint: &str, request: &Value) -> Reply {
    let path = format!("/endpoints/{endpoint}/invocations-response-stream");
    let reply = post(simulator.connect(), &path, request.to_string()).await.unwrap();
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    assert_eq!(reply.header("content-type"), "application/vnd.amazon.eventstream");
    assert_eq!(reply.headers_at.as_millis(), 0);
    assert_eq!(reply.header("x-amzn-invoked-production-variant"), "AllTraffic");
    reply
}

/// The records of a stream with their times.
fn records(reply: &Reply, prefix: &str, end: &str) -> Vec<(u128, Value)> {
    let record = |text: &str| {
        let text = text.strip_prefix(prefix).unwrap();
        if text == "[DONE]" { json!(text) } else { serde_json::from_str(text).unwrap() }
    };
    reply.records(end).iter().map(|(at, text)| (at.as_millis(), record(text))).collect()
}

/// All of a container's words, at their times.
fn said(records: &[(u128, Value)], place: &str) -> String {
    let texts: Vec<_> = records
        .iter()
        .filter_map(|(at, record)| Some((*at, record.pointer(place)?.as_str()?)))
        .collect();
    assert_eq!(texts.iter().map(|(at, _)| *at).collect::<Vec<_>>(), due(2, 10));
    texts.into_iter().map(|(_, text)| text).collect()
}

#[tokio::test(start_paused = true)]
async fn tgi_has_details_in_the_last_record() {
    let simulator = start().await;
    let mut request = inputs(50);
    request["parameters"]["details"] = json!(true);
    let (_, mut body) = whole(&simulator, "tgi", request.to_string()).await;
    let text = body[0]["generated_text"].take();
    assert_eq!(count_tokens(text.as_str().unwrap()), 10);
    let details = |reason: &str| json!({"finish_reason": reason, "generated_tokens": 10, "input_length": 2, "seed": null});
    assert_eq!(body, json!([{"generated_text": null, "details": details("eos_token")}]));

    for (limit, reason) in [(50, "eos_token"), (9, "length")] {
        let reply = stream(&simulator, "tgi", &inputs(limit)).await;
        assert_eq!(reply.header("x-amzn-sagemaker-content-type"), "text/event-stream");
        let mut records = records(&reply, "data:", "\n\n");
        let mut last = records.pop().unwrap().1;
        assert_eq!((last["details"]["finish_reason"].as_str(), records.len() as u64 + 1), {
            let tokens = if reason == "length" { 9 } else { 11 };
            (Some(reason), tokens)
        });
        if reason == "length" {
            assert_eq!(last["token"]["special"], false);
            assert_eq!(last["details"]["generated_tokens"], 9);
            continue;
        }
        let said = said(&records, "/token/text");
        let expected = |index: usize, record: &Value| {
            let token = &record["token"];
            json!({
                "index": index + 1,
                "token": {
                    "id": token["id"], "text": token["text"], "logprob": -0.5, "special": false
                },
                "generated_text": null,
                "details": null,
            })
        };
        for (index, (_, record)) in records.iter().enumerate() {
            assert_eq!(*record, expected(index, record));
        }
        assert_eq!(last["generated_text"].take(), said);
        let token = json!({"id": 2, "text": "</s>", "logprob": 0.0, "special": true});
        let details = details(reason);
        assert_eq!(
            last,
            json!({"index": 11, "token": token, "generated_text": null, "details": details})
        );
    }
}

#[tokio::test(start_paused = true)]
async fn djl_has_details_with_the_last_token() {
    let simulator = start().await;
    let (_, body) = whole(&simulator, "djl", inputs(50).to_string()).await;
    assert_eq!(count_tokens(body["generated_text"].as_str().unwrap()), 10);
    assert_eq!(body.as_object().unwrap().len(), 1);

    let spellings = [
        ("djl", "application/jsonlines", "", "\n"),
        ("djl_sse", "text/event-stream", "data: ", "\n\n"),
    ];
    for (endpoint, content_type, prefix, end) in spellings {
        let reply = stream(&simulator, endpoint, &inputs(50)).await;
        assert_eq!(reply.header("x-amzn-sagemaker-content-type"), content_type);
        let records = records(&reply, prefix, end);
        let said = said(&records, "/token/text");
        for (index, (_, record)) in records.iter().enumerate() {
            let token = &record["token"];
            let mut expected = json!({
                "token": {"id": token["id"], "text": token["text"], "log_prob": -0.5}
            });
            if index == 9 {
                expected["generated_text"] = said.clone().into();
                expected["details"] = json!({
                    "finish_reason": "eos_token", "generated_tokens": 10, "inputs": "one two"
                });
            }
            assert_eq!(*record, expected);
        }
        assert_eq!((records.len(), count_tokens(&said)), (10, 10));
        let truth = simulator.truth().pop().unwrap();
        assert_eq!((truth.outcome, truth.output_tokens), (Outcome::Ok, 10));
    }
}

#[tokio::test(start_paused = true)]
async fn vllm_speaks_as_openai_does() {
    let simulator = start().await;
    let mut request = json!({"messages": [{"role": "user", "content": "one two"}]});
    let (reply, mut body) = whole(&simulator, "openai_chat", request.to_string()).await;
    let text = body["choices"][0]["message"]["content"].take();
    assert_eq!(count_tokens(text.as_str().unwrap()), 10);
    let usage = json!({"prompt_tokens": 2, "completion_tokens": 10, "total_tokens": 12});
    let message = json!({"role": "assistant", "content": null});
    assert_eq!(
        body,
        json!({
            "id": format!("chatcmpl-{}", reply.header("x-amzn-requestid")),
            "object": "chat.completion",
            "created": STARTED,
            "model": "plain",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": usage,
        })
    );
    request["stream"] = json!(true);
    request["stream_options"] = json!({"include_usage": true});
    let reply = stream(&simulator, "openai_chat", &request).await;
    let records = records(&reply, "data: ", "\n\n");
    assert_eq!(records[0].1["choices"][0]["delta"], json!({"role": "assistant"}));
    said(&records, "/choices/0/delta/content");
    assert_eq!(records[11].1["choices"][0]["finish_reason"], "stop");
    assert_eq!((&records[12].1["choices"], &records[12].1["usage"]), (&json!([]), &usage));
    assert_eq!((&records[13].1, records.len()), (&json!("[DONE]"), 14));
}

#[tokio::test(start_paused = true)]
async fn other_containers_answer_whole() {
    let simulator = start().await;
    let messages = json!([[{"role": "user", "content": "one two"}]]);
    let request = json!({"inputs": messages, "parameters": {"max_new_tokens": 4}});
    let (_, mut body) = whole(&simulator, "jumpstart_llama2", request.to_string()).await;
    let text = body[0]["generation"]["content"].take();
    assert_eq!(count_tokens(text.as_str().unwrap()), 4);
    assert_eq!(body, json!([{"generation": {"role": "assistant", "content": null}}]));

    let (reply, body) = whole(&simulator, "text_classification", "one two".to_owned()).await;
    assert_eq!(reply.headers_at.as_millis(), 102);
    let probabilities = body["probabilities"].as_array().unwrap();
    let sum: f64 = probabilities.iter().map(|value| value.as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-9);
    assert_eq!(body["labels"], json!(["LABEL_0", "LABEL_1"]));
    assert!(body["labels"].as_array().unwrap().contains(&body["predicted_label"]));

    let request = json!({"text_inputs": "one two", "mode": "embedding"});
    let (reply, body) = whole(&simulator, "embedding", request.to_string()).await;
    assert_eq!(reply.headers_at.as_millis(), 102);
    assert_eq!(body["embedding"].as_array().unwrap().len(), 384);
    let (_, again) = whole(&simulator, "embedding", request.to_string()).await;
    assert_eq!(again, body);
    assert_eq!(simulator.truth().pop().unwrap().output_tokens, 1);
}

#[tokio::test(start_paused = true)]
async fn parts_are_cut_anywhere_and_always_there() {
    let mut profile = crate::testing::plain_profile();
    profile.decode_per_token = std::time::Duration::ZERO;
    profile.output_tokens = crate::OutputTokens::fixed(300.0);
    let config = crate::SimulatorConfig { profiles: vec![profile], ..super::config() };
    let simulator = Simulator::start(config).await.unwrap();
    let reply = stream(&simulator, "djl", &inputs(500)).await;
    assert_eq!(reply.names().iter().filter(|name| **name != "PayloadPart").count(), 0);
    let parts: Vec<_> = reply.events.iter().map(|event| &event.bytes[..]).collect();
    let lines = |part: &&[u8]| String::from_utf8_lossy(part).matches('\n').count();
    assert!(parts.iter().any(|part| lines(part) > 1), "several lines in a part");
    assert!(parts.iter().any(|part| lines(part) == 0), "less than a line in a part");
    assert!(parts.iter().any(|part| str::from_utf8(part).is_err()), "half a character");
    assert_eq!(reply.records("\n").len(), 300);
    let again = stream(&simulator, "djl", &inputs(500)).await;
    assert_eq!(again.events, reply.events);
    let other = stream(&simulator, "djl", &inputs(501)).await;
    let lengths =
        |reply: &Reply| -> Vec<_> { reply.events.iter().map(|event| event.bytes.len()).collect() };
    assert_ne!(lengths(&other), lengths(&reply));
}
