//! How many tokens a request had, and who says so.

use serde::{Deserialize, Serialize};

/// Tokens of one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens of the prompt.
    pub input_tokens: Option<u32>,
    /// Tokens of the answer.
    pub output_tokens: Option<u32>,
    /// Prompt tokens read from a cache.
    pub cache_read_tokens: Option<u32>,
    /// Prompt tokens written to a cache.
    pub cache_write_tokens: Option<u32>,
    /// Tokens of the answer that were thought, not said; part of `output_tokens`.
    pub reasoning_tokens: Option<u32>,
    /// Where the counts come from; `None` where there are none.
    pub source: Option<UsageSource>,
}

/// Where token counts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The usage that the service put into its answer.
    Service,
    /// The metrics that Bedrock adds to the end of a stream.
    InvocationMetrics,
    /// Headers of the response.
    Headers,
    /// Nobody counted: the prompt by the dataset's tokenizer or our own count, the answer by its
    /// events where each is a token, else by its length and the prompt's.
    Estimate,
}

impl UsageSource {
    /// Its name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::InvocationMetrics => "invocation_metrics",
            Self::Headers => "headers",
            Self::Estimate => "estimate",
        }
    }
}

impl Usage {
    /// Whether somebody counted who serves: what we estimate is no report.
    pub fn is_reported(&self) -> bool {
        self.source != Some(UsageSource::Estimate)
    }

    /// Takes what `later` tells in the place of what was told before.
    pub fn update(&mut self, later: Self) {
        let Self { input_tokens, output_tokens, source, .. } = later;
        self.input_tokens = input_tokens.or(self.input_tokens);
        self.output_tokens = output_tokens.or(self.output_tokens);
        self.cache_read_tokens = later.cache_read_tokens.or(self.cache_read_tokens);
        self.cache_write_tokens = later.cache_write_tokens.or(self.cache_write_tokens);
        self.reasoning_tokens = later.reasoning_tokens.or(self.reasoning_tokens);
        self.source = source.or(self.source);
    }
}
