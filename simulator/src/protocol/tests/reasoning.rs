//! Models that think before they speak.

use serde_json::{Value, json};

use super::openai::{CHAT, chat};
use super::{config, due};
use crate::testing::{Reply, ask, post, prompt};
use crate::{Simulator, SimulatorConfig, count_tokens};

/// A model of whose ten tokens the first four are reasoning.
async fn start() -> Simulator {
    let mut config = config();
    config.profiles[0].reasoning_tokens = 4;
    Simulator::start(SimulatorConfig { ..config }).await.unwrap()
}

/// Texts at two places, in order, with the times of both.
fn both(events: &[(u128, Value)], reasoning: &str, text: &str) -> (String, String, Vec<u128>) {
    let at = |place: &str| -> Vec<(u128, &str)> {
        events
            .iter()
            .filter_map(|(at, event)| Some((*at, event.pointer(place)?.as_str()?)))
            .filter(|(_, text)| !text.is_empty())
            .collect()
    };
    let (reasoning, text) = (at(reasoning), at(text));
    let times = reasoning.iter().chain(&text).map(|(at, _)| *at).collect();
    let join = |said: &[(u128, &str)]| said.iter().map(|(_, text)| *text).collect();
    (join(&reasoning), join(&text), times)
}

fn check(said: (String, String, Vec<u128>), input_tokens: u64) {
    let (reasoning, text, times) = said;
    assert_eq!((count_tokens(&reasoning), count_tokens(&text)), (4, 6));
    assert!(!reasoning.starts_with(' ') && !text.starts_with(' '));
    if input_tokens > 0 {
        assert_eq!(times, due(input_tokens, 10));
    }
}

fn event_payloads(reply: &Reply) -> Vec<(u128, Value)> {
    reply.events.iter().map(|event| (event.at.as_millis(), event.payload.clone())).collect()
}

#[tokio::test(start_paused = true)]
async fn openai_has_a_field_for_it() {
    let simulator = start().await;
    let mut request = chat(true);
    request["stream_options"] = json!({"include_usage": true});
    let reply = post(simulator.connect(), CHAT, request.to_string()).await.unwrap();
    let events: Vec<(u128, Value)> = reply
        .records("\n\n")
        .iter()
        .filter(|(_, record)| !record.ends_with("[DONE]"))
        .map(|(at, record)| (at.as_millis(), serde_json::from_str(&record[6..]).unwrap()))
        .collect();
    let place = "/choices/0/delta";
    check(both(&events, &format!("{place}/reasoning_content"), &format!("{place}/content")), 2);
    let usage = json!({
        "prompt_tokens": 2, "completion_tokens": 10, "total_tokens": 12,
        "completion_tokens_details": {"reasoning_tokens": 4},
    });
    assert_eq!(events.last().unwrap().1["usage"], usage);

    let reply = post(simulator.connect(), CHAT, chat(false).to_string()).await.unwrap();
    let body = reply.json();
    let place = "/choices/0/message";
    let said = both(
        &[(0, body.clone())],
        &format!("{place}/reasoning_content"),
        &format!("{place}/content"),
    );
    check(said, 0);
    assert_eq!(body["usage"], usage);
}

#[tokio::test(start_paused = true)]
async fn converse_has_a_block_for_it() {
    let simulator = start().await;
    let request = prompt("one two");
    let reply = ask(simulator.connect(), "plain", &request).await.unwrap();
    let events = event_payloads(&reply);
    check(both(&events, "/delta/reasoningContent/text", "/delta/text"), 2);
    let mut names = vec!["messageStart"];
    names.extend(["contentBlockDelta"; 4]);
    names.push("contentBlockStop");
    names.extend(["contentBlockDelta"; 6]);
    names.extend(["contentBlockStop", "messageStop", "metadata"]);
    assert_eq!(reply.names(), names);
    let blocks: Vec<_> =
        events.iter().filter_map(|(_, event)| event["contentBlockIndex"].as_u64()).collect();
    assert_eq!(blocks, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]);

    let reply = post(simulator.connect(), "/model/plain/converse", request.to_string());
    let body = reply.await.unwrap().json();
    let place = "/output/message/content";
    let reasoning = format!("{place}/0/reasoningContent/reasoningText/text");
    check(both(&[(0, body)], &reasoning, &format!("{place}/1/text")), 0);
}

#[tokio::test(start_paused = true)]
async fn anthropic_thinks() {
    let simulator = start().await;
    let request = json!({
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 50,
        "messages": [{"role": "user", "content": "one two"}],
    })
    .to_string();
    let path = "/model/plain/invoke-with-response-stream";
    let reply = post(simulator.connect(), path, request.clone()).await.unwrap();
    let events: Vec<_> =
        reply.chunks().into_iter().map(|(at, chunk)| (at.as_millis(), chunk)).collect();
    check(both(&events, "/delta/thinking", "/delta/text"), 2);
    let starts: Vec<_> = events
        .iter()
        .filter(|(_, event)| event["type"] == "content_block_start")
        .map(|(_, event)| (event["index"].clone(), event["content_block"]["type"].clone()))
        .collect();
    assert_eq!(starts, [(json!(0), json!("thinking")), (json!(1), json!("text"))]);
    let stops = events.iter().filter(|(_, event)| event["type"] == "content_block_stop");
    assert_eq!(
        stops.map(|(_, event)| event["index"].as_u64().unwrap()).collect::<Vec<_>>(),
        [0, 1]
    );

    let body = post(simulator.connect(), "/model/plain/invoke", request).await.unwrap().json();
    check(both(&[(0, body)], "/content/0/thinking", "/content/1/text"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_limit_may_cut_it() {
    let simulator = start().await;
    let mut request = prompt("one two");
    request["inferenceConfig"] = json!({"maxTokens": 3});
    let reply = ask(simulator.connect(), "plain", &request).await.unwrap();
    let mut names = vec!["messageStart"];
    names.extend(["contentBlockDelta"; 3]);
    names.extend(["contentBlockStop", "messageStop", "metadata"]);
    assert_eq!(reply.names(), names);
    assert_eq!(reply.events[4].payload["contentBlockIndex"], 0);
    assert_eq!(reply.events[5].payload["stopReason"], "max_tokens");
    let reply = post(simulator.connect(), "/model/plain/converse", request.to_string());
    let content = &reply.await.unwrap().json()["output"]["message"]["content"];
    assert_eq!(content.as_array().unwrap().len(), 1);
    assert!(content[0]["reasoningContent"].is_object());
}

#[tokio::test(start_paused = true)]
async fn others_say_it_as_text() {
    let simulator = start().await;
    let request = json!({"prompt": "one two", "max_gen_len": 50}).to_string();
    let body = post(simulator.connect(), "/model/plain/invoke", request).await.unwrap().json();
    assert_eq!(count_tokens(body["generation"].as_str().unwrap()), 10);
    assert!(!body["generation"].as_str().unwrap().contains("  "));
}
