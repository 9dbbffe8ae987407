//! What Bedrock's Converse operations have in common: the request, and what an answer ends with.

use serde_json::{Value, json};

use super::{Context, Ending, Modes, Question};
use crate::refusal::Refusal;
use crate::tokens::count_tokens;

/// The limit of output tokens where a request sets none.
const DEFAULT_OUTPUT_LIMIT: u32 = 4_096;

/// Reads a request. Content that is not text is accepted and counts no tokens.
pub(super) fn parse(model_id: Option<String>, body: &[u8]) -> Result<Question, Refusal> {
    let request: Value = serde_json::from_slice(body).map_err(|error| {
        Refusal::validation(format!("The request body is not valid JSON: {error}."))
    })?;
    let mut prompt = String::new();
    let mut input_tokens = 0_u32;

    for (index, block) in elements(&request, "system", 0)?.iter().enumerate() {
        if let Some(text) = text_of(block, &format!("system.{index}"))? {
            input_tokens = input_tokens.saturating_add(count_tokens(text));
        }
    }
    for (index, message) in elements(&request, "messages", 1)?.iter().enumerate() {
        let is_user = match message.get("role").and_then(Value::as_str) {
            Some("user") => true,
            Some("assistant") if index > 0 => false,
            Some("assistant") => {
                return Err(Refusal::validation(
                    "A conversation must start with a user message. Try again with a \
                     conversation that starts with a user message.",
                ));
            }
            _ => {
                return Err(Refusal::validation(format!(
                    "Member must satisfy enum value set: [user, assistant] at \
                     'messages.{index}.role'."
                )));
            }
        };
        for (place, block) in elements(message, "content", 1)?.iter().enumerate() {
            if let Some(text) = text_of(block, &format!("messages.{index}.content.{place}"))? {
                input_tokens = input_tokens.saturating_add(count_tokens(text));
                if is_user {
                    prompt.push_str(text);
                }
            }
        }
    }
    Ok(Question {
        model_id: model_id.unwrap_or_default(),
        output_limit: output_limit(&request)?,
        modes: Modes {
            latency: word(&request, "/performanceConfig/latency", &Modes::LATENCIES)?,
            service_tier: word(&request, "/serviceTier/type", &Modes::SERVICE_TIERS)?,
        },
        request,
        prompt,
        input_tokens,
        wants_usage: true,
    })
}

/// Why the model stopped, in the service's words.
pub(super) fn stop_reason(ending: &Ending) -> &'static str {
    if ending.is_cut { "max_tokens" } else { "end_turn" }
}

/// Usage, metrics, and how the request was served, where it asked for something.
pub(super) fn metadata(context: &Context, ending: &Ending) -> Value {
    let (input, output) = (context.input_tokens, ending.output_tokens);
    let total = u64::from(input) + u64::from(output);
    let latency = u64::try_from(ending.latency.as_millis()).unwrap_or(u64::MAX);
    let mut metadata = json!({
        "usage": {"inputTokens": input, "outputTokens": output, "totalTokens": total},
        "metrics": {"latencyMs": latency},
    });
    if let Some(mode) = &context.modes.latency {
        metadata["performanceConfig"] = json!({ "latency": mode });
    }
    if let Some(tier) = &context.modes.service_tier {
        metadata["serviceTier"] = json!({ "type": tier });
    }
    metadata
}

/// A word of a few, where the request has it.
fn word(request: &Value, place: &str, known: &[&str]) -> Result<Option<String>, Refusal> {
    match request.pointer(place) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(word)) if known.contains(&word.as_str()) => Ok(Some(word.clone())),
        Some(value) => Err(Refusal::validation(format!(
            "Value '{value}' at '{}' failed to satisfy constraint: Member must satisfy enum value \
             set: [{}].",
            place.trim_start_matches('/').replace('/', "."),
            known.join(", ")
        ))),
    }
}

