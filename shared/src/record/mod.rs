//! What one request went through ([`Observation`]) and its place in the run ([`Record`]).
//!
//! A failed request is data here, never an error. Records are written once and never edited;
//! stored ones are read tolerantly (unknown fields are skipped, new ones have defaults).

mod line;
mod parquet;
mod usage;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use self::line::{RecordLine, SentAt};
pub use self::parquet::{ParquetRecords, parquet_proof};
pub use self::usage::{Usage, UsageSource};
use crate::plan::{EndpointSpec, LatencyMode, ServiceTier};
use crate::units::{ExperimentId, Name, nanos};
pub use ::parquet::errors::ParquetError;

/// The version of the stored form of a [`Record`].
pub const RECORD_SCHEMA: u32 = 1;

/// What one request went through, whatever its outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// When the request was handed to an open connection. Where it never got that far: when that
    /// was tried.
    pub sent: Instant,
    /// The events of the request, as offsets from `sent`.
    pub timeline: Timeline,
    /// Tokens as the service counted them.
    pub usage: Usage,
    /// What answered, and how.
    pub served: Served,
    /// Each gap between content events in microseconds, in their order.
    pub gaps_us: Vec<u32>,
    /// How it ended.
    pub outcome: Outcome,
    /// What the service or the client said of a failure.
    pub error: Option<ErrorDetail>,
}

/// When things happened, as offsets from the send. What did not happen is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Send less intended send: always zero in a closed loop.
    #[serde(rename = "dispatch_delay_ns", with = "nanos", default)]
    pub dispatch_delay: Duration,
    /// How long of that it waited for a free stream; `None` where one was free.
    #[serde(rename = "slot_wait_ns", with = "nanos::option", default)]
    pub slot_wait: Option<Duration>,
    /// Which retry of its request this is: 0 for the first try.
    #[serde(default)]
    pub retry: u32,
    /// Send less the send of its request's first try.
    #[serde(rename = "since_first_send_ns", with = "nanos", default)]
    pub since_first_send: Duration,
    /// How long opening a connection took, TLS included, before the send; `None` where an open
    /// one was used.
    #[serde(rename = "connect_ns", with = "nanos::option", default)]
    pub connect: Option<Duration>,
    /// Response headers.
    #[serde(rename = "headers_ns", with = "nanos::option", default)]
    pub headers: Option<Duration>,
    /// First event of any kind.
    #[serde(rename = "first_event_ns", with = "nanos::option", default)]
    pub first_event: Option<Duration>,
    /// First content of any kind: text, reasoning, tool use.
    #[serde(rename = "first_content_ns", with = "nanos::option", default)]
    pub first_content: Option<Duration>,
    /// First visible text.
    #[serde(rename = "first_text_ns", with = "nanos::option", default)]
    pub first_text: Option<Duration>,
    /// Last content of any kind.
    #[serde(rename = "last_content_ns", with = "nanos::option", default)]
    pub last_content: Option<Duration>,
    /// End of the answer, or of waiting for it.
    #[serde(rename = "end_ns", with = "nanos")]
    pub end: Duration,
    /// Content events received. One event is not one token.
    #[serde(default)]
    pub content_events: u32,
    /// The longest gap between two content events; `None` with fewer than two.
    #[serde(rename = "gap_max_ns", with = "nanos::option", default)]
    pub gap_max: Option<Duration>,
    /// Body bytes received.
    #[serde(default)]
    pub bytes: u64,
}

impl Timeline {
    /// The mean gap between content events (ITL), `None` with fewer than two.
    pub fn gap_mean(&self) -> Option<Duration> {
        let span = self.last_content?.checked_sub(self.first_content?)?;
        let gaps = self.content_events.checked_sub(1).filter(|&gaps| gaps > 0)?;
        Some(span / gaps)
    }
}

/// What answered, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Served {
    /// `x-amzn-RequestId` or its like.
    pub request_id: Option<String>,
    /// HTTP status, also where the stream failed afterwards.
    pub status: Option<u16>,
    /// `HTTP/1.1`.
    pub protocol: Option<String>,
    /// Whether this request opened its connection.
    pub new_connection: bool,
    /// Why the model stopped, in the service's words.
    pub stop_reason: Option<String>,
    /// The service's own figure of its latency, milliseconds.
    pub server_latency_ms: Option<u64>,
    /// The service's own time to its first byte, milliseconds.
    pub server_first_byte_ms: Option<u64>,
    /// The latency mode that served it, which may differ from the one asked for.
    pub latency_mode: Option<String>,
    /// The service tier that served it.
    pub service_tier: Option<String>,
    /// The answer came from the simulator, by its own header.
    pub simulated: bool,
    /// The request was never handed to an open connection.
    pub never_sent: bool,
}

impl Served {
    /// Whether the latency mode and the tier are those that were asked for. What the service does
    /// not say is taken for that.
    pub fn is_as_asked(&self, endpoint: &EndpointSpec) -> bool {
        let mode = endpoint.latency_mode.map(LatencyMode::name);
        let tier = endpoint.service_tier.map(ServiceTier::name);
        let agree = |asked: Option<&str>, served: Option<&str>| {
            asked.zip(served).is_none_or(|(asked, served)| asked == served)
        };
        agree(mode, self.latency_mode.as_deref()) && agree(tier, self.service_tier.as_deref())
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The answer arrived whole.
    Completed,
    /// The service refused it for its rate.
    Throttled,
    /// A deadline of ours ended it.
    TimedOut(Deadline),
    /// Still running when measuring ended. Neither a success nor an error.
    Cut,
    /// It failed.
    Failed(ErrorClass),
}

impl Outcome {
    /// `completed`, `throttled`, `timed_out`, `cut` or `failed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Throttled => "throttled",
            Self::TimedOut(_) => "timed_out",
            Self::Cut => "cut",
            Self::Failed(_) => "failed",
        }
    }

    /// The class under which an error is counted; `None` for what is no error.
    pub fn error_class(self) -> Option<&'static str> {
        match self {
            Self::Completed | Self::Cut => None,
            Self::Throttled => Some("throttled"),
            Self::TimedOut(deadline) => Some(deadline.name()),
            Self::Failed(class) => Some(class.name()),
        }
    }
}

