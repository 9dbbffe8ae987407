//! Amazon SageMaker through `InvokeEndpointWithResponseStream` and `InvokeEndpoint`.
//!
//! The SDK builds, signs and parses frames, as it does for Bedrock. What is in them is the container's:
//! the parts of a stream are cut anywhere.

use aws_config::SdkConfig;
use aws_sdk_sagemakerruntime::Client;
use aws_sdk_sagemakerruntime::config::retry::RetryConfig;
use aws_sdk_sagemakerruntime::config::timeout::TimeoutConfig;
use aws_sdk_sagemakerruntime::config::{Builder, Region, StalledStreamProtectionConfig};
use aws_sdk_sagemakerruntime::error::ProvideErrorMetadata;
use aws_sdk_sagemakerruntime::primitives::Blob;
use aws_sdk_sagemakerruntime::types::ResponseStream;
use aws_sdk_sagemakerruntime::types::error::ResponseStreamError;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::answer::Answer;
use super::connection::{Arrival, CurrentSlot, SlotConnection};
use super::dial::{Dial, NetworkTime};
use super::ending::Ending;
use super::observe::{Exchange, observe};
use super::{BoxFuture, Endpoint, Request, Slot, parts};
use crate::payload::{Asked, Format, Lines, Payload};
use crate::plan::{Container, Deadlines, EndpointSpec};
use crate::record::{Observation, Outcome};

/// One slot's way to a SageMaker endpoint.
#[derive(Debug)]
pub struct SageMakerEndpoint {
    client: Client,
    endpoint_name: String,
    container: Container,
    format: &'static dyn Format,
    streamed: bool,
    slot: SlotConnection,
}

impl SageMakerEndpoint {
    /// A slot of its own, not yet connected. Credentials come from `config`; region and address
    /// from `spec`, the address by default from `config` (`AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME`).
    pub fn new(
        spec: &EndpointSpec,
        deadlines: Deadlines,
        config: &SdkConfig,
        dial: impl Into<Dial>,
    ) -> Self {
        let mut builder = Builder::from(config)
            .region(Region::new(spec.region.clone()))
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(CurrentSlot);
        if let Some(url) = &spec.endpoint_url {
            builder = builder.endpoint_url(url);
        }
        Self {
            client: Client::from_conf(builder.build()),
            endpoint_name: spec.model_id.clone(),
            container: spec.container.clone(),
            format: spec.payload.unwrap_or(Payload::OpenaiChat).format(),
            streamed: spec.api.is_streamed(),
            slot: SlotConnection::new(dial.into(), deadlines, Arrival::of(spec.api)),
        }
    }

    async fn whole(&self, body: Blob, request: &Request, answer: &mut Answer) -> Ending {
        let sending = self
            .client
            .invoke_endpoint()
            .endpoint_name(&self.endpoint_name)
            .content_type(self.format.content_type())
            .accept(self.format.accept())
            .set_inference_component_name(self.container.inference_component.clone())
            .set_target_variant(self.container.target_variant.clone())
            .set_custom_attributes(self.container.custom_attributes.clone())
            .body(body)
            .send();
        match sending.await {
            Ok(output) => {
                let body = output.body.as_ref().map_or(&[][..], Blob::as_ref);
                parts::whole(self.format, body, request, &self.slot, answer)
            }
            Err(error) => Ending::of_send(&error),
        }
    }

    async fn stream(&self, body: Blob, request: &Request, answer: &mut Answer) -> Ending {
        let sending = self
            .client
            .invoke_endpoint_with_response_stream()
            .endpoint_name(&self.endpoint_name)
            .content_type(self.format.content_type())
            .accept(self.format.accept())
            .set_inference_component_name(self.container.inference_component.clone())
            .set_target_variant(self.container.target_variant.clone())
            .set_custom_attributes(self.container.custom_attributes.clone())
            .body(body)
            .send();
        let mut stream = match sending.await {
            Ok(output) => output.body,
            Err(error) => return Ending::of_send(&error),
        };
        let sent = self.slot.sent().unwrap_or_else(Instant::now);
        let mut lines = Lines::default();
        loop {
            let (limit, deadline) = self.slot.next_deadline(sent, answer);
            match timeout_at(limit, stream.recv()).await {
                Err(_elapsed) => return Ending::of(Outcome::TimedOut(deadline)),
                Ok(Err(error)) => return Ending::of_stream(&error, code),
                Ok(Ok(Some(ResponseStream::PayloadPart(part)))) => {
                    let at = self.slot.last_bytes().unwrap_or_else(Instant::now);
                    let bytes = part.bytes.as_ref().map_or(&[][..], Blob::as_ref);
                    if let Some(ending) = parts::lines(self.format, &mut lines, bytes, at, answer) {
                        return ending;
                    }
                }
                // What a later service adds is no content that we know how to time.
                Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) => return parts::end(Some(&lines), request, &self.slot, answer),
            }
        }
    }
}

impl Exchange for SageMakerEndpoint {
    fn slot(&self) -> &SlotConnection {
        &self.slot
    }

    async fn exchange(&self, request: &Request, answer: &mut Answer) -> Ending {
        let asked =
            Asked { request, model: self.container.model.as_deref(), streamed: self.streamed };
        let body = Blob::new(self.format.body(&asked));
        if self.streamed {
            self.stream(body, request, answer).await
        } else {
            self.whole(body, request, answer).await
        }
    }
}

impl Endpoint for SageMakerEndpoint {
    fn invoke<'a>(
        &'a self,
        request: &'a Request,
        cut: &'a CancellationToken,
    ) -> BoxFuture<'a, Observation> {
        Box::pin(observe(self, request, cut))
    }
}

impl Slot for SageMakerEndpoint {
    fn another(&self) -> Box<dyn Slot> {
        Box::new(Self {
            client: self.client.clone(),
            endpoint_name: self.endpoint_name.clone(),
            container: self.container.clone(),
            format: self.format,
            streamed: self.streamed,
            slot: self.slot.another(),
        })
    }

    fn network_time(&self) -> BoxFuture<'_, Option<NetworkTime>> {
        Box::pin(self.slot.network_time())
    }
}

/// The code of an exception inside a stream.
#[expect(clippy::wildcard_enum_match_arm, reason = "the SDK's catch-all must not be named")]
fn code(error: &ResponseStreamError) -> Option<&str> {
    match error {
        ResponseStreamError::InternalStreamFailure(_) => Some("InternalFailure"),
        ResponseStreamError::ModelStreamError(_) => Some("ModelStreamError"),
        other => other.code(),
    }
}
