//! Meta Llama. Its counters are of the answer so far; the prompt's is in the first part only.

use serde::Deserialize;
use serde_json::json;

use super::told::counted;
use super::{Asked, Content, Format, Malformed, Told, prompt};

/// Meta Llama, by the template of its prompts.
#[derive(Debug)]
pub(super) enum Llama {
    /// Llama 2 chat.
    Two,
    /// Llama 3 and later.
    Three,
}

/// An answer, or a part of one.
#[derive(Deserialize)]
struct Answer {
    generation: String,
    prompt_token_count: Option<u32>,
    generation_token_count: Option<u32>,
    stop_reason: Option<String>,
}

impl Format for Llama {
    fn body(&self, asked: &Asked<'_>) -> Vec<u8> {
        let text = match self {
            Self::Two => prompt::instruction(asked.request),
            Self::Three => prompt::headers(asked.request),
        };
        let mut body = json!({"prompt": text, "max_gen_len": asked.request.max_tokens});
        asked.sampling(&mut body, "temperature", "top_p");
        body.to_string().into_bytes()
    }

    fn part(&self, document: &[u8]) -> Result<Told, Malformed> {
        let answer: Answer = serde_json::from_slice(document)?;
        Ok(Told {
            content: Content::of(&answer.generation),
            usage: counted(answer.prompt_token_count, answer.generation_token_count),
            stop_reason: answer.stop_reason,
            ..Told::default()
        })
    }

    fn whole(&self, body: &[u8]) -> Result<Told, Malformed> {
        let told = self.part(body)?;
        let stop_reason = told.stop_reason.or_else(|| Some("stop".to_owned()));
        Ok(Told { stop_reason, ..told })
    }
}
