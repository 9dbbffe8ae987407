//! What goes wrong, and in which requests: a script, so that a test knows beforehand.

#[cfg(test)]
mod tests;
mod when;

use std::time::Duration;

pub(crate) use self::when::Arrival;
pub use self::when::When;
use crate::truth::Outcome;

/// A fault and the requests that it befalls.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptedFault {
    /// Only requests to this model; none for any model.
    pub model_id: Option<String>,
    /// Which of the requests.
    pub when: When,
    /// What goes wrong.
    pub fault: Fault,
}

/// What goes wrong with a request. A stall lasts until the client leaves or the simulator stops, a
/// pause for its time.
///
/// Where an answer is shorter than `after_tokens`, the fault comes after its last token. Where an
/// answer comes in one piece, nothing of it comes before the fault is due: then its beginning, up
/// to the tokens that the fault leaves.
///
/// Names are Bedrock's. The other APIs say the same in words of their own; a name that they have no
/// word for stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// An error instead of an answer, at once.
    Status {
        /// HTTP status, from 400 to 599.
        status: u16,
        /// Name of the exception, such as `ThrottlingException` or SageMaker's `ModelError`.
        code: String,
        /// What the service would say.
        message: String,
    },
    /// An exception inside the stream, after HTTP status 200; it ends the stream. DJL's containers
    /// say so in a record of theirs, and the OpenAI-compatible API in an event; elsewhere it is an
    /// exception of the event stream. Without a stream: the error that stands for it there.
    StreamException {
        /// Tokens before it.
        after_tokens: u32,
        /// Name of the stream's member, such as `modelStreamErrorException`.
        exception: String,
        /// What the service would say.
        message: String,
    },
    /// The headers come, with what precedes the first token, but no token ever.
    StallBeforeFirst,
    /// Tokens come, then nothing more.
    StallAfter {
        /// Tokens before the stall.
        tokens: u32,
    },
    /// Nothing comes for a while; then the answer goes on, all of it so much later.
    Pause {
        /// Tokens before the pause.
        after_tokens: u32,
        /// How long nothing comes, beyond what the next token takes.
        lasts: Duration,
    },
    /// Not even the headers come.
    SlowHeaders,
    /// The headers come so much later, and all that follows them.
    LateHeaders {
        /// From the arrival of the request to the start of its service.
        by: Duration,
    },
    /// The connection is closed in the middle of a frame, of a record or of the one piece.
    Truncate {
        /// Whole tokens before the cut.
        after_tokens: u32,
    },
    /// The connection is reset as soon as the request has arrived, with no byte of an answer.
    Reset,
    /// The connection is reset in the middle of the answer.
    ResetAfter {
        /// Tokens before the reset.
        tokens: u32,
    },
    /// One bit of the answer is wrong, so that a checksum is; the rest comes as it should. An
    /// answer in one piece has no checksum, nor has a server-sent event: there it is the syntax
    /// that breaks.
    Corrupt {
        /// Sound tokens before it.
        after_tokens: u32,
        /// Where the bit is.
        part: Part,
    },
    /// Tokens come until the client leaves, whatever the request allows, at least 1 ms apart. An
    /// answer in one piece never comes.
    Endless,
}

/// A part of an event stream's frame, each with a checksum of its own. Of one piece, or of a
/// server-sent event: its beginning and its end. Of a SageMaker stream: a frame, or a record of the
/// container's in frames that are sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The lengths, with which a frame begins.
    Prelude,
    /// What it carries.
    Payload,
}

impl Fault {
    /// Whether it can be put on the wire.
    pub(crate) fn is_sensible(&self) -> bool {
        let is_name = |name: &str| {
            !name.is_empty() && name.len() < 128 && name.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        match self {
            Self::Status { status, code, .. } => (400..600).contains(status) && is_name(code),
            Self::StreamException { exception, .. } => is_name(exception),
            Self::StallBeforeFirst
            | Self::StallAfter { .. }
            | Self::Pause { .. }
            | Self::SlowHeaders
            | Self::LateHeaders { .. }
            | Self::Truncate { .. }
            | Self::Reset
            | Self::ResetAfter { .. }
            | Self::Corrupt { .. }
            | Self::Endless => true,
        }
    }

    /// How the truth log names what came of it.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Status { .. } => Outcome::Status,
            Self::StreamException { .. } => Outcome::StreamException,
            Self::StallBeforeFirst => Outcome::StallBeforeFirst,
            Self::StallAfter { .. } => Outcome::StallAfter,
            Self::Pause { .. } => Outcome::Pause,
            Self::SlowHeaders => Outcome::SlowHeaders,
            Self::LateHeaders { .. } => Outcome::LateHeaders,
            Self::Truncate { .. } => Outcome::Truncate,
            Self::Reset => Outcome::Reset,
            Self::ResetAfter { .. } => Outcome::ResetAfter,
            Self::Corrupt { .. } => Outcome::Corrupt,
            Self::Endless => Outcome::Endless,
        }
    }

    /// How many tokens come before it, of an answer of `output_tokens`; `u32::MAX` where they
    /// never end.
    pub(crate) fn tokens_before(&self, output_tokens: u32) -> u32 {
        match self {
            Self::StreamException { after_tokens: tokens, .. }
            | Self::Truncate { after_tokens: tokens }
            | Self::Pause { after_tokens: tokens, .. }
            | Self::Corrupt { after_tokens: tokens, .. }
            | Self::ResetAfter { tokens }
            | Self::StallAfter { tokens } => output_tokens.min(*tokens),
            Self::StallBeforeFirst => 0,
            Self::Endless => u32::MAX,
            Self::Status { .. } | Self::SlowHeaders | Self::LateHeaders { .. } | Self::Reset => {
                output_tokens
            }
        }
    }

    /// Whether no token comes after it.
    pub(crate) fn is_last(&self) -> bool {
        match self {
            Self::StreamException { .. }
            | Self::Truncate { .. }
            | Self::ResetAfter { .. }
            | Self::StallAfter { .. }
            | Self::StallBeforeFirst
            | Self::Endless => true,
            Self::Pause { .. }
            | Self::Corrupt { .. }
            | Self::Status { .. }
            | Self::SlowHeaders
            | Self::LateHeaders { .. }
            | Self::Reset => false,
        }
    }
}

impl ScriptedFault {
    /// Whether it can be played.
    pub(crate) fn is_sensible(&self) -> bool {
        self.fault.is_sensible() && self.when.is_sensible()
    }
}

/// The fault of a request: the first of the script that fits.
pub(crate) fn find<'a>(script: &'a [ScriptedFault], arrival: Arrival<'_>) -> Option<&'a Fault> {
    script
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.model_id.as_deref().is_none_or(|id| id == arrival.model_id))
        .find(|(place, entry)| entry.when.includes(*place, arrival))
        .map(|(_, entry)| &entry.fault)
}
