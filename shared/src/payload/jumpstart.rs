//! The Llama 2 chat containers of SageMaker `JumpStart`. They count no tokens, and do not stream.

use serde::Deserialize;
use serde_json::json;

use super::{Asked, Format, Malformed, Told};

/// Llama 2 chat of `JumpStart`.
#[derive(Debug)]
pub(super) struct Llama2;

#[derive(Deserialize)]
struct Answer {
    generation: Generation,
}

/// A turn of a dialog, or the text of a base model.
#[derive(Deserialize)]
#[serde(untagged)]
enum Generation {
    Turn { content: String },
    Text(String),
}

impl Format for Llama2 {
    fn streams(&self) -> bool {
        false
    }

    fn body(&self, asked: &Asked<'_>) -> Vec<u8> {
        let system = asked.request.system.as_ref();
        let system = system.map(|text| json!({"role": "system", "content": text}));
        let user = json!({"role": "user", "content": asked.request.text});
        let dialog: serde_json::Value = system.into_iter().chain([user]).collect();
        let mut parameters = json!({"max_new_tokens": asked.request.max_tokens});
        asked.sampling(&mut parameters, "temperature", "top_p");
        json!({"inputs": [dialog], "parameters": parameters}).to_string().into_bytes()
    }

    fn part(&self, _document: &[u8]) -> Result<Told, Malformed> {
        Err("the Llama 2 containers of JumpStart do not stream".into())
    }

    fn whole(&self, body: &[u8]) -> Result<Told, Malformed> {
        let answers: Vec<Answer> = serde_json::from_slice(body)?;
        let answer = answers.into_iter().next().ok_or("the list of answers is empty")?;
        let (Generation::Turn { content } | Generation::Text(content)) = answer.generation;
        Ok(Told::whole(&content, "generated".to_owned()))
    }
}
