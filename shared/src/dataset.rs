//! Prompts: loaded, counted, and dealt out from a seed.

use serde::{Deserialize, Serialize};

/// One prompt of a dataset, a line of `prompts/<dataset>.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// What the user says.
    pub text: String,
    /// Its tokens by our own count: an estimate, the service counts its own way.
    pub estimated_tokens: u32,
    /// The limit of the answer.
    pub max_tokens: u32,
}
