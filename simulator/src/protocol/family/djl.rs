//! DJL's large model inference with rolling batches: as Text Generation Inference, but the last
//! token carries the details, and an error comes in the stream as a token that says nothing.

use serde_json::{Value, json};

use super::super::{Context, Ending, Said, Token};
use super::{Content, Family, Last, fields};
use crate::refusal::Refusal;

#[derive(Debug)]
pub(in super::super) struct Djl;

impl Family for Djl {
    fn read(&self, request: &Value, _is_streamed: bool) -> Result<Content, Refusal> {
        let limit = fields::limit(request, &["/parameters/max_new_tokens"], Some(30))?;
        let mut content = Content::of_text(fields::text(request, "inputs")?, limit);
        content.wants_usage = fields::flag(request, "/parameters/details");
        Ok(content)
    }

    fn whole(&self, context: &Context, said: Said<'_>, ending: &Ending) -> Value {
        let mut answer = json!({ "generated_text": said.text });
        if context.wants_usage {
            answer["details"] = details(context, reason(ending), ending.output_tokens);
        }
        answer
    }

    fn token(&self, _context: &Context, token: &Token, text: &str) -> Vec<Value> {
        vec![word(token, text)]
    }

    fn last(&self, context: &Context, last: Last<'_>) -> Option<Value> {
        let details = details(context, reason(last.ending), last.ending.output_tokens);
        Some(ended(word(last.token, last.text), last.said, &details))
    }

    fn closing(&self, context: &Context, said: &str, ending: &Ending) -> Vec<Value> {
        let details = details(context, reason(ending), ending.output_tokens);
        vec![ended(nothing(2), said, &details)]
    }

    fn broken(&self, context: &Context, said: &str, tokens: u32) -> Option<Value> {
        Some(ended(nothing(-1), said, &details(context, "error", tokens)))
    }
}

fn word(token: &Token, text: &str) -> Value {
    json!({"token": { "id": token.word + 100, "text": text, "log_prob": -0.5 }})
}

/// A token that says nothing.
fn nothing(id: i32) -> Value {
    json!({"token": { "id": id, "text": "", "log_prob": -1.0, "special_token": true }})
}

fn ended(mut record: Value, said: &str, details: &Value) -> Value {
    record["generated_text"] = said.into();
    record["details"] = details.clone();
    record
}

fn details(context: &Context, reason: &str, tokens: u32) -> Value {
    json!({ "finish_reason": reason, "generated_tokens": tokens, "inputs": context.prompt })
}

fn reason(ending: &Ending) -> &'static str {
    if ending.is_cut { "length" } else { "eos_token" }
}
