//! Converse: the answer arrives whole.

use std::time::Duration;

use shared::endpoint::bedrock::BedrockEndpoint;
use shared::plan::{Api, Deadlines, EndpointSpec};
use shared::record::{Observation, UsageSource};
use simulator::{Fault, Outcome as End, Truth};

use super::server::{FakeServer, Reply};
use super::{
    Bench, NEVER, QUICK, SLOW, ask, assert_in_order, counted_as, patient, sha256, slot_of, spec,
};

/// The deadline that a test is about.
const SOON: Duration = Duration::from_millis(400);

fn slot(url: &str, model_id: &str, deadlines: Deadlines) -> BedrockEndpoint {
    slot_of(&EndpointSpec { api: Api::Converse, ..spec(url, model_id) }, deadlines)
}

/// Asks a simulator in which the prompt meets the fault, once.
async fn meet(fault: Fault, deadlines: Deadlines) -> (Observation, Truth) {
    let bench = Bench::new(&[("meet", fault)]);
    let observation = ask(&slot(&bench.simulator.url(), QUICK, deadlines), "meet").await;
    assert_in_order(&observation);
    assert_no_first_token(&observation);
    (observation, bench.the_only())
}

#[track_caller]
fn assert_no_first_token(observation: &Observation) {
    let timeline = &observation.timeline;
    assert_eq!(
        (timeline.first_event, timeline.first_content, timeline.first_text),
        Default::default()
    );
    assert_eq!((timeline.last_content, timeline.gap_max), Default::default());
    assert_eq!((timeline.content_events, observation.gaps_us.len()), (0, 0));
}

#[tokio::test]
async fn an_answer_is_observed_as_it_was_given() {
    let bench = Bench::new(&[]);
    let slot = slot(&bench.simulator.url(), QUICK, patient());
    let text = "Summarize cloud computing in one sentence.";
    for turn in 0..3 {
        let observation = ask(&slot, text).await;
        assert_eq!(counted_as(observation.outcome), ("completed", None), "{observation:?}");
        assert_in_order(&observation);
        assert_no_first_token(&observation);
        let (timeline, served) = (&observation.timeline, &observation.served);
        // The head comes with the answer: 5 ms, then nine gaps of 2 ms.
        assert!(timeline.headers.unwrap() >= Duration::from_millis(23), "{timeline:?}");
        assert!(timeline.bytes > 0);
        assert_eq!((served.status, served.protocol.as_deref()), (Some(200), Some("HTTP/1.1")));
        assert_eq!(served.stop_reason.as_deref(), Some("end_turn"));
        assert!(served.server_latency_ms.unwrap() >= 23 && served.simulated);
        assert_eq!(served.new_connection, turn == 0);
        assert_eq!(observation.usage.source, Some(UsageSource::Service));
        assert_eq!(observation.usage.output_tokens, Some(10));
    }
    for truth in bench.ended() {
        assert_eq!((truth.outcome, truth.connection), (End::Ok, 1));
        assert_eq!(truth.prompt_sha256, Some(sha256(text)), "the prompt arrived as it was given");
    }
}

#[tokio::test]
async fn the_limit_of_tokens_is_sent() {
    let bench = Bench::new(&[]);
    let slot = slot(&bench.simulator.url(), SLOW, patient());
    let observation = ask(&slot, "go on").await;
    assert_eq!(observation.served.stop_reason.as_deref(), Some("end_turn"));
    assert_eq!(observation.usage.output_tokens, Some(100));
}

#[tokio::test]
async fn an_answer_without_usage_is_whole_all_the_same() {
    let body = r#"{"output":{"message":{"role":"assistant","content":[{"text":"a"}]}},"stopReason":"end_turn"}"#;
    let observation = answered_with("200 OK", body).await;
    assert_eq!(counted_as(observation.outcome), ("completed", None), "{observation:?}");
    assert_eq!((observation.usage.output_tokens, observation.usage.source), (None, None));
}

