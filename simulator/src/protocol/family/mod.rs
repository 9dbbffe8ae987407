//! The bodies of the models themselves, which several APIs carry: one file for each family.
//!
//! A family reads a request and writes an answer as JSON, whole or in chunks. To add one: write it
//! in a file of its own, and add a row to [`FAMILIES`], or to the containers of `sagemaker` if it
//! is one of theirs.

mod ai21;
mod anthropic_messages;
mod anthropic_text;
mod cohere_chat;
mod cohere_text;
mod conversation;
mod djl;
mod embedding;
mod fields;
mod jumpstart_llama2;
mod llama;
mod mistral;
mod nova;
mod openai_chat;
mod openai_text;
mod text_classification;
mod tgi;
mod titan;

use std::fmt;

use serde_json::Value;

use super::{Context, Ending, Said, Token};
use crate::refusal::Refusal;
use crate::tokens::count_tokens;

pub(super) use djl::Djl;
pub(super) use embedding::Embedding;
pub(super) use jumpstart_llama2::JumpstartLlama2;
pub(super) use openai_chat::OpenAiChat;
pub(super) use openai_text::OpenAiText;
pub(super) use text_classification::TextClassification;
pub(super) use tgi::Tgi;

/// The families of Bedrock's models, the more particular shapes of requests first.
const FAMILIES: [&dyn Family; 11] = [
    &ai21::Ai21,
    &titan::Titan,
    &nova::Nova,
    &anthropic_messages::AnthropicMessages,
    &anthropic_text::AnthropicText,
    &cohere_text::CohereText,
    &cohere_chat::CohereChat,
    &llama::Llama,
    &OpenAiChat,
    &mistral::Mistral,
    &OpenAiText,
];

/// How one family of models spells requests and answers.
///
/// What a family cannot do has a default: one that does not stream refuses such requests, and has
/// no chunks.
pub(super) trait Family: fmt::Debug + Sync {
    /// Whether a model of this id, without the prefix of its inference profile, takes such
    /// requests.
    fn serves(&self, _model_id: &str, _request: &Value) -> bool {
        false
    }

    /// Whether a request has this family's shape, for models whose id tells nothing.
    fn fits(&self, _request: &Value) -> bool {
        false
    }

    /// Reads what a request asks.
    fn read(&self, request: &Value, is_streamed: bool) -> Result<Content, Refusal>;

    /// Whether it can say that a token is reasoning.
    fn reasons(&self) -> bool {
        false
    }

    /// The answer in one piece.
    fn whole(&self, context: &Context, said: Said<'_>, ending: &Ending) -> Value;

    /// The chunks before the first token.
    fn opening(&self, _context: &Context) -> Vec<Value> {
        Vec::new()
    }

    /// The chunks of a token.
    fn token(&self, _context: &Context, _token: &Token, _text: &str) -> Vec<Value> {
        Vec::new()
    }

    /// The chunk of the last token, where it says how the answer ended. `said` is all of the text.
    fn last(&self, _context: &Context, _last: Last<'_>) -> Option<Value> {
        None
    }

    /// The chunks after the last token.
    fn closing(&self, _context: &Context, _said: &str, _ending: &Ending) -> Vec<Value> {
        Vec::new()
    }

    /// The chunk that says that something broke, where such a thing is known.
    fn broken(&self, _context: &Context, _said: &str, _tokens: u32) -> Option<Value> {
        None
    }
}

/// The last token of an answer, with the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last<'a> {
    pub(super) token: &'a Token,
    /// The token's.
    pub(super) text: &'a str,
    /// All of the answer.
    pub(super) said: &'a str,
    pub(super) ending: &'a Ending,
}

/// What a request asks.
#[derive(Debug)]
pub(super) struct Content {
    /// All user text; where there is one text and no messages, that.
    pub(super) prompt: String,
    pub(super) input_tokens: u32,
    pub(super) output_limit: u32,
    /// Whether it asks to be told what was used.
    pub(super) wants_usage: bool,
}

impl Content {
    /// A request of one text.
    fn of_text(prompt: &str, output_limit: u32) -> Self {
        let input_tokens = count_tokens(prompt);
        Self { prompt: prompt.to_owned(), input_tokens, output_limit, wants_usage: false }
    }
}

/// The family of a request to a model: by the model's id, or else by the request's shape.
pub(super) fn find(model_id: &str, request: &Value) -> Result<&'static dyn Family, Refusal> {
    const PROFILES: [&str; 4] = ["us.", "eu.", "apac.", "global."];
    let base = PROFILES.iter().find_map(|prefix| model_id.strip_prefix(prefix));
    let base = base.unwrap_or(model_id);
    let find = |fits: &dyn Fn(&dyn Family) -> bool| FAMILIES.into_iter().find(|row| fits(*row));
    find(&|family| family.serves(base, request))
        .or_else(|| find(&|family| family.fits(request)))
        .ok_or_else(|| fields::malformed("no known required key found"))
}

