//! A record as people and their scripts read it: flat, in milliseconds, with stable names.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{Phase, Record, UsageSource};
use crate::units::{ExperimentId, Name};

/// A line of `fmgauge records`. Fields are added, never renamed or removed. What is not known is
/// null; times are milliseconds from the send.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordLine<'a> {
    /// Which endpoint answered.
    pub endpoint: &'a Name,
    /// The experiment.
    pub experiment: &'a ExperimentId,
    /// The round of the run, from 1.
    pub round: u32,
    /// The block of the experiment, from 1.
    pub block: u32,
    /// The attempt at the block, from 1.
    pub attempt: u32,
    /// Whether the attempt is the one that counts.
    pub counted: bool,
    /// The place in the attempt, from 1; warm-up requests have their own count.
    pub sequence: u32,
    /// `warmup` or `measured`.
    pub phase: Phase,
    /// The connection that sent it, from 0.
    pub slot: u32,
    /// Which prompt of the dataset, from 0.
    pub prompt: u32,
    /// The send, RFC 3339 with nanoseconds, UTC.
    pub sent_at: SentAt,
    /// To first visible text.
    pub ttft_ms: Option<f64>,
    /// To the first content of any kind.
    pub ttft_any_ms: Option<f64>,
    /// To the end of the answer, or of waiting for it.
    pub e2e_ms: f64,
    /// Time per output token, by the service's count.
    pub tpot_ms: Option<f64>,
    /// Mean gap between content events.
    pub itl_mean_ms: Option<f64>,
    /// Longest gap between content events.
    pub itl_max_ms: Option<f64>,
    /// To the response headers.
    pub headers_ms: Option<f64>,
    /// Opening the connection, before the send; null where it was open.
    pub connect_ms: Option<f64>,
    /// Send less intended send; 0 in a closed loop.
    pub dispatch_delay_ms: f64,
    /// How long of that it waited for a free stream; null where one was free.
    pub slot_wait_ms: Option<f64>,
    /// Which try of its request this is, from 1; tries share their `sequence`.
    pub try_number: u32,
    /// Send less the send of the request's first try.
    pub since_first_send_ms: f64,
    /// From the intended send to first visible text.
    pub ttft_from_schedule_ms: Option<f64>,
    /// From the intended send to the end of the answer, or of waiting for it.
    pub e2e_from_schedule_ms: f64,
    /// Content events.
    pub content_events: u32,
    /// Bytes of the response's body.
    pub bytes: u64,
    /// Prompt tokens, as the service counted.
    pub input_tokens: Option<u32>,
    /// Answer tokens, as the service counted.
    pub output_tokens: Option<u32>,
    /// Prompt tokens read from a cache.
    pub cache_read_tokens: Option<u32>,
    /// Prompt tokens written to a cache.
    pub cache_write_tokens: Option<u32>,
    /// `completed`, `throttled`, `timed_out`, `cut` or `failed`.
    pub outcome: &'static str,
    /// The class under which an error is counted.
    pub error_class: Option<&'static str>,
    /// The service's code of an error.
    pub error_code: Option<&'a str>,
    /// What was said of an error.
    pub error_message: Option<&'a str>,
    /// The service's id of the request.
    pub request_id: Option<&'a str>,
    /// HTTP status.
    pub status: Option<u16>,
    /// HTTP version.
    pub protocol: Option<&'a str>,
    /// Whether it opened its connection.
    pub new_connection: bool,
    /// Why the model stopped.
    pub stop_reason: Option<&'a str>,
    /// The service's own latency.
    pub server_latency_ms: Option<u64>,
    /// The latency mode that served it.
    pub latency_mode: Option<&'a str>,
    /// The tier that served it.
    pub service_tier: Option<&'a str>,
    /// The answer came from the simulator.
    pub simulated: bool,
    /// Tokens of the answer that were thought, not said.
    pub reasoning_tokens: Option<u32>,
    /// Who counted the tokens: `service`, `invocation_metrics`, `headers`, or `estimate` for nobody.
    pub usage_source: Option<&'static str>,
    /// The service's own time to its first byte.
    pub server_first_byte_ms: Option<u64>,
}

/// Nanoseconds since 1970 UTC, written as RFC 3339. That takes longer than the rest of a line, and not
/// everyone writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentAt(u64);

impl SentAt {
    /// As it is written; nothing where it is beyond the calendar.
    pub fn rfc3339(self) -> String {
        let at = Timestamp::from_nanosecond(i128::from(self.0));
        at.map_or_else(|_| String::new(), |at| format!("{at:.9}"))
    }
}

impl Serialize for SentAt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

impl<'a> RecordLine<'a> {
    /// The line of a record; `counted` says whether a receipt names its attempt.
    pub fn new(record: &'a Record, counted: bool) -> Self {
        let (timeline, served) = (&record.timeline, &record.served);
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let error = record.error.as_ref();
        Self {
            endpoint: &record.endpoint,
            experiment: &record.experiment,
            round: record.round,
            block: record.block,
            attempt: record.attempt,
            counted,
            sequence: record.sequence,
            phase: record.phase,
            slot: record.slot,
            prompt: record.prompt,
            sent_at: SentAt(record.sent_at_unix_ns),
            ttft_ms: record.ttft().map(ms),
            ttft_any_ms: timeline.first_content.map(ms),
            e2e_ms: ms(record.e2e()),
            tpot_ms: record.tpot().map(ms),
            itl_mean_ms: timeline.gap_mean().map(ms),
            itl_max_ms: timeline.gap_max.map(ms),
            headers_ms: timeline.headers.map(ms),
            connect_ms: timeline.connect.map(ms),
            dispatch_delay_ms: ms(timeline.dispatch_delay),
            try_number: timeline.retry.saturating_add(1),
            since_first_send_ms: ms(timeline.since_first_send),
            slot_wait_ms: timeline.slot_wait.map(ms),
            ttft_from_schedule_ms: record.ttft_from_schedule().map(ms),
            e2e_from_schedule_ms: ms(record.e2e_from_schedule()),
            content_events: timeline.content_events,
            bytes: timeline.bytes,
            input_tokens: record.usage.input_tokens,
            output_tokens: record.usage.output_tokens,
            cache_read_tokens: record.usage.cache_read_tokens,
            cache_write_tokens: record.usage.cache_write_tokens,
            outcome: record.outcome.name(),
            error_class: record.outcome.error_class(),
            error_code: error.and_then(|error| error.code.as_deref()),
            error_message: error.map(|error| error.message.as_str()),
            request_id: served.request_id.as_deref(),
            status: served.status,
            protocol: served.protocol.as_deref(),
            new_connection: served.new_connection,
            stop_reason: served.stop_reason.as_deref(),
            server_latency_ms: served.server_latency_ms,
            latency_mode: served.latency_mode.as_deref(),
            service_tier: served.service_tier.as_deref(),
            simulated: served.simulated,
            reasoning_tokens: record.usage.reasoning_tokens,
            usage_source: record.usage.source.map(UsageSource::name),
            server_first_byte_ms: served.server_first_byte_ms,
        }
    }
}
