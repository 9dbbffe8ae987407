//! How the APIs spell requests and answers: one file each.
//!
//! A protocol only translates. When bytes are due, and what they say, is decided elsewhere.

mod converse;
mod converse_stream;

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::refusal::Refusal;

pub(crate) use converse_stream::ConverseStream;

/// One API with a streamed answer.
pub(crate) trait Protocol: fmt::Debug + Sync {
    /// Reads a request. `model_id` is the one in the path, for those that have it there.
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
}
