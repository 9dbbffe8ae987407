//! How models and the containers that serve them spell questions and answers.
//!
//! A [`Format`] only translates: from a [`Request`] to the bytes of a body, and from the documents of an
//! answer to what they tell ([`Told`]). How the bytes travel, and when they came, is the endpoints' part.
//!
//! To add one: write it in a file of its own, and add a row to [`FORMATS`]. The tests of all decoders
//! apply to it from then on (`tests/src/decoders.rs`).

mod ai21;
mod anthropic;
mod anthropic_text;
mod classification;
mod cohere;
mod cohere_r;
mod djl;
mod embedding;
mod jumpstart;
mod lines;
mod llama;
mod mistral;
mod nova;
mod openai;
mod prompt;
mod tgi;
mod titan;
mod told;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::lines::Lines;
pub use self::openai::error_body;
pub use self::told::{Content, Malformed, Told};
use crate::endpoint::Request;

/// The bodies of one family of models, or of one kind of container.
pub trait Format: fmt::Debug + Sync {
    /// Whether its answers can arrive in pieces.
    fn streams(&self) -> bool {
        true
    }

    /// The body of a request, and how its answer is to arrive: in pieces, or whole.
    fn body(&self, asked: &Asked<'_>) -> Vec<u8>;

    /// The content type of a request.
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    /// The content type that an answer is asked for in.
    fn accept(&self) -> &'static str {
        "application/json"
    }

    /// What a document of a streamed answer tells.
    ///
    /// # Errors
    ///
    /// Where it is none of this format's.
    fn part(&self, document: &[u8]) -> Result<Told, Malformed>;

    /// What an answer tells that came whole.
    ///
    /// # Errors
    ///
    /// Where it is none of this format's.
    fn whole(&self, body: &[u8]) -> Result<Told, Malformed>;
}

/// What a body is made of.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The request.
    pub request: &'a Request,
    /// The model, where the body names it.
    pub model: Option<&'a str>,
    /// Whether the answer is to arrive in pieces.
    pub streamed: bool,
}

impl Asked<'_> {
    /// Adds how answers are drawn, where the request says so, by the format's names for it.
    fn sampling(&self, settings: &mut serde_json::Value, temperature: &str, top_p: &str) {
        if let Some(value) = self.request.temperature {
            settings[temperature] = value.into();
        }
        if let Some(value) = self.request.top_p {
            settings[top_p] = value.into();
        }
    }
}

/// Names a [`Format`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// AI21 Jurassic-2.
    Ai21J2,
    /// Anthropic Claude from version 3 on: messages.
    Anthropic,
    /// Anthropic Claude before version 3: one text.
    AnthropicText,
    /// Cohere Command.
    Cohere,
    /// Cohere Command R and R+.
    CohereR,
    /// DJL-LMI's own: JSON lines, or server-sent events.
    Djl,
    /// Embeddings of a text.
    Embedding,
    /// The Llama 2 chat containers of `JumpStart`.
    JumpstartLlama2,
    /// Meta Llama 2 chat: the template of one text.
    Llama2,
    /// Meta Llama 3 and later.
    Llama3,
    /// Mistral and Mixtral.
    Mistral,
    /// Amazon Nova.
    Nova,
    /// OpenAI's chat completions: vLLM, LMI, gpt-oss, `DeepSeek`, Qwen.
    OpenaiChat,
    /// OpenAI's older completions.
    OpenaiCompletions,
    /// Hugging Face text classification.
    TextClassification,
    /// Hugging Face Text Generation Inference.
    Tgi,
    /// Amazon Titan Text.
    Titan,
}

/// All formats, by the names that a configuration has for them.
pub const FORMATS: [(&str, Payload, &dyn Format); 17] = [
    ("ai21_j2", Payload::Ai21J2, &ai21::J2),
    ("anthropic", Payload::Anthropic, &anthropic::Messages),
    ("anthropic_text", Payload::AnthropicText, &anthropic_text::Completion),
    ("cohere", Payload::Cohere, &cohere::Command),
    ("cohere_r", Payload::CohereR, &cohere_r::CommandR),
    ("djl", Payload::Djl, &djl::Djl),
    ("embedding", Payload::Embedding, &embedding::Embedding),
    ("jumpstart_llama2", Payload::JumpstartLlama2, &jumpstart::Llama2),
    ("llama2", Payload::Llama2, &llama::Llama::Two),
    ("llama3", Payload::Llama3, &llama::Llama::Three),
    ("mistral", Payload::Mistral, &mistral::Mistral),
    ("nova", Payload::Nova, &nova::Nova),
    ("openai_chat", Payload::OpenaiChat, &openai::OpenAi::Chat),
    ("openai_completions", Payload::OpenaiCompletions, &openai::OpenAi::Completions),
    ("text_classification", Payload::TextClassification, &classification::TextClassification),
    ("tgi", Payload::Tgi, &tgi::Tgi),
    ("titan", Payload::Titan, &titan::Titan),
];

/// The model families of Bedrock, by how their model ids begin.
const FAMILIES: [(&str, Payload); 17] = [
    ("ai21.j2-", Payload::Ai21J2),
    ("amazon.nova-", Payload::Nova),
    ("amazon.titan-text-", Payload::Titan),
    ("anthropic.claude-instant", Payload::AnthropicText),
    ("anthropic.claude-v2", Payload::AnthropicText),
    ("anthropic.", Payload::Anthropic),
    ("cohere.command-r", Payload::CohereR),
    ("cohere.command-", Payload::Cohere),
    ("deepseek.", Payload::OpenaiChat),
    ("meta.llama2", Payload::Llama2),
    ("meta.llama", Payload::Llama3),
    ("mistral.mistral-7b", Payload::Mistral),
    ("mistral.mixtral", Payload::Mistral),
    ("mistral.mistral-large-24", Payload::Mistral),
    ("mistral.", Payload::OpenaiChat),
    ("openai.", Payload::OpenaiChat),
    ("qwen.", Payload::OpenaiChat),
];

impl Payload {
    /// Its format.
    pub fn format(self) -> &'static dyn Format {
        let found = FORMATS.iter().find(|(_, payload, _)| *payload == self);
        found.map_or(&openai::OpenAi::Chat, |(_, _, format)| *format)
    }

    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        let found = FORMATS.iter().find(|(_, payload, _)| *payload == self);
        found.map_or("", |(name, _, _)| name)
    }

    /// The format of a Bedrock model, by its id, that of its inference profile or the ARN of either;
    /// `None` where they do not tell it, such as a provisioned or imported model's ARN.
    pub fn of_model(model_id: &str) -> Option<Self> {
        let id = model_id.rsplit('/').next().unwrap_or(model_id);
        let profile = id.split_once('.').filter(|(prefix, rest)| {
            matches!(*prefix, "us" | "us-gov" | "eu" | "apac" | "jp" | "au" | "ca" | "global")
                && rest.contains('.')
        });
        let id = profile.map_or(id, |(_, id)| id);
        FAMILIES.iter().find(|(start, _)| id.starts_with(start)).map(|(_, payload)| *payload)
    }
}

#[cfg(test)]
mod tests;
