//! Amazon Bedrock through ConverseStream.
//!
//! The SDK builds, signs and parses; its retries and its stalled-stream protection are off, so
//! every try is a request of ours and every deadline is ours. The connection is the slot's own.

use aws_config::SdkConfig;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::config::{Builder, Region, StalledStreamProtectionConfig};
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError as StreamError;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ContentBlockDelta, ConversationRole, ConverseStreamMetadataEvent,
    ConverseStreamOutput as Event, InferenceConfiguration, Message,
};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::connection::{Dial, Exchange, SlotConnection, SlotError};
use super::failure::{classify, detail};
use super::{BoxFuture, Endpoint, Request};
use crate::causes::chain;
use crate::plan::{Deadlines, EndpointSpec};
use crate::record::{
    Deadline, ErrorClass, ErrorDetail, Observation, Outcome, Served, Timeline, Usage, UsageSource,
};

/// The simulator's response header: what carries it is marked as simulated wherever it is shown.
const SIMULATED_HEADER: &str = "x-fmgauge-simulated";

/// One slot's way to a Bedrock model.
#[derive(Debug)]
pub struct BedrockEndpoint {
    client: Client,
    model_id: String,
    deadlines: Deadlines,
    slot: SlotConnection,
}

impl BedrockEndpoint {
    /// A slot of its own, not yet connected. Credentials come from `config`; region and address
    /// from `spec`, the address by default from `config` (`AWS_ENDPOINT_URL_BEDROCK_RUNTIME`).
    pub fn new(
        spec: &EndpointSpec,
        deadlines: Deadlines,
        config: &SdkConfig,
        dial: impl Into<Dial>,
    ) -> Self {
        let slot = SlotConnection::new(dial.into(), deadlines);
        let mut builder = Builder::from(config)
            .region(Region::new(spec.region.clone()))
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(slot.clone());
        if let Some(url) = &spec.endpoint_url {
            builder = builder.endpoint_url(url);
        }
        let client = Client::from_conf(builder.build());
        Self { client, model_id: spec.model_id.clone(), deadlines, slot }
    }

    async fn converse(&self, request: &Request, cut: &CancellationToken) -> Observation {
        self.slot.begin();
        let begun = Instant::now();
        let mut answer = Answer::default();
        let ending = tokio::select! {
            biased;
            ending = self.exchange(request, &mut answer) => ending,
            () = cut.cancelled() => Ending::of(Outcome::Cut),
        };
        let exchange = self.slot.exchange();
        let sent = exchange.sent.unwrap_or(begun);
        let end = match ending.outcome {
            Outcome::Completed => exchange.body_end.unwrap_or_else(Instant::now),
            Outcome::Throttled | Outcome::TimedOut(_) | Outcome::Cut | Outcome::Failed(_) => {
                Instant::now()
            }
        };
        Observation {
            gaps_us: Vec::new(),
            sent,
            timeline: answer.timeline(&exchange, sent, end),
            usage: answer.usage,
            served: answer.served(&exchange),
            outcome: ending.outcome,
            error: ending.error,
        }
    }

    /// Sends and receives; what was seen is in `answer` even where this is dropped half-way.
    async fn exchange(&self, request: &Request, answer: &mut Answer) -> Ending {
        let inference = InferenceConfiguration::builder()
            .max_tokens(i32::try_from(request.max_tokens).unwrap_or(i32::MAX))
            .set_temperature(request.temperature.map(single))
            .set_top_p(request.top_p.map(single))
            .build();
        let message = Message::builder()
            .role(ConversationRole::User)
            .content(ContentBlock::Text(request.text.clone()))
            .build();
        let message = match message {
            Ok(message) => message,
            Err(error) => return Ending::failed(ErrorClass::Validation, None, &error.to_string()),
        };
        let sending = self
            .client
            .converse_stream()
            .model_id(&self.model_id)
            .messages(message)
            .inference_config(inference)
            .send();
        let output = match sending.await {
            Ok(output) => output,
            Err(error) => return Ending::of_send(&error),
        };

        let mut stream = output.stream;
        let sent = self.slot.sent().unwrap_or_else(Instant::now);
        loop {
            let (limit, deadline) = match answer.last_event {
                Some(last) if answer.first_content.is_some() => self.stall_limit(sent, last),
                _ => self.first_token_limit(sent),
            };
            match timeout_at(limit, stream.recv()).await {
                Err(_elapsed) => return Ending::of(Outcome::TimedOut(deadline)),
                Ok(Err(error)) => return Ending::of_stream(&error),
                Ok(Ok(Some(event))) => {
                    let at = self.slot.last_bytes().unwrap_or_else(Instant::now);
                    answer.receive(event, at);
                }
                Ok(Ok(None)) if answer.is_whole() => return Ending::of(Outcome::Completed),
                Ok(Ok(None)) => {
                    let message = "the stream ended before messageStop and metadata";
                    return Ending::failed(ErrorClass::Protocol, None, message);
                }
            }
        }
    }

