//! Anthropic Claude before version 3: one text. Token counts are in headers and metrics only.

use serde::Deserialize;
use serde_json::json;

use super::{Asked, Content, Format, Malformed, Told, prompt};

/// Anthropic Claude before version 3.
#[derive(Debug)]
pub(super) struct Completion;

/// An answer, or a part of one.
#[derive(Deserialize)]
struct Answer {
    completion: String,
    stop_reason: Option<String>,
}

impl Format for Completion {
    fn body(&self, asked: &Asked<'_>) -> Vec<u8> {
        let mut body = json!({
            "prompt": prompt::human(asked.request),
            "max_tokens_to_sample": asked.request.max_tokens,
            "anthropic_version": "bedrock-2023-05-31",
        });
        asked.sampling(&mut body, "temperature", "top_p");
        body.to_string().into_bytes()
    }

    fn part(&self, document: &[u8]) -> Result<Told, Malformed> {
        let answer: Answer = serde_json::from_slice(document)?;
        Ok(Told {
            content: Content::of(answer.completion),
            stop_reason: answer.stop_reason,
            ..Told::default()
        })
    }

    fn whole(&self, body: &[u8]) -> Result<Told, Malformed> {
        let told = self.part(body)?;
        let stop_reason = told.stop_reason.or_else(|| Some("stop_sequence".to_owned()));
        Ok(Told { stop_reason, ..told })
    }
}