/// Which deadline ended a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deadline {
    /// Opening the connection.
    Connect,
    /// From the send to the first content.
    FirstToken,
    /// Between two events.
    Stall,
    /// The whole request.
    Request,
}

impl Deadline {
    /// The class under which it is counted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "deadline_connect",
            Self::FirstToken => "deadline_first_token",
            Self::Stall => "deadline_stall",
            Self::Request => "deadline_request",
        }
    }
}

/// What kind of failure it was. Throttling and deadlines are outcomes of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The model is being loaded (429 `ModelNotReadyException`: no throttling).
    ModelNotReady,
    /// The model took longer than the service allows (408).
    ModelTimeout,
    /// The model failed (424), also in the middle of a stream.
    ModelError,
    /// The request is not acceptable (400).
    Validation,
    /// Not allowed to call this (403).
    AccessDenied,
    /// No such model or endpoint (404).
    NotFound,
    /// The model has reached its end of life, or is legacy and closed to this account (404, 400).
    EndOfLife,
    /// A quota of the account is used up (400 `ServiceQuotaExceededException`).
    QuotaExceeded,
    /// The service failed (500, 503), also in the middle of a stream.
    Server,
    /// The connection could not be opened, or broke.
    Connection,
    /// The answer was not what the protocol says.
    Protocol,
    /// Our credentials are missing or have expired: not a failure of the endpoint.
    Credentials,
}

impl ErrorClass {
    /// The name in records and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::ModelNotReady => "model_not_ready",
            Self::ModelTimeout => "model_timeout",
            Self::ModelError => "model_error",
            Self::Validation => "validation",
            Self::AccessDenied => "access_denied",
            Self::NotFound => "not_found",
            Self::EndOfLife => "end_of_life",
            Self::QuotaExceeded => "quota_exceeded",
            Self::Server => "server",
            Self::Connection => "connection",
            Self::Protocol => "protocol",
            Self::Credentials => "credentials",
        }
    }
}

/// What was said of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// The service's error code, where it gave one.
    pub code: Option<String>,
    /// The message, shortened to 300 characters.
    pub message: String,
}

impl std::fmt::Display for ErrorDetail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{code}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Whether a request opened a connection or is what we came for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// A short request that warms a connection. Paid for, in no statistic.
    Warmup,
    /// Counted.
    Measured,
}

/// One observation with its place in the run. Rounds, blocks, attempts and sequences count from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`RECORD_SCHEMA`] of the writer.
    pub schema: u32,
    /// Which endpoint answered.
    pub endpoint: Name,
    /// The experiment.
    pub experiment: ExperimentId,
    /// The round of the run.
    pub round: u32,
    /// The block (replicate) of the experiment.
    pub block: u32,
    /// The attempt at the block, as the store numbered it.
    pub attempt: u32,
    /// The place in the attempt; warm-up requests have their own count.
    pub sequence: u32,
    /// Warm-up or measured.
    pub phase: Phase,
    /// Which slot (connection) sent it, from 0.
    pub slot: u32,
    /// Which prompt of the dataset, from 0; 0 for warm-up.
    pub prompt: u32,
    /// The send, nanoseconds since 1970 UTC.
    pub sent_at_unix_ns: u64,
    /// The events, as offsets from the send.
    pub timeline: Timeline,
    /// Tokens as the service counted them.
    #[serde(default)]
    pub usage: Usage,
    /// What answered, and how.
    #[serde(default)]
    pub served: Served,
    /// How it ended.
    pub outcome: Outcome,
    /// What was said of a failure.
    #[serde(default)]
    pub error: Option<ErrorDetail>,
}

impl Record {
    /// Time to first visible text.
    pub fn ttft(&self) -> Option<Duration> {
        self.timeline.first_text
    }

    /// Time to the end of the answer.
    pub fn e2e(&self) -> Duration {
        self.timeline.end
    }

    /// Intended send to first visible text; in a closed loop the same as [`ttft`](Self::ttft).
    pub fn ttft_from_schedule(&self) -> Option<Duration> {
        self.ttft().map(|ttft| self.timeline.dispatch_delay + ttft)
    }

    /// Intended send to the end of the answer; in a closed loop the same as [`e2e`](Self::e2e).
    pub fn e2e_from_schedule(&self) -> Duration {
        self.timeline.dispatch_delay + self.e2e()
    }

    /// How late the request was sent for reasons of ours: send less intended send, without the wait
    /// for a free stream and the opening of a connection.
    pub fn schedule_error(&self) -> Duration {
        let Timeline { dispatch_delay, slot_wait, connect, .. } = self.timeline;
        let elsewhere = slot_wait.unwrap_or_default() + connect.unwrap_or_default();
        dispatch_delay.saturating_sub(elsewhere)
    }

    /// Time per output token: (last - first content) / (output tokens - 1), by the service's own
    /// token count; `None` with fewer than two tokens or without usage.
    pub fn tpot(&self) -> Option<Duration> {
        let span = self.timeline.last_content?.checked_sub(self.timeline.first_content?)?;
        let steps = self.usage.output_tokens?.checked_sub(1).filter(|&steps| steps > 0)?;
        Some(span / steps)
    }
}
