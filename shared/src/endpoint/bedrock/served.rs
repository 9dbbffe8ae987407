//! What Converse says of how it served.

use aws_sdk_bedrockruntime::types::{PerformanceConfiguration, ServiceTier, TokenUsage};

use crate::endpoint::answer::Answer;
use crate::record::{Usage, UsageSource};

impl Answer {
    /// Takes the service's count of tokens. No prompt is without one: nothing but zeros is what the
    /// SDK puts where the service says nothing.
    pub(super) fn count(&mut self, usage: &TokenUsage) {
        if usage.input_tokens == 0 && usage.output_tokens == 0 {
            return;
        }
        let count = |tokens: i32| u32::try_from(tokens).ok();
        self.usage = Usage {
            input_tokens: count(usage.input_tokens),
            output_tokens: count(usage.output_tokens),
            cache_read_tokens: usage.cache_read_input_tokens.and_then(count),
            cache_write_tokens: usage.cache_write_input_tokens.and_then(count),
            reasoning_tokens: None,
            source: Some(UsageSource::Service),
        };
    }

    /// Takes what the service says of how it served.
    pub(super) fn served_as(
        &mut self,
        latency_ms: Option<i64>,
        performance: Option<&PerformanceConfiguration>,
        tier: Option<&ServiceTier>,
    ) {
        self.server_latency_ms = latency_ms.and_then(|ms| u64::try_from(ms).ok());
        self.latency_mode = performance.map(|config| config.latency.as_str().to_owned());
        self.service_tier = tier.map(|tier| tier.r#type.as_str().to_owned());
    }
}
