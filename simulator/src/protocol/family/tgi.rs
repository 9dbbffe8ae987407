//! Text Generation Inference: inputs and parameters in, a token in each record, details in the
//! last.

use serde_json::{Value, json};

use super::super::{Context, Ending, Said, Token};
use super::{Content, Family, Last, fields};
use crate::refusal::Refusal;

#[derive(Debug)]
pub(in super::super) struct Tgi;

impl Family for Tgi {
    fn read(&self, request: &Value, _is_streamed: bool) -> Result<Content, Refusal> {
        let limit = fields::limit(request, &["/parameters/max_new_tokens"], Some(20))?;
        let mut content = Content::of_text(fields::text(request, "inputs")?, limit);
        content.wants_usage = fields::flag(request, "/parameters/details");
        Ok(content)
    }

    fn whole(&self, context: &Context, said: Said<'_>, ending: &Ending) -> Value {
        let mut answer = json!({ "generated_text": said.text });
        if context.wants_usage {
            answer["details"] = details(context, ending);
        }
        json!([answer])
    }

    fn token(&self, _context: &Context, token: &Token, text: &str) -> Vec<Value> {
        vec![record(token.index, &word(token, text))]
    }

    fn last(&self, context: &Context, last: Last<'_>) -> Option<Value> {
        // An answer that ends by itself has a token of its own for that.
        last.ending.is_cut.then(|| {
            let record = record(last.token.index, &word(last.token, last.text));
            ended(record, last.said, context, last.ending)
        })
    }

    fn closing(&self, context: &Context, said: &str, ending: &Ending) -> Vec<Value> {
        let token = json!({ "id": 2, "text": "</s>", "logprob": 0.0, "special": true });
        vec![ended(record(ending.output_tokens, &token), said, context, ending)]
    }
}

/// A record, whose number is one more than its token's place.
fn record(index: u32, token: &Value) -> Value {
    let index = u64::from(index) + 1;
    json!({ "index": index, "token": token, "generated_text": null, "details": null })
}

fn word(token: &Token, text: &str) -> Value {
    json!({ "id": token.word + 100, "text": text, "logprob": -0.5, "special": false })
}

fn ended(mut record: Value, said: &str, context: &Context, ending: &Ending) -> Value {
    record["generated_text"] = said.into();
    record["details"] = details(context, ending);
    record
}

fn details(context: &Context, ending: &Ending) -> Value {
    json!({
        "finish_reason": if ending.is_cut { "length" } else { "eos_token" },
        "generated_tokens": ending.output_tokens,
        "input_length": context.input_tokens,
        "seed": null,
    })
}
