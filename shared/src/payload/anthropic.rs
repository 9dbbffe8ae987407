//! Anthropic Claude from version 3 on: messages.

use serde::Deserialize;
use serde_json::json;

use super::{Asked, Content, Format, Malformed, Told};
use crate::record::{Usage, UsageSource};

/// Anthropic Claude from version 3 on.
#[derive(Debug)]
pub(super) struct Messages;

#[derive(Deserialize)]
struct Whole {
    content: Vec<Block>,
    stop_reason: Option<String>,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(default)]
    text: String,
    #[serde(default)]
    thinking: String,
}

#[expect(clippy::struct_field_names, reason = "as the format has them")]
#[derive(Default, Deserialize)]
struct Counts {
    input_tokens: Option<u32>,
    output_tokens: Option<u32>,
    cache_read_input_tokens: Option<u32>,
    cache_creation_input_tokens: Option<u32>,
}

/// An event of a stream; what its type does not have is missing.
#[derive(Deserialize)]
struct Event {
    r#type: String,
    message: Option<Message>,
    delta: Option<Delta>,
    usage: Option<Counts>,
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Message {
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    text: String,
    #[serde(default)]
    thinking: String,
    #[serde(default)]
    partial_json: String,
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct Fault {
    r#type: Option<String>,
    #[serde(default)]
    message: String,
}

impl Format for Messages {
    fn body(&self, asked: &Asked<'_>) -> Vec<u8> {
        let mut body = json!({
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": asked.request.max_tokens,
            "messages": [{"role": "user", "content": [{"type": "text", "text": asked.request.text}]}],
        });
        if let Some(system) = &asked.request.system {
            body["system"] = system.as_str().into();
        }
        asked.sampling(&mut body, "temperature", "top_p");
        body.to_string().into_bytes()
    }

    fn part(&self, document: &[u8]) -> Result<Told, Malformed> {
        let event: Event = serde_json::from_slice(document)?;
        Ok(match event.r#type.as_str() {
            "message_start" => {
                // The output tokens of the first event are not yet those of the answer.
                let counts = event.message.and_then(|message| message.usage).unwrap_or_default();
                Told { usage: usage(&Counts { output_tokens: None, ..counts }), ..Told::default() }
            }
            "content_block_delta" => {
                let Some(delta) = event.delta else { return Err("a delta has none".into()) };
                let hidden = Content::hidden(delta.thinking + &delta.partial_json);
                Told::content(if delta.text.is_empty() { hidden } else { Content::Text })
            }
            "message_delta" => Told {
                usage: usage(&event.usage.unwrap_or_default()),
                stop_reason: event.delta.and_then(|delta| delta.stop_reason),
                ..Told::default()
            },
            "error" => {
                let fault = event.error.unwrap_or(Fault { r#type: None, message: String::new() });
                Told::failed(fault.r#type, fault.message)
            }
            // What a later version adds is no content that we know how to time.
            _ => Told::default(),
        })
    }

    fn whole(&self, body: &[u8]) -> Result<Told, Malformed> {
        let whole: Whole = serde_json::from_slice(body)?;
        let text: String = whole.content.iter().map(|block| block.text.as_str()).collect();
        let thinking: String = whole.content.iter().map(|block| block.thinking.as_str()).collect();
        Ok(Told {
            content: if text.is_empty() { Content::hidden(thinking) } else { Content::Text },
            usage: usage(&whole.usage.unwrap_or_default()),
            stop_reason: Some(whole.stop_reason.unwrap_or_else(|| "end_turn".to_owned())),
            ..Told::default()
        })
    }
}

fn usage(counts: &Counts) -> Usage {
    let Counts { input_tokens, output_tokens, .. } = *counts;
    let known = input_tokens.is_some() || output_tokens.is_some();
    Usage {
        input_tokens,
        output_tokens,
        cache_read_tokens: counts.cache_read_input_tokens,
        cache_write_tokens: counts.cache_creation_input_tokens,
        source: known.then_some(UsageSource::Service),
        ..Usage::default()
    }
}
