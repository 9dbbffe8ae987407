//! Cohere Command R: one message and the history before it.

use serde_json::{Value, json};

use super::super::{Context, Ending, Said, Token};
use super::{Content, Family, fields};
use crate::refusal::Refusal;
use crate::tokens::count_tokens;

#[derive(Debug)]
pub(super) struct CohereChat;

impl Family for CohereChat {
    fn serves(&self, model_id: &str, _request: &Value) -> bool {
        model_id.starts_with("cohere.command-r")
    }

    fn fits(&self, request: &Value) -> bool {
        fields::has(request, "message")
    }

    fn read(&self, request: &Value, _is_streamed: bool) -> Result<Content, Refusal> {
        let limit = fields::limit(request, &["/max_tokens"], Some(4_000))?;
        let message = fields::text(request, "message")?;
        let mut content = Content::of_text("", limit);
        content.input_tokens =
            request.get("preamble").and_then(Value::as_str).map_or(0, count_tokens);
        let history = request.get("chat_history").and_then(Value::as_array);
        for turn in history.into_iter().flatten() {
            let text = fields::text(turn, "message")?;
            content.input_tokens = content.input_tokens.saturating_add(count_tokens(text));
            if turn.get("role").and_then(Value::as_str) == Some("USER") {
                content.prompt.push_str(text);
            }
        }
        content.prompt.push_str(message);
        content.input_tokens = content.input_tokens.saturating_add(count_tokens(message));
        Ok(content)
    }

    fn whole(&self, context: &Context, said: Said<'_>, ending: &Ending) -> Value {
        json!({
            "response_id": context.request_id,
            "generation_id": context.request_id,
            "text": said.text,
            "finish_reason": reason(ending),
            "chat_history": [
                {"role": "USER", "message": context.prompt},
                {"role": "CHATBOT", "message": said.text},
            ],
        })
    }

    fn token(&self, _context: &Context, _token: &Token, text: &str) -> Vec<Value> {
        vec![json!({ "is_finished": false, "event_type": "text-generation", "text": text })]
    }

    fn closing(&self, context: &Context, said: &str, ending: &Ending) -> Vec<Value> {
        let reason = reason(ending);
        let response = json!({
            "response_id": context.request_id,
            "generation_id": context.request_id,
            "text": said,
            "finish_reason": reason,
        });
        vec![json!({
            "is_finished": true,
            "event_type": "stream-end",
            "finish_reason": reason,
            "response": response,
        })]
    }
}

fn reason(ending: &Ending) -> &'static str {
    if ending.is_cut { "MAX_TOKENS" } else { "COMPLETE" }
}
