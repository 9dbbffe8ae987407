//! Mistral: a prompt that holds the template, and a list of outputs. Requests with messages are
//! those of `openai_chat`.

use serde_json::{Value, json};

use super::super::{Context, Ending, Said, Token};
use super::{Content, Family, fields};
use crate::refusal::Refusal;

#[derive(Debug)]
pub(super) struct Mistral;

impl Family for Mistral {
    fn serves(&self, model_id: &str, request: &Value) -> bool {
        model_id.starts_with("mistral.") && !fields::has(request, "messages")
    }

    fn fits(&self, request: &Value) -> bool {
        fields::has(request, "prompt")
    }

    fn read(&self, request: &Value, _is_streamed: bool) -> Result<Content, Refusal> {
        let limit = fields::limit(request, &["/max_tokens"], Some(512))?;
        Ok(Content::of_text(fields::text(request, "prompt")?, limit))
    }

    fn whole(&self, _context: &Context, said: Said<'_>, ending: &Ending) -> Value {
        outputs(said.text, Some(ending))
    }

    fn token(&self, _context: &Context, _token: &Token, text: &str) -> Vec<Value> {
        vec![outputs(text, None)]
    }

    fn closing(&self, _context: &Context, _said: &str, ending: &Ending) -> Vec<Value> {
        vec![outputs("", Some(ending))]
    }
}

fn outputs(text: &str, ending: Option<&Ending>) -> Value {
    let reason = ending.map(|ending| if ending.is_cut { "length" } else { "stop" });
    json!({"outputs": [{ "text": text, "stop_reason": reason }]})
}