/// An answer under way, in chunks.
#[derive(Debug)]
pub(super) struct Chunks {
    family: &'static dyn Family,
    /// Spells a word, as the first of a text or not.
    spell: fn(usize, bool) -> String,
    said: String,
    is_ended: bool,
}

impl Chunks {
    pub(super) fn new(family: &'static dyn Family, spell: fn(usize, bool) -> String) -> Self {
        Self { family, spell, said: String::new(), is_ended: false }
    }

    pub(super) fn reasons(&self) -> bool {
        self.family.reasons()
    }

    pub(super) fn opening(&self, context: &Context) -> Vec<Value> {
        self.family.opening(context)
    }

    pub(super) fn token(&mut self, context: &Context, token: &Token) -> Vec<Value> {
        let text = (self.spell)(token.word, token.is_first);
        if !token.is_reasoning {
            self.said.push_str(&text);
        }
        if let Some(ending) = &token.ending {
            let last = Last { token, text: &text, said: &self.said, ending };
            if let Some(chunk) = self.family.last(context, last) {
                self.is_ended = true;
                return vec![chunk];
            }
        }
        self.family.token(context, token, &text)
    }

    pub(super) fn closing(&self, context: &Context, ending: &Ending) -> Vec<Value> {
        if self.is_ended {
            return Vec::new();
        }
        self.family.closing(context, &self.said, ending)
    }

    pub(super) fn broken(&self, context: &Context, tokens: u32) -> Option<Value> {
        self.family.broken(context, &self.said, tokens)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(model_id: &str, request: &Value, expected: &str) {
        let found = find(model_id, request).map(|family| format!("{family:?}"));
        assert_eq!(found.unwrap_or_else(|refusal| refusal.code), expected, "{model_id} {request}");
    }

    #[test]
    fn ids_tell_the_family() {
        let (prompt, chat) = (json!({"prompt": "a"}), json!({"messages": []}));
        check("ai21.j2-mid-v1", &prompt, "Ai21");
        check("amazon.titan-text-lite-v1", &prompt, "Titan");
        check("us.amazon.nova-micro-v1:0", &chat, "Nova");
        check("anthropic.claude-3-haiku-20240307-v1:0", &chat, "AnthropicMessages");
        check("global.anthropic.claude-haiku-4-5-20251001-v1:0", &chat, "AnthropicMessages");
        check("anthropic.claude-v2:1", &prompt, "AnthropicText");
        check("anthropic.claude-instant-v1", &prompt, "AnthropicText");
        check("cohere.command-light-text-v14", &prompt, "CohereText");
        check("cohere.command-r-plus-v1:0", &prompt, "CohereChat");
        check("eu.meta.llama3-2-1b-instruct-v1:0", &prompt, "Llama");
        check("mistral.mistral-7b-instruct-v0:2", &prompt, "Mistral");
        check("mistral.mistral-large-3-675b-instruct", &chat, "OpenAiChat");
        check("openai.gpt-oss-120b-1:0", &chat, "OpenAiChat");
        check("us.deepseek.r1-v1:0", &chat, "OpenAiChat");
        check("qwen.qwen3-32b-v1:0", &chat, "OpenAiChat");
    }

    #[test]
    fn shapes_tell_the_family_where_ids_do_not() {
        let arn = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc";
        check(arn, &json!({"prompt": "a", "maxTokens": 1}), "Ai21");
        check(arn, &json!({"inputText": "a"}), "Titan");
        check(arn, &json!({"messages": [], "inferenceConfig": {}}), "Nova");
        check(arn, &json!({"messages": [], "schemaVersion": "messages-v1"}), "Nova");
        check(arn, &json!({"messages": [], "anthropic_version": "a"}), "AnthropicMessages");
        check(arn, &json!({"prompt": "a", "max_tokens_to_sample": 1}), "AnthropicText");
        check(arn, &json!({"prompt": "a", "return_likelihoods": "NONE"}), "CohereText");
        check(arn, &json!({"message": "a"}), "CohereChat");
        check(arn, &json!({"prompt": "a", "max_gen_len": 1}), "Llama");
        check(arn, &json!({"messages": [], "max_tokens": 1}), "OpenAiChat");
        check(arn, &json!({"prompt": "a", "max_tokens": 1}), "Mistral");
        check(arn, &json!({"text": "a"}), "ValidationException");
        check("unknown", &json!("a"), "ValidationException");
    }
}
