//! An item of `datasets`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Field, OneOrMany, Spanned, Tokens};
use crate::config::datasets::MAX_SYNTHETIC_COUNT;
use crate::dataset::MAX_TOKENS;

/// A named set of prompts: one of `file`, `prompts` and `synthetic`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Dataset {
    /// What you call it: letters, digits, `.`, `_` and `-`; unique.
    #[schemars(required)]
    pub(in crate::config) name: Field<String>,
    /// One file or several: JSONL with an object in each line, or text files (`.txt`) with one
    /// prompt each. A path relative to the configuration, or `s3://bucket/key`.
    pub(in crate::config) file: Field<OneOrMany<String>>,
    /// The prompts themselves.
    pub(in crate::config) prompts: Field<Vec<Spanned<String>>>,
    /// Prompts that are generated.
    pub(in crate::config) synthetic: Field<Synthetic>,
    /// The longest answer that is asked for, in tokens; `defaults.max_tokens` where it is not
    /// given. A line of a file may ask for less by its own `max_tokens` or
    /// `expected_output_tokens`.
    #[schemars(extend("minimum" = 1, "maximum" = MAX_TOKENS))]
    pub(in crate::config) max_tokens: Field<i64>,
    /// A text file (path or `s3://bucket/key`) with `{field}` where a field of the file's line
    /// is put; `{{` and `}}` are braces. Of a text file the one field is `text`.
    pub(in crate::config) template: Field<String>,
    /// Keeps the prompts of these lengths only.
    pub(in crate::config) bucket: Field<Bucket>,
    /// A `tokenizer.json` (path or `s3://bucket/key`) that counts prompt tokens, the special ones
    /// included; without it they are estimated.
    pub(in crate::config) tokenizer: Field<String>,
}

/// Prompt tokens: `from` <= tokens < `below`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Bucket {
    /// The fewest prompt tokens; 0 where it is not given.
    #[schemars(extend("minimum" = 0, "maximum" = MAX_TOKENS))]
    pub(in crate::config) from: Field<i64>,
    /// More than the most prompt tokens; without a limit where it is not given.
    #[schemars(extend("minimum" = 1, "maximum" = MAX_TOKENS))]
    pub(in crate::config) below: Field<i64>,
}

/// Prompts that are generated; they follow from the seed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Synthetic {
    /// The length of every prompt in tokens, or its distribution.
    #[schemars(required)]
    pub(in crate::config) prompt_tokens: Field<Tokens>,
    /// The limit of every answer in tokens, or its distribution. With it `max_tokens` is not
    /// needed; where the dataset gives that too, no limit is higher.
    pub(in crate::config) output_tokens: Field<Tokens>,
    /// How many prompts there are; 100 where it is not given.
    #[schemars(extend("minimum" = 1, "maximum" = MAX_SYNTHETIC_COUNT))]
    pub(in crate::config) count: Field<i64>,
    /// A text file (path or `s3://bucket/key`) that the prompts are cut from, instead of random
    /// words.
    pub(in crate::config) corpus: Field<String>,
}

/// A normal distribution, cut off where lengths are not possible: prompts have at least 32
/// tokens, answers at least 1.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Distribution {
    /// The mean before cutting off.
    #[schemars(required, extend("minimum" = 1, "maximum" = MAX_TOKENS))]
    pub(in crate::config) mean: Field<i64>,
    /// The standard deviation before cutting off, no larger than the mean; 0 where it is not
    /// given.
    #[schemars(extend("minimum" = 0, "maximum" = MAX_TOKENS))]
    pub(in crate::config) stddev: Field<i64>,
}
