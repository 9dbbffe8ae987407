//! What a document of an answer tells.

use crate::record::{Usage, UsageSource};

/// What a document of an answer tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The content that it brings.
    pub content: Content,
    /// How many tokens its content is, where the format says so by its nature: one for each event.
    pub content_tokens: u32,
    /// How many bytes its text has, of an answer that came whole and may not be counted.
    pub text_bytes: u32,
    /// Token counts; those that are `None` are not told here. Later ones take the place of earlier
    /// ones.
    pub usage: Usage,
    /// Why the model stopped, in the format's words: the answer is whole.
    pub stop_reason: Option<String>,
    /// The service's own figure of its latency, milliseconds.
    pub server_latency_ms: Option<u64>,
    /// The service's own time to its first byte, milliseconds.
    pub server_first_byte_ms: Option<u64>,
    /// The answer has failed, after it had begun: a code where there is one, and what was said.
    pub failure: Option<(Option<String>, String)>,
}

/// The content of a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Content {
    /// None, or an empty one.
    #[default]
    Nothing,
    /// What a user does not see: reasoning, the use of a tool.
    Hidden,
    /// Visible text.
    Text,
}

impl Content {
    /// Visible, where the text is not empty.
    pub(crate) fn of(text: impl AsRef<str>) -> Self {
        if text.as_ref().is_empty() { Self::Nothing } else { Self::Text }
    }

    /// Hidden, where the text is not empty.
    pub(super) fn hidden(text: impl AsRef<str>) -> Self {
        if text.as_ref().is_empty() { Self::Nothing } else { Self::Hidden }
    }
}

impl Told {
    /// An answer that came whole, of a format that may not count its tokens.
    pub(super) fn whole(text: &str, stop_reason: String) -> Self {
        let text_bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let stop_reason = Some(stop_reason);
        Self { content: Content::of(text), text_bytes, stop_reason, ..Self::default() }
    }

    /// Content, and nothing else.
    pub(super) fn content(content: Content) -> Self {
        Self { content, ..Self::default() }
    }

    /// A failure after the answer had begun.
    pub(super) fn failed(code: Option<String>, message: String) -> Self {
        Self { failure: Some((code, message)), ..Self::default() }
    }
}

/// The counts of a body.
pub(super) fn counted(input: Option<u32>, output: Option<u32>) -> Usage {
    let source = (input.is_some() || output.is_some()).then_some(UsageSource::Service);
    Usage { input_tokens: input, output_tokens: output, source, ..Usage::default() }
}

/// A document is none of its format's.
#[derive(Debug, thiserror::Error)]
#[error("the answer is not of the format that was expected")]
pub struct Malformed(#[source] Box<dyn std::error::Error + Send + Sync>);

impl From<serde_json::Error> for Malformed {
    fn from(error: serde_json::Error) -> Self {
        Self(error.into())
    }
}

impl From<&str> for Malformed {
    fn from(problem: &str) -> Self {
        Self(problem.into())
    }
}
