//! How the APIs spell requests and answers: one file each.
//!
//! A protocol only translates. When bytes are due, and what they say, is decided elsewhere.

mod converse;
mod converse_stream;
mod converse_whole;

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::fault::Part;
use crate::refusal::Refusal;

pub(crate) use converse_stream::ConverseStream;
pub(crate) use converse_whole::Converse;

/// One API.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Protocol {
    /// Its answer comes token by token.
    Streamed(&'static dyn StreamedProtocol),
    /// Its answer comes when it is complete.
    Whole(&'static dyn WholeProtocol),
}

impl Protocol {
    /// Reads a request. `model_id` is the one in the path, for those that have it there.
    pub(crate) fn parse(self, model_id: Option<String>, body: &[u8]) -> Result<Question, Refusal> {
        match self {
            Self::Streamed(protocol) => protocol.parse(model_id, body),
            Self::Whole(protocol) => protocol.parse(model_id, body),
        }
    }
}

/// One API with an answer in one piece.
pub(crate) trait WholeProtocol: fmt::Debug + Sync {
    /// Reads a request.
    fn parse(&self, model_id: Option<String>, body: &[u8]) -> Result<Question, Refusal>;

    /// The content type of an answer.
    fn content_type(&self) -> &'static str;

    /// The answer that says this text.
    fn body(&self, text: &str, ending: &Ending) -> Vec<u8>;
}

/// One API with a streamed answer.
pub(crate) trait StreamedProtocol: fmt::Debug + Sync {
    /// Reads a request.
    fn parse(&self, model_id: Option<String>, body: &[u8]) -> Result<Question, Refusal>;

    /// The content type of an answer.
    fn content_type(&self) -> &'static str;

    /// Appends what comes before the first token.
    fn opening(&self, bytes: &mut Vec<u8>);

    /// Appends a token: a place in [`crate::words::WORDS`].
    fn token(&self, word: usize, is_first: bool, bytes: &mut Vec<u8>);

    /// Appends what comes after the last token.
    fn closing(&self, ending: &Ending, bytes: &mut Vec<u8>);

    /// Appends an error that ends the answer.
    fn exception(&self, name: &str, message: &str, bytes: &mut Vec<u8>);

    /// Damages the first of the frames in these bytes.
    fn corrupt(&self, bytes: &mut [u8], part: Part);
}

/// What a request asks, free of any API's vocabulary.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) model_id: String,
    /// The request as it was sent: service times are drawn from it.
    pub(crate) request: Value,
    /// All user text, in order and with nothing between.
    pub(crate) prompt: String,
    pub(crate) input_tokens: u32,
    /// The most tokens that an answer may have.
    pub(crate) output_limit: u32,
    pub(crate) modes: Modes,
}

/// How a request asks to be served, which the answer repeats. It changes nothing else here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Modes {
    /// The latency mode: `standard` or `optimized`.
    pub(crate) latency: Option<String>,
    /// The service tier, such as `flex`.
    pub(crate) service_tier: Option<String>,
}

/// How an answer ended.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) input_tokens: u32,
    pub(crate) output_tokens: u32,
    /// Whether the request's limit cut the answer.
    pub(crate) is_cut: bool,
    /// From the arrival of the whole request to the last token.
    pub(crate) latency: Duration,
    /// How it was served.
    pub(crate) modes: Modes,
}