/// Asks a server that gives one answer.
async fn answered_with(status: &str, body: &str) -> Observation {
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: ");
    let reply = format!("{head}{}\r\n\r\n{body}", body.len());
    let server = FakeServer::start(vec![Reply::Bytes(reply.into_bytes())]).await;
    let observation = ask(&slot(&server.url(), QUICK, patient()), "hello").await;
    assert_eq!(server.requests(), 1, "no retry");
    observation
}

#[tokio::test]
async fn what_is_no_answer_is_a_failure_of_the_protocol() {
    let observation = answered_with("200 OK", "{\"output\": ").await;
    assert_eq!(counted_as(observation.outcome), ("failed", Some("protocol")), "{observation:?}");
    assert_eq!(observation.served.status, Some(200));
}

#[tokio::test]
async fn each_failure_has_its_class() {
    let exception = |name: &str| Fault::StreamException {
        after_tokens: 2,
        exception: name.to_owned(),
        message: "It broke.".to_owned(),
    };
    let status = |status, code: &str| Fault::Status {
        status,
        code: code.to_owned(),
        message: "No.".to_owned(),
    };
    for (fault, expected, code) in [
        (exception("modelStreamErrorException"), ("failed", Some("model_error")), 424),
        (exception("serviceUnavailableException"), ("failed", Some("server")), 503),
        (exception("throttlingException"), ("throttled", Some("throttled")), 429),
        (status(429, "ThrottlingException"), ("throttled", Some("throttled")), 429),
        (status(429, "ModelNotReadyException"), ("failed", Some("model_not_ready")), 429),
        (status(403, "AccessDeniedException"), ("failed", Some("access_denied")), 403),
    ] {
        let (observation, truth) = meet(fault, patient()).await;
        assert_eq!(counted_as(observation.outcome), expected, "{observation:?}");
        assert_eq!((observation.served.status, truth.status), (Some(code), Some(code)));
    }
    for fault in [Fault::Reset, Fault::Truncate { after_tokens: 4 }] {
        let (observation, _) = meet(fault, patient()).await;
        assert_eq!(counted_as(observation.outcome), ("failed", Some("connection")));
    }
}

#[track_caller]
fn assert_timed_out(observation: &Observation, class: &str) {
    assert_eq!(counted_as(observation.outcome), ("timed_out", Some(class)), "{observation:?}");
    let end = observation.timeline.end;
    assert!(end >= SOON && end < NEVER / 4, "{end:?}");
}

#[tokio::test]
async fn a_head_that_never_comes_misses_the_whole_request() {
    let deadlines = Deadlines { first_token: SOON / 2, request: SOON, ..patient() };
    let (observation, truth) = meet(Fault::SlowHeaders, deadlines).await;
    assert_timed_out(&observation, "deadline_request");
    assert_eq!((observation.timeline.headers, truth.outcome), (None, End::SlowHeaders));
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    for (fault, expected) in [
        (Fault::StallBeforeFirst, End::StallBeforeFirst),
        (Fault::StallAfter { tokens: 3 }, End::StallAfter),
    ] {
        // The head came, so that the first token's deadline does not hold any more.
        let deadlines = Deadlines { first_token: SOON * 2, stall: SOON, ..patient() };
        let (observation, truth) = meet(fault, deadlines).await;
        assert_timed_out(&observation, "deadline_stall");
        assert_eq!((observation.served.status, truth.outcome), (Some(200), expected));
        assert!(observation.timeline.bytes > 0, "the beginning came");
        assert_eq!(observation.usage.output_tokens, None);
    }
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_ended() {
    let deadlines = Deadlines { request: SOON, ..patient() };
    let (observation, _) = meet(Fault::StallAfter { tokens: 3 }, deadlines).await;
    assert_timed_out(&observation, "deadline_request");
    let bench = Bench::new(&[]);
    let observation = ask(&slot(&bench.simulator.url(), SLOW, deadlines), "go on").await;
    assert_timed_out(&observation, "deadline_request");
    assert_eq!(observation.timeline.headers, None);
}