    fn first_token_limit(&self, sent: Instant) -> (Instant, Deadline) {
        let first = (sent + self.deadlines.first_token, Deadline::FirstToken);
        first.min((sent + self.deadlines.request, Deadline::Request))
    }

    fn stall_limit(&self, sent: Instant, last_event: Instant) -> (Instant, Deadline) {
        let stall = (last_event + self.deadlines.stall, Deadline::Stall);
        stall.min((sent + self.deadlines.request, Deadline::Request))
    }
}

impl Endpoint for BedrockEndpoint {
    fn invoke<'a>(
        &'a self,
        request: &'a Request,
        cut: &'a CancellationToken,
    ) -> BoxFuture<'a, Observation> {
        Box::pin(self.converse(request, cut))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the wire format has single precision")]
fn single(value: f64) -> f32 {
    value as f32
}

/// How a request ended, with what was said of it.
#[derive(Debug)]
struct Ending {
    outcome: Outcome,
    error: Option<ErrorDetail>,
}

impl Ending {
    fn of(outcome: Outcome) -> Self {
        Self { outcome, error: None }
    }

    fn failed(class: ErrorClass, code: Option<&str>, message: &str) -> Self {
        Self { outcome: Outcome::Failed(class), error: Some(detail(code, message)) }
    }

    /// An error before the response's head was accepted.
    fn of_send<E>(error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let text = chain(error);
        match error {
            SdkError::ServiceError(service) => {
                let (code, message) = (service.err().code(), service.err().message());
                let status = service.raw().status().as_u16();
                let message = message.unwrap_or(&text);
                let outcome = classify(code, Some(status), message);
                Self { outcome, error: Some(detail(code, message)) }
            }
            SdkError::DispatchFailure(failure) => {
                let slot_error = failure.as_connector_error().and_then(|error| {
                    let source = std::error::Error::source(error);
                    source.and_then(|source| source.downcast_ref::<SlotError>())
                });
                if let Some(SlotError::Deadline(deadline, _)) = slot_error {
                    let outcome = Outcome::TimedOut(*deadline);
                    return Self { outcome, error: Some(detail(None, &text)) };
                }
                let class = if let Some(SlotError::Garbled(_)) = slot_error {
                    ErrorClass::Protocol
                } else if failure.is_io() || failure.is_timeout() {
                    ErrorClass::Connection
                } else if failure.is_user() {
                    ErrorClass::Validation
                } else {
                    // What is none of these: the identity could not be resolved.
                    ErrorClass::Credentials
                };
                Self::failed(class, None, &text)
            }
            SdkError::ConstructionFailure(_) => Self::failed(ErrorClass::Validation, None, &text),
            SdkError::ResponseError(_) => Self::failed(ErrorClass::Protocol, None, &text),
            SdkError::TimeoutError(_) | _ => Self::failed(ErrorClass::Connection, None, &text),
        }
    }

    /// An error inside the stream, after HTTP 200.
    fn of_stream<R>(error: &SdkError<StreamError, R>) -> Self
    where
        R: std::fmt::Debug,
    {
        let text = chain(error);
        match error {
            SdkError::ServiceError(service) => {
                let (code, message) = (stream_code(service.err()), service.err().message());
                let message = message.unwrap_or(&text);
                let outcome = classify(code, None, message);
                Self { outcome, error: Some(detail(code, message)) }
            }
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => {
                Self::failed(ErrorClass::Connection, None, &text)
            }
            SdkError::ConstructionFailure(_) | SdkError::ResponseError(_) | _ => {
                Self::failed(ErrorClass::Protocol, None, &text)
            }
        }
    }
}

