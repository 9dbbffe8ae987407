//! The OpenAI-compatible API over plain HTTP: the request says whether the answer is streamed.

use hyper::header::{AUTHORIZATION, HeaderMap};
use serde_json::Value;

use super::family::{Chunks, Family, OpenAiChat, OpenAiText};
use super::native::{self, Native};
use super::records::Records;
use super::{
    Asked, Context, Ending, Modes, Protocol, Question, StreamError, StreamWriter, Token, Writer,
};
use crate::dialect::Dialect;
use crate::fault::Part;
use crate::refusal::Refusal;
use crate::words::token_text;

/// The API `POST /v1/chat/completions`.
#[derive(Debug)]
pub(crate) struct ChatCompletions;

/// The API `POST /v1/completions`.
#[derive(Debug)]
pub(crate) struct Completions;

impl Protocol for ChatCompletions {
    fn read(&self, asked: Asked<'_>) -> Result<(Question, Writer), Refusal> {
        read(&OpenAiChat, &asked)
    }
}

impl Protocol for Completions {
    fn read(&self, asked: Asked<'_>) -> Result<(Question, Writer), Refusal> {
        read(&OpenAiText, &asked)
    }
}

fn read(family: &'static dyn Family, asked: &Asked<'_>) -> Result<(Question, Writer), Refusal> {
    if let Some(key) = &asked.settings.api_key
        && asked.headers.get(AUTHORIZATION).is_none_or(|given| *given != format!("Bearer {key}"))
    {
        return Err(Refusal::unauthorized());
    }
    let request = native::json(asked.body)?;
    let model_id = request.get("model").and_then(Value::as_str);
    let model_id = model_id.ok_or_else(|| Refusal::validation("You must provide a model."))?;
    let model_id = model_id.to_owned();
    let is_streamed = request.get("stream").and_then(Value::as_bool).unwrap_or(false);
    let content = family.read(&request, is_streamed)?;
    let writer = if is_streamed {
        Writer::Streamed(Box::new(Events { chunks: Chunks::new(family, token_text) }))
    } else {
        let headers = |_: &Context, _: &Ending, _: &mut HeaderMap| {};
        Writer::Whole(Box::new(Native { family, headers }))
    };
    Ok((native::question(model_id, request, content, Modes::default()), writer))
}

const RECORDS: Records = Records::EVENTS_DONE;

/// Writes each chunk as a server-sent event.
#[derive(Debug)]
struct Events {
    chunks: Chunks,
}

impl StreamWriter for Events {
    fn content_type(&self) -> &'static str {
        RECORDS.content_type
    }

    fn reasons(&self) -> bool {
        self.chunks.reasons()
    }

    fn opening(&mut self, context: &Context, bytes: &mut Vec<u8>) {
        RECORDS.append(bytes, &self.chunks.opening(context));
    }

    fn token(&mut self, context: &Context, token: &Token, bytes: &mut Vec<u8>) {
        RECORDS.append(bytes, &self.chunks.token(context, token));
    }

    fn closing(&mut self, context: &Context, ending: &Ending, bytes: &mut Vec<u8>) {
        RECORDS.append(bytes, &self.chunks.closing(context, ending));
        RECORDS.end(bytes);
    }

    fn exception(&mut self, _context: &Context, error: StreamError<'_>, bytes: &mut Vec<u8>) {
        let refusal = Refusal::of_exception(error.name, error.message);
        let refusal = Dialect::OpenAi.translate(refusal, false);
        RECORDS.append(bytes, &[Dialect::OpenAi.body(&refusal)]);
    }

    fn corrupt(&mut self, bytes: &mut [u8], start: usize, part: Part) {
        Records::corrupt(&mut bytes[start..], part);
    }
}
