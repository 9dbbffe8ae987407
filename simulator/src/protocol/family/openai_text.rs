//! Text completions as OpenAI had them first: one prompt, choices of text out.

use serde_json::{Value, json};

use super::super::{Context, Ending, Said, Token};
use super::openai_chat::{reason, usage};
use super::{Content, Family, fields};
use crate::refusal::Refusal;

#[derive(Debug)]
pub(in super::super) struct OpenAiText;

impl Family for OpenAiText {
    fn read(&self, request: &Value, _is_streamed: bool) -> Result<Content, Refusal> {
        let limit = fields::limit(request, &["/max_tokens"], Some(16))?;
        let mut content = Content::of_text(fields::text(request, "prompt")?, limit);
        content.wants_usage = fields::flag(request, "/stream_options/include_usage");
        Ok(content)
    }

    fn whole(&self, context: &Context, said: Said<'_>, ending: &Ending) -> Value {
        let mut whole = completion(context, said.text, Some(ending));
        whole["usage"] = usage(context, ending);
        whole
    }

    fn token(&self, context: &Context, _token: &Token, text: &str) -> Vec<Value> {
        vec![chunk(context, completion(context, text, None))]
    }

    fn closing(&self, context: &Context, _said: &str, ending: &Ending) -> Vec<Value> {
        let mut chunks = vec![chunk(context, completion(context, "", Some(ending)))];
        if context.wants_usage {
            let mut last = completion(context, "", None);
            last["choices"] = json!([]);
            last["usage"] = usage(context, ending);
            chunks.push(last);
        }
        chunks
    }
}

/// A completion as a chunk: where usage is to come, the others say that it has not.
fn chunk(context: &Context, mut completion: Value) -> Value {
    if context.wants_usage {
        completion["usage"] = Value::Null;
    }
    completion
}

fn completion(context: &Context, text: &str, ending: Option<&Ending>) -> Value {
    let reason = ending.map(reason);
    json!({
        "id": format!("cmpl-{}", context.request_id),
        "object": "text_completion",
        "created": context.created_unix_s,
        "model": context.model_id,
        "choices": [{ "index": 0, "text": text, "logprobs": null, "finish_reason": reason }],
    })
}
