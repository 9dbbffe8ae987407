//! Bedrock's `InvokeModelWithResponseStream`: the chunks of the model's family, each in an event
//! `chunk`; the last says what was used and how long it took.

use std::time::Duration;

use aws_smithy_types::base64;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::family::Chunks;
use super::{
    Asked, Context, Ending, Protocol, Question, StreamError, StreamWriter, Token, Writer, invoke,
};
use crate::fault::Part;
use crate::frame;
use crate::refusal::Refusal;
use crate::words::token_text;

const CONTENT_TYPE: HeaderName = HeaderName::from_static("x-amzn-bedrock-content-type");

/// The API `POST /model/{name}/invoke-with-response-stream`.
#[derive(Debug)]
pub(crate) struct InvokeStream;

impl Protocol for InvokeStream {
    fn read(&self, asked: Asked<'_>) -> Result<(Question, Writer), Refusal> {
        let (question, family) = invoke::read(asked, true)?;
        let writer = ChunkEvents { chunks: Chunks::new(family, token_text) };
        Ok((question, Writer::Streamed(Box::new(writer))))
    }
}

/// Writes each chunk as an event.
#[derive(Debug)]
struct ChunkEvents {
    chunks: Chunks,
}

impl StreamWriter for ChunkEvents {
    fn content_type(&self) -> &'static str {
        frame::CONTENT_TYPE
    }

    fn reasons(&self) -> bool {
        self.chunks.reasons()
    }

    fn headers(&self, context: &Context, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        invoke::modes(context, headers);
    }

    fn opening(&mut self, context: &Context, bytes: &mut Vec<u8>) {
        append(bytes, &self.chunks.opening(context), 0);
    }

    fn token(&mut self, context: &Context, token: &Token, bytes: &mut Vec<u8>) {
        append(bytes, &self.chunks.token(context, token), token.word);
    }

    fn closing(&mut self, context: &Context, ending: &Ending, bytes: &mut Vec<u8>) {
        let mut chunks = self.chunks.closing(context, ending);
        if let Some(last) = chunks.last_mut() {
            last["amazon-bedrock-invocationMetrics"] = json!({
                "inputTokenCount": context.input_tokens,
                "outputTokenCount": ending.output_tokens,
                "invocationLatency": milliseconds(ending.latency),
                "firstByteLatency": milliseconds(ending.first_byte),
            });
        }
        append(bytes, &chunks, 1);
    }

    fn exception(&mut self, _context: &Context, error: StreamError<'_>, bytes: &mut Vec<u8>) {
        bytes.extend(frame::exception(error.name, &json!({ "message": error.message })));
    }

    fn corrupt(&mut self, bytes: &mut [u8], start: usize, part: Part) {
        frame::corrupt(&mut bytes[start..], part);
    }
}

fn append(bytes: &mut Vec<u8>, chunks: &[Value], padding: usize) {
    for chunk in chunks {
        let payload = json!({ "bytes": base64::encode(chunk.to_string()) });
        bytes.extend(frame::padded("chunk", payload, padding));
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
