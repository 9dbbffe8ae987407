//! What answers depend on, and what is not answered.

use std::time::Duration;

use serde_json::{Value, json};

use crate::testing::{Reply, ask, plain_profile, post, prompt};
use crate::{Outcome, Profile, Simulator, SimulatorConfig};

fn noisy_profile(slots: usize) -> Profile {
    let mut profile = plain_profile();
    profile.noise_cv = 0.2;
    profile.output_tokens.cv = 0.5;
    profile.slots = slots;
    profile
}

async fn start(seed: u64, profile: Profile) -> Simulator {
    let config = SimulatorConfig { seed, profiles: vec![profile], ..Default::default() };
    Simulator::start(config).await.unwrap()
}

/// Asks all at once and awaits the answers in order.
async fn ask_together(simulator: &Simulator, prompts: &[String]) -> Vec<Reply> {
    let asked: Vec<_> = prompts
        .iter()
        .map(|text| {
            let (connection, request) = (simulator.connect(), prompt(text));
            tokio::spawn(async move { ask(connection, "plain", &request).await.unwrap() })
        })
        .collect();
    let mut replies = Vec::new();
    for reply in asked {
        replies.push(reply.await.unwrap());
    }
    replies
}

#[tokio::test(start_paused = true)]
async fn an_answer_depends_on_neither_order_nor_concurrency() {
    let mut prompts: Vec<_> = (0..20).map(|number| format!("prompt {number}")).collect();
    let mut together = ask_together(&start(7, noisy_profile(50)).await, &prompts).await;
    prompts.reverse();
    together.reverse();
    let simulator = start(7, noisy_profile(1)).await;
    let other = start(8, noisy_profile(1)).await;
    for (text, together) in prompts.iter().zip(&together) {
        let alone = ask(simulator.connect(), "plain", &prompt(text)).await.unwrap();
        assert_eq!(alone.events, together.events, "{text}");
        let reseeded = ask(other.connect(), "plain", &prompt(text)).await.unwrap();
        assert_ne!(reseeded.events, together.events, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_first_is_served_first() {
    let mut profile = plain_profile();
    profile.slots = 1;
    let simulator = start(7, profile).await;
    let prompts = ["one", "one two", "one two three"].map(str::to_owned);
    let replies = ask_together(&simulator, &prompts).await;
    // Each takes 100 ms, 1 ms per input token and nine gaps of 10 ms.
    let headers: Vec<_> = replies.iter().map(|reply| reply.headers_at.as_millis()).collect();
    assert_eq!(headers, [0, 191, 383]);
    let first: Vec<_> = replies.iter().map(|reply| reply.tokens()[0].0.as_millis()).collect();
    assert_eq!(first, [101, 293, 486]);
    let truth = simulator.truth();
    let waits: Vec<_> = truth.iter().map(|truth| truth.queue_wait_ns.unwrap()).collect();
    assert_eq!(waits, [0, 191_000_000, 383_000_000]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_frees_its_slot() {
    let mut profile = plain_profile();
    profile.slots = 1;
    let simulator = start(7, profile).await;
    let patience = Duration::from_millis(120);
    let request = prompt("one");
    let asked = ask(simulator.connect(), "plain", &request);
    assert!(tokio::time::timeout(patience, asked).await.is_err());
    let reply = ask(simulator.connect(), "plain", &request).await.unwrap();
    assert_eq!(reply.tokens()[0].0.as_millis(), 101);
    let [left, served] = &simulator.truth()[..] else { panic!("two requests, two records") };
    assert_eq!((left.outcome, left.output_tokens), (Outcome::Disconnected, 2));
    assert_eq!((left.status, left.ended_ns - left.received_ns), (Some(200), 120_000_000));
    assert_eq!((served.outcome, served.queue_wait_ns), (Outcome::Ok, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_the_queue_is_logged() {
    let mut profile = plain_profile();
    profile.slots = 1;
    let simulator = start(7, profile).await;
    let (first, request) = (simulator.connect(), prompt("one"));
    let first = tokio::spawn(async move { ask(first, "plain", &request).await.unwrap() });
    tokio::task::yield_now().await;
    let request = prompt("two");
    let asked = ask(simulator.connect(), "plain", &request);
    assert!(tokio::time::timeout(Duration::from_millis(50), asked).await.is_err());
    assert_eq!(first.await.unwrap().tokens().len(), 10);
    let [left, _] = &simulator.truth()[..] else { panic!("two requests, two records") };
    assert_eq!((left.outcome, left.status), (Outcome::Disconnected, None));
    assert_eq!((left.queue_wait_ns, left.headers_written_ns), (None, None));
}

#[tokio::test(start_paused = true)]
async fn truth_agrees_with_what_the_client_saw() {
    let simulator = start(7, noisy_profile(8)).await;
    tokio::time::advance(Duration::from_millis(250)).await;
    let reply = ask(simulator.connect(), "plain", &prompt("cloud")).await.unwrap();
    let [truth] = &simulator.truth()[..] else { panic!("one request, one record") };
    assert_eq!(truth.request_id, reply.header("x-amzn-requestid"));
    assert_eq!((truth.outcome, truth.status), (Outcome::Ok, Some(200)));
    assert_eq!((truth.connection, truth.model_id.as_deref()), (1, Some("plain")));
    assert_eq!(
        truth.prompt_sha256.as_deref(),
        Some("56681010b753e1abe52c449d0aab291b28f1808a3a91b6baeaa726883baad4b0")
    );
    let tokens = reply.tokens();
    assert_eq!(usize::try_from(truth.output_tokens), Ok(tokens.len()));
    assert_eq!(u64::from(truth.input_tokens), reply.last().payload["usage"]["inputTokens"]);
    let seen = |at: Option<u64>| Duration::from_nanos(at.unwrap() - truth.received_ns);
    assert_eq!(seen(truth.headers_written_ns), reply.headers_at);
    assert_eq!(seen(truth.first_token_written_ns), tokens[0].0);
    assert_eq!(seen(truth.last_token_written_ns), tokens.last().unwrap().0);
    assert_eq!(seen(Some(truth.ended_ns)), reply.last().at);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_answered_is_refused_in_the_true_form() {
    let simulator = start(7, plain_profile()).await;
    let check = async |path: &str, body: Value, status: u16, code: &str| {
        let reply = post(simulator.connect(), path, body.to_string()).await.unwrap();
        assert_eq!(reply.status, status, "{path}");
        assert_eq!(reply.header("x-amzn-errortype").split(':').next(), Some(code));
        assert_eq!(reply.header("x-fmgauge-simulated"), "true");
        let message: Value = serde_json::from_slice(&reply.body).unwrap();
        assert!(message["message"].is_string());
        let truth = simulator.truth().pop().unwrap();
        assert_eq!((truth.outcome, truth.status), (Outcome::Refused, Some(status)));
        assert_eq!(truth.request_id, reply.header("x-amzn-requestid"));
    };
    let path = "/model/plain/converse-stream";
    let unknown = "/model/unknown%3A1/converse-stream";
    check(unknown, prompt("a"), 404, "ResourceNotFoundException").await;
    check(path, json!({}), 400, "ValidationException").await;
    check("/model/plain/converse-strea", json!({}), 404, "UnknownOperationException").await;
    assert_eq!(simulator.truth()[0].model_id.as_deref(), Some("unknown:1"));
    assert_eq!(simulator.truth()[1].prompt_sha256, None);
}
