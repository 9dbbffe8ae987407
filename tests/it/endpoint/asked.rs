//! What is asked for beside the prompt, by both operations.

use shared::endpoint::{Endpoint, Request};
use shared::plan::{Api, EndpointSpec, LatencyMode, ServiceTier};
use shared::record::Observation;
use tokio_util::sync::CancellationToken;

use super::{Bench, QUICK, counted_as, patient, request, slot_of, spec};

async fn ask(spec: &EndpointSpec, request: &Request) -> Observation {
    let observation = slot_of(spec, patient()).invoke(request, &CancellationToken::new()).await;
    assert_eq!(counted_as(observation.outcome), ("completed", None), "{observation:?}");
    observation
}

#[tokio::test]
async fn the_system_text_is_sent_and_paid_for() {
    for api in [Api::ConverseStream, Api::Converse] {
        let bench = Bench::new(&[]);
        let spec = EndpointSpec { api, ..spec(&bench.simulator.url(), QUICK) };
        let plain = ask(&spec, &request("hello")).await;
        let system = Some("Be short.".to_owned());
        let with_system = ask(&spec, &Request { system, ..request("hello") }).await;
        let tokens = |observation: Observation| observation.usage.input_tokens.unwrap();
        assert_eq!(tokens(with_system), tokens(plain) + 3);
        let digests: Vec<_> = bench.ended().into_iter().map(|truth| truth.prompt_sha256).collect();
        assert_eq!(digests[0], digests[1], "the system text is not part of what the user says");
    }
}

#[tokio::test]
async fn latency_mode_and_service_tier_are_asked_for_and_recorded() {
    for api in [Api::ConverseStream, Api::Converse] {
        let bench = Bench::new(&[]);
        let plain = EndpointSpec { api, ..spec(&bench.simulator.url(), QUICK) };
        let check = async |mode, tier, expected: (Option<&str>, Option<&str>)| {
            let spec = EndpointSpec { latency_mode: mode, service_tier: tier, ..plain.clone() };
            let served = ask(&spec, &request("hello")).await.served;
            assert_eq!((served.latency_mode.as_deref(), served.service_tier.as_deref()), expected);
        };
        check(None, None, (None, None)).await;
        check(Some(LatencyMode::Optimized), None, (Some("optimized"), None)).await;
        check(Some(LatencyMode::Standard), None, (Some("standard"), None)).await;
        check(None, Some(ServiceTier::Flex), (None, Some("flex"))).await;
        check(None, Some(ServiceTier::Priority), (None, Some("priority"))).await;
        check(None, Some(ServiceTier::Default), (None, Some("default"))).await;
    }
}
