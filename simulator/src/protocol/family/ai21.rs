//! AI21 Jurassic-2: one prompt, whole answers only, with every token of both in a list.

use serde_json::{Value, json};

use super::super::{Context, Ending, Said};
use super::{Content, Family, fields};
use crate::refusal::Refusal;

#[derive(Debug)]
pub(super) struct Ai21;

impl Family for Ai21 {
    fn serves(&self, model_id: &str, _request: &Value) -> bool {
        model_id.starts_with("ai21.j2")
    }

    fn fits(&self, request: &Value) -> bool {
        fields::has(request, "prompt") && fields::has(request, "maxTokens")
    }

    fn read(&self, request: &Value, is_streamed: bool) -> Result<Content, Refusal> {
        if is_streamed {
            return Err(Refusal::validation("The model is unsupported for streaming."));
        }
        let limit = fields::limit(request, &["/maxTokens"], Some(16))?;
        Ok(Content::of_text(fields::text(request, "prompt")?, limit))
    }

    fn whole(&self, context: &Context, said: Said<'_>, ending: &Ending) -> Value {
        let reason = if ending.is_cut {
            json!({ "reason": "length", "length": ending.output_tokens })
        } else {
            json!({ "reason": "endoftext" })
        };
        json!({
            "id": context.request_id,
            "prompt": {
                "text": context.prompt,
                "tokens": tokens(&context.prompt, context.input_tokens),
            },
            "completions": [{
                "data": {"text": said.text, "tokens": tokens(said.text, ending.output_tokens)},
                "finishReason": reason,
            }],
        })
    }
}

/// So many tokens of about the same length.
fn tokens(text: &str, count: u32) -> Vec<Value> {
    let length = text.chars().count() as u64;
    let place = |token: u32| length * u64::from(token) / u64::from(count.max(1));
    (0..count)
        .map(|token| {
            json!({
                "generatedToken": {"token": "▁", "logprob": -0.5, "raw_logprob": -0.5},
                "topTokens": null,
                "textRange": {"start": place(token), "end": place(token + 1)},
            })
        })
        .collect()
}
