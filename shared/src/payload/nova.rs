//! Amazon Nova: the words of Converse, in a body.

use serde::Deserialize;
use serde_json::json;

use super::{Asked, Content, Format, Malformed, Told};
use crate::record::{Usage, UsageSource};

/// Amazon Nova.
#[derive(Debug)]
pub(super) struct Nova;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    output: Output,
    stop_reason: Option<String>,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Output {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Vec<Block>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    #[serde(default)]
    text: String,
    reasoning_content: Option<serde::de::IgnoredAny>,
}

#[expect(clippy::struct_field_names, reason = "as the format has them")]
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    input_tokens: Option<u32>,
    output_tokens: Option<u32>,
    #[serde(alias = "cacheReadInputTokenCount")]
    cache_read_input_tokens: Option<u32>,
    #[serde(alias = "cacheWriteInputTokenCount")]
    cache_write_input_tokens: Option<u32>,
}

/// A part of a stream: one of these.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    content_block_delta: Option<BlockDelta>,
    message_stop: Option<Stop>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct BlockDelta {
    delta: Block,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stop {
    stop_reason: String,
}

#[derive(Deserialize)]
struct Metadata {
    usage: Option<Counts>,
}

impl Format for Nova {
    fn body(&self, asked: &Asked<'_>) -> Vec<u8> {
        let mut settings = json!({"maxTokens": asked.request.max_tokens});
        asked.sampling(&mut settings, "temperature", "topP");
        let mut body = json!({
            "schemaVersion": "messages-v1",
            "messages": [{"role": "user", "content": [{"text": asked.request.text}]}],
            "inferenceConfig": settings,
        });
        if let Some(system) = &asked.request.system {
            body["system"] = json!([{"text": system}]);
        }
        body.to_string().into_bytes()
    }

    fn part(&self, document: &[u8]) -> Result<Told, Malformed> {
        let part: Part = serde_json::from_slice(document)?;
        let delta = part.content_block_delta;
        Ok(Told {
            content: delta.map_or(Content::Nothing, |part| content(&part.delta)),
            usage: part
                .metadata
                .and_then(|metadata| metadata.usage.as_ref().map(usage))
                .unwrap_or_default(),
            stop_reason: part.message_stop.map(|stop| stop.stop_reason),
            ..Told::default()
        })
    }

    fn whole(&self, body: &[u8]) -> Result<Told, Malformed> {
        let whole: Whole = serde_json::from_slice(body)?;
        let contents = whole.output.message.content.iter().map(content);
        let content = contents.fold(Content::Nothing, |one, other| match (one, other) {
            (Content::Text, _) | (_, Content::Text) => Content::Text,
            (Content::Hidden, _) | (_, Content::Hidden) => Content::Hidden,
            (Content::Nothing, Content::Nothing) => Content::Nothing,
        });
        Ok(Told {
            content,
            usage: whole.usage.as_ref().map(usage).unwrap_or_default(),
            stop_reason: Some(whole.stop_reason.unwrap_or_else(|| "end_turn".to_owned())),
            ..Told::default()
        })
    }
}

fn content(block: &Block) -> Content {
    match &block.reasoning_content {
        Some(_) if block.text.is_empty() => Content::Hidden,
        Some(_) | None => Content::of(&block.text),
    }
}

fn usage(counts: &Counts) -> Usage {
    Usage {
        input_tokens: counts.input_tokens,
        output_tokens: counts.output_tokens,
        cache_read_tokens: counts.cache_read_input_tokens,
        cache_write_tokens: counts.cache_write_input_tokens,
        source: counts.output_tokens.map(|_| UsageSource::Service),
        ..Usage::default()
    }
}
