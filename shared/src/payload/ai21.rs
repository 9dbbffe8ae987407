//! AI21 Jurassic-2. It does not stream.

use serde::Deserialize;
use serde_json::json;

use super::told::counted;
use super::{Asked, Content, Format, Malformed, Told, prompt};

/// AI21 Jurassic-2.
#[derive(Debug)]
pub(super) struct J2;

#[derive(Deserialize)]
struct Whole {
    prompt: Side,
    completions: Vec<Completion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Completion {
    data: Side,
    finish_reason: Option<Reason>,
}

#[derive(Deserialize)]
struct Side {
    text: String,
    #[serde(default)]
    tokens: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Reason {
    reason: String,
}

impl Format for J2 {
    fn streams(&self) -> bool {
        false
    }

    fn body(&self, asked: &Asked<'_>) -> Vec<u8> {
        let mut body =
            json!({"prompt": prompt::plain(asked.request), "maxTokens": asked.request.max_tokens});
        asked.sampling(&mut body, "temperature", "topP");
        body.to_string().into_bytes()
    }

    fn part(&self, _document: &[u8]) -> Result<Told, Malformed> {
        Err("AI21 Jurassic-2 does not stream".into())
    }

    fn whole(&self, body: &[u8]) -> Result<Told, Malformed> {
        let whole: Whole = serde_json::from_slice(body)?;
        let Some(completion) = whole.completions.into_iter().next() else {
            return Err("there is no completion".into());
        };
        // Older answers do not list the tokens; their count is in the headers then.
        let count = |side: &Side| u32::try_from(side.tokens.len()).ok().filter(|&count| count > 0);
        let reason = completion.finish_reason.map_or_else(|| "endoftext".to_owned(), |r| r.reason);
        Ok(Told {
            content: Content::of(&completion.data.text),
            usage: counted(count(&whole.prompt), count(&completion.data)),
            stop_reason: Some(reason),
            ..Told::default()
        })
    }
}
