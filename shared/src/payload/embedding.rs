//! Embeddings of a text: numbers in the place of an answer.

use serde::Deserialize;
use serde_json::json;

use super::{Asked, Content, Format, Malformed, Told};

/// Embeddings of a text.
#[derive(Debug)]
pub(super) struct Embedding;

#[derive(Deserialize)]
struct Answer {
    embedding: Vec<serde::de::IgnoredAny>,
}

impl Format for Embedding {
    fn streams(&self) -> bool {
        false
    }

    fn body(&self, asked: &Asked<'_>) -> Vec<u8> {
        json!({"text_inputs": asked.request.text, "mode": "embedding"}).to_string().into_bytes()
    }

    fn part(&self, _document: &[u8]) -> Result<Told, Malformed> {
        Err("an embedding does not stream".into())
    }

    fn whole(&self, body: &[u8]) -> Result<Told, Malformed> {
        let answer: Answer = serde_json::from_slice(body)?;
        if answer.embedding.is_empty() {
            return Err("the embedding is empty".into());
        }
        let stop_reason = Some("embedded".to_owned());
        Ok(Told { content: Content::Hidden, stop_reason, ..Told::default() })
    }
}
