//! Amazon Bedrock through `ConverseStream` and `Converse`.
//!
//! The SDK builds, signs and parses; its retries and its stalled-stream protection are off, so
//! every try is a request of ours and every deadline is ours. The connection is the slot's own.

mod answer;
mod ending;
mod question;
mod stream;
mod whole;

use aws_config::SdkConfig;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::config::{Builder, Region, StalledStreamProtectionConfig};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::answer::Answer;
use self::ending::Ending;
use self::question::Question;
use super::connection::{Arrival, CurrentSlot, SlotConnection};
use super::dial::{Dial, NetworkTime};
use super::{BoxFuture, Endpoint, Request};
use crate::plan::{Api, Deadlines, EndpointSpec, LatencyMode, ServiceTier};
use crate::record::{ErrorClass, Observation, Outcome};

/// One slot's way to a Bedrock model.
#[derive(Debug)]
pub struct BedrockEndpoint {
    client: Client,
    api: Api,
    model_id: String,
    latency_mode: Option<LatencyMode>,
    service_tier: Option<ServiceTier>,
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
        let arrival = match spec.api {
            Api::ConverseStream => Arrival::Streamed,
            Api::Converse => Arrival::Whole,
        };
        let slot = SlotConnection::new(dial.into(), deadlines, arrival);
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
            latency_mode: spec.latency_mode,
            service_tier: spec.service_tier,
            deadlines,
            slot,
        }
    }

    /// Another slot, which shares the SDK's client and has a connection of its own.
    #[must_use]
    pub fn another(&self) -> Self {
        Self {
            client: self.client.clone(),
            api: self.api,
            model_id: self.model_id.clone(),
            latency_mode: self.latency_mode,
            service_tier: self.service_tier,
            deadlines: self.deadlines,
            slot: self.slot.another(),
        }
    }

    /// How long the steps to the server take, by a connection that is closed again; `None` where the
    /// last request opened none.
    pub async fn network_time(&self) -> Option<NetworkTime> {
        self.slot.network_time().await
    }

    async fn converse(&self, request: &Request, cut: &CancellationToken) -> Observation {
        self.slot.begin(request.start.clone());
        let begun = Instant::now();
        let mut answer = Answer::default();
        let ending = tokio::select! {
            biased;
            ending = self.slot.scope(self.exchange(request, &mut answer)) => ending,
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
            sent,
            timeline: answer.timeline(&exchange, sent, end),
            usage: answer.usage,
            gaps_us: std::mem::take(&mut answer.gaps_us),
            served: answer.served(&exchange),
            outcome: ending.outcome,
            error: ending.error,
        }
    }

    async fn exchange(&self, request: &Request, answer: &mut Answer) -> Ending {
        let question = match Question::new(request, self.latency_mode, self.service_tier) {
            Ok(question) => question,
            Err(error) => return Ending::failed(ErrorClass::Validation, None, &error.to_string()),
        };
        match self.api {
            Api::ConverseStream => self.stream(question, answer).await,
            Api::Converse => self.whole(question, answer).await,
        }
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
