//! A request in the SDK's words.

use aws_sdk_bedrockruntime::error::BuildError;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, InferenceConfiguration, Message, PerformanceConfigLatency,
    PerformanceConfiguration, ServiceTier, ServiceTierType, SystemContentBlock,
};

use crate::endpoint::Request;
use crate::plan;

/// What both operations ask with.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) system: Option<Vec<SystemContentBlock>>,
    pub(super) message: Message,
    pub(super) inference: InferenceConfiguration,
    pub(super) performance: Option<PerformanceConfiguration>,
    pub(super) tier: Option<ServiceTier>,
}

impl Question {
    pub(super) fn new(
        request: &Request,
        latency_mode: Option<plan::LatencyMode>,
        service_tier: Option<plan::ServiceTier>,
    ) -> Result<Self, BuildError> {
        let system = request.system.clone().map(|text| vec![SystemContentBlock::Text(text)]);
        let message = Message::builder()
            .role(ConversationRole::User)
            .content(ContentBlock::Text(request.text.clone()))
            .build()?;
        let inference = InferenceConfiguration::builder()
            .max_tokens(i32::try_from(request.max_tokens).unwrap_or(i32::MAX))
            .set_temperature(request.temperature.map(single))
            .set_top_p(request.top_p.map(single))
            .build();
        let performance = latency_mode
            .map(|mode| PerformanceConfiguration::builder().latency(latency_of(mode)).build());
        let tier = service_tier.map(|tier| ServiceTier::builder().r#type(tier_of(tier)).build());
        Ok(Self { system, message, inference, performance, tier: tier.transpose()? })
    }
}

pub(super) fn latency_of(mode: plan::LatencyMode) -> PerformanceConfigLatency {
    match mode {
        plan::LatencyMode::Standard => PerformanceConfigLatency::Standard,
        plan::LatencyMode::Optimized => PerformanceConfigLatency::Optimized,
    }
}

pub(super) fn tier_of(tier: plan::ServiceTier) -> ServiceTierType {
    match tier {
        plan::ServiceTier::Default => ServiceTierType::Default,
        plan::ServiceTier::Flex => ServiceTierType::Flex,
        plan::ServiceTier::Priority => ServiceTierType::Priority,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the wire format has single precision")]
fn single(value: f64) -> f32 {
    value as f32
}
