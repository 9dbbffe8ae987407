//! Cohere Command and Command Light: one prompt, and a flag that a stream must set.

use serde_json::{Value, json};

use super::super::{Context, Ending, Said, Token};
use super::{Content, Family, fields};
use crate::refusal::Refusal;

#[derive(Debug)]
pub(super) struct CohereText;

impl Family for CohereText {
    fn serves(&self, model_id: &str, _request: &Value) -> bool {
        model_id.starts_with("cohere.command") && model_id.contains("text")
    }

    fn fits(&self, request: &Value) -> bool {
        let marks = ["return_likelihoods", "num_generations", "p", "k", "stream"];
        let is_marked = marks.iter().any(|name| fields::has(request, name));
        fields::has(request, "prompt") && is_marked
    }

    fn read(&self, request: &Value, is_streamed: bool) -> Result<Content, Refusal> {
        if is_streamed && !fields::flag(request, "/stream") {
            return Err(fields::malformed("#: required key [stream] not true"));
        }
        let limit = fields::limit(request, &["/max_tokens"], Some(20))?;
        Ok(Content::of_text(fields::text(request, "prompt")?, limit))
    }

    fn whole(&self, context: &Context, said: Said<'_>, ending: &Ending) -> Value {
        json!({
            "id": context.request_id,
            "prompt": context.prompt,
            "generations": [{
                "id": context.request_id,
                "text": said.text,
                "finish_reason": reason(ending),
            }],
        })
    }

    fn token(&self, _context: &Context, _token: &Token, text: &str) -> Vec<Value> {
        vec![json!({ "text": text, "is_finished": false, "index": 0 })]
    }

    fn closing(&self, _context: &Context, _said: &str, ending: &Ending) -> Vec<Value> {
        vec![json!({ "is_finished": true, "finish_reason": reason(ending), "index": 0 })]
    }
}

fn reason(ending: &Ending) -> &'static str {
    if ending.is_cut { "MAX_TOKENS" } else { "COMPLETE" }
}
