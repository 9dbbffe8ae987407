//! Each fault on the wire and in the truth.

use std::time::Duration;

use tokio::net::TcpStream;

use super::*;
use crate::testing::{Reply, ask, plain_profile, prompt};
use crate::{Simulator, SimulatorConfig, Truth};

async fn start(fault: Fault) -> Simulator {
    let script = vec![ScriptedFault { model_id: None, when: When::Every(1), fault }];
    let profiles = vec![plain_profile()];
    Simulator::start(SimulatorConfig { profiles, script, ..Default::default() }).await.unwrap()
}

/// The reply and the truth of a request that meets the fault.
async fn meet(fault: Fault) -> (Reply, Truth) {
    let simulator = start(fault).await;
    let reply = ask(simulator.connect(), "plain", &prompt("one")).await.unwrap();
    (reply, simulator.truth().pop().unwrap())
}

/// The truth of a request that meets a stall and whose client leaves after a second.
async fn leave(fault: Fault) -> Truth {
    let simulator = start(fault).await;
    let request = prompt("one");
    let asked = ask(simulator.connect(), "plain", &request);
    assert!(tokio::time::timeout(Duration::from_secs(1), asked).await.is_err());
    // The paused clock moves only when every task has seen the client leave.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let truth = simulator.truth().pop().unwrap();
    assert_eq!(truth.ended_ns - truth.received_ns, 1_000_000_000);
    truth
}

