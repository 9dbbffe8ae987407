//! Amazon Titan Text: one text, and counts in every chunk.

use serde_json::{Value, json};

use super::super::{Context, Ending, Said, Token};
use super::{Content, Family, fields};
use crate::refusal::Refusal;

#[derive(Debug)]
pub(super) struct Titan;

impl Family for Titan {
    fn serves(&self, model_id: &str, _request: &Value) -> bool {
        model_id.starts_with("amazon.titan-text")
    }

    fn fits(&self, request: &Value) -> bool {
        fields::has(request, "inputText")
    }

    fn read(&self, request: &Value, _is_streamed: bool) -> Result<Content, Refusal> {
        let limit = fields::limit(request, &["/textGenerationConfig/maxTokenCount"], Some(512))?;
        Ok(Content::of_text(fields::text(request, "inputText")?, limit))
    }

    fn whole(&self, context: &Context, said: Said<'_>, ending: &Ending) -> Value {
        json!({
            "inputTextTokenCount": context.input_tokens,
            "results": [{
                "tokenCount": ending.output_tokens,
                "outputText": said.text,
                "completionReason": reason(ending),
            }],
        })
    }

    fn token(&self, context: &Context, _token: &Token, text: &str) -> Vec<Value> {
        vec![chunk(context, text, &Value::Null, &Value::Null)]
    }

    fn closing(&self, context: &Context, _said: &str, ending: &Ending) -> Vec<Value> {
        vec![chunk(context, "", &ending.output_tokens.into(), &reason(ending).into())]
    }
}

fn chunk(context: &Context, text: &str, total: &Value, reason: &Value) -> Value {
    json!({
        "index": 0,
        "inputTextTokenCount": context.input_tokens,
        "totalOutputTextTokenCount": total,
        "outputText": text,
        "completionReason": reason,
    })
}

fn reason(ending: &Ending) -> &'static str {
    if ending.is_cut { "LENGTH" } else { "FINISH" }
}
