//! `InvokeModelWithResponseStream` and `InvokeModel`: bodies of the model's own.

use aws_sdk_bedrockruntime::error::ProvideErrorMetadata;
use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::error::ResponseStreamError;
use aws_sdk_bedrockruntime::types::{PerformanceConfigLatency, ResponseStream, ServiceTierType};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::BedrockEndpoint;
use super::question::{latency_of, tier_of};
use crate::endpoint::answer::Answer;
use crate::endpoint::ending::Ending;
use crate::endpoint::{Request, parts};
use crate::payload::{Asked, Format, Told};
use crate::record::{Outcome, Usage, UsageSource};

/// How the last document of a stream begins what Bedrock adds to it.
const METRICS: &[u8] = b"\"amazon-bedrock-invocationMetrics\"";

impl BedrockEndpoint {
    /// Sends and receives in a format of the model's own.
    pub(super) async fn invoke_native(
        &self,
        format: &'static dyn Format,
        request: &Request,
        answer: &mut Answer,
    ) -> Ending {
        let streamed = self.api.is_streamed();
        let body = Blob::new(format.body(&Asked { request, model: None, streamed }));
        let (latency, tier) = (self.latency_mode.map(latency_of), self.service_tier.map(tier_of));
        if streamed {
            self.native_stream(format, body, (latency, tier), request, answer).await
        } else {
            self.native_whole(format, body, (latency, tier), request, answer).await
        }
    }

    async fn native_whole(
        &self,
        format: &'static dyn Format,
        body: Blob,
        (latency, tier): (Option<PerformanceConfigLatency>, Option<ServiceTierType>),
        request: &Request,
        answer: &mut Answer,
    ) -> Ending {
        let sending = self
            .client
            .invoke_model()
            .model_id(&self.model_id)
            .content_type(format.content_type())
            .accept(format.accept())
            .set_performance_config_latency(latency)
            .set_service_tier(tier)
            .body(body)
            .send();
        match sending.await {
            Ok(output) => parts::whole(format, output.body.as_ref(), request, &self.slot, answer),
            Err(error) => Ending::of_send(&error),
        }
    }

    async fn native_stream(
        &self,
        format: &'static dyn Format,
        body: Blob,
        (latency, tier): (Option<PerformanceConfigLatency>, Option<ServiceTierType>),
        request: &Request,
        answer: &mut Answer,
    ) -> Ending {
        let sending = self
            .client
            .invoke_model_with_response_stream()
            .model_id(&self.model_id)
            .content_type(format.content_type())
            .accept(format.accept())
            .set_performance_config_latency(latency)
            .set_service_tier(tier)
            .body(body)
            .send();
        let mut stream = match sending.await {
            Ok(output) => output.body,
            Err(error) => return Ending::of_send(&error),
        };
        let sent = self.slot.sent().unwrap_or_else(Instant::now);
        loop {
            let (limit, deadline) = self.slot.next_deadline(sent, answer);
            match timeout_at(limit, stream.recv()).await {
                Err(_elapsed) => return Ending::of(Outcome::TimedOut(deadline)),
                Ok(Err(error)) => return Ending::of_stream(&error, code),
                Ok(Ok(Some(ResponseStream::Chunk(chunk)))) => {
                    let at = self.slot.last_bytes().unwrap_or_else(Instant::now);
                    let document = chunk.bytes.as_ref().map_or(&[][..], Blob::as_ref);
                    if let Some(ending) = parts::document(format, document, at, answer) {
                        return ending;
                    }
                    answer.take(metrics(document));
                }
                // What a later service adds is no content that we know how to time.
                Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) => return parts::end(None, request, &self.slot, answer),
            }
        }
    }
}

/// What Bedrock adds to the last document of a stream, whatever its format; nothing to others.
fn metrics(document: &[u8]) -> Told {
    #[derive(Deserialize)]
    struct Last {
        #[serde(rename = "amazon-bedrock-invocationMetrics")]
        metrics: Metrics,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metrics {
        input_token_count: Option<u32>,
        output_token_count: Option<u32>,
        invocation_latency: Option<u64>,
        first_byte_latency: Option<u64>,
        cache_read_input_token_count: Option<u32>,
        cache_write_input_token_count: Option<u32>,
    }
    if !document.windows(METRICS.len()).any(|window| window == METRICS) {
        return Told::default();
    }
    let Ok(Last { metrics }) = serde_json::from_slice(document) else { return Told::default() };
    Told {
        usage: Usage {
            input_tokens: metrics.input_token_count,
            output_tokens: metrics.output_token_count,
            cache_read_tokens: metrics.cache_read_input_token_count,
            cache_write_tokens: metrics.cache_write_input_token_count,
            reasoning_tokens: None,
            source: metrics.output_token_count.map(|_| UsageSource::InvocationMetrics),
        },
        server_latency_ms: metrics.invocation_latency,
        server_first_byte_ms: metrics.first_byte_latency,
        ..Told::default()
    }
}

/// The code of an exception inside a stream.
#[expect(clippy::wildcard_enum_match_arm, reason = "the SDK's catch-all must not be named")]
fn code(error: &ResponseStreamError) -> Option<&str> {
    use ResponseStreamError as Error;
    match error {
        Error::InternalServerException(_) => Some("InternalServerException"),
        Error::ModelStreamErrorException(_) => Some("ModelStreamErrorException"),
        Error::ModelTimeoutException(_) => Some("ModelTimeoutException"),
        Error::ValidationException(_) => Some("ValidationException"),
        Error::ThrottlingException(_) => Some("ThrottlingException"),
        Error::ServiceUnavailableException(_) => Some("ServiceUnavailableException"),
        other => other.code(),
    }
}
