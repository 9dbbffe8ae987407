//! Anthropic's older models: a prompt that holds the turns, and no counts in the answer.

use serde_json::{Value, json};

use super::super::{Context, Ending, Said, Token};
use super::{Content, Family, fields};
use crate::refusal::Refusal;

#[derive(Debug)]
pub(super) struct AnthropicText;

/// Whether a model knows no messages.
pub(super) fn is_legacy(model_id: &str) -> bool {
    ["anthropic.claude-v2", "anthropic.claude-instant"].iter().any(|id| model_id.starts_with(id))
}

impl Family for AnthropicText {
    fn serves(&self, model_id: &str, _request: &Value) -> bool {
        is_legacy(model_id)
    }

    fn fits(&self, request: &Value) -> bool {
        fields::has(request, "max_tokens_to_sample")
    }

    fn read(&self, request: &Value, _is_streamed: bool) -> Result<Content, Refusal> {
        let prompt = fields::text(request, "prompt")?;
        let limit = fields::limit(request, &["/max_tokens_to_sample"], None)?;
        Ok(Content::of_text(prompt, limit))
    }

    fn whole(&self, _context: &Context, said: Said<'_>, ending: &Ending) -> Value {
        completion(said.text, Some(ending))
    }

    fn token(&self, _context: &Context, _token: &Token, text: &str) -> Vec<Value> {
        vec![completion(text, None)]
    }

    fn closing(&self, _context: &Context, _said: &str, ending: &Ending) -> Vec<Value> {
        vec![completion("", Some(ending))]
    }
}

fn completion(text: &str, ending: Option<&Ending>) -> Value {
    let (reason, stop) = match ending {
        None => (None, None),
        Some(ending) if ending.is_cut => (Some("max_tokens"), None),
        Some(_) => (Some("stop_sequence"), Some("\n\nHuman:")),
    };
    json!({ "type": "completion", "completion": text, "stop_reason": reason, "stop": stop })
}
