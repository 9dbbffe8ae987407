//! OpenAI's chat completions, and its older completions: vLLM, LMI, and models of Bedrock that keep to it.

use serde::Deserialize;
use serde_json::json;

use super::{Asked, Content, Format, Malformed, Told, prompt};
use crate::record::{Usage, UsageSource};

/// OpenAI's bodies, by what is asked for.
#[derive(Debug)]
pub(super) enum OpenAi {
    /// Messages.
    Chat,
    /// One text.
    Completions,
}

/// An answer, or a part of one.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Counts>,
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Choice {
    /// Of a chat, as a part.
    delta: Option<Message>,
    /// Of a chat, whole.
    message: Option<Message>,
    /// Of completions.
    text: Option<String>,
    #[serde(alias = "stop_reason")]
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Message {
    content: Option<String>,
    /// What a model thinks, apart from what it says: two names are in use.
    #[serde(alias = "reasoning")]
    reasoning_content: Option<String>,
    tool_calls: Option<Vec<serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
struct Counts {
    prompt_tokens: Option<u32>,
    completion_tokens: Option<u32>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u32>,
}

#[derive(Deserialize)]
struct CompletionDetails {
    reasoning_tokens: Option<u32>,
}

/// An error in the place of an answer: servers write it as an object, or as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Fault {
    Object { message: Option<String>, r#type: Option<String>, code: Option<serde_json::Value> },
    Text(String),
}

impl Format for OpenAi {
    fn body(&self, asked: &Asked<'_>) -> Vec<u8> {
        let request = asked.request;
        let mut body = json!({"max_tokens": request.max_tokens});
        match self {
            Self::Chat => {
                let system = request.system.as_ref();
                let system = system.map(|text| json!({"role": "system", "content": text}));
                let user = json!({"role": "user", "content": request.text});
                body["messages"] = system.into_iter().chain([user]).collect();
            }
            Self::Completions => body["prompt"] = prompt::plain(request).into(),
        }
        if let Some(model) = asked.model {
            body["model"] = model.into();
        }
        if asked.streamed {
            body["stream"] = true.into();
            body["stream_options"] = json!({"include_usage": true});
        }
        asked.sampling(&mut body, "temperature", "top_p");
        body.to_string().into_bytes()
    }

    fn part(&self, document: &[u8]) -> Result<Told, Malformed> {
        let answer: Answer = serde_json::from_slice(document)?;
        if let Some(fault) = answer.error {
            let (code, message) = fault.told();
            return Ok(Told::failed(code, message));
        }
        let usage = answer.usage.map(usage).unwrap_or_default();
        let Some(choice) = answer.choices.into_iter().next() else {
            return Ok(Told { usage, ..Told::default() });
        };
        let Choice { delta, message, text, finish_reason } = choice;
        let content = delta.or(message).map_or(Content::Nothing, |message| content(&message));
        let content = text.map_or(content, Content::of);
        Ok(Told { content, usage, stop_reason: finish_reason, ..Told::default() })
    }

    fn whole(&self, body: &[u8]) -> Result<Told, Malformed> {
        let answer: Answer = serde_json::from_slice(body)?;
        if answer.choices.is_empty() && answer.error.is_none() {
            return Err("there is no choice".into());
        }
        let told = self.part(body)?;
        let stop_reason = told.stop_reason.or_else(|| Some("stop".to_owned()));
        Ok(Told { stop_reason, ..told })
    }
}

fn content(message: &Message) -> Content {
    if message.content.as_ref().is_some_and(|text| !text.is_empty()) {
        Content::Text
    } else if message.tool_calls.is_some() {
        Content::Hidden
    } else {
        Content::hidden(message.reasoning_content.as_deref().unwrap_or_default())
    }
}

fn usage(counts: Counts) -> Usage {
    Usage {
        input_tokens: counts.prompt_tokens,
        output_tokens: counts.completion_tokens,
        cache_read_tokens: counts.prompt_tokens_details.and_then(|details| details.cached_tokens),
        cache_write_tokens: None,
        reasoning_tokens: counts.completion_tokens_details.and_then(|d| d.reasoning_tokens),
        source: counts.completion_tokens.map(|_| UsageSource::Service),
    }
}

impl Fault {
    fn told(self) -> (Option<String>, String) {
        match self {
            Self::Text(text) => (None, text),
            Self::Object { message, r#type, code } => {
                let code = code.filter(|code| !code.is_null());
                let text = |code: serde_json::Value| match code.as_str() {
                    Some(text) => text.to_owned(),
                    None => code.to_string(),
                };
                let code = code.map(text);
                (code.or(r#type), message.unwrap_or_default())
            }
        }
    }
}

/// What an error's body says: its code and its message, where it is one of OpenAI's.
pub fn error_body(body: &[u8]) -> Option<(Option<String>, String)> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    answer.error.map(Fault::told)
}
