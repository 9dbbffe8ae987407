//! What one small request tells of an endpoint before it is measured: whether it may be called, what
//! to do where not, and what it costs. Quotas and the dates of a model's life are not in here: only
//! the control plane of Bedrock knows them.

mod mend;
mod served;

use std::time::Duration;

use serde::Serialize;

use crate::endpoint::NetworkTime;
use crate::plan::EndpointSpec;
use crate::price::{Price, Tariff};
use crate::record::{Observation, Outcome, Phase};
use crate::units::{Name, NanoUsd};

/// What came of the request, and of timing the network.
#[derive(Debug)]
pub struct Answered {
    /// The request.
    pub observation: Observation,
    /// The steps to the server, where a connection could be opened.
    pub network: Option<NetworkTime>,
}

/// What is known of an endpoint after one request. Fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EndpointCheck {
    /// What the user calls it.
    pub endpoint: Name,
    /// What was invoked.
    pub model_id: String,
    /// Where.
    pub region: String,
    /// What the request went to, in words.
    pub target: String,
    /// The answer came from a simulator.
    pub simulated: bool,
    /// `None` where the answer arrived whole.
    pub problem: Option<Problem>,
    /// What its tokens cost, and since when that is known; `None` where it is not known.
    pub price: Option<Price>,
    /// Prompt tokens by the service's count; `None` where it reported none.
    pub input_tokens: Option<u32>,
    /// Tokens of the answer by the service's count.
    pub output_tokens: Option<u32>,
    /// The most that the request cost: by its usage, or by our bound where none was reported;
    /// `None` without a price.
    pub cost_at_most_nano_usd: Option<NanoUsd>,
    /// The service tier that served it, where the service says so.
    pub service_tier: Option<String>,
    /// The latency mode that served it, where the service says so.
    pub latency_mode: Option<String>,
    /// Whether tier and mode are those that were asked for.
    pub served_as_asked: bool,
    /// To find the server's address, milliseconds.
    pub resolve_ms: Option<f64>,
    /// To open a connection: one round trip, milliseconds.
    pub tcp_ms: Option<f64>,
    /// To agree on TLS, milliseconds.
    pub tls_ms: Option<f64>,
    /// From the send to the head of the answer, milliseconds.
    pub ttfb_ms: Option<f64>,
    /// From the send to the first text, milliseconds; `None` where the answer comes whole.
    pub ttft_ms: Option<f64>,
    /// From the send to the end, milliseconds.
    pub e2e_ms: Option<f64>,
    /// The protocol of the answer.
    pub protocol: Option<String>,
    /// What to name to AWS support.
    pub request_id: Option<String>,
}

/// Why an endpoint cannot be measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The class under which records count it.
    pub class: &'static str,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// The service's error code.
    pub code: Option<String>,
    /// What was said.
    pub message: String,
    /// What to do.
    pub mend: String,
}

impl EndpointCheck {
    /// Of a request to an endpoint, whose tariff is `None` where its price is not known.
    pub fn new(spec: &EndpointSpec, tariff: Option<&Tariff>, answered: &Answered) -> Self {
        let Answered { observation: seen, network } = answered;
        let charge = |tariff: &Tariff| {
            let (outcome, usage) = (seen.outcome, &seen.usage);
            tariff.charge(Phase::Warmup, outcome, usage, &seen.served, &seen.timeline).amount()
        };
        let problem = seen.outcome.error_class().map(|class| {
            let error = seen.error.as_ref();
            let message = error.map_or_else(String::new, |error| error.message.clone());
            let mend = mend::mend(spec, seen.outcome, &message);
            let (status, code) = (seen.served.status, error.and_then(|error| error.code.clone()));
            Problem { class, status, code, message, mend }
        });
        let is_whole = seen.outcome == Outcome::Completed;
        Self {
            endpoint: spec.name.clone(),
            model_id: spec.model_id.clone(),
            region: spec.region.clone(),
            target: spec.target(),
            simulated: seen.served.simulated,
            problem,
            price: spec.price.clone(),
            input_tokens: seen.usage.input_tokens,
            output_tokens: seen.usage.output_tokens,
            cost_at_most_nano_usd: tariff.map(charge),
            service_tier: seen.served.service_tier.clone(),
            latency_mode: seen.served.latency_mode.clone(),
            served_as_asked: seen.served.is_as_asked(spec),
            resolve_ms: network.map(|network| ms(network.resolve)),
            tcp_ms: network.map(|network| ms(network.tcp)),
            tls_ms: network.and_then(|network| network.tls).map(ms),
            ttfb_ms: seen.timeline.headers.map(ms),
            ttft_ms: seen.timeline.first_text.map(ms),
            e2e_ms: is_whole.then(|| ms(seen.timeline.end)),
            protocol: seen.served.protocol.clone(),
            request_id: seen.served.request_id.clone(),
        }
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
