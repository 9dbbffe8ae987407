//! A request that is ready waits for its start, and is sent then.

use std::time::Duration;

use shared::endpoint::{Request, Start};
use shared::plan::Api;
use shared::record::Outcome;
use simulator::scripted::{After, Framing, Script, converse_stream, response};
use tests::wire::{endpoint, request};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

#[tokio::test(start_paused = true)]
async fn a_request_is_sent_when_it_may_go_and_not_before() {
    let pieces = vec![response(Framing::Length, &converse_stream(2))];
    let endpoint = endpoint(Api::ConverseStream, Script { pieces, after: After::Open });
    let (start, never) = (Start::default(), CancellationToken::new());
    let held = Request { start: Some(start.clone()), ..request() };
    let begun = Instant::now();
    let going = async {
        sleep(Duration::from_secs(1)).await;
        start.go();
    };
    let (seen, ()) = tokio::join!(endpoint.invoke(&held, &never), going);
    assert_eq!(seen.outcome, Outcome::Completed);
    assert_eq!(seen.sent - begun, Duration::from_secs(1));

    // Its start has gone: another with it goes at once.
    let again = endpoint.invoke(&held, &never).await;
    assert_eq!((again.outcome, again.sent - seen.sent), (Outcome::Completed, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_held_request_that_is_cut_was_never_sent() {
    let script = Script { pieces: Vec::new(), after: After::Open };
    let endpoint = endpoint(Api::ConverseStream, script);
    let (held, cut) =
        (Request { start: Some(Start::default()), ..request() }, CancellationToken::new());
    let cutting = async {
        sleep(Duration::from_secs(1)).await;
        cut.cancel();
    };
    let (seen, ()) = tokio::join!(endpoint.invoke(&held, &cut), cutting);
    assert_eq!((seen.outcome, seen.served.never_sent), (Outcome::Cut, true));
}
