//! Amazon Titan Text.

use serde::Deserialize;
use serde_json::json;

use super::told::counted;
use super::{Asked, Content, Format, Malformed, Told, prompt};

/// Amazon Titan Text.
#[derive(Debug)]
pub(super) struct Titan;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    input_text_token_count: Option<u32>,
    results: Vec<Outcome>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    token_count: Option<u32>,
    output_text: String,
    completion_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    output_text: String,
    input_text_token_count: Option<u32>,
    total_output_text_token_count: Option<u32>,
    completion_reason: Option<String>,
}

impl Format for Titan {
    fn body(&self, asked: &Asked<'_>) -> Vec<u8> {
        let mut settings = json!({"maxTokenCount": asked.request.max_tokens});
        asked.sampling(&mut settings, "temperature", "topP");
        json!({"inputText": prompt::plain(asked.request), "textGenerationConfig": settings})
            .to_string()
            .into_bytes()
    }

    fn part(&self, document: &[u8]) -> Result<Told, Malformed> {
        let part: Part = serde_json::from_slice(document)?;
        Ok(Told {
            content: Content::of(&part.output_text),
            usage: counted(part.input_text_token_count, part.total_output_text_token_count),
            stop_reason: part.completion_reason,
            ..Told::default()
        })
    }

    fn whole(&self, body: &[u8]) -> Result<Told, Malformed> {
        let whole: Whole = serde_json::from_slice(body)?;
        let Some(outcome) = whole.results.into_iter().next() else {
            return Err("there is no result".into());
        };
        Ok(Told {
            content: Content::of(&outcome.output_text),
            usage: counted(whole.input_text_token_count, outcome.token_count),
            stop_reason: Some(outcome.completion_reason.unwrap_or_else(|| "FINISH".to_owned())),
            ..Told::default()
        })
    }
}