/// The elements of a list, of which there must be at least some number.
fn elements<'a>(parent: &'a Value, name: &str, least: usize) -> Result<&'a [Value], Refusal> {
    let list = match parent.get(name) {
        None | Some(Value::Null) => &[],
        Some(Value::Array(list)) => list.as_slice(),
        Some(_) => {
            return Err(Refusal::validation(format!("Expected a list at '{name}'.")));
        }
    };
    if list.len() < least {
        return Err(Refusal::validation(format!(
            "Value at '{name}' failed to satisfy constraint: Member must have length greater \
             than or equal to {least}."
        )));
    }
    Ok(list)
}

/// A content block's text, if text is what it holds.
fn text_of<'a>(block: &'a Value, place: &str) -> Result<Option<&'a str>, Refusal> {
    let Some(fields) = block.as_object().filter(|fields| !fields.is_empty()) else {
        return Err(Refusal::validation(format!(
            "The content block at {place} must have exactly one member set."
        )));
    };
    match fields.get("text") {
        None => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Err(Refusal::validation(format!(
            "The text field in the ContentBlock object at {place} is blank. Add text to the text \
             field, and try again."
        ))),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::validation(format!("Expected a string at '{place}.text'."))),
    }
}

fn output_limit(request: &Value) -> Result<u32, Refusal> {
    let Some(limit) = request.pointer("/inferenceConfig/maxTokens") else {
        return Ok(DEFAULT_OUTPUT_LIMIT);
    };
    limit
        .as_u64()
        .and_then(|limit| u32::try_from(limit).ok())
        .filter(|limit| *limit >= 1)
        .ok_or_else(|| {
            Refusal::validation(format!(
                "Value '{limit}' at 'inferenceConfig.maxTokens' failed to satisfy constraint: \
                 Member must have value greater than or equal to 1."
            ))
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(request: &Value) -> Result<Question, Refusal> {
        parse(Some("m".into()), request.to_string().as_bytes())
    }

    #[test]
    fn text_is_counted_and_user_text_kept() {
        let question = parsed(&json!({
            "system": [{"text": "Be short."}],
            "messages": [
                {"role": "user", "content": [{"text": "One "}, {"cachePoint": {"type": "default"}}]},
                {"role": "assistant", "content": [{"text": "two"}]},
                {"role": "user", "content": [{"text": "three?"}]},
            ],
            "inferenceConfig": {"maxTokens": 7, "temperature": 0.1},
        }))
        .unwrap();
        assert_eq!(question.prompt, "One three?");
        assert_eq!((question.input_tokens, question.output_limit), (3 + 1 + 1 + 2, 7));
        assert_eq!(question.model_id, "m");
    }

    #[test]
    fn malformed_requests_are_refused_with_their_place() {
        let check = |request: Value, place: &str| {
            let refusal = parsed(&request).unwrap_err();
            assert_eq!((refusal.status.as_u16(), &*refusal.code), (400, "ValidationException"));
            assert!(refusal.message.contains(place), "{}", refusal.message);
        };
        let said = |content: Value| json!({"messages": [{"role": "user", "content": content}]});
        check(json!({}), "'messages'");
        check(json!([1]), "'messages'");
        check(json!({"messages": "hello"}), "'messages'");
        check(json!({"messages": [{"content": [{"text": "a"}]}]}), "messages.0.role");
        check(json!({"messages": [{"role": "assistant", "content": []}]}), "user message");
        check(said(json!([])), "'content'");
        check(said(json!(["a"])), "messages.0.content.0");
        check(said(json!([{"text": " "}])), "blank");
        check(said(json!([{"text": 1}])), "messages.0.content.0.text");
        let mut request = said(json!([{"text": "a"}]));
        for limit in [json!(0), json!(-1), json!(1.5), json!("9")] {
            request["inferenceConfig"] = json!({ "maxTokens": limit });
            check(request.clone(), "maxTokens");
        }
        let mut request = said(json!([{"text": "a"}]));
        request["performanceConfig"] = json!({"latency": "fast"});
        check(request, "performanceConfig.latency");
        let mut request = said(json!([{"text": "a"}]));
        request["serviceTier"] = json!({"type": 1});
        check(request, "serviceTier.type");
        assert!(parse(None, b"{").unwrap_err().message.contains("JSON"));
    }
}
