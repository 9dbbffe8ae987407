//! A good request, observed as it was answered.

use std::time::Duration;

use shared::record::UsageSource;
use simulator::{Outcome as End, Profile};

use super::{Bench, ask, assert_in_order, counted_as, patient, profile, sha256, slot};

/// How late a stamp of ours may be on a busy machine.
const LATE: Duration = Duration::from_millis(250);

#[tokio::test]
async fn an_answer_is_observed_as_it_was_given() {
    let bench = Bench::new(&[]);
    let slot = bench.slot(patient());
    let text = "Summarize cloud computing in one sentence.";
    let observation = ask(&slot, text).await;

    assert_eq!((counted_as(observation.outcome), &observation.error), (("completed", None), &None));
    let (timeline, served, usage) = (&observation.timeline, &observation.served, observation.usage);
    assert_in_order(&observation);
    assert_eq!(timeline.content_events, 10);
    assert!(timeline.connect.is_some() && timeline.dispatch_delay.is_zero());
    assert!(timeline.gap_max.unwrap() >= timeline.gap_mean().unwrap());
    let longest = Duration::from_micros(observation.gaps_us.iter().copied().max().unwrap().into());
    assert_eq!(observation.gaps_us.len(), 9);
    assert_eq!(longest.as_micros(), timeline.gap_max.unwrap().as_micros());
    assert_eq!(served.status, Some(200));
    assert_eq!(served.protocol.as_deref(), Some("HTTP/1.1"));
    assert_eq!(served.stop_reason.as_deref(), Some("end_turn"));
    assert!(served.new_connection && served.simulated);
    let service_latency = Duration::from_millis(served.server_latency_ms.unwrap());
    assert!(service_latency <= timeline.end);
    assert_eq!(usage.source, Some(UsageSource::Service));

    let truth = bench.the_only();
    assert_eq!(truth.outcome, End::Ok);
    assert_eq!(served.request_id.as_ref(), Some(&truth.request_id));
    assert_eq!(truth.prompt_sha256, Some(sha256(text)), "the prompt arrived as it was given");
    assert_eq!(usage.input_tokens, Some(truth.input_tokens));
    assert_eq!(usage.output_tokens, Some(truth.output_tokens));
    assert_eq!(timeline.content_events, truth.output_tokens, "the simulator sends one by one");
}

#[tokio::test]
async fn times_are_never_early_and_not_much_late() {
    // The longest calibrated waits, so that an error shows.
    let model = Profile::find("meta.llama2-13b-chat-v1").unwrap();
    let profiles = vec![Profile { base: Duration::from_millis(300), ..model.clone() }];
    let bench = Bench::serving(profiles, Vec::new());
    let slot = slot(&bench.simulator.url(), &model.model_id, patient());
    let mut observations = Vec::new();
    for text in ["one", "two", "three"] {
        observations.push(ask(&slot, text).await);
    }
    for (observation, truth) in observations.iter().zip(bench.ended()) {
        assert_eq!(observation.served.request_id.as_deref(), Some(&*truth.request_id));
        let check = |seen: Option<Duration>, written_ns: Option<u64>| {
            // Both from the request's arrival: ours counts from the send, which is before it.
            let written = Duration::from_nanos(written_ns.unwrap() - truth.received_ns);
            let seen = seen.unwrap();
            assert!(seen >= written && seen <= written + LATE, "{seen:?}, written {written:?}");
        };
        let timeline = &observation.timeline;
        check(timeline.headers, truth.headers_written_ns);
        check(timeline.first_text, truth.first_token_written_ns);
        check(timeline.last_content, truth.last_token_written_ns);
        check(Some(timeline.end), Some(truth.ended_ns));
        // `messageStart` comes with the headers, and is not taken for the first token.
        let first_event = timeline.first_event.unwrap();
        assert!(first_event + Duration::from_millis(50) < timeline.first_text.unwrap());
    }
}

#[tokio::test]
async fn the_limit_of_tokens_is_sent_and_the_connection_is_kept() {
    let bench = Bench::serving(vec![profile("long", Duration::from_millis(1), 500.0)], Vec::new());
    let slot = slot(&bench.simulator.url(), "long", patient());
    for turn in 0..3 {
        let observation = ask(&slot, "go on").await;
        assert_eq!(counted_as(observation.outcome), ("completed", None));
        assert_eq!(observation.served.stop_reason.as_deref(), Some("max_tokens"));
        assert_eq!(observation.usage.output_tokens, Some(100));
        assert_eq!(observation.served.new_connection, turn == 0);
        assert_eq!(observation.timeline.connect.is_some(), turn == 0);
    }
    assert!(bench.ended().iter().all(|truth| truth.connection == 1));
}
