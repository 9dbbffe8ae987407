//! Cohere Command. Token counts are in headers and metrics only.

use serde::Deserialize;
use serde_json::json;

use super::{Asked, Content, Format, Malformed, Told, prompt};

/// Cohere Command.
#[derive(Debug)]
pub(super) struct Command;

#[derive(Deserialize)]
struct Whole {
    generations: Vec<Generation>,
}

#[derive(Deserialize)]
struct Generation {
    text: String,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
    is_finished: bool,
    finish_reason: Option<String>,
}

/// What stands for a reason that is not given.
const COMPLETE: &str = "COMPLETE";

impl Format for Command {
    fn body(&self, asked: &Asked<'_>) -> Vec<u8> {
        let mut body =
            json!({"prompt": prompt::plain(asked.request), "max_tokens": asked.request.max_tokens});
        asked.sampling(&mut body, "temperature", "p");
        if asked.streamed {
            body["stream"] = true.into();
        }
        body.to_string().into_bytes()
    }

    fn part(&self, document: &[u8]) -> Result<Told, Malformed> {
        let part: Part = serde_json::from_slice(document)?;
        let reason = || part.finish_reason.clone().unwrap_or_else(|| COMPLETE.to_owned());
        Ok(Told {
            content: Content::of(&part.text),
            stop_reason: part.is_finished.then(reason),
            ..Told::default()
        })
    }

    fn whole(&self, body: &[u8]) -> Result<Told, Malformed> {
        let whole: Whole = serde_json::from_slice(body)?;
        let Some(generation) = whole.generations.into_iter().next() else {
            return Err("there is no generation".into());
        };
        Ok(Told {
            content: Content::of(&generation.text),
            stop_reason: Some(generation.finish_reason.unwrap_or_else(|| COMPLETE.to_owned())),
            ..Told::default()
        })
    }
}