/// The code of an exception inside a stream: the SDK gives modelled ones their type only.
#[expect(clippy::wildcard_enum_match_arm, reason = "the SDK's catch-all must not be named")]
fn stream_code(error: &StreamError) -> Option<&str> {
    match error {
        StreamError::InternalServerException(_) => Some("InternalServerException"),
        StreamError::ModelStreamErrorException(_) => Some("ModelStreamErrorException"),
        StreamError::ValidationException(_) => Some("ValidationException"),
        StreamError::ThrottlingException(_) => Some("ThrottlingException"),
        StreamError::ServiceUnavailableException(_) => Some("ServiceUnavailableException"),
        other => other.code(),
    }
}

/// What was seen of an answer so far.
#[derive(Debug, Default)]
struct Answer {
    first_event: Option<Instant>,
    first_content: Option<Instant>,
    first_text: Option<Instant>,
    last_content: Option<Instant>,
    last_event: Option<Instant>,
    content_events: u32,
    gap_max: Option<std::time::Duration>,
    usage: Usage,
    stop_reason: Option<String>,
    server_latency_ms: Option<u64>,
    latency_mode: Option<String>,
    service_tier: Option<String>,
}

impl Answer {
    fn receive(&mut self, event: Event, at: Instant) {
        self.first_event.get_or_insert(at);
        self.last_event = Some(at);
        match event {
            Event::ContentBlockDelta(delta) => {
                let Some(delta) = delta.delta else { return };
                let text = matches!(&delta, ContentBlockDelta::Text(text) if !text.is_empty());
                if matches!(&delta, ContentBlockDelta::Text(_)) && !text {
                    return; // an empty delta is no content
                }
                if text {
                    self.first_text.get_or_insert(at);
                }
                if let Some(last) = self.last_content {
                    let gap = at.duration_since(last);
                    self.gap_max = Some(self.gap_max.map_or(gap, |max| max.max(gap)));
                }
                self.first_content.get_or_insert(at);
                self.last_content = Some(at);
                self.content_events += 1;
            }
            Event::MessageStop(stop) => self.stop_reason = Some(stop.stop_reason.as_str().into()),
            Event::Metadata(metadata) => self.read_metadata(&metadata),
            // What a later service adds is no content that we know how to time.
            Event::MessageStart(_)
            | Event::ContentBlockStart(_)
            | Event::ContentBlockStop(_)
            | _ => {}
        }
    }

    fn read_metadata(&mut self, metadata: &ConverseStreamMetadataEvent) {
        let count = |tokens: i32| u32::try_from(tokens).ok();
        if let Some(usage) = &metadata.usage {
            self.usage = Usage {
                input_tokens: count(usage.input_tokens),
                output_tokens: count(usage.output_tokens),
                cache_read_tokens: usage.cache_read_input_tokens.and_then(count),
                cache_write_tokens: usage.cache_write_input_tokens.and_then(count),
                source: Some(UsageSource::Service),
            };
        }
        self.server_latency_ms =
            metadata.metrics.as_ref().and_then(|metrics| u64::try_from(metrics.latency_ms).ok());
        self.latency_mode =
            metadata.performance_config.as_ref().map(|config| config.latency.as_str().into());
        self.service_tier = metadata.service_tier.as_ref().map(|tier| tier.r#type.as_str().into());
    }

    /// Whether the answer has all that ConverseStream ends with.
    fn is_whole(&self) -> bool {
        self.stop_reason.is_some() && self.usage.source.is_some()
    }

    fn timeline(&self, exchange: &Exchange, sent: Instant, end: Instant) -> Timeline {
        let offset = |at: Option<Instant>| at.map(|at| at.duration_since(sent));
        Timeline {
            dispatch_delay: std::time::Duration::ZERO,
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
        }
    }

    fn served(self, exchange: &Exchange) -> Served {
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
