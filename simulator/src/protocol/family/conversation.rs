//! Messages with roles, as several families have them.

use serde_json::Value;

use super::{Content, fields};
use crate::refusal::Refusal;
use crate::tokens::count_tokens;

/// Reads `messages`, each with a role and a content of one text or of blocks. Blocks that are not
/// text are accepted and count no tokens; roles are not checked.
pub(super) fn read(messages: &Value, output_limit: u32) -> Result<Content, Refusal> {
    let mut content =
        Content { prompt: String::new(), input_tokens: 0, output_limit, wants_usage: false };
    let messages = messages.as_array().filter(|messages| !messages.is_empty());
    let messages = messages
        .ok_or_else(|| fields::malformed("#/messages: expected a list that is not empty"))?;
    for (index, message) in messages.iter().enumerate() {
        let is_user = match message.get("role").and_then(Value::as_str) {
            Some(role) => role == "user",
            None => return Err(fields::malformed(&format!("#/messages/{index}/role: missing"))),
        };
        let said = message.get("content").filter(|content| is_content(content));
        let said = said.ok_or_else(|| {
            fields::malformed(&format!("#/messages/{index}/content: expected text or blocks"))
        })?;
        for text in texts(said) {
            content.input_tokens = content.input_tokens.saturating_add(count_tokens(text));
            if is_user {
                content.prompt.push_str(text);
            }
        }
    }
    Ok(content)
}

/// The tokens of a text or of blocks that are in no message, such as a system prompt.
pub(super) fn tokens(said: Option<&Value>) -> u32 {
    said.into_iter().flat_map(texts).map(count_tokens).fold(0, u32::saturating_add)
}

fn is_content(content: &Value) -> bool {
    content.is_string() || content.is_array()
}

/// The texts of a content.
fn texts(content: &Value) -> Vec<&str> {
    match content {
        Value::String(text) => vec![text],
        Value::Array(blocks) => {
            blocks.iter().filter_map(|block| block.get("text").and_then(Value::as_str)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn user_text_is_kept_and_all_text_counted() {
        let content = read(
            &json!([
                {"role": "system", "content": "Be short."},
                {"role": "user", "content": [{"type": "text", "text": "One "}, {"type": "image"}]},
                {"role": "assistant", "content": "two"},
                {"role": "user", "content": "three?"},
            ]),
            7,
        )
        .unwrap();
        assert_eq!((&*content.prompt, content.input_tokens), ("One three?", 3 + 1 + 1 + 2));
        assert_eq!(tokens(Some(&json!([{"text": "one"}, {"text": "two"}]))), 2);
        assert_eq!(tokens(None), 0);
    }

    #[test]
    fn malformed_messages_are_refused_with_their_place() {
        let check = |messages: Value, place: &str| {
            let message = read(&messages, 7).unwrap_err().message;
            assert!(message.contains(place), "{message}");
        };
        check(json!("a"), "#/messages:");
        check(json!([]), "#/messages:");
        check(json!([{"content": "a"}]), "#/messages/0/role");
        check(json!([{"role": "user"}]), "#/messages/0/content");
        check(json!([{"role": "user", "content": 1}]), "#/messages/0/content");
    }
}
