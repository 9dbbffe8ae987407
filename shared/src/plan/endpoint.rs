//! What answers prompts, and how it is called.

use serde::{Deserialize, Serialize};

use crate::price::Price;
use crate::units::Name;

/// One thing that answers prompts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointSpec {
    /// What the user calls it.
    pub name: Name,
    /// How it is called.
    pub kind: EndpointKind,
    /// The AWS region.
    pub region: String,
    /// The model id, inference profile id or ARN that is invoked.
    pub model_id: String,
    /// Which operation of it.
    #[serde(default)]
    pub api: Api,
    /// The latency mode that is asked for; `None` asks for none.
    #[serde(default)]
    pub latency_mode: Option<LatencyMode>,
    /// The service tier that is asked for; `None` asks for none.
    #[serde(default)]
    pub service_tier: Option<ServiceTier>,
    /// Another address than the service's own.
    pub endpoint_url: Option<String>,
    /// What its tokens cost; `None` where the configuration says `price: unknown`: the endpoint is
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
            (EndpointKind::Bedrock, Some(url)) => format!("{model_id} at {url}"),
        }
    }
}

/// Which operation of an endpoint is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// The answer arrives in pieces.
    #[default]
    ConverseStream,
    /// The answer arrives whole: there is no time to first token.
    Converse,
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
    /// Amazon Bedrock, ConverseStream.
    Bedrock,
    /// The built-in simulator of `model_id`, on one machine only.
    Simulated,
}
