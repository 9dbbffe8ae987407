//! Anthropic's messages: typed events, cumulative usage, thinking in a block of its own.

use serde_json::{Value, json};

use super::super::{Context, Ending, Said, Token};
use super::{Content, Family, anthropic_text, conversation, fields};
use crate::refusal::Refusal;

#[derive(Debug)]
pub(super) struct AnthropicMessages;

impl Family for AnthropicMessages {
    fn serves(&self, model_id: &str, _request: &Value) -> bool {
        model_id.starts_with("anthropic.") && !anthropic_text::is_legacy(model_id)
    }

    fn fits(&self, request: &Value) -> bool {
        fields::has(request, "messages") && fields::has(request, "anthropic_version")
    }

    fn read(&self, request: &Value, _is_streamed: bool) -> Result<Content, Refusal> {
        fields::text(request, "anthropic_version")?;
        let limit = fields::limit(request, &["/max_tokens"], None)?;
        let mut content = conversation::read(fields::required(request, "messages")?, limit)?;
        let system = conversation::tokens(request.get("system"));
        content.input_tokens = content.input_tokens.saturating_add(system);
        Ok(content)
    }

    fn reasons(&self) -> bool {
        true
    }

    fn whole(&self, context: &Context, said: Said<'_>, ending: &Ending) -> Value {
        let mut blocks = Vec::new();
        if context.reasoning_tokens > 0 {
            blocks.push(json!({
                "type": "thinking", "thinking": said.reasoning, "signature": SIGNATURE
            }));
        }
        if !said.text.is_empty() {
            blocks.push(json!({ "type": "text", "text": said.text }));
        }
        let mut message = message(context, ending.output_tokens);
        message["content"] = blocks.into();
        message["stop_reason"] = reason(ending).into();
        message
    }

    fn opening(&self, context: &Context) -> Vec<Value> {
        // The count here is of what there is so far. The one in `message_delta` is of all, and
        // not to be added to this.
        let message = message(context, 1);
        let block = if context.reasoning_tokens > 0 {
            json!({"type": "thinking", "thinking": "", "signature": ""})
        } else {
            json!({"type": "text", "text": ""})
        };
        vec![
            json!({ "type": "message_start", "message": message }),
            json!({ "type": "content_block_start", "index": 0, "content_block": block }),
        ]
    }

    fn token(&self, context: &Context, token: &Token, text: &str) -> Vec<Value> {
        if token.is_reasoning {
            return vec![delta(0, &json!({ "type": "thinking_delta", "thinking": text }))];
        }
        let mut chunks = Vec::new();
        let index = u32::from(context.reasoning_tokens > 0);
        if index > 0 && token.is_first {
            let block = json!({"type": "text", "text": ""});
            chunks.push(delta(0, &json!({"type": "signature_delta", "signature": SIGNATURE})));
            chunks.push(json!({ "type": "content_block_stop", "index": 0 }));
            chunks.push(json!({
                "type": "content_block_start", "index": index, "content_block": block
            }));
        }
        chunks.push(delta(index, &json!({ "type": "text_delta", "text": text })));
        chunks
    }

    fn closing(&self, context: &Context, _said: &str, ending: &Ending) -> Vec<Value> {
        let delta = json!({ "stop_reason": reason(ending), "stop_sequence": null });
        let usage = json!({ "output_tokens": ending.output_tokens });
        let index = context.text_block(ending.output_tokens);
        vec![
            json!({ "type": "content_block_stop", "index": index }),
            json!({ "type": "message_delta", "delta": delta, "usage": usage }),
            json!({ "type": "message_stop" }),
        ]
    }
}

/// What the real one signs its thinking with is opaque.
const SIGNATURE: &str = "c2ltdWxhdGVk";

fn message(context: &Context, output_tokens: u32) -> Value {
    json!({
        "id": format!("msg_bdrk_{}", context.request_id),
        "type": "message",
        "role": "assistant",
        "model": context.model_id,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": {"input_tokens": context.input_tokens, "output_tokens": output_tokens},
    })
}

fn delta(index: u32, delta: &Value) -> Value {
    json!({ "type": "content_block_delta", "index": index, "delta": delta })
}

fn reason(ending: &Ending) -> &'static str {
    if ending.is_cut { "max_tokens" } else { "end_turn" }
}
