//! `JumpStart`'s Llama 2 chat: a list of one conversation in, a list of one message out. Whole only.

use serde_json::{Value, json};

use super::super::{Context, Ending, Said};
use super::{Content, Family, conversation, fields};
use crate::refusal::Refusal;

#[derive(Debug)]
pub(in super::super) struct JumpstartLlama2;

impl Family for JumpstartLlama2 {
    fn read(&self, request: &Value, is_streamed: bool) -> Result<Content, Refusal> {
        fields::whole_only(is_streamed)?;
        let limit = fields::limit(request, &["/parameters/max_new_tokens"], Some(256))?;
        let conversations = fields::required(request, "inputs")?.as_array();
        match conversations.map(Vec::as_slice) {
            Some([messages]) => conversation::read(messages, limit),
            _ => Err(fields::malformed("#/inputs: expected a list of one conversation")),
        }
    }

    fn whole(&self, _context: &Context, said: Said<'_>, _ending: &Ending) -> Value {
        json!([{"generation": { "role": "assistant", "content": said.text }}])
    }
}
