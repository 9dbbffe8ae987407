//! InvokeModel and its stream, for each family.

use serde_json::{Value, json};

use super::{due, split, start};
use crate::testing::{Reply, post, send};
use crate::{Outcome, Simulator, count_tokens};

/// Asks the model and takes the text out of the answer at its place.
async fn whole(simulator: &Simulator, request: &Value, place: &str) -> (Reply, String, Value) {
    let path = "/model/plain/invoke";
    let reply = post(simulator.connect(), path, request.to_string()).await.unwrap();
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    let mut body = reply.json();
    let text = body.pointer_mut(place).unwrap().take();
    let text = text.as_str().unwrap().to_owned();
    (reply, text, body)
}

/// Holds whole and streamed answers to a prompt of two tokens against what they should be: the
/// whole with null in place of its text; the chunks made from ten texts and the request id.
async fn check(
    request: Value,
    place: &str,
    expected: impl Fn(&str, &str) -> Value,
    chunks: impl Fn(&[String], &str, &str) -> Vec<Value>,
) {
    let simulator = start().await;
    let (reply, text, body) = whole(&simulator, &request, place).await;
    assert_eq!(count_tokens(&text), 10);
    assert_eq!(body, expected(reply.header("x-amzn-requestid"), &text));
    assert_eq!(reply.headers_at.as_millis(), 192);
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("x-amzn-bedrock-input-token-count"), "2");
    assert_eq!(reply.header("x-amzn-bedrock-output-token-count"), "10");
    assert_eq!(reply.header("x-amzn-bedrock-invocation-latency"), "192");

    let path = "/model/plain/invoke-with-response-stream";
    let reply = post(simulator.connect(), path, request.to_string()).await.unwrap();
    assert_eq!(reply.header("content-type"), "application/vnd.amazon.eventstream");
    assert_eq!(reply.header("x-amzn-bedrock-content-type"), "application/json");
    assert_eq!(reply.headers_at.as_millis(), 0);
    let mut expected = chunks(&split(&text), reply.header("x-amzn-requestid"), &text);
    expected.last_mut().unwrap()["amazon-bedrock-invocationMetrics"] = json!({
        "inputTokenCount": 2,
        "outputTokenCount": 10,
        "invocationLatency": 192,
        "firstByteLatency": 102,
    });
    let seen = reply.chunks();
    for (seen, expected) in seen.iter().zip(&expected) {
        assert_eq!(seen.1, *expected);
    }
    assert_eq!(seen.len(), expected.len());
    let texts = split(&text);
    let says = |chunk: &Value, text: &str| {
        let text = Value::from(text).to_string();
        chunk.to_string().contains(&format!(":{text}"))
    };
    let mut due = due(2, 10).into_iter();
    let mut words = texts.iter().peekable();
    for (at, chunk) in &seen {
        if words.next_if(|word| says(chunk, word)).is_some() {
            assert_eq!(Some(at.as_millis()), due.next());
        }
    }
    assert_eq!((words.next(), due.next()), (None, None));

    for truth in simulator.truth() {
        assert_eq!((truth.outcome, truth.input_tokens), (Outcome::Ok, 2));
        assert_eq!(truth.output_tokens, 10);
    }
}

/// Chunks of tokens, and then those of the end.
fn chunks(texts: &[String], token: impl Fn(usize, &str) -> Value, end: Value) -> Vec<Value> {
    let tokens = texts.iter().enumerate().map(|(index, text)| token(index, text));
    tokens.chain([end]).collect()
}

