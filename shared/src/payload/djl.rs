//! The containers of Deep Java Library for large models (LMI), in their own format: JSON lines, or events.
//! Each line of a stream is one token. A stream that fails half-way has HTTP status 200, and a last line
//! that says `error`.

use serde::Deserialize;
use serde_json::json;

use super::told::counted;
use super::{Asked, Content, Format, Malformed, Told, prompt};

/// DJL-LMI's own format.
#[derive(Debug)]
pub(super) struct Djl;

#[derive(Deserialize)]
struct Line {
    token: Option<Token>,
    details: Option<Details>,
    generated_text: Option<String>,
    /// Of dynamic batches: the tokens of each prompt.
    outputs: Option<Vec<String>>,
    error: Option<String>,
    error_type: Option<String>,
}

#[derive(Deserialize)]
struct Token {
    text: String,
    /// A mark of the model, such as its end: no part of the text.
    #[serde(default, alias = "special_token")]
    special: bool,
}

/// How an answer ended, and what it came to.
#[derive(Deserialize)]
struct Details {
    finish_reason: Option<String>,
    generated_tokens: Option<u32>,
    #[serde(alias = "prompt_tokens")]
    input_length: Option<u32>,
}

#[derive(Deserialize)]
struct Whole {
    generated_text: String,
    details: Option<Details>,
}

/// One answer, or a list of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrList {
    One(Whole),
    List(Vec<Whole>),
}

impl Format for Djl {
    fn body(&self, asked: &Asked<'_>) -> Vec<u8> {
        inputs(asked)
    }

    fn part(&self, document: &[u8]) -> Result<Told, Malformed> {
        token(document)
    }

    fn whole(&self, body: &[u8]) -> Result<Told, Malformed> {
        generated(body)
    }
}

/// `{"inputs", "parameters", "stream"}`, as Text Generation Inference has it too.
pub(super) fn inputs(asked: &Asked<'_>) -> Vec<u8> {
    let mut parameters = json!({"max_new_tokens": asked.request.max_tokens, "details": true});
    asked.sampling(&mut parameters, "temperature", "top_p");
    if asked.request.temperature.is_some_and(|temperature| temperature > 0.0) {
        parameters["do_sample"] = true.into();
    }
    let inputs = prompt::plain(asked.request);
    let mut body = json!({"inputs": inputs, "parameters": parameters});
    if asked.streamed {
        body["stream"] = true.into();
    }
    body.to_string().into_bytes()
}

/// A token of a stream, as Text Generation Inference has it too.
pub(super) fn token(document: &[u8]) -> Result<Told, Malformed> {
    let line: Line = serde_json::from_slice(document)?;
    if let Some(message) = line.error {
        return Ok(Told::failed(line.error_type, message));
    }
    if let Some(outputs) = line.outputs {
        return Ok(Told { content_tokens: 1, ..Told::content(Content::of(outputs.concat())) });
    }
    let Some(token) = line.token else { return Err("a line has no token".into()) };
    let ended = line.generated_text.is_some();
    let told = line.details.map(Details::told).unwrap_or_default();
    if told.stop_reason.as_deref() == Some("error") {
        return Ok(Told::failed(None, "the container ended the stream with an error".to_owned()));
    }
    let stop = || ended.then(|| "length_or_eos".to_owned());
    Ok(Told {
        content: if token.special { Content::Nothing } else { Content::of(token.text) },
        content_tokens: 1,
        stop_reason: told.stop_reason.clone().or_else(stop),
        ..told
    })
}

/// `generated_text` in an object, or in a list of one.
pub(super) fn generated(body: &[u8]) -> Result<Told, Malformed> {
    let whole = match serde_json::from_slice(body)? {
        OneOrList::One(whole) => Some(whole),
        OneOrList::List(list) => list.into_iter().next(),
    };
    let whole = whole.ok_or("the list of answers is empty")?;
    let told = whole.details.map(Details::told).unwrap_or_default();
    let stop_reason = told.stop_reason.unwrap_or_else(|| "length_or_eos".to_owned());
    Ok(Told { usage: told.usage, ..Told::whole(&whole.generated_text, stop_reason) })
}

impl Details {
    fn told(self) -> Told {
        Told {
            usage: counted(self.input_length, self.generated_tokens),
            stop_reason: self.finish_reason,
            ..Told::default()
        }
    }
}
