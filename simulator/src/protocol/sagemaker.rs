//! SageMaker's runtime: whatever the endpoint's container says, whole or in parts of a stream.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::family::{
    Chunks, Djl, Embedding, Family, JumpstartLlama2, OpenAiChat, TextClassification, Tgi,
};
use super::native::{self, Native};
use super::parts::Parts;
use super::records::Records;
use super::{
    Asked, Context, Ending, Modes, Protocol, Question, StreamError, StreamWriter, Token, Writer,
};
use crate::container::ContainerFormat;
use crate::fault::Part;
use crate::frame;
use crate::refusal::Refusal;
use crate::words::worldly_text;

const VARIANT: HeaderName = HeaderName::from_static("x-amzn-invoked-production-variant");
const CONTENT_TYPE: HeaderName = HeaderName::from_static("x-amzn-sagemaker-content-type");

/// The API `POST /endpoints/{name}/invocations`.
#[derive(Debug)]
pub(crate) struct InvokeEndpoint;

/// The API `POST /endpoints/{name}/invocations-response-stream`. It streams whatever the request
/// says of that.
#[derive(Debug)]
pub(crate) struct InvokeEndpointStream;

impl Protocol for InvokeEndpoint {
    fn read(&self, asked: Asked<'_>) -> Result<(Question, Writer), Refusal> {
        let (question, format) = read(asked, false)?;
        let headers = |_: &Context, _: &Ending, headers: &mut HeaderMap| variant(headers);
        let (family, _) = spelling(format);
        Ok((question, Writer::Whole(Box::new(Native { family, headers }))))
    }
}

impl Protocol for InvokeEndpointStream {
    fn read(&self, asked: Asked<'_>) -> Result<(Question, Writer), Refusal> {
        let (question, format) = read(asked, true)?;
        let (family, records) = spelling(format);
        let chunks = Chunks::new(family, worldly_text);
        let writer = PayloadParts { chunks, records, parts: None, damaged: None, exception: None };
        Ok((question, Writer::Streamed(Box::new(writer))))
    }
}

/// What a container speaks, and how it spells a stream.
fn spelling(format: ContainerFormat) -> (&'static dyn Family, Records) {
    match format {
        ContainerFormat::Tgi => (&Tgi, Records::TIGHT_EVENTS),
        ContainerFormat::Djl => (&Djl, Records::LINES),
        ContainerFormat::DjlSse => (&Djl, Records::EVENTS),
        ContainerFormat::OpenAiChat => (&OpenAiChat, Records::EVENTS_DONE),
        ContainerFormat::JumpstartLlama2 => (&JumpstartLlama2, Records::LINES),
        ContainerFormat::TextClassification => (&TextClassification, Records::LINES),
        ContainerFormat::Embedding => (&Embedding, Records::LINES),
    }
}

/// Reads a request. What the container does not understand is its error, not the service's.
fn read(asked: Asked<'_>, is_streamed: bool) -> Result<(Question, ContainerFormat), Refusal> {
    let name = asked.name.unwrap_or_default();
    let container =
        asked.settings.containers.iter().find(|container| container.endpoint_name == name);
    let container = container.ok_or_else(|| Refusal::unknown_endpoint(&name))?;
    let format = container.format;
    let (family, _) = spelling(format);
    let understood = request(format, asked.body).and_then(|request| {
        let content = family.read(&request, is_streamed)?;
        Ok(native::question(container.model_id.clone(), request, content, Modes::default()))
    });
    let question = understood.map_err(|refusal| Refusal::by_container(&refusal.message))?;
    Ok((question, format))
}

/// The request: JSON, but for the one container that takes plain text.
fn request(format: ContainerFormat, body: &[u8]) -> Result<Value, Refusal> {
    if format != ContainerFormat::TextClassification {
        return native::json(body);
    }
    match str::from_utf8(body) {
        Ok(text) => Ok(text.into()),
        Err(error) => Err(Refusal::validation(format!("The text is not UTF-8: {error}."))),
    }
}

fn variant(headers: &mut HeaderMap) {
    headers.insert(VARIANT, HeaderValue::from_static("AllTraffic"));
}

/// Writes a container's records, cut into parts.
#[derive(Debug)]
struct PayloadParts {
    chunks: Chunks,
    records: Records,
    /// Made when the answer begins.
    parts: Option<Parts>,
    /// Where the part begins whose frame is to be damaged.
    damaged: Option<usize>,
    /// What ends the stream, after all parts.
    exception: Option<Vec<u8>>,
}

impl StreamWriter for PayloadParts {
    fn content_type(&self) -> &'static str {
        frame::CONTENT_TYPE
    }

    fn reasons(&self) -> bool {
        self.chunks.reasons()
    }

    fn headers(&self, _context: &Context, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.records.content_type));
        variant(headers);
    }

    fn opening(&mut self, context: &Context, bytes: &mut Vec<u8>) {
        self.parts = Some(Parts::new(context.digest));
        self.records.append(bytes, &self.chunks.opening(context));
    }

    fn token(&mut self, context: &Context, token: &Token, bytes: &mut Vec<u8>) {
        self.records.append(bytes, &self.chunks.token(context, token));
    }

    fn closing(&mut self, context: &Context, ending: &Ending, bytes: &mut Vec<u8>) {
        self.records.append(bytes, &self.chunks.closing(context, ending));
        self.records.end(bytes);
    }

    /// An error that the container knows how to say comes as one of its records; any other is the
    /// service's.
    fn exception(&mut self, context: &Context, error: StreamError<'_>, bytes: &mut Vec<u8>) {
        if let Some(chunk) = self.chunks.broken(context, error.tokens) {
            self.records.append(bytes, &[chunk]);
            return;
        }
        let is_internal = error.name.to_ascii_lowercase().starts_with("internal");
        self.exception = Some(if is_internal {
            frame::exception("InternalStreamFailure", &json!({ "Message": error.message }))
        } else {
            let is_late = error.name.to_ascii_lowercase().contains("timeout");
            let code = if is_late { "ModelInvocationTimeExceeded" } else { "StreamBroken" };
            let payload = json!({ "Message": error.message, "ErrorCode": code });
            frame::exception("ModelStreamError", &payload)
        });
    }

    /// Of the prelude: a part's frame. Of the payload: the container's record, in a sound frame.
    fn corrupt(&mut self, bytes: &mut [u8], start: usize, part: Part) {
        match part {
            Part::Prelude => self.damaged = Some(start),
            Part::Payload => Records::corrupt(&mut bytes[start..], part),
        }
    }

    fn pack(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let mut frames = Vec::new();
        if let Some(parts) = &mut self.parts {
            let (sound, damaged) = bytes.split_at(self.damaged.take().unwrap_or(bytes.len()));
            frames.extend(parts.cut(sound));
            let start = frames.len();
            frames.extend(parts.cut(damaged));
            frame::corrupt(&mut frames[start..], Part::Prelude);
        }
        frames.extend(self.exception.take().into_iter().flatten());
        frames
    }
}
