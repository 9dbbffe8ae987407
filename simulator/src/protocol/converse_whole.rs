//! Bedrock's `Converse`: the answer as one JSON document, when it is complete.

use serde_json::json;

use super::{Asked, Context, Ending, Protocol, Question, Said, WholeWriter, Writer, converse};
use crate::refusal::Refusal;

/// The API `POST /model/{name}/converse`.
#[derive(Debug)]
pub(crate) struct Converse;

impl Protocol for Converse {
    fn read(&self, asked: Asked<'_>) -> Result<(Question, Writer), Refusal> {
        Ok((converse::parse(asked.name, asked.body)?, Writer::Whole(Box::new(Self))))
    }
}

impl WholeWriter for Converse {
    fn reasons(&self) -> bool {
        true
    }

    fn body(&self, context: &Context, said: Said<'_>, ending: &Ending) -> Vec<u8> {
        let mut blocks = Vec::new();
        if context.reasoning_tokens > 0 {
            let reasoning = json!({ "text": said.reasoning });
            blocks.push(json!({"reasoningContent": {"reasoningText": reasoning}}));
        }
        if !said.text.is_empty() {
            blocks.push(json!({ "text": said.text }));
        }
        let mut body = converse::metadata(context, ending);
        body["output"] = json!({"message": {"role": "assistant", "content": blocks}});
        body["stopReason"] = converse::stop_reason(ending).into();
        body.to_string().into_bytes()
    }
}
