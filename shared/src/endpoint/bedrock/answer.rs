//! What was seen of an answer so far.

use std::time::Duration;

use aws_sdk_bedrockruntime::types::{PerformanceConfiguration, ServiceTier, TokenUsage};
use tokio::time::Instant;

use crate::endpoint::connection::Exchange;
use crate::record::{Served, Timeline, Usage, UsageSource};

/// The simulator's response header: what carries it is marked as simulated wherever it is shown.
const SIMULATED_HEADER: &str = "x-fmgauge-simulated";

/// What was seen of an answer so far.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) first_event: Option<Instant>,
    pub(super) first_content: Option<Instant>,
    pub(super) first_text: Option<Instant>,
    pub(super) last_content: Option<Instant>,
    pub(super) last_event: Option<Instant>,
    pub(super) content_events: u32,
    pub(super) gap_max: Option<Duration>,
    pub(super) gaps_us: Vec<u32>,
    pub(super) usage: Usage,
    pub(super) stop_reason: Option<String>,
    pub(super) server_latency_ms: Option<u64>,
    pub(super) latency_mode: Option<String>,
    pub(super) service_tier: Option<String>,
}

impl Answer {
    /// Takes the gap between two content events.
    pub(super) fn gap(&mut self, gap: Duration) {
        self.gap_max = Some(self.gap_max.map_or(gap, |max| max.max(gap)));
        self.gaps_us.push(u32::try_from(gap.as_micros()).unwrap_or(u32::MAX));
    }

    /// Takes the service's count of tokens. No prompt is without one: nothing but zeros is what the
    /// SDK puts where the service says nothing.
    pub(super) fn count(&mut self, usage: &TokenUsage) {
        if usage.input_tokens == 0 && usage.output_tokens == 0 {
            return;
        }
        let count = |tokens: i32| u32::try_from(tokens).ok();
        self.usage = Usage {
            input_tokens: count(usage.input_tokens),
            output_tokens: count(usage.output_tokens),
            cache_read_tokens: usage.cache_read_input_tokens.and_then(count),
            cache_write_tokens: usage.cache_write_input_tokens.and_then(count),
            source: Some(UsageSource::Service),
        };
    }

    /// Takes what the service says of how it served.
    pub(super) fn served_as(
        &mut self,
        latency_ms: Option<i64>,
        performance: Option<&PerformanceConfiguration>,
        tier: Option<&ServiceTier>,
    ) {
        self.server_latency_ms = latency_ms.and_then(|ms| u64::try_from(ms).ok());
        self.latency_mode = performance.map(|config| config.latency.as_str().to_owned());
        self.service_tier = tier.map(|tier| tier.r#type.as_str().to_owned());
    }

    pub(super) fn timeline(&self, exchange: &Exchange, sent: Instant, end: Instant) -> Timeline {
        let offset = |at: Option<Instant>| at.map(|at| at.duration_since(sent));
        Timeline {
            connect: exchange.connect,
            headers: offset(exchange.headers),
            first_event: offset(self.first_event),
            first_content: offset(self.first_content),
            first_text: offset(self.first_text),
            last_content: offset(self.last_content),
            end: end.duration_since(sent),
            content_events: self.content_events,
            gap_max: self.gap_max,
            bytes: exchange.bytes,
            ..Timeline::default() // what its sender knows
        }
    }

    pub(super) fn served(self, exchange: &Exchange) -> Served {
        let header = |name: &str| {
            let value = exchange.response_headers.get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        Served {
            request_id: header("x-amzn-requestid"),
            status: exchange.status,
            protocol: exchange.version.map(|version| format!("{version:?}")),
            new_connection: exchange.connect.is_some(),
            stop_reason: self.stop_reason,
            server_latency_ms: self.server_latency_ms,
            latency_mode: self.latency_mode,
            service_tier: self.service_tier,
            simulated: header(SIMULATED_HEADER).is_some(),
            never_sent: exchange.sent.is_none(),
        }
    }
}
