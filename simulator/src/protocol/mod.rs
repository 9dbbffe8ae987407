//! How the APIs spell requests and answers: one file each.
//!
//! A protocol only translates. When bytes are due, and what they say, is decided elsewhere. A
//! [`Protocol`] reads the requests of a path and names the writer of the answer, which is made for
//! this one request. Where one body goes by several APIs, it is a `family`.

mod converse;
mod converse_stream;
mod converse_whole;
mod family;
mod invoke;
mod invoke_stream;
mod native;
mod openai;
mod parts;
mod records;
mod sagemaker;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use hyper::header::HeaderMap;
use serde_json::Value;

use crate::container::Container;
use crate::fault::Part;
use crate::latency::RequestDigest;
use crate::refusal::Refusal;

pub(crate) use converse_stream::ConverseStream;
pub(crate) use converse_whole::Converse;
pub(crate) use invoke::Invoke;
pub(crate) use invoke_stream::InvokeStream;
pub(crate) use openai::{ChatCompletions, Completions};
pub(crate) use sagemaker::{InvokeEndpoint, InvokeEndpointStream};

/// One API: how its requests are read.
pub(crate) trait Protocol: fmt::Debug + Sync {
    /// Reads a request: what it asks, and who writes the answer.
    fn read(&self, asked: Asked<'_>) -> Result<(Question, Writer), Refusal>;
}

/// A request as it arrived.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// What the path names, decoded: a model or an endpoint, for the APIs that have it there.
    pub(crate) name: Option<String>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) settings: &'a Settings,
}

/// What the APIs are set to.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) containers: Vec<Container>,
    /// The key that the OpenAI-compatible API asks for.
    pub(crate) api_key: Option<String>,
}

/// Who writes an answer.
#[derive(Debug)]
pub(crate) enum Writer {
    /// It comes token by token.
    Streamed(Box<dyn StreamWriter>),
    /// It comes when it is complete.
    Whole(Box<dyn WholeWriter>),
}

impl Writer {
    /// Whether it can say that a token is reasoning.
    pub(crate) fn reasons(&self) -> bool {
        match self {
            Self::Streamed(writer) => writer.reasons(),
            Self::Whole(writer) => writer.reasons(),
        }
    }
}

/// Writes one answer in one piece.
pub(crate) trait WholeWriter: fmt::Debug + Send {
    /// Whether it can say that a token is reasoning.
    fn reasons(&self) -> bool {
        false
    }

    /// Adds the headers that this API has beyond those of every response.
    fn headers(&self, _context: &Context, _ending: &Ending, _headers: &mut HeaderMap) {}

    /// The answer that says this, as `application/json`.
    fn body(&self, context: &Context, said: Said<'_>, ending: &Ending) -> Vec<u8>;
}

/// Writes one streamed answer.
pub(crate) trait StreamWriter: fmt::Debug + Send {
    /// The content type of an answer.
    fn content_type(&self) -> &'static str;

    /// Whether it can say that a token is reasoning.
    fn reasons(&self) -> bool {
        false
    }

    /// Adds the headers that this API has beyond those of every response.
    fn headers(&self, _context: &Context, _headers: &mut HeaderMap) {}

    /// Appends what comes before the first token.
    fn opening(&mut self, context: &Context, bytes: &mut Vec<u8>);

    /// Appends a token.
    fn token(&mut self, context: &Context, token: &Token, bytes: &mut Vec<u8>);

    /// Appends what comes after the last token, unless that token had it.
    fn closing(&mut self, context: &Context, ending: &Ending, bytes: &mut Vec<u8>);

    /// Appends an error that ends the answer.
    fn exception(&mut self, context: &Context, error: StreamError<'_>, bytes: &mut Vec<u8>);

    /// Damages the first of the records that begin at `start` in these bytes.
    fn corrupt(&mut self, bytes: &mut [u8], start: usize, part: Part);

    /// Wraps all that is due at one instant for the wire.
    fn pack(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }
}

/// What a request asks, free of any API's vocabulary.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) model_id: String,
    /// The request as it was sent: service times are drawn from it.
    pub(crate) request: Value,
    /// All user text, in order and with nothing between. Where a request has no messages but one
    /// text, all of that, whatever template it is in.
    pub(crate) prompt: String,
    pub(crate) input_tokens: u32,
    /// The most tokens that an answer may have.
    pub(crate) output_limit: u32,
    pub(crate) modes: Modes,
    /// Whether it asks to be told what was used. Most APIs do so anyway.
    pub(crate) wants_usage: bool,
}

/// How a request asks to be served, which the answer repeats. It changes nothing else here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Modes {
    /// The latency mode: `standard` or `optimized`.
    pub(crate) latency: Option<String>,
    /// The service tier, such as `flex`.
    pub(crate) service_tier: Option<String>,
}

impl Modes {
    /// The latency modes that there are.
    const LATENCIES: [&str; 2] = ["standard", "optimized"];
    /// The service tiers that there are.
    const SERVICE_TIERS: [&str; 4] = ["priority", "default", "flex", "reserved"];
}

/// What is known when an answer begins.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context {
    pub(crate) request_id: String,
    pub(crate) model_id: String,
    pub(crate) prompt: String,
    /// By the vendor's count.
    pub(crate) input_tokens: u32,
    pub(crate) modes: Modes,
    pub(crate) wants_usage: bool,
    /// When the request had arrived, in seconds since 1970.
    pub(crate) created_unix_s: u64,
    /// How many tokens come as reasoning, before all others.
    pub(crate) reasoning_tokens: u32,
    /// What is random about the answer follows from it.
    pub(crate) digest: RequestDigest,
}

impl Context {
    /// The number of an answer's last block, where the reasoning is block 0 and the text the next.
    fn text_block(&self, output_tokens: u32) -> u32 {
        u32::from(self.reasoning_tokens > 0 && output_tokens > self.reasoning_tokens)
    }
}

/// A token that is due.
#[derive(Debug)]
pub(crate) struct Token {
    /// A place in [`crate::words::WORDS`].
    pub(crate) word: usize,
    /// Its number in the answer, from 0.
    pub(crate) index: u32,
    /// Whether it is the first of the reasoning or of the text.
    pub(crate) is_first: bool,
    pub(crate) is_reasoning: bool,
    /// How the answer ends, where this is its last token and the end comes with it.
    pub(crate) ending: Option<Ending>,
}

/// What an answer in one piece says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) reasoning: &'a str,
    pub(crate) text: &'a str,
}

/// How an answer ended.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    /// Reasoning included.
    pub(crate) output_tokens: u32,
    /// Whether the request's limit cut the answer.
    pub(crate) is_cut: bool,
    /// From the arrival of the whole request to the last token.
    pub(crate) latency: Duration,
    /// From the arrival of the whole request to the first token.
    pub(crate) first_byte: Duration,
}

/// An error inside a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamError<'a> {
    /// As Bedrock's model names it.
    pub(crate) name: &'a str,
    pub(crate) message: &'a str,
    /// Tokens before it.
    pub(crate) tokens: u32,
}
