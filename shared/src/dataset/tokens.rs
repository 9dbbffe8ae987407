//! Counting tokens, before a service does.

use tokenizers::Tokenizer;

use super::DatasetError;

/// How many tokens a text has, by OpenAI's `cl100k_base` encoding.
///
/// Every model counts its own way, so this is an estimate for planning; what is reported and paid
/// comes from the service. Of the encodings at hand this one is the nearest to what Bedrock
/// serves: the vocabulary of Llama 3 was made by extending it. It is also less than half the size
/// of `o200k_base`, which a cold start has to load.
///
/// The encoding is built at the first call and kept.
pub fn estimate_tokens(text: &str) -> u32 {
    let count = tiktoken_rs::cl100k_base_singleton().count_ordinary(text);
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// How a dataset's prompt tokens are counted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Counter<'a> {
    /// By [`estimate_tokens`].
    Estimate,
    /// By a model's own tokenizer, special tokens included, as FMBench does.
    Exact(&'a Tokenizer),
}

impl Counter<'_> {
    /// The tokens of a text.
    ///
    /// # Errors
    ///
    /// Where the tokenizer cannot encode it.
    pub(super) fn count(self, text: &str) -> Result<u32, DatasetError> {
        match self {
            Self::Estimate => Ok(estimate_tokens(text)),
            Self::Exact(tokenizer) => {
                let encoding = tokenizer.encode_fast(text, true);
                let count = encoding.map_err(DatasetError::Tokenizer)?.len();
                Ok(u32::try_from(count).unwrap_or(u32::MAX))
            }
        }
    }
}

/// Reads a `tokenizer.json`. What it says of cutting and padding is left out: it would change what
/// is counted.
///
/// # Errors
///
/// [`DatasetError::Tokenizer`] for anything else.
pub(super) fn parse_tokenizer(bytes: &[u8]) -> Result<Tokenizer, DatasetError> {
    let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(DatasetError::Tokenizer)?;
    tokenizer.with_truncation(None).map_err(DatasetError::Tokenizer)?;
    tokenizer.with_padding(None);
    Ok(tokenizer)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A tokenizer of words and marks, which puts `<s>` before the text and cuts it at 3 tokens.
    pub(in crate::dataset) const TOKENIZER: &str = r#"{
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0},
        "padding": null,
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": "<s>", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}}
            ],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}
        },
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"<unk>": 0, "<s>": 1}, "unk_token": "<unk>"}
    }"#;

    #[test]
    fn words_and_marks_are_counted() {
        for (text, expected) in [("", 0), ("Hello", 1), ("Hello world.", 3), ("<|endoftext|>", 7)] {
            assert_eq!(estimate_tokens(text), expected, "{text}");
            assert_eq!(Counter::Estimate.count(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_tokenizer_counts_special_tokens_and_cuts_nothing() {
        let tokenizer = parse_tokenizer(TOKENIZER.as_bytes()).unwrap();
        for (text, expected) in [("", 1), ("Hello", 2), ("Why is the sky blue?", 7)] {
            assert_eq!(Counter::Exact(&tokenizer).count(text).unwrap(), expected, "{text}");
        }
        // Byte-level BPE splits by a regular expression, as most models' tokenizers do.
        let byte_level = r#"{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}"#;
        let byte_level = TOKENIZER.replace(r#"{"type": "Whitespace"}"#, byte_level);
        let tokenizer = parse_tokenizer(byte_level.as_bytes()).unwrap();
        assert_eq!(Counter::Exact(&tokenizer).count("Why's the sky  blue?").unwrap(), 8);
        for bad in ["", "{}", "{\"model\": 7}"] {
            assert!(matches!(parse_tokenizer(bad.as_bytes()), Err(DatasetError::Tokenizer(_))));
        }
    }
}
