//! What answers prompts, and how it is called.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Provision;
use crate::payload::Payload;
use crate::price::Price;
use crate::units::Name;

/// One thing that answers prompts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointSpec {
    /// What the user calls it.
    pub name: Name,
    /// How it is called.
    pub kind: EndpointKind,
    /// The AWS region; empty for what is none of AWS's services.
    pub region: String,
    /// What is invoked: a model id, an inference profile id or an ARN, the name of a SageMaker endpoint,
    /// or what a server calls its model.
    pub model_id: String,
    /// Which operation of it.
    #[serde(default)]
    pub api: Api,
    /// The format of the bodies, where they are not the service's own.
    #[serde(default)]
    pub payload: Option<Payload>,
    /// Of a SageMaker endpoint.
    #[serde(default)]
    pub container: Container,
    /// What a SageMaker endpoint is made from for the run; `None` where it is there.
    #[serde(default)]
    pub provision: Option<Provision>,
    /// Of an OpenAI-compatible server.
    #[serde(default)]
    pub server: Server,
    /// The latency mode that is asked for; `None` asks for none.
    #[serde(default)]
    pub latency_mode: Option<LatencyMode>,
    /// The service tier that is asked for; `None` asks for none.
    #[serde(default)]
    pub service_tier: Option<ServiceTier>,
    /// Another address than the service's own; the base of a server's, such as
    /// `https://llm.example.com/v1`.
    pub endpoint_url: Option<String>,
    /// What it costs; `None` where the configuration says `price: unknown`: the endpoint is
    /// measured, and left out of everything that ranks by cost.
    pub price: Option<Price>,
}

impl EndpointSpec {
    /// What load on it falls on: endpoints of the same target disturb each other, in other runs too.
    pub fn target(&self) -> String {
        let Self { region, model_id, endpoint_url, .. } = self;
        match (self.kind, endpoint_url) {
            (EndpointKind::Simulated, _) => format!("simulated {model_id}"),
            (EndpointKind::Bedrock, None) => format!("{model_id} in {region}"),
            (EndpointKind::Sagemaker, None) => format!("endpoint {model_id} in {region}"),
            (EndpointKind::Bedrock | EndpointKind::Sagemaker | EndpointKind::Openai, url) => {
                format!("{model_id} at {}", url.as_deref().unwrap_or_default())
            }
        }
    }

    /// The operation that is called, in the service's words.
    pub fn operation(&self) -> &'static str {
        match (self.kind, self.api) {
            (_, Api::ConverseStream) => "ConverseStream",
            (_, Api::Converse) => "Converse",
            (EndpointKind::Sagemaker, Api::InvokeStream) => "InvokeEndpointWithResponseStream",
            (EndpointKind::Sagemaker, Api::Invoke) => "InvokeEndpoint",
            (_, Api::InvokeStream) => "InvokeModelWithResponseStream",
            (_, Api::Invoke) => "InvokeModel",
            (_, Api::ChatStream) => "chat completions, streamed",
            (_, Api::Chat) => "chat completions",
            (_, Api::CompletionsStream) => "completions, streamed",
            (_, Api::Completions) => "completions",
        }
    }
}

/// What a SageMaker endpoint is told beside the body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Container {
    /// The inference component that is meant.
    pub inference_component: Option<String>,
    /// The production variant that is meant.
    pub target_variant: Option<String>,
    /// `X-Amzn-SageMaker-Custom-Attributes`, such as `accept_eula=true`.
    pub custom_attributes: Option<String>,
    /// The model that the body names, for containers that ask for it.
    pub model: Option<String>,
}

/// How an OpenAI-compatible server is called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Server {
    /// Where its key is found; `None` where it asks for none. The key itself is never kept.
    pub api_key: Option<KeySource>,
    /// Headers that every request has.
    pub headers: BTreeMap<String, String>,
    /// Certificates, in PEM, that are trusted beside the system's.
    pub ca_pem: Option<String>,
}

/// Where the key of a server is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// An environment variable, on one machine only.
    Env(String),
    /// A secret of AWS Secrets Manager, by its ARN.
    Secret(String),
}

/// Which operation of an endpoint is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// The answer arrives in pieces, in the service's own words.
    #[default]
    ConverseStream,
    /// The answer arrives whole: there is no time to first token.
    Converse,
    /// A body of the model's or the container's own; the answer arrives in pieces.
    InvokeStream,
    /// The same; the answer arrives whole.
    Invoke,
    /// OpenAI's chat completions; the answer arrives in pieces.
    ChatStream,
    /// The same; the answer arrives whole.
    Chat,
    /// OpenAI's older completions; the answer arrives in pieces.
    CompletionsStream,
    /// The same; the answer arrives whole.
    Completions,
}

impl Api {
    /// Whether answers arrive in pieces.
    pub fn is_streamed(self) -> bool {
        match self {
            Self::ConverseStream
            | Self::InvokeStream
            | Self::ChatStream
            | Self::CompletionsStream => true,
            Self::Converse | Self::Invoke | Self::Chat | Self::Completions => false,
        }
    }
}

/// Bedrock's `performanceConfig.latency`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatencyMode {
    /// What everybody gets.
    Standard,
    /// Faster, at another price, for some models.
    Optimized,
}

impl LatencyMode {
    /// The service's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Optimized => "optimized",
        }
    }
}

/// Bedrock's `serviceTier.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceTier {
    /// What everybody gets.
    Default,
    /// Cheaper, and slower when the service is busy.
    Flex,
    /// Served first, at a higher price.
    Priority,
}

impl ServiceTier {
    /// The service's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Flex => "flex",
            Self::Priority => "priority",
        }
    }
}

/// How an endpoint is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointKind {
    /// Amazon Bedrock.
    Bedrock,
    /// Amazon SageMaker.
    Sagemaker,
    /// A server that speaks OpenAI's HTTP.
    Openai,
    /// The built-in simulator of `model_id`, on one machine only.
    Simulated,
}
