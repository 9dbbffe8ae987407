//! Hugging Face Text Generation Inference. Each event of a stream is one token.

use serde::Deserialize;

use super::djl::{self, Details};
use super::{Asked, Content, Format, Malformed, Told};

/// Text Generation Inference.
#[derive(Debug)]
pub(super) struct Tgi;

#[derive(Deserialize)]
struct Event {
    token: Option<Token>,
    details: Option<Details>,
    generated_text: Option<String>,
    error: Option<String>,
    error_type: Option<String>,
}

#[derive(Deserialize)]
struct Token {
    text: String,
    /// A mark of the model, such as its end: no part of the text.
    #[serde(default)]
    special: bool,
}

impl Format for Tgi {
    fn body(&self, asked: &Asked<'_>) -> Vec<u8> {
        djl::inputs(asked)
    }

    fn part(&self, document: &[u8]) -> Result<Told, Malformed> {
        let event: Event = serde_json::from_slice(document)?;
        if let Some(message) = event.error {
            return Ok(Told::failed(event.error_type, message));
        }
        let Some(token) = event.token else { return Err("an event has no token".into()) };
        let ended = event.generated_text.is_some();
        let told = event.details.map(Details::told).unwrap_or_default();
        let stop = || ended.then(|| "length_or_eos".to_owned());
        Ok(Told {
            content: if token.special { Content::Nothing } else { Content::of(token.text) },
            content_tokens: 1,
            stop_reason: told.stop_reason.clone().or_else(stop),
            ..told
        })
    }

    fn whole(&self, body: &[u8]) -> Result<Told, Malformed> {
        djl::generated(body)
    }
}
