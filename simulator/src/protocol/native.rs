//! A family's own answer in one piece, as a body without any wrapping.

use hyper::header::HeaderMap;

use super::family::{Content, Family};
use super::{Context, Ending, Modes, Question, Said, WholeWriter};
use crate::refusal::Refusal;

/// Adds an API's own headers to an answer in one piece.
pub(super) type AddHeaders = fn(&Context, &Ending, &mut HeaderMap);

/// Writes a family's answer.
#[derive(Debug)]
pub(super) struct Native {
    pub(super) family: &'static dyn Family,
    pub(super) headers: AddHeaders,
}

impl WholeWriter for Native {
    fn reasons(&self) -> bool {
        self.family.reasons()
    }

    fn headers(&self, context: &Context, ending: &Ending, headers: &mut HeaderMap) {
        (self.headers)(context, ending, headers);
    }

    fn body(&self, context: &Context, said: Said<'_>, ending: &Ending) -> Vec<u8> {
        self.family.whole(context, said, ending).to_string().into_bytes()
    }
}

/// Reads a body of JSON.
pub(super) fn json(body: &[u8]) -> Result<serde_json::Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        Refusal::validation(format!("The request body is not valid JSON: {error}."))
    })
}

/// A question to a model.
pub(super) fn question(
    model_id: String,
    request: serde_json::Value,
    content: Content,
    modes: Modes,
) -> Question {
    let Content { prompt, input_tokens, output_limit, wants_usage } = content;
    Question { model_id, request, prompt, input_tokens, output_limit, modes, wants_usage }
}
