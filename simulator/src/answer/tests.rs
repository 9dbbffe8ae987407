//! When the bytes of a stream come.

use std::time::Duration;

use crate::testing::{ask, plain_profile, prompt};
use crate::{OutputTokens, Profile, Simulator, SimulatorConfig};

async fn start(profile: Profile) -> Simulator {
    let profiles = vec![profile];
    Simulator::start(SimulatorConfig { profiles, ..Default::default() }).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_token_comes_when_due_and_events_in_order() {
    let simulator = start(plain_profile()).await;
    let reply = ask(simulator.connect(), "plain", &prompt("one two, three!")).await.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "application/vnd.amazon.eventstream");
    assert_eq!(reply.header("x-fmgauge-simulated"), "true");
    assert_eq!(reply.headers_at, Duration::ZERO);

    let mut names = vec!["messageStart"];
    names.extend(["contentBlockDelta"; 10]);
    names.extend(["contentBlockStop", "messageStop", "metadata"]);
    assert_eq!(reply.names(), names);
    let times: Vec<_> = reply.tokens().iter().map(|(at, _)| at.as_millis()).collect();
    assert_eq!(times, [105, 115, 125, 135, 145, 155, 165, 175, 185, 195]);
    assert_eq!(reply.last().at.as_millis(), 195);
    assert_eq!(
        reply.last().payload["usage"],
        serde_json::json!({"inputTokens": 5, "outputTokens": 10, "totalTokens": 15})
    );
    assert_eq!(reply.last().payload["metrics"]["latencyMs"], 195);
    let text: String = reply.tokens().iter().map(|(_, text)| *text).collect();
    assert_eq!(crate::count_tokens(&text), 10, "{text}");
}

#[tokio::test(start_paused = true)]
async fn how_it_was_served_is_told_where_it_was_asked() {
    let simulator = start(plain_profile()).await;
    let mut request = prompt("one");
    request["performanceConfig"] = serde_json::json!({"latency": "standard"});
    request["serviceTier"] = serde_json::json!({"type": "priority"});
    let reply = ask(simulator.connect(), "plain", &request).await.unwrap();
    let metadata = &reply.last().payload;
    assert_eq!(metadata["performanceConfig"]["latency"], "standard");
    assert_eq!(metadata["serviceTier"]["type"], "priority");
    let reply = ask(simulator.connect(), "plain", &prompt("one")).await.unwrap();
    let metadata = &reply.last().payload;
    assert!(metadata.get("performanceConfig").is_none());
    assert!(metadata.get("serviceTier").is_none());
}

#[tokio::test(start_paused = true)]
async fn rounding_by_the_timer_does_not_add_up() {
    let mut profile = plain_profile();
    profile.decode_per_token = Duration::from_micros(10_300);
    profile.output_tokens = OutputTokens::fixed(100.0);
    let simulator = start(profile).await;
    let reply = ask(simulator.connect(), "plain", &prompt("one")).await.unwrap();
    let due = Duration::from_millis(101) + Duration::from_micros(10_300) * 99;
    let at = reply.last().at;
    assert!(due <= at && at < due + Duration::from_millis(1), "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn tokens_due_at_once_come_at_once() {
    let mut profile = plain_profile();
    profile.decode_per_token = Duration::ZERO;
    profile.output_tokens = OutputTokens::fixed(3_000.0);
    let simulator = start(profile).await;
    let reply = ask(simulator.connect(), "plain", &prompt("one")).await.unwrap();
    assert_eq!(reply.tokens().len(), 3_000);
    assert!(reply.tokens().iter().all(|(at, _)| at.as_millis() == 101));
}

#[tokio::test(start_paused = true)]
async fn the_limit_cuts_the_answer() {
    let simulator = start(plain_profile()).await;
    let check = async |limit: u32, expected: (usize, &str)| {
        let mut request = prompt("one");
        request["inferenceConfig"] = serde_json::json!({ "maxTokens": limit });
        let reply = ask(simulator.connect(), "plain", &request).await.unwrap();
        let stop = reply.events.iter().find(|event| event.name == "messageStop").unwrap();
        let reason = stop.payload["stopReason"].as_str().unwrap();
        assert_eq!((reply.tokens().len(), reason), expected);
    };
    check(3, (3, "max_tokens")).await;
    check(10, (10, "end_turn")).await;
    check(11, (10, "end_turn")).await;
}
