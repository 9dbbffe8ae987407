//! The OpenAI-compatible API.

use serde_json::{Value, json};

use super::{STARTED, config, due, split, start};
use crate::testing::{Reply, post, send};
use crate::{Outcome, Simulator, SimulatorConfig, count_tokens};

pub(super) const CHAT: &str = "/v1/chat/completions";
const TEXT: &str = "/v1/completions";

pub(super) fn chat(is_streamed: bool) -> Value {
    json!({
        "model": "plain",
        "messages": [{"role": "system", "content": "one"}, {"role": "user", "content": "two"}],
        "max_tokens": 50,
        "stream": is_streamed,
    })
}

async fn ask(simulator: &Simulator, path: &str, request: &Value) -> Reply {
    let reply = post(simulator.connect(), path, request.to_string()).await.unwrap();
    assert_eq!(reply.header("x-request-id"), reply.header("x-amzn-requestid"));
    reply
}

/// The events of a stream, which ends as it should.
fn events(reply: &Reply) -> Vec<(u128, Value)> {
    let mut records = reply.records("\n\n");
    assert_eq!(records.pop().unwrap().1, "data: [DONE]");
    let event = |record: &str| serde_json::from_str(record.strip_prefix("data: ").unwrap());
    records.iter().map(|(at, record)| (at.as_millis(), event(record).unwrap())).collect()
}

const USAGE: &str = r#"{"prompt_tokens": 2, "completion_tokens": 10, "total_tokens": 12}"#;

fn usage() -> Value {
    serde_json::from_str(USAGE).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_chat_is_answered_whole() {
    let simulator = start().await;
    let reply = ask(&simulator, CHAT, &chat(false)).await;
    assert_eq!((reply.status, reply.headers_at.as_millis()), (200, 192));
    assert_eq!(reply.header("content-type"), "application/json");
    let mut body = reply.json();
    let text = body["choices"][0]["message"]["content"].take();
    assert_eq!(count_tokens(text.as_str().unwrap()), 10);
    let message = json!({"role": "assistant", "content": null});
    assert_eq!(
        body,
        json!({
            "id": format!("chatcmpl-{}", reply.header("x-request-id")),
            "object": "chat.completion",
            "created": STARTED,
            "model": "plain",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": usage(),
        })
    );
}

#[tokio::test(start_paused = true)]
async fn a_chat_is_streamed() {
    let simulator = start().await;
    for wants_usage in [false, true] {
        let mut request = chat(true);
        if wants_usage {
            request["stream_options"] = json!({"include_usage": true});
        }
        let reply = ask(&simulator, CHAT, &request).await;
        assert_eq!(reply.header("content-type"), "text/event-stream");
        assert_eq!(reply.headers_at.as_millis(), 0);
        let id = format!("chatcmpl-{}", reply.header("x-request-id"));
        let created = STARTED;
        let chunk = |choices: Value| {
            let mut chunk = json!({
                "id": id, "object": "chat.completion.chunk", "created": created,
                "model": "plain", "choices": choices,
            });
            if wants_usage {
                chunk["usage"] = Value::Null;
            }
            chunk
        };
        let delta = |delta: Value, reason: Option<&str>| {
            chunk(json!([{"index": 0, "delta": delta, "finish_reason": reason}]))
        };
        let events = events(&reply);
        assert_eq!(events[0], (0, delta(json!({"role": "assistant"}), None)));
        let mut said = String::new();
        for ((at, event), due) in events[1..11].iter().zip(due(2, 10)) {
            let text = event["choices"][0]["delta"]["content"].as_str().unwrap();
            said.push_str(text);
            assert_eq!((*at, event), (due, &delta(json!({"content": text}), None)));
        }
        assert_eq!((count_tokens(&said), split(&said).len()), (10, 10));
        assert_eq!(events[11], (192, delta(json!({}), Some("stop"))));
        if wants_usage {
            let mut last = chunk(json!([]));
            last["usage"] = usage();
            assert_eq!(events[12], (192, last));
        }
        assert_eq!(events.len(), 12 + usize::from(wants_usage));
    }
    for truth in simulator.truth() {
        assert_eq!((truth.outcome, truth.output_tokens), (Outcome::Ok, 10));
        assert_eq!((truth.input_tokens, truth.model_id.as_deref()), (2, Some("plain")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_is_completed() {
    let simulator = start().await;
    let request = |is_streamed: bool| {
        json!({
            "model": "plain", "prompt": "one two", "max_tokens": 10, "stream": is_streamed,
            "stream_options": {"include_usage": true},
        })
    };
    let completion = |reply: &Reply, text: Value, reason: Option<&str>, usage: Value| {
        let choice = json!({"index": 0, "text": text, "logprobs": null, "finish_reason": reason});
        json!({
            "id": format!("cmpl-{}", reply.header("x-request-id")),
            "object": "text_completion",
            "created": STARTED,
            "model": "plain",
            "choices": [choice],
            "usage": usage,
        })
    };
    let reply = ask(&simulator, TEXT, &request(false)).await;
    let mut body = reply.json();
    let text = body["choices"][0]["text"].take();
    assert_eq!(count_tokens(text.as_str().unwrap()), 10);
    assert_eq!(body, completion(&reply, Value::Null, Some("stop"), usage()));

    let reply = ask(&simulator, TEXT, &request(true)).await;
    let events = events(&reply);
    for ((at, event), due) in events[..10].iter().zip(due(2, 10)) {
        let text = event["choices"][0]["text"].clone();
        assert_eq!(count_tokens(text.as_str().unwrap()), 1);
        assert_eq!((*at, event), (due, &completion(&reply, text, None, Value::Null)));
    }
    assert_eq!(events[10].1, completion(&reply, "".into(), Some("stop"), Value::Null));
    let mut last = completion(&reply, "".into(), None, usage());
    last["choices"] = json!([]);
    assert_eq!((events[11].clone(), events.len()), ((192, last), 12));
}

#[tokio::test(start_paused = true)]
async fn a_key_is_asked_for_where_there_is_one() {
    let config = SimulatorConfig { api_key: Some("secret".to_owned()), ..config() };
    let simulator = Simulator::start(config).await.unwrap();
    let status = async |headers: &[(&'static str, &'static str)]| {
        let body = chat(true).to_string();
        let reply = send(simulator.connect(), CHAT, headers, body).await.unwrap();
        if reply.status == 401 {
            let error = &reply.json()["error"];
            assert_eq!(
                (&error["type"], &error["code"]),
                (&json!("authentication_error"), &json!("invalid_api_key"))
            );
        }
        reply.status
    };
    assert_eq!(status(&[]).await, 401);
    assert_eq!(status(&[("authorization", "Bearer secre")]).await, 401);
    assert_eq!(status(&[("authorization", "secret")]).await, 401);
    assert_eq!(status(&[("authorization", "Bearer secret")]).await, 200);
    let converse = crate::testing::prompt("one");
    let reply = crate::testing::ask(simulator.connect(), "plain", &converse).await.unwrap();
    assert_eq!(reply.status, 200);
}
