//! Bedrock's `InvokeModel`: the body of the model's family, and headers with what was used.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::family::{self, Family};
use super::native::{self, Native};
use super::{Asked, Context, Ending, Modes, Protocol, Question, Writer};
use crate::refusal::Refusal;

const INPUT_TOKENS: HeaderName = HeaderName::from_static("x-amzn-bedrock-input-token-count");
const OUTPUT_TOKENS: HeaderName = HeaderName::from_static("x-amzn-bedrock-output-token-count");
const LATENCY: HeaderName = HeaderName::from_static("x-amzn-bedrock-invocation-latency");
const LATENCY_MODE: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-performanceconfig-latency");
const SERVICE_TIER: HeaderName = HeaderName::from_static("x-amzn-bedrock-service-tier");

/// The API `POST /model/{name}/invoke`.
#[derive(Debug)]
pub(crate) struct Invoke;

impl Protocol for Invoke {
    fn read(&self, asked: Asked<'_>) -> Result<(Question, Writer), Refusal> {
        let (question, family) = read(asked, false)?;
        Ok((question, Writer::Whole(Box::new(Native { family, headers }))))
    }
}

/// Reads a request, whole or streamed.
pub(super) fn read(
    asked: Asked<'_>,
    is_streamed: bool,
) -> Result<(Question, &'static dyn Family), Refusal> {
    let model_id = asked.name.unwrap_or_default();
    let request = native::json(asked.body)?;
    let family = family::find(&model_id, &request)?;
    let content = family.read(&request, is_streamed)?;
    let modes = Modes {
        latency: word(asked.headers, &LATENCY_MODE, &Modes::LATENCIES)?,
        service_tier: word(asked.headers, &SERVICE_TIER, &Modes::SERVICE_TIERS)?,
    };
    Ok((native::question(model_id, request, content, modes), family))
}

/// A word of a few, where a header has it.
fn word(headers: &HeaderMap, name: &HeaderName, known: &[&str]) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let value = String::from_utf8_lossy(value.as_bytes());
    if known.contains(&&*value) {
        return Ok(Some(value.into_owned()));
    }
    Err(Refusal::validation(format!(
        "Value '{value}' at '{name}' failed to satisfy constraint: Member must satisfy enum value \
         set: [{}].",
        known.join(", ")
    )))
}

/// Says how a request is served, where it asked for something.
pub(super) fn modes(context: &Context, headers: &mut HeaderMap) {
    let Modes { latency, service_tier } = &context.modes;
    for (name, mode) in [(LATENCY_MODE, latency), (SERVICE_TIER, service_tier)] {
        if let Some(mode) = mode.as_deref().and_then(|mode| HeaderValue::from_str(mode).ok()) {
            headers.insert(name, mode);
        }
    }
}

fn headers(context: &Context, ending: &Ending, headers: &mut HeaderMap) {
    let latency = u64::try_from(ending.latency.as_millis()).unwrap_or(u64::MAX);
    headers.insert(INPUT_TOKENS, context.input_tokens.into());
    headers.insert(OUTPUT_TOKENS, ending.output_tokens.into());
    headers.insert(LATENCY, latency.into());
    modes(context, headers);
}
