//! Meta Llama: a prompt that holds the template, all of which counts, and counts that grow.

use serde_json::{Value, json};

use super::super::{Context, Ending, Said, Token};
use super::{Content, Family, fields};
use crate::refusal::Refusal;

#[derive(Debug)]
pub(super) struct Llama;

impl Family for Llama {
    fn serves(&self, model_id: &str, _request: &Value) -> bool {
        model_id.starts_with("meta.llama")
    }

    fn fits(&self, request: &Value) -> bool {
        fields::has(request, "prompt") && fields::has(request, "max_gen_len")
    }

    fn read(&self, request: &Value, _is_streamed: bool) -> Result<Content, Refusal> {
        let limit = fields::limit(request, &["/max_gen_len"], Some(512))?;
        Ok(Content::of_text(fields::text(request, "prompt")?, limit))
    }

    fn whole(&self, context: &Context, said: Said<'_>, ending: &Ending) -> Value {
        let input = Some(context.input_tokens);
        generation(said.text, input, ending.output_tokens, Some(reason(ending)))
    }

    fn token(&self, context: &Context, token: &Token, text: &str) -> Vec<Value> {
        // Only the first chunk counts the prompt.
        let input = (token.index == 0).then_some(context.input_tokens);
        vec![generation(text, input, token.index.saturating_add(1), None)]
    }

    fn closing(&self, _context: &Context, _said: &str, ending: &Ending) -> Vec<Value> {
        vec![generation("", None, ending.output_tokens, Some(reason(ending)))]
    }
}

fn generation(text: &str, input: Option<u32>, output: u32, reason: Option<&str>) -> Value {
    json!({
        "generation": text,
        "prompt_token_count": input,
        "generation_token_count": output,
        "stop_reason": reason,
    })
}

fn reason(ending: &Ending) -> &'static str {
    if ending.is_cut { "length" } else { "stop" }
}