#[tokio::test(start_paused = true)]
async fn an_error_comes_at_once() {
    let (reply, truth) = meet(Fault::Status {
        status: 429,
        code: "ThrottlingException".into(),
        message: "Too many requests.".into(),
    })
    .await;
    assert_eq!((reply.status, reply.headers_at), (429, Duration::ZERO));
    assert_eq!(&reply.body[..], br#"{"message":"Too many requests."}"#);
    assert!(reply.header("x-amzn-errortype").starts_with("ThrottlingException:"));
    assert_eq!((truth.outcome, truth.status), (Outcome::Status, Some(429)));
}

#[tokio::test(start_paused = true)]
async fn an_exception_ends_the_stream() {
    let check = async |after_tokens, tokens| {
        let (reply, truth) = meet(Fault::StreamException {
            after_tokens,
            exception: "modelStreamErrorException".into(),
            message: "It broke.".into(),
        })
        .await;
        assert_eq!((reply.tokens().len(), reply.is_broken, reply.rest), (tokens, false, 0));
        assert_eq!(reply.last().name, "modelStreamErrorException");
        assert_eq!(reply.last().payload["message"], "It broke.");
        assert_eq!((truth.outcome, truth.status), (Outcome::StreamException, Some(200)));
        assert_eq!(usize::try_from(truth.output_tokens), Ok(tokens));
    };
    check(0, 0).await;
    check(3, 3).await;
    check(99, 10).await;
}

#[tokio::test(start_paused = true)]
async fn a_cut_leaves_half_a_frame() {
    let (reply, truth) = meet(Fault::Truncate { after_tokens: 4 }).await;
    assert_eq!((reply.tokens().len(), reply.is_broken), (4, true));
    assert!(reply.rest > 0);
    assert_eq!((truth.outcome, truth.output_tokens), (Outcome::Truncate, 4));
}

#[tokio::test(start_paused = true)]
async fn stalls_last_until_the_client_leaves() {
    let truth = leave(Fault::SlowHeaders).await;
    assert_eq!((truth.outcome, truth.status), (Outcome::SlowHeaders, None));
    let truth = leave(Fault::StallBeforeFirst).await;
    assert_eq!((truth.outcome, truth.status), (Outcome::StallBeforeFirst, Some(200)));
    assert_eq!(truth.first_token_written_ns, None);
    let truth = leave(Fault::StallAfter { tokens: 3 }).await;
    assert_eq!((truth.outcome, truth.output_tokens), (Outcome::StallAfter, 3));
    let last = truth.last_token_written_ns.unwrap();
    assert_eq!(last - truth.received_ns, 121_000_000);
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let simulator = start(Fault::Reset).await;
    let stream = TcpStream::connect(simulator.address()).await.unwrap();
    let error = ask(stream, "plain", &prompt("one")).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    let source = source.downcast_ref::<std::io::Error>().unwrap();
    assert_eq!(source.kind(), std::io::ErrorKind::ConnectionReset);
    let truth = simulator.truth().pop().unwrap();
    assert_eq!((truth.outcome, truth.status), (Outcome::Reset, None));
}

#[test]
fn the_first_entry_that_fits_counts() {
    let entry = |model_id: Option<&str>, when, fault| ScriptedFault {
        model_id: model_id.map(str::to_owned),
        when,
        fault,
    };
    let script = [
        entry(Some("a"), When::Numbers(vec![2]), Fault::Reset),
        entry(None, When::Every(2), Fault::SlowHeaders),
    ];
    let found = |model_id, number| find(&script, Arrival { seed: 1, model_id, number, prompt: "" });
    assert_eq!(found("a", 2), Some(&Fault::Reset));
    assert_eq!(found("a", 4), Some(&Fault::SlowHeaders));
    assert_eq!(found("b", 2), Some(&Fault::SlowHeaders));
    assert_eq!(found("b", 1), None);
}

#[tokio::test(start_paused = true)]
async fn a_pause_delays_what_follows_it() {
    let lasts = Duration::from_secs(3);
    // Tokens are due at 101 ms and then 10 ms apart; the end comes with the tenth.
    for (after_tokens, second_at) in [(0, 3_111), (1, 3_111), (2, 111), (9, 111), (99, 111)] {
        let (reply, truth) = meet(Fault::Pause { after_tokens, lasts }).await;
        let at: Vec<_> = reply.tokens().iter().map(|(at, _)| at.as_millis()).collect();
        assert_eq!((at.len(), at[1]), (10, second_at), "{after_tokens}");
        assert_eq!(at[0], if after_tokens == 0 { 3_101 } else { 101 });
        assert_eq!(reply.last().at.as_millis(), 3_191);
        assert_eq!(reply.headers_at, Duration::ZERO);
        assert_eq!((truth.outcome, truth.output_tokens), (Outcome::Ok, 10));
    }
    let truth = leave(Fault::Pause { after_tokens: 3, lasts }).await;
    assert_eq!((truth.outcome, truth.output_tokens), (Outcome::Pause, 3));
}

#[tokio::test(start_paused = true)]
async fn late_headers_delay_everything() {
    let by = Duration::from_secs(3);
    let (reply, truth) = meet(Fault::LateHeaders { by }).await;
    assert_eq!(reply.headers_at, by);
    assert_eq!(reply.tokens()[0].0, by + Duration::from_millis(101));
    assert_eq!((truth.outcome, truth.queue_wait_ns), (Outcome::Ok, Some(0)));
    let truth = leave(Fault::LateHeaders { by }).await;
    assert_eq!((truth.outcome, truth.status), (Outcome::LateHeaders, None));
}

#[tokio::test(start_paused = true)]
async fn an_endless_answer_ends_with_its_client() {
    let truth = leave(Fault::Endless).await;
    // The first at 101 ms, and 10 ms apart until the second is over.
    assert_eq!((truth.outcome, truth.output_tokens), (Outcome::Endless, 90));
}

#[tokio::test]
async fn a_reset_in_the_middle_comes_after_its_tokens() {
    let simulator = start(Fault::ResetAfter { tokens: 4 }).await;
    let stream = TcpStream::connect(simulator.address()).await.unwrap();
    let reply = ask(stream, "plain", &prompt("one")).await.unwrap();
    assert_eq!((reply.tokens().len(), reply.is_broken, reply.rest), (4, true, 0));
    let truth = simulator.truth().pop().unwrap();
    assert_eq!((truth.outcome, truth.output_tokens), (Outcome::ResetAfter, 4));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_bit_fails_a_checksum() {
    for part in [Part::Prelude, Part::Payload] {
        for (after_tokens, sound) in [(0, 0), (4, 4), (99, 10)] {
            let simulator = start(Fault::Corrupt { after_tokens, part }).await;
            let reply = ask(simulator.connect(), "plain", &prompt("one")).await.unwrap();
            // The client leaves at the wrong bit.
            tokio::time::sleep(Duration::from_millis(1)).await;
            let truth = simulator.truth().pop().unwrap();
            assert_eq!((reply.tokens().len(), reply.is_corrupt), (sound, true), "{part:?}");
            assert_eq!((truth.outcome, truth.status), (Outcome::Corrupt, Some(200)));
        }
    }
}
