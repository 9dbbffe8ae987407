//! A hung endpoint ends as a record: each deadline, and the cut at the end of measuring.

use std::time::Duration;

use shared::plan::Deadlines;
use shared::record::Observation;
use simulator::{Fault, Outcome as End};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use shared::endpoint::Endpoint;

use super::server::{FakeServer, Reply, delta, event};
use super::{Bench, NEVER, QUICK, SLOW, ask, assert_in_order, counted_as, patient, request, slot};

/// The deadline that a test is about.
const SOON: Duration = Duration::from_millis(400);

/// Fails unless the deadline ended it, not before its time and not long after.
#[track_caller]
fn assert_timed_out(observation: &Observation, class: &str) {
    assert_eq!(counted_as(observation.outcome), ("timed_out", Some(class)));
    let end = observation.timeline.end;
    assert!(end >= SOON && end < NEVER / 4, "{end:?}");
    assert_in_order(observation);
}

async fn meet(fault: Fault, deadlines: Deadlines) -> (Observation, End) {
    let bench = Bench::new(&[("hang", fault)]);
    let observation = ask(&bench.slot(deadlines), "hang").await;
    (observation, bench.the_only().outcome)
}

#[tokio::test]
async fn headers_that_never_come_miss_the_first_token() {
    let deadlines = Deadlines { first_token: SOON, ..patient() };
    let (observation, end) = meet(Fault::SlowHeaders, deadlines).await;
    assert_timed_out(&observation, "deadline_first_token");
    assert_eq!((observation.served.status, observation.timeline.headers), (None, None));
    assert_eq!(end, End::SlowHeaders);
}

#[tokio::test]
async fn a_first_token_that_never_comes_leaves_its_headers() {
    let deadlines = Deadlines { first_token: SOON, stall: SOON / 2, ..patient() };
    let (observation, end) = meet(Fault::StallBeforeFirst, deadlines).await;
    // `messageStart` is an event, but no token: the stall's deadline does not hold yet.
    assert_timed_out(&observation, "deadline_first_token");
    assert_eq!(observation.served.status, Some(200));
    assert!(observation.timeline.first_event.is_some());
    assert_eq!(observation.timeline.first_content, None);
    assert_eq!(end, End::StallBeforeFirst);
}

#[tokio::test]
async fn a_stall_keeps_the_tokens_before_it() {
    let deadlines = Deadlines { stall: SOON, ..patient() };
    let (observation, end) = meet(Fault::StallAfter { tokens: 3 }, deadlines).await;
    assert_timed_out(&observation, "deadline_stall");
    assert_eq!(observation.timeline.content_events, 3);
    assert!(observation.timeline.end >= observation.timeline.last_content.unwrap() + SOON);
    assert_eq!(observation.usage.output_tokens, None);
    assert_eq!(end, End::StallAfter);
}

#[tokio::test]
async fn a_request_that_never_ends_is_ended() {
    let bench = Bench::new(&[]);
    let deadlines = Deadlines { request: SOON, ..patient() };
    let observation = ask(&slot(&bench.simulator.url(), SLOW, deadlines), "go on").await;
    assert_timed_out(&observation, "deadline_request");
    assert!(observation.timeline.content_events > 0);
    assert!(bench.the_only().output_tokens >= observation.timeline.content_events);
}

#[tokio::test]
async fn an_error_that_never_says_its_message_is_ended_too() {
    let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
                content-length: 100\r\n\r\n{\"mess";
    let server = FakeServer::start(vec![Reply::BytesThenHang(head)]).await;
    let deadlines = Deadlines { first_token: SOON, ..patient() };
    let asked = slot(&server.url(), QUICK, deadlines);
    let observation = tokio::time::timeout(NEVER / 4, ask(&asked, "hello")).await;
    let observation = observation.expect("a record, and no hung run");
    assert_timed_out(&observation, "deadline_first_token");
    assert_eq!(observation.served.status, Some(503));
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_slot_goes_on_with_a_new_connection_after_a_deadline() {
    let bench = Bench::new(&[("hang", Fault::StallAfter { tokens: 3 })]);
    let slot = bench.slot(Deadlines { stall: SOON, ..patient() });
    assert_timed_out(&ask(&slot, "hang").await, "deadline_stall");
    let observation = ask(&slot, "fine").await;
    assert_eq!(counted_as(observation.outcome), ("completed", None));
    assert!(observation.served.new_connection, "the old one is in the middle of an answer");
    assert_eq!(bench.ended().len(), 2);
}

#[tokio::test]
async fn a_connection_that_does_not_open_in_time_is_given_up() {
    // The kernel accepts, and nobody answers the TLS client's first words.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let deadlines = Deadlines { connect: SOON, ..patient() };
    let observation = ask(&slot(&url, QUICK, deadlines), "hello?").await;
    assert_timed_out(&observation, "deadline_connect");
    assert_eq!((observation.timeline.connect, observation.timeline.headers), (None, None));
    assert!(observation.error.unwrap().message.contains("400 ms"));
    // One try, which the client has closed: nothing else waits to be accepted.
    let (mut stream, _) = listener.accept().await.unwrap();
    let sent = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    assert!(sent.is_ok_and(|bytes| bytes > 0), "the first words of a TLS client, then the end");
    let listener = listener.into_std().unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_request_that_is_cut_keeps_its_timeline_so_far() {
    // Server and client share this thread: between two tokens the client sees the one before.
    let (seen, enough) = oneshot::channel();
    let mut frames = vec![event("messageStart", r#"{"role":"assistant"}"#)];
    frames.extend((0..10).map(|_| delta("word ")));
    let server = FakeServer::start(vec![Reply::Paced { frames, written: seen }]).await;
    let slot = slot(&server.url(), QUICK, patient());
    let cut = CancellationToken::new();
    let request = request("go on");
    let cutting = async {
        enough.await.unwrap();
        cut.cancel();
    };
    let (observation, ()) = tokio::join!(slot.invoke(&request, &cut), cutting);
    assert_eq!(counted_as(observation.outcome), ("cut", None));
    assert_eq!((observation.served.status, observation.error.clone()), (Some(200), None));
    assert!((1..=10).contains(&observation.timeline.content_events));
    assert!(observation.timeline.first_text.is_some());
    assert_in_order(&observation);
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_request_that_is_cut_before_it_is_sent_is_cut_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let slot = slot(&url, QUICK, patient());
    let cut = CancellationToken::new();
    cut.cancel();
    let observation = slot.invoke(&request("never mind"), &cut).await;
    assert_eq!(counted_as(observation.outcome), ("cut", None));
    assert_eq!(observation.timeline.headers, None);
}