#[tokio::test(start_paused = true)]
async fn titan_text() {
    check(
        json!({"inputText": "one two", "textGenerationConfig": {"maxTokenCount": 50}}),
        "/results/0/outputText",
        |_, _| {
            json!({
                "inputTextTokenCount": 2,
                "results": [
                    {"tokenCount": 10, "outputText": null, "completionReason": "FINISH"}
                ],
            })
        },
        |texts, _, _| {
            let chunk = |text: &str, total: Value, reason: Value| {
                json!({
                    "index": 0,
                    "inputTextTokenCount": 2,
                    "totalOutputTextTokenCount": total,
                    "outputText": text,
                    "completionReason": reason,
                })
            };
            let end = chunk("", json!(10), json!("FINISH"));
            chunks(texts, |_, text| chunk(text, Value::Null, Value::Null), end)
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn nova() {
    let usage = json!({"inputTokens": 2, "outputTokens": 10, "totalTokens": 12});
    check(
        json!({
            "schemaVersion": "messages-v1",
            "system": [{"text": "one"}],
            "messages": [{"role": "user", "content": [{"text": "two"}]}],
        }),
        "/output/message/content/0/text",
        |_, _| {
            json!({
                "output": {"message": {"role": "assistant", "content": [{"text": null}]}},
                "stopReason": "end_turn",
                "usage": usage,
            })
        },
        |texts, _, _| {
            let token = |text: &String| {
                json!({"contentBlockDelta": {"delta": {"text": text}, "contentBlockIndex": 0}})
            };
            let mut chunks = vec![json!({"messageStart": {"role": "assistant"}})];
            chunks.extend(texts.iter().map(token));
            chunks.push(json!({"contentBlockStop": {"contentBlockIndex": 0}}));
            chunks.push(json!({"messageStop": {"stopReason": "end_turn"}}));
            chunks.push(json!({"metadata": {"usage": usage, "metrics": {}, "trace": {}}}));
            chunks
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn anthropic_messages() {
    let message = |id: &str, content: Value, reason: Value, tokens: u32| {
        json!({
            "id": format!("msg_bdrk_{id}"),
            "type": "message",
            "role": "assistant",
            "model": "plain",
            "content": content,
            "stop_reason": reason,
            "stop_sequence": null,
            "usage": {"input_tokens": 2, "output_tokens": tokens},
        })
    };
    check(
        json!({
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 50,
            "system": "one",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "two"}]}],
        }),
        "/content/0/text",
        |id, _| message(id, json!([{"type": "text", "text": null}]), json!("end_turn"), 10),
        |texts, id, _| {
            let token = |text: &String| {
                let delta = json!({"type": "text_delta", "text": text});
                json!({"type": "content_block_delta", "index": 0, "delta": delta})
            };
            let block = json!({"type": "text", "text": ""});
            let delta = json!({"stop_reason": "end_turn", "stop_sequence": null});
            let mut chunks = vec![
                json!({"type": "message_start", "message": message(id, json!([]), Value::Null, 1)}),
                json!({"type": "content_block_start", "index": 0, "content_block": block}),
            ];
            chunks.extend(texts.iter().map(token));
            chunks.extend([
                json!({"type": "content_block_stop", "index": 0}),
                json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 10}}),
                json!({"type": "message_stop"}),
            ]);
            chunks
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn anthropic_text() {
    let completion = |text: Value, reason: Option<&str>, stop: Option<&str>| json!({"type": "completion", "completion": text, "stop_reason": reason, "stop": stop});
    let (reason, stop) = (Some("stop_sequence"), Some("\n\nHuman:"));
    check(
        json!({"prompt": "\n\none two", "max_tokens_to_sample": 50}),
        "/completion",
        |_, _| completion(Value::Null, reason, stop),
        |texts, _, _| {
            let end = completion("".into(), reason, stop);
            chunks(texts, |_, text| completion(text.into(), None, None), end)
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn cohere_text() {
    check(
        json!({"prompt": "one two", "max_tokens": 50, "stream": true}),
        "/generations/0/text",
        |id, _| {
            let generation = json!({"id": id, "text": null, "finish_reason": "COMPLETE"});
            json!({"id": id, "prompt": "one two", "generations": [generation]})
        },
        |texts, _, _| {
            let end = json!({"is_finished": true, "finish_reason": "COMPLETE", "index": 0});
            let token = |_, text: &str| json!({"text": text, "is_finished": false, "index": 0});
            chunks(texts, token, end)
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn cohere_chat() {
    check(
        json!({"message": "two", "chat_history": [{"role": "USER", "message": "one"}]}),
        "/text",
        |id, text| {
            json!({
                "response_id": id,
                "generation_id": id,
                "text": null,
                "finish_reason": "COMPLETE",
                "chat_history": [
                    {"role": "USER", "message": "onetwo"},
                    {"role": "CHATBOT", "message": text},
                ],
            })
        },
        |texts, id, text| {
            let end = json!({
                "is_finished": true,
                "event_type": "stream-end",
                "finish_reason": "COMPLETE",
                "response": {
                    "response_id": id,
                    "generation_id": id,
                    "text": text,
                    "finish_reason": "COMPLETE",
                },
            });
            let token = |_, text: &str| {
                json!({"is_finished": false, "event_type": "text-generation", "text": text})
            };
            chunks(texts, token, end)
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn llama() {
    let generation = |text: Value, input: Option<u32>, output: usize, reason: Option<&str>| {
        json!({
            "generation": text,
            "prompt_token_count": input,
            "generation_token_count": output,
            "stop_reason": reason,
        })
    };
    check(
        json!({"prompt": "one two", "max_gen_len": 50}),
        "/generation",
        |_, _| generation(Value::Null, Some(2), 10, Some("stop")),
        |texts, _, _| {
            let end = generation("".into(), None, 10, Some("stop"));
            let token = |index: usize, text: &str| {
                generation(text.into(), (index == 0).then_some(2), index + 1, None)
            };
            chunks(texts, token, end)
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn mistral() {
    let outputs = |text: Value, reason: Option<&str>| json!({"outputs": [{"text": text, "stop_reason": reason}]});
    check(
        json!({"prompt": "one two", "max_tokens": 50}),
        "/outputs/0/text",
        |_, _| outputs(Value::Null, Some("stop")),
        |texts, _, _| {
            let end = outputs("".into(), Some("stop"));
            chunks(texts, |_, text| outputs(text.into(), None), end)
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn jurassic_counts_its_tokens_and_does_not_stream() {
    let simulator = start().await;
    let request = json!({"prompt": "one two", "maxTokens": 5});
    let (reply, text, body) = whole(&simulator, &request, "/completions/0/data/text").await;
    assert_eq!(count_tokens(&text), 5);
    assert_eq!(body["id"], reply.header("x-amzn-requestid"));
    assert_eq!(body["prompt"]["text"], "one two");
    let tokens = |place: &str| body.pointer(place).unwrap().as_array().unwrap().len();
    assert_eq!((tokens("/prompt/tokens"), tokens("/completions/0/data/tokens")), (2, 5));
    let range = |token: usize| &body["prompt"]["tokens"][token]["textRange"];
    assert_eq!(*range(0), json!({"start": 0, "end": 3}));
    assert_eq!(*range(1), json!({"start": 3, "end": 7}));
    let reason = json!({"reason": "length", "length": 5});
    assert_eq!(body["completions"][0]["finishReason"], reason);

    let path = "/model/plain/invoke-with-response-stream";
    let reply = post(simulator.connect(), path, request.to_string()).await.unwrap();
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json(), json!({"message": "The model is unsupported for streaming."}));
}

#[tokio::test(start_paused = true)]
async fn how_it_was_served_is_told_in_headers() {
    let simulator = start().await;
    let body = json!({"prompt": "one", "max_tokens": 5}).to_string();
    let asked = [
        ("x-amzn-bedrock-performanceconfig-latency", "optimized"),
        ("x-amzn-bedrock-service-tier", "flex"),
    ];
    for path in ["/model/plain/invoke", "/model/plain/invoke-with-response-stream"] {
        let reply = send(simulator.connect(), path, &asked, body.clone()).await.unwrap();
        for (name, value) in asked {
            assert_eq!(reply.header(name), value);
        }
        let reply = post(simulator.connect(), path, body.clone()).await.unwrap();
        assert!(asked.iter().all(|(name, _)| reply.headers.get(*name).is_none()));
        let wrong = [("x-amzn-bedrock-service-tier", "best")];
        let reply = send(simulator.connect(), path, &wrong, body.clone()).await.unwrap();
        assert_eq!(reply.status, 400);
    }
}

#[tokio::test(start_paused = true)]
async fn the_prompt_is_the_users_text_or_all_of_a_template() {
    let simulator = start().await;
    let hash = async |request: Value| {
        let path = "/model/plain/invoke";
        post(simulator.connect(), path, request.to_string()).await.unwrap();
        simulator.truth().pop().unwrap().prompt_sha256
    };
    let messages =
        json!([{"role": "system", "content": "a"}, {"role": "user", "content": "cloud"}]);
    let from_messages = hash(json!({ "messages": messages })).await;
    assert_eq!(from_messages, hash(json!({"prompt": "cloud"})).await);
    assert_ne!(from_messages, hash(json!({"prompt": "<s>[INST] cloud [/INST]"})).await);
}
