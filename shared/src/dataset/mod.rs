//! Prompts: read, generated, counted, made unique, and dealt out from a seed.
//!
//! Everything is a pure function of its arguments: [`Loader`] gets the content of files, and
//! whoever plans a run reads them.

mod corpus;
mod error;
mod jsonl;
mod lengths;
mod load;
mod nonce;
mod place;
mod synthetic;
mod template;
mod tokens;

use std::fmt;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::error::DatasetError;
pub use self::jsonl::PROMPT_FIELDS;
pub use self::lengths::Lengths;
pub use self::load::{Contents, Loader};
pub use self::nonce::{NONCE_TOKENS, nonce, with_nonce};
pub use self::place::Place;
pub use self::synthetic::{MIN_SYNTHETIC_TOKENS, Synthetic};
pub use self::tokens::estimate_tokens;
use crate::units::Name;

/// The highest limit of an answer that can be asked for, and the longest prompt that is generated,
/// in tokens.
pub const MAX_TOKENS: u32 = 1_000_000;

/// One prompt of a dataset, a line of `prompts/<dataset>.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// What the user says.
    pub text: String,
    /// Its tokens by the dataset's tokenizer or our own count: an estimate, the service counts its
    /// own way.
    pub estimated_tokens: u32,
    /// The limit of the answer.
    pub max_tokens: u32,
}

/// A dataset that has not been read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetSpec {
    /// What the user calls it.
    pub name: Name,
    /// Where its prompts come from.
    pub source: DatasetSource,
    /// The `tokenizer.json` that counts prompt tokens; [`estimate_tokens`] without one.
    pub tokenizer: Option<Place>,
    /// Only prompts of these lengths are kept.
    pub bucket: Option<Bucket>,
    /// The highest limit of an answer, in tokens: the limit of prompts that have none of their own.
    pub max_tokens: u32,
}

/// Where a dataset's prompts come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatasetSource {
    /// Files, read one after the other.
    Files {
        /// JSONL, or text (`.txt`) with one prompt each; at least one file.
        files: Vec<Place>,
        /// The text that each line's fields are put into.
        template: Option<Place>,
    },
    /// The prompts themselves; at least one.
    Inline(Vec<String>),
    /// Generated text.
    Synthetic(Synthetic),
}

/// Prompts of some lengths: `from` <= tokens < `below`, as FMBench has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// The fewest prompt tokens.
    pub from: u32,
    /// More than the most prompt tokens; `None` for no limit.
    pub below: Option<u32>,
}

impl Bucket {
    /// Whether a prompt of so many tokens is in it.
    pub fn holds(self, tokens: u32) -> bool {
        tokens >= self.from && self.below.is_none_or(|below| tokens < below)
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.below {
            Some(below) => write!(f, "from {} to below {below}", self.from),
            None => write!(f, "from {}", self.from),
        }
    }
}

impl DatasetSpec {
    /// The files that it is made from: what [`Loader::load`] must be given.
    pub fn places(&self) -> Vec<&Place> {
        let of_source: Vec<&Place> = match &self.source {
            DatasetSource::Files { files, template } => files.iter().chain(template).collect(),
            DatasetSource::Inline(_) => Vec::new(),
            DatasetSource::Synthetic(synthetic) => synthetic.corpus.iter().collect(),
        };
        of_source.into_iter().chain(&self.tokenizer).collect()
    }

    /// The template of its prompts.
    pub fn template(&self) -> Option<&Place> {
        match &self.source {
            DatasetSource::Files { template, .. } => template.as_ref(),
            DatasetSource::Inline(_) | DatasetSource::Synthetic(_) => None,
        }
    }
}

/// The order in which a dataset's prompts are sent: a permutation of `0..len` that follows from
/// the seed and the dataset's name, the same for every endpoint and load.
pub fn deal(seed: u64, dataset: &Name, len: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..len).collect();
    order.shuffle(&mut random(seed, "deal", dataset, 0));
    order
}

/// A generator of its own for each purpose, dataset and index.
fn random(seed: u64, purpose: &str, dataset: &Name, index: u32) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    // Neither a purpose nor a name holds the separator.
    hash.update(format!("{purpose}\n{dataset}\n{index}"));
    ChaCha8Rng::from_seed(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn dealing_is_a_permutation_that_follows_from_seed_and_name() {
        let dealt = deal(7, &name("chat"), 1000);
        let mut sorted = dealt.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..1000));
        assert_eq!(dealt, deal(7, &name("chat"), 1000));
        assert_ne!(dealt, deal(8, &name("chat"), 1000));
        assert_ne!(dealt, deal(7, &name("mail"), 1000));
        assert_eq!(deal(7, &name("chat"), 0), Vec::<u32>::new());
        // Pinned: stored plans refer to this order.
        assert_eq!(deal(7, &name("chat"), 8), [0, 4, 5, 3, 7, 2, 1, 6]);
    }

    #[test]
    fn a_bucket_holds_its_lower_end_only() {
        let bucket = Bucket { from: 500, below: Some(1000) };
        assert_eq!(
            [499, 500, 999, 1000].map(|tokens| bucket.holds(tokens)),
            [false, true, true, false]
        );
        let open = Bucket { from: 1, below: None };
        assert_eq!([0, 1, u32::MAX].map(|tokens| open.holds(tokens)), [false, true, true]);
    }
}
