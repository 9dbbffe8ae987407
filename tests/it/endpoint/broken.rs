//! Connections and answers that break.

use shared::record::Observation;
use simulator::{Fault, Outcome as End};
use tokio::net::TcpSocket;

use super::server::{FakeServer, Reply, delta, event, frame, whole_answer};
use super::{Bench, QUICK, ask, assert_in_order, counted_as, patient, slot};

/// Asks a server that has one reply: what the slot saw. It must have asked once.
async fn answered_with(reply: Reply) -> Observation {
    let server = FakeServer::start(vec![reply]).await;
    let observation = ask(&slot(&server.url(), QUICK, patient()), "hello").await;
    assert_eq!((server.requests(), server.connections()), (1, 1), "no retry");
    assert_in_order(&observation);
    observation
}

#[track_caller]
fn assert_failed(observation: &Observation, class: &str) {
    assert_eq!(counted_as(observation.outcome), ("failed", Some(class)), "{observation:?}");
    assert!(observation.error.as_ref().is_some_and(|error| !error.message.is_empty()));
}

#[tokio::test]
async fn a_refused_connection() {
    // Bound, so that nobody else takes the port, and not listening.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let observation = ask(&slot(&url, QUICK, patient()), "hello?").await;
    assert_failed(&observation, "connection");
    assert_eq!((observation.served.status, observation.served.protocol), (None, None));
    assert!(!observation.served.new_connection && observation.served.never_sent);
}

#[tokio::test]
async fn a_reset_before_the_answer() {
    let bench = Bench::new(&[("reset", Fault::Reset)]);
    let observation = ask(&bench.slot(patient()), "reset").await;
    assert_failed(&observation, "connection");
    assert_eq!(observation.timeline.headers, None);
    assert!(observation.served.new_connection && !observation.served.never_sent);
    assert_eq!(bench.the_only().outcome, End::Reset);
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_of_a_frame() {
    let bench = Bench::new(&[("cut", Fault::Truncate { after_tokens: 4 })]);
    let observation = ask(&bench.slot(patient()), "cut").await;
    assert_failed(&observation, "connection");
    assert_eq!(observation.served.status, Some(200));
    assert_eq!(observation.timeline.content_events, 4);
    assert_eq!(bench.the_only().outcome, End::Truncate);
}

#[tokio::test]
async fn a_good_answer_from_the_fake_server_is_completed() {
    let observation = answered_with(Reply::Stream(whole_answer())).await;
    assert_eq!(counted_as(observation.outcome), ("completed", None));
    assert_eq!(observation.timeline.content_events, 2);
    assert_eq!(observation.usage.output_tokens, Some(2));
    assert!(!observation.served.simulated, "only the simulator says that it is one");
}

#[tokio::test]
async fn a_frame_with_a_wrong_checksum() {
    // The lengths' checksum of the second frame, then the whole frame's.
    let second_frame = whole_answer()[1].len();
    for place in [8, second_frame - 1] {
        let mut frames = whole_answer();
        frames[1][place] ^= 1;
        let observation = answered_with(Reply::Stream(frames)).await;
        assert_failed(&observation, "protocol");
        assert_eq!(observation.served.status, Some(200));
        assert!(observation.timeline.first_event.is_some(), "the first frame was sound");
        assert_eq!(observation.timeline.content_events, 0);
    }
}

#[tokio::test]
async fn a_stream_that_ends_in_order_and_too_early() {
    // Before `messageStop`, before `metadata`, before anything.
    for (whole_frames, content_events) in [(3, 2), (5, 2), (0, 0)] {
        let frames = whole_answer().into_iter().take(whole_frames).collect();
        let observation = answered_with(Reply::Stream(frames)).await;
        assert_failed(&observation, "protocol");
        assert_eq!(observation.timeline.content_events, content_events);
        let message = observation.error.unwrap().message;
        assert!(message.contains("before messageStop and metadata"), "{message}");
    }
}

#[tokio::test]
async fn half_a_frame_at_an_orderly_end() {
    let mut frames = whole_answer();
    let half = frames[2].len() / 2;
    frames[2].truncate(half);
    frames.truncate(3);
    let observation = answered_with(Reply::Stream(frames)).await;
    assert_failed(&observation, "protocol");
    assert_eq!(observation.timeline.content_events, 1);
}

#[tokio::test]
async fn what_is_no_http_and_what_is_no_answer_of_the_service() {
    let observation = answered_with(Reply::Bytes(b"SSH-2.0-OpenSSH\r\n".to_vec())).await;
    assert_failed(&observation, "protocol");
    assert_eq!(observation.served.status, None);

    let page = |status: &str| {
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: 9\r\n\r\n<p>no</p>"
        )
    };
    let observation = answered_with(Reply::Bytes(page("503 Busy").into_bytes())).await;
    assert_failed(&observation, "server");
    assert_eq!(observation.served.status, Some(503));
    // A proxy's page in place of a stream.
    let observation = answered_with(Reply::Bytes(page("200 OK").into_bytes())).await;
    assert_failed(&observation, "protocol");
    assert_eq!(observation.served.status, Some(200));
}

#[tokio::test]
async fn events_that_are_not_known_yet_are_passed_over() {
    let mut frames = whole_answer();
    frames.insert(1, event("somethingNew", r#"{"a":1}"#));
    frames.insert(2, delta(""));
    let observation = answered_with(Reply::Stream(frames)).await;
    assert_eq!(counted_as(observation.outcome), ("completed", None), "{observation:?}");
    assert_eq!(observation.timeline.content_events, 2, "an empty piece is no content");
}

#[tokio::test]
async fn an_error_frame_without_a_model_of_it() {
    let error = frame(
        &[(":message-type", "error"), (":error-code", "Oops"), (":error-message", "It broke.")],
        "",
    );
    let mut frames = whole_answer();
    frames.truncate(2);
    frames.push(error);
    let observation = answered_with(Reply::Stream(frames)).await;
    assert_failed(&observation, "protocol");
    assert_eq!(observation.timeline.content_events, 1);
}

#[tokio::test]
async fn a_connection_that_the_server_closes_is_replaced() {
    let replies = vec![Reply::LastStream(whole_answer()), Reply::Stream(whole_answer())];
    let server = FakeServer::start(replies).await;
    let slot = slot(&server.url(), QUICK, patient());
    for _ in 0..2 {
        let observation = ask(&slot, "hello").await;
        assert_eq!(counted_as(observation.outcome), ("completed", None), "{observation:?}");
        assert!(observation.served.new_connection);
    }
    assert_eq!((server.requests(), server.connections()), (2, 2));
}

#[tokio::test]
async fn a_connection_that_the_server_closes_without_a_word_is_replaced() {
    let replies = vec![Reply::StreamThenClose(whole_answer()), Reply::Stream(whole_answer())];
    let server = FakeServer::start(replies).await;
    let slot = slot(&server.url(), QUICK, patient());
    for _ in 0..2 {
        let observation = ask(&slot, "hello").await;
        assert_eq!(counted_as(observation.outcome), ("completed", None), "{observation:?}");
    }
    assert_eq!(server.requests(), 2);
}
