//! Cohere Command R and R+. Token counts are in headers and metrics only.

use serde::Deserialize;
use serde_json::json;

use super::{Asked, Content, Format, Malformed, Told};

/// Cohere Command R and R+.
#[derive(Debug)]
pub(super) struct CommandR;

#[derive(Deserialize)]
struct Whole {
    text: String,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "event_type")]
    kind: String,
    #[serde(default)]
    text: String,
    finish_reason: Option<String>,
}

/// What stands for a reason that is not given.
const COMPLETE: &str = "COMPLETE";

impl Format for CommandR {
    fn body(&self, asked: &Asked<'_>) -> Vec<u8> {
        let mut body =
            json!({"message": asked.request.text, "max_tokens": asked.request.max_tokens});
        if let Some(system) = &asked.request.system {
            body["preamble"] = system.as_str().into();
        }
        asked.sampling(&mut body, "temperature", "p");
        body.to_string().into_bytes()
    }

    fn part(&self, document: &[u8]) -> Result<Told, Malformed> {
        let event: Event = serde_json::from_slice(document)?;
        Ok(match event.kind.as_str() {
            "text-generation" => Told::content(Content::of(event.text)),
            "stream-end" => Told {
                stop_reason: Some(event.finish_reason.unwrap_or_else(|| COMPLETE.to_owned())),
                ..Told::default()
            },
            _ => Told::default(),
        })
    }

    fn whole(&self, body: &[u8]) -> Result<Told, Malformed> {
        let whole: Whole = serde_json::from_slice(body)?;
        Ok(Told {
            content: Content::of(whole.text),
            stop_reason: Some(whole.finish_reason.unwrap_or_else(|| COMPLETE.to_owned())),
            ..Told::default()
        })
    }
}
