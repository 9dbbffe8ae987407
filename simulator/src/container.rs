//! What runs behind a SageMaker endpoint.

/// A simulated endpoint: its name, what its container speaks, and the model that it serves.
///
/// Endpoints of the same model share the model's slots, its quota and the count of its requests.
/// An endpoint whose model has no profile is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The name in the path.
    pub endpoint_name: String,
    /// What its requests and answers look like.
    pub format: ContainerFormat,
    /// The [`crate::Profile::model_id`] of the model.
    pub model_id: String,
}

/// What the requests and answers of a container look like. Those whose name says it answer whole
/// only; the others stream, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContainerFormat {
    /// Text Generation Inference: `inputs` in, server-sent events with a token each.
    Tgi,
    /// DJL's large model inference: `inputs` in, lines of JSON with a token each.
    Djl,
    /// The same with server-sent events.
    DjlSse,
    /// Chat completions as vLLM serves them: `messages` in, `choices` out.
    OpenAiChat,
    /// `JumpStart`'s Llama 2 chat: a list of one conversation in. Whole only.
    JumpstartLlama2,
    /// Hugging Face's text classification: plain text in, labels out. Whole only.
    TextClassification,
    /// A text's embedding: `text_inputs` in, numbers out. Whole only.
    Embedding,
}

impl ContainerFormat {
    /// All formats.
    pub const ALL: [Self; 7] = [
        Self::Tgi,
        Self::Djl,
        Self::DjlSse,
        Self::OpenAiChat,
        Self::JumpstartLlama2,
        Self::TextClassification,
        Self::Embedding,
    ];

    /// The name by which a person calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tgi => "tgi",
            Self::Djl => "djl",
            Self::DjlSse => "djl_sse",
            Self::OpenAiChat => "openai_chat",
            Self::JumpstartLlama2 => "jumpstart_llama2",
            Self::TextClassification => "text_classification",
            Self::Embedding => "embedding",
        }
    }

    /// The format of a name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl Container {
    /// An endpoint for each format, all with built-in models.
    pub fn built_in() -> Vec<Self> {
        const ROWS: [(&str, ContainerFormat, &str); 7] = [
            ("llama3-8b-tgi", ContainerFormat::Tgi, "meta.llama3-8b-instruct-v1:0"),
            ("mistral-7b-djl", ContainerFormat::Djl, "mistral.mistral-7b-instruct-v0:2"),
            ("mistral-7b-djl-sse", ContainerFormat::DjlSse, "mistral.mistral-7b-instruct-v0:2"),
            ("llama3-8b-vllm", ContainerFormat::OpenAiChat, "meta.llama3-8b-instruct-v1:0"),
            ("llama2-13b-jumpstart", ContainerFormat::JumpstartLlama2, "meta.llama2-13b-chat-v1"),
            ("distilbert", ContainerFormat::TextClassification, "amazon.nova-micro-v1:0"),
            ("bge-embedding", ContainerFormat::Embedding, "amazon.nova-micro-v1:0"),
        ];
        let container = |(name, format, model): (&str, _, &str)| Self {
            endpoint_name: name.to_owned(),
            format,
            model_id: model.to_owned(),
        };
        ROWS.map(container).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Profile;

    #[test]
    fn every_format_has_a_name_and_an_endpoint() {
        let containers = Container::built_in();
        for format in ContainerFormat::ALL {
            assert_eq!(ContainerFormat::find(format.name()), Some(format));
            assert!(containers.iter().any(|container| container.format == format), "{format:?}");
        }
        assert_eq!(ContainerFormat::find("tg"), None);
        assert!(containers.iter().all(|one| Profile::find(&one.model_id).is_some()));
    }
}
