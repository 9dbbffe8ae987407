//! What was seen of an answer so far.

use std::time::Duration;

use tokio::time::Instant;

use super::Request;
use super::connection::Exchange;
use super::ending::Ending;
use super::failure::{classify, detail};
use crate::payload::{Content, Told};
use crate::record::{ErrorClass, Outcome, Served, Timeline, Usage, UsageSource};

/// The simulator's response header: what carries it is marked as simulated wherever it is shown.
const SIMULATED_HEADER: &str = "x-fmgauge-simulated";

/// What was seen of an answer so far.
#[derive(Debug, Default)]
pub(in crate::endpoint) struct Answer {
    pub(in crate::endpoint) first_event: Option<Instant>,
    pub(in crate::endpoint) first_content: Option<Instant>,
    pub(in crate::endpoint) first_text: Option<Instant>,
    pub(in crate::endpoint) last_content: Option<Instant>,
    pub(in crate::endpoint) last_event: Option<Instant>,
    pub(in crate::endpoint) content_events: u32,
    pub(in crate::endpoint) gap_max: Option<Duration>,
    pub(in crate::endpoint) gaps_us: Vec<u32>,
    /// Tokens of the content so far, where the format has one in each event.
    pub(in crate::endpoint) content_tokens: u32,
    /// Bytes of the text, of an answer that came whole.
    pub(in crate::endpoint) text_bytes: u32,
    pub(in crate::endpoint) usage: Usage,
    pub(in crate::endpoint) stop_reason: Option<String>,
    pub(in crate::endpoint) server_latency_ms: Option<u64>,
    pub(in crate::endpoint) server_first_byte_ms: Option<u64>,
    pub(in crate::endpoint) latency_mode: Option<String>,
    pub(in crate::endpoint) service_tier: Option<String>,
}

impl Answer {
    /// Takes the gap between two content events.
    pub(in crate::endpoint) fn gap(&mut self, gap: Duration) {
        self.gap_max = Some(self.gap_max.map_or(gap, |max| max.max(gap)));
        self.gaps_us.push(u32::try_from(gap.as_micros()).unwrap_or(u32::MAX));
    }

    /// Takes content that came at a time.
    pub(in crate::endpoint) fn content(&mut self, content: Content, at: Instant) {
        match content {
            Content::Nothing => return,
            Content::Text => {
                self.first_text.get_or_insert(at);
            }
            Content::Hidden => {}
        }
        if let Some(last) = self.last_content {
            self.gap(at.duration_since(last));
        }
        self.first_content.get_or_insert(at);
        self.last_content = Some(at);
        self.content_events += 1;
    }

    /// Takes what a document of the answer tells, that came at a time; how the answer ended, where it
    /// says that it has failed.
    pub(in crate::endpoint) fn receive(&mut self, told: Told, at: Instant) -> Option<Ending> {
        self.first_event.get_or_insert(at);
        self.last_event = Some(at);
        self.content(told.content, at);
        self.take(told)
    }

    /// Takes what an answer tells that came whole: nothing of it has a time.
    pub(in crate::endpoint) fn take(&mut self, told: Told) -> Option<Ending> {
        self.content_tokens += told.content_tokens;
        self.text_bytes += told.text_bytes;
        self.usage.update(told.usage);
        self.stop_reason = told.stop_reason.or(self.stop_reason.take());
        self.server_latency_ms = told.server_latency_ms.or(self.server_latency_ms);
        self.server_first_byte_ms = told.server_first_byte_ms.or(self.server_first_byte_ms);
        let (code, message) = told.failure?;
        let mut outcome = classify(code.as_deref(), None, &message);
        // What has no class of its own is the model's failure: the service had begun to answer.
        if outcome == Outcome::Failed(ErrorClass::Protocol) {
            outcome = Outcome::Failed(ErrorClass::ModelError);
        }
        Some(Ending { outcome, error: Some(detail(code.as_deref(), &message)) })
    }

    /// Takes a number from a header where nothing better is known.
    pub(in crate::endpoint) fn take_headers(&mut self, exchange: &Exchange) {
        let number = |name: &str| exchange.header(name).and_then(|value| value.parse().ok());
        if self.usage.source.is_none() {
            let input_tokens = number("x-amzn-bedrock-input-token-count");
            let output_tokens = number("x-amzn-bedrock-output-token-count");
            let source = output_tokens.map(|_| UsageSource::Headers);
            self.usage.update(Usage { input_tokens, output_tokens, source, ..Usage::default() });
        }
        let latency = exchange.header("x-amzn-bedrock-invocation-latency");
        let latency = latency.and_then(|value| value.parse().ok());
        self.server_latency_ms = self.server_latency_ms.or(latency);
        let word = |name: &str| exchange.header(name).map(str::to_owned);
        self.latency_mode =
            self.latency_mode.take().or_else(|| word("x-amzn-bedrock-performanceconfig-latency"));
        self.service_tier =
            self.service_tier.take().or_else(|| word("x-amzn-bedrock-service-tier"));
    }

    /// Estimates what nobody counted, for a request that was answered.
    pub(in crate::endpoint) fn estimate(&mut self, request: &Request) {
        let Usage { input_tokens, output_tokens, .. } = self.usage;
        if input_tokens.is_some() && output_tokens.is_some() {
            return;
        }
        let by_length = || {
            let prompt = u64::try_from(request.text.len()).ok().filter(|&bytes| bytes > 0)?;
            let tokens = u64::from(self.text_bytes) * u64::from(request.estimated_tokens);
            u32::try_from(tokens.div_ceil(prompt)).ok()
        };
        let of_answer = match self.content_tokens {
            0 => by_length().filter(|&tokens| tokens > 0),
            tokens => Some(tokens),
        };
        self.usage.input_tokens = input_tokens.or(Some(request.estimated_tokens));
        self.usage.output_tokens = output_tokens.or(of_answer);
        self.usage.source = Some(UsageSource::Estimate);
    }

    pub(in crate::endpoint) fn timeline(
        &self,
        exchange: &Exchange,
        sent: Instant,
        end: Instant,
    ) -> Timeline {
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

    pub(in crate::endpoint) fn served(self, exchange: &Exchange) -> Served {
        let request_id = exchange.header("x-amzn-requestid").or(exchange.header("x-request-id"));
        Served {
            request_id: request_id.map(str::to_owned),
            status: exchange.status,
            protocol: exchange.version.map(|version| format!("{version:?}")),
            new_connection: exchange.connect.is_some(),
            stop_reason: self.stop_reason,
            server_latency_ms: self.server_latency_ms,
            server_first_byte_ms: self.server_first_byte_ms,
            latency_mode: self.latency_mode,
            service_tier: self.service_tier,
            simulated: exchange.header(SIMULATED_HEADER).is_some(),
            never_sent: exchange.sent.is_none(),
        }
    }
}
