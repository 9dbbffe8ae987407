//! Bedrock's `Converse`: the answer as one JSON document, when it is complete.

use serde_json::json;

use super::{Ending, Question, WholeProtocol, converse};
use crate::refusal::Refusal;

/// The API `POST /model/{model}/converse`.
#[derive(Debug)]
pub(crate) struct Converse;

impl WholeProtocol for Converse {
    fn parse(&self, model_id: Option<String>, body: &[u8]) -> Result<Question, Refusal> {
        converse::parse(model_id, body)
    }

    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn body(&self, text: &str, ending: &Ending) -> Vec<u8> {
        let mut body = converse::metadata(ending);
        body["output"] = json!({"message": {"role": "assistant", "content": [{"text": text}]}});
        body["stopReason"] = converse::stop_reason(ending).into();
        body.to_string().into_bytes()
    }
}
