//! Hugging Face text classification, such as `distilbert-base-uncased`: a text in, a label out.

use serde::Deserialize;

use super::{Asked, Format, Malformed, Told};

/// Text classification.
#[derive(Debug)]
pub(super) struct TextClassification;

#[derive(Deserialize)]
struct Answer {
    predicted_label: String,
}

impl Format for TextClassification {
    fn streams(&self) -> bool {
        false
    }

    fn body(&self, asked: &Asked<'_>) -> Vec<u8> {
        asked.request.text.clone().into_bytes()
    }

    fn content_type(&self) -> &'static str {
        "application/x-text"
    }

    fn accept(&self) -> &'static str {
        "application/json;verbose"
    }

    fn part(&self, _document: &[u8]) -> Result<Told, Malformed> {
        Err("a classification does not stream".into())
    }

    fn whole(&self, body: &[u8]) -> Result<Told, Malformed> {
        let answer: Answer = serde_json::from_slice(body)?;
        Ok(Told::whole(&answer.predicted_label, "classified".to_owned()))
    }
}
