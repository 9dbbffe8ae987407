//! Mistral and Mixtral. Token counts are in headers and metrics only. Newer models answer in the shape
//! of OpenAI's chat, whatever they were asked in.

use serde::Deserialize;
use serde_json::json;

use super::{Asked, Content, Format, Malformed, Told, openai, prompt};

/// Mistral and Mixtral.
#[derive(Debug)]
pub(super) struct Mistral;

/// An answer, or a part of one.
#[derive(Deserialize)]
struct Answer {
    outputs: Option<Vec<Output>>,
}

#[derive(Deserialize)]
struct Output {
    text: String,
    stop_reason: Option<String>,
}

impl Format for Mistral {
    fn body(&self, asked: &Asked<'_>) -> Vec<u8> {
        let mut body = json!({
            "prompt": prompt::instruction(asked.request),
            "max_tokens": asked.request.max_tokens,
        });
        asked.sampling(&mut body, "temperature", "top_p");
        body.to_string().into_bytes()
    }

    fn part(&self, document: &[u8]) -> Result<Told, Malformed> {
        let answer: Answer = serde_json::from_slice(document)?;
        let Some(outputs) = answer.outputs else { return openai::OpenAi::Chat.part(document) };
        // The last part may hold the metrics alone.
        Ok(outputs.into_iter().next().map_or_else(Told::default, told))
    }

    fn whole(&self, body: &[u8]) -> Result<Told, Malformed> {
        let answer: Answer = serde_json::from_slice(body)?;
        let Some(outputs) = answer.outputs else { return openai::OpenAi::Chat.whole(body) };
        let told = outputs.into_iter().next().map(told).ok_or("there is no output")?;
        let stop_reason = told.stop_reason.or_else(|| Some("stop".to_owned()));
        Ok(Told { stop_reason, ..told })
    }
}

fn told(output: Output) -> Told {
    Told { content: Content::of(output.text), stop_reason: output.stop_reason, ..Told::default() }
}
