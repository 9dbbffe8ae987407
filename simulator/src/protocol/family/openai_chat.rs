//! Chat completions as OpenAI has them: messages in, choices out, reasoning in a field of its own.

use serde_json::{Value, json};

use super::super::{Context, Ending, Said, Token};
use super::{Content, Family, conversation, fields};
use crate::refusal::Refusal;

#[derive(Debug)]
pub(in super::super) struct OpenAiChat;

impl Family for OpenAiChat {
    fn serves(&self, model_id: &str, request: &Value) -> bool {
        let is_of = |vendors: &[&str]| vendors.iter().any(|vendor| model_id.starts_with(vendor));
        let is_chat = fields::has(request, "messages");
        is_of(&["openai.", "deepseek.", "qwen."]) || is_chat && is_of(&["mistral."])
    }

    fn fits(&self, request: &Value) -> bool {
        fields::has(request, "messages")
    }

    fn read(&self, request: &Value, _is_streamed: bool) -> Result<Content, Refusal> {
        let places = ["/max_completion_tokens", "/max_tokens"];
        let limit = fields::limit(request, &places, Some(4_096))?;
        let mut content = conversation::read(fields::required(request, "messages")?, limit)?;
        content.wants_usage = fields::flag(request, "/stream_options/include_usage");
        Ok(content)
    }

    fn reasons(&self) -> bool {
        true
    }

    fn whole(&self, context: &Context, said: Said<'_>, ending: &Ending) -> Value {
        let mut message = json!({ "role": "assistant", "content": said.text });
        if context.reasoning_tokens > 0 {
            message["reasoning_content"] = said.reasoning.into();
        }
        json!({
            "id": id(context),
            "object": "chat.completion",
            "created": context.created_unix_s,
            "model": context.model_id,
            "choices": [{ "index": 0, "message": message, "finish_reason": reason(ending) }],
            "usage": usage(context, ending),
        })
    }

    fn opening(&self, context: &Context) -> Vec<Value> {
        vec![delta(context, &json!({ "role": "assistant" }), None)]
    }

    fn token(&self, context: &Context, token: &Token, text: &str) -> Vec<Value> {
        let field = if token.is_reasoning { "reasoning_content" } else { "content" };
        vec![delta(context, &json!({ field: text }), None)]
    }

    fn closing(&self, context: &Context, _said: &str, ending: &Ending) -> Vec<Value> {
        let mut chunks = vec![delta(context, &json!({}), Some(reason(ending)))];
        if context.wants_usage {
            let mut last = chunk(context, &json!([]));
            last["usage"] = usage(context, ending);
            chunks.push(last);
        }
        chunks
    }
}

fn delta(context: &Context, delta: &Value, reason: Option<&str>) -> Value {
    chunk(context, &json!([{ "index": 0, "delta": delta, "finish_reason": reason }]))
}

fn chunk(context: &Context, choices: &Value) -> Value {
    let mut chunk = json!({
        "id": id(context),
        "object": "chat.completion.chunk",
        "created": context.created_unix_s,
        "model": context.model_id,
        "choices": choices,
    });
    if context.wants_usage {
        chunk["usage"] = Value::Null;
    }
    chunk
}

fn id(context: &Context) -> String {
    format!("chatcmpl-{}", context.request_id)
}

/// Why it stopped, in OpenAI's words.
pub(super) fn reason(ending: &Ending) -> &'static str {
    if ending.is_cut { "length" } else { "stop" }
}

/// What was used, in OpenAI's words.
pub(super) fn usage(context: &Context, ending: &Ending) -> Value {
    let (input, output) = (context.input_tokens, ending.output_tokens);
    let total = u64::from(input) + u64::from(output);
    let mut usage =
        json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": total });
    if context.reasoning_tokens > 0 {
        let reasoning = context.reasoning_tokens.min(output);
        usage["completion_tokens_details"] = json!({ "reasoning_tokens": reasoning });
    }
    usage
}
