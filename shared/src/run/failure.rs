//! What a state machine is told of a step that failed.

use super::RunError;

/// A failed step, as a state machine tells it apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The same step may succeed when it is taken again.
    Retryable(String),
    /// Somebody must act on the message first.
    Permanent(String),
}

impl Failure {
    /// The stable name that state machines match.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Retryable(_) => "Retryable",
            Self::Permanent(_) => "Permanent",
        }
    }

    /// What happened, with its causes and the mend.
    pub fn message(&self) -> &str {
        match self {
            Self::Retryable(message) | Self::Permanent(message) => message,
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let message = crate::causes::chain(&error);
        if error.is_retryable() { Self::Retryable(message) } else { Self::Permanent(message) }
    }
}
