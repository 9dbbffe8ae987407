//! Amazon Bedrock through `ConverseStream`, `Converse`, `InvokeModelWithResponseStream` and `InvokeModel`.
//!
//! The SDK builds, signs and parses; its retries and its stalled-stream protection are off, so
//! every try is a request of ours and every deadline is ours. The connection is the slot's own.

mod native;
mod question;
mod served;
mod stream;
mod whole;

use aws_config::SdkConfig;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::config::{Builder, Region, StalledStreamProtectionConfig};
use tokio_util::sync::CancellationToken;

use self::question::Question;
use super::answer::Answer;
use super::connection::{Arrival, CurrentSlot, SlotConnection};
use super::dial::{Dial, NetworkTime};
use super::ending::Ending;
use super::observe::{Exchange, observe};
use super::{BoxFuture, Endpoint, Request, Slot};
use crate::payload::{Format, Payload};
use crate::plan::{Api, Deadlines, EndpointSpec, LatencyMode, ServiceTier};
use crate::record::{ErrorClass, Observation};

/// One slot's way to a Bedrock model.
#[derive(Debug)]
pub struct BedrockEndpoint {
    client: Client,
    api: Api,
    model_id: String,
    /// The body that it is asked with, where it is not Converse's.
    native: Option<&'static dyn Format>,
    latency_mode: Option<LatencyMode>,
    service_tier: Option<ServiceTier>,
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
        let slot = SlotConnection::new(dial.into(), deadlines, Arrival::of(spec.api));
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
            api: spec.api,
            model_id: spec.model_id.clone(),
            native: spec.payload.map(Payload::format),
            latency_mode: spec.latency_mode,
            service_tier: spec.service_tier,
            slot,
        }
    }
}

impl Exchange for BedrockEndpoint {
    fn slot(&self) -> &SlotConnection {
        &self.slot
    }

    async fn exchange(&self, request: &Request, answer: &mut Answer) -> Ending {
        if let Some(format) = self.native {
            return self.invoke_native(format, request, answer).await;
        }
        let question = match Question::new(request, self.latency_mode, self.service_tier) {
            Ok(question) => question,
            Err(error) => return Ending::failed(ErrorClass::Validation, None, &error.to_string()),
        };
        if self.api.is_streamed() {
            self.stream(question, answer).await
        } else {
            self.whole(question, answer).await
        }
    }
}

impl Endpoint for BedrockEndpoint {
    fn invoke<'a>(
        &'a self,
        request: &'a Request,
        cut: &'a CancellationToken,
    ) -> BoxFuture<'a, Observation> {
        Box::pin(observe(self, request, cut))
    }
}

impl Slot for BedrockEndpoint {
    fn another(&self) -> Box<dyn Slot> {
        Box::new(Self {
            client: self.client.clone(),
            api: self.api,
            model_id: self.model_id.clone(),
            native: self.native,
            latency_mode: self.latency_mode,
            service_tier: self.service_tier,
            slot: self.slot.another(),
        })
    }

    fn network_time(&self) -> BoxFuture<'_, Option<NetworkTime>> {
        Box::pin(self.slot.network_time())
    }
}
