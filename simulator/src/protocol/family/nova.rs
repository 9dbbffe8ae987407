//! Amazon Nova: as Converse, with the name of an event as the one field of its chunk.

use serde_json::{Value, json};

use super::super::{Context, Ending, Said, Token};
use super::{Content, Family, conversation, fields};
use crate::refusal::Refusal;

#[derive(Debug)]
pub(super) struct Nova;

impl Family for Nova {
    fn serves(&self, model_id: &str, _request: &Value) -> bool {
        model_id.starts_with("amazon.nova")
    }

    fn fits(&self, request: &Value) -> bool {
        let is_it = |name| fields::has(request, name);
        is_it("messages") && (is_it("inferenceConfig") || is_it("schemaVersion"))
    }

    fn read(&self, request: &Value, _is_streamed: bool) -> Result<Content, Refusal> {
        let places = ["/inferenceConfig/maxTokens", "/inferenceConfig/max_new_tokens"];
        let limit = fields::limit(request, &places, Some(5_000))?;
        let mut content = conversation::read(fields::required(request, "messages")?, limit)?;
        let system = conversation::tokens(request.get("system"));
        content.input_tokens = content.input_tokens.saturating_add(system);
        Ok(content)
    }

    fn whole(&self, context: &Context, said: Said<'_>, ending: &Ending) -> Value {
        json!({
            "output": {"message": {"role": "assistant", "content": [{"text": said.text}]}},
            "stopReason": reason(ending),
            "usage": usage(context, ending),
        })
    }

    fn opening(&self, _context: &Context) -> Vec<Value> {
        vec![json!({"messageStart": {"role": "assistant"}})]
    }

    fn token(&self, _context: &Context, _token: &Token, text: &str) -> Vec<Value> {
        let delta = json!({ "text": text });
        vec![json!({"contentBlockDelta": {"delta": delta, "contentBlockIndex": 0}})]
    }

    fn closing(&self, context: &Context, _said: &str, ending: &Ending) -> Vec<Value> {
        vec![
            json!({"contentBlockStop": {"contentBlockIndex": 0}}),
            json!({"messageStop": {"stopReason": reason(ending)}}),
            json!({"metadata": {"usage": usage(context, ending), "metrics": {}, "trace": {}}}),
        ]
    }
}

fn reason(ending: &Ending) -> &'static str {
    if ending.is_cut { "max_tokens" } else { "end_turn" }
}

fn usage(context: &Context, ending: &Ending) -> Value {
    let (input, output) = (context.input_tokens, ending.output_tokens);
    let total = u64::from(input) + u64::from(output);
    json!({"inputTokens": input, "outputTokens": output, "totalTokens": total})
}
