//! Hugging Face's text classification, such as distilbert: a plain text in, how probable each label
//! is out. An answer counts as one token, which is the label.

use serde_json::{Value, json};

use super::super::{Context, Ending, Said};
use super::{Content, Family, fields};
use crate::refusal::Refusal;

const LABELS: [&str; 2] = ["LABEL_0", "LABEL_1"];

#[derive(Debug)]
pub(in super::super) struct TextClassification;

impl Family for TextClassification {
    fn read(&self, request: &Value, is_streamed: bool) -> Result<Content, Refusal> {
        fields::whole_only(is_streamed)?;
        match request.as_str().filter(|text| !text.trim().is_empty()) {
            Some(text) => Ok(Content::of_text(text, 1)),
            None => Err(fields::malformed("#: expected a text that is not blank")),
        }
    }

    fn whole(&self, context: &Context, _said: Said<'_>, _ending: &Ending) -> Value {
        let negative = f64::from(context.digest[0]) / 255.0;
        let label = usize::from(negative < 0.5);
        json!({
            "probabilities": [negative, 1.0 - negative],
            "labels": LABELS,
            "predicted_label": LABELS[label],
        })
    }
}
