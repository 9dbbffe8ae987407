//! Prompts: read, generated, counted, made unique, and dealt out from a seed.
//!
//! Everything is a pure function of its arguments but [`load`], which opens a file. A file's text
//! may come from elsewhere as well: see [`parse_jsonl`].

mod jsonl;
mod nonce;
mod synthetic;
mod tokens;

use std::io;
use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::jsonl::{PROMPT_FIELDS, parse_jsonl};
pub use self::nonce::{NONCE_TOKENS, nonce, with_nonce};
pub use self::synthetic::{MIN_SYNTHETIC_TOKENS, synthetic};
pub use self::tokens::estimate_tokens;
use crate::units::Name;

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

impl Prompt {
    /// A prompt of this text, its tokens counted by [`estimate_tokens`].
    pub fn new(text: String, max_tokens: u32) -> Self {
        Self { estimated_tokens: estimate_tokens(&text), text, max_tokens }
    }
}

/// Where a dataset's prompts come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatasetSource {
    /// A JSONL file, its path relative to the configuration's folder.
    File(PathBuf),
    /// The prompts themselves.
    Inline(Vec<String>),
    /// Generated text.
    Synthetic {
        /// The length of every prompt by our own count, without the nonce.
        prompt_tokens: u32,
        /// How many prompts there are.
        count: u32,
    },
}

/// Why a dataset cannot be used; each says where, and what to write instead.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The file cannot be read, or is not UTF-8.
    #[error(
        "failed to read {}: its path is taken from the configuration's folder, and it must hold text in UTF-8",
        file.display()
    )]
    Read {
        /// The file as it was opened.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file's text is refused.
    #[error("{}: {refused}", file.display())]
    File {
        /// The file as it was opened.
        file: PathBuf,
        /// Why.
        refused: Box<Self>,
    },
    /// There is no prompt.
    #[error(
        "there is no prompt: write one JSON object in each line, such as {{\"prompt\": \"Tell me a story.\"}}"
    )]
    Empty,
    /// A line is not a JSON object.
    #[error(
        "line {line}: this is not a JSON object: write one in each line, such as {{\"prompt\": \"Tell me a story.\"}}"
    )]
    NotAnObject {
        /// The line, from 1.
        line: usize,
        /// What the parser says, where it is not JSON at all.
        source: Option<serde_json::Error>,
    },
    /// An object has no field that we know as a prompt.
    #[error(
        "line {line}: there is no prompt: its fields are {}; name one of them `prompt` (known names: {})",
        list(.found),
        PROMPT_FIELDS.join(", ")
    )]
    NoPrompt {
        /// The line, from 1.
        line: usize,
        /// The fields that are there.
        found: Vec<String>,
    },
    /// A line lacks the field that the first line has.
    #[error("line {line}: `{field}` is missing, which the first line has: its fields are {}", list(.found))]
    OtherField {
        /// The line, from 1.
        line: usize,
        /// The field of the first line.
        field: &'static str,
        /// The fields that are there.
        found: Vec<String>,
    },
    /// A prompt is not a text, or has nothing in it.
    #[error("line {line}: `{field}` must be a text that is not empty")]
    NotText {
        /// The line, from 1.
        line: usize,
        /// The field.
        field: &'static str,
    },
    /// A synthetic prompt is to be shorter than its instruction.
    #[error(
        "synthetic prompts of {0} tokens are too short: they have at least {MIN_SYNTHETIC_TOKENS}"
    )]
    TooShort(u32),
}

fn list(fields: &[String]) -> String {
    if fields.is_empty() { "none".to_owned() } else { fields.join(", ") }
}

/// Reads or generates a dataset's prompts; never an empty list.
///
/// `base` is the configuration's folder, `max_tokens` the limit of every answer. Synthetic text
/// follows from `seed` and `name`.
///
/// # Errors
///
/// Where the file cannot be read, a line of it is not a prompt, or there is none.
pub fn load(
    source: &DatasetSource,
    base: &Path,
    max_tokens: u32,
    seed: u64,
    name: &Name,
) -> Result<Vec<Prompt>, DatasetError> {
    match source {
        DatasetSource::File(path) => {
            let file = base.join(path);
            match std::fs::read_to_string(&file) {
                Ok(text) => parse_jsonl(&text, max_tokens)
                    .map_err(|refused| DatasetError::File { file, refused: Box::new(refused) }),
                Err(source) => Err(DatasetError::Read { file, source }),
            }
        }
        DatasetSource::Inline(texts) => inline(texts, max_tokens),
        DatasetSource::Synthetic { prompt_tokens, count } => {
            synthetic(*prompt_tokens, *count, max_tokens, seed, name)
        }
    }
}

/// Prompts that are given as they are.
///
/// # Errors
///
/// [`DatasetError::Empty`] without any.
pub fn inline(texts: &[String], max_tokens: u32) -> Result<Vec<Prompt>, DatasetError> {
    if texts.is_empty() {
        return Err(DatasetError::Empty);
    }
    Ok(texts.iter().map(|text| Prompt::new(text.clone(), max_tokens)).collect())
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
    fn a_file_is_read_relative_to_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mine.jsonl"), "{\"prompt\": \"Why?\"}\n").unwrap();
        let load = |file: &str| {
            load(&DatasetSource::File(file.into()), folder.path(), 100, 1, &name("mine"))
        };
        let expected = Prompt { text: "Why?".into(), estimated_tokens: 2, max_tokens: 100 };
        assert_eq!(load("mine.jsonl").unwrap(), [expected]);
        let error = load("yours.jsonl").unwrap_err();
        assert!(
            matches!(&error, DatasetError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound)
        );
        assert!(error.to_string().contains("yours.jsonl"), "{error}");
        std::fs::write(folder.path().join("bad.jsonl"), "{\"prompt\": \"a\"}\n7").unwrap();
        let error = load("bad.jsonl").unwrap_err().to_string();
        assert!(error.contains("bad.jsonl: line 2: this is not a JSON object"), "{error}");
        std::fs::write(folder.path().join("latin1.jsonl"), b"{\"prompt\": \"\xe4\"}").unwrap();
        assert!(matches!(load("latin1.jsonl"), Err(DatasetError::Read { .. })));
    }

    #[test]
    fn inline_prompts_keep_their_order() {
        let source = DatasetSource::Inline(vec!["One?".into(), "Two?".into()]);
        let prompts = load(&source, Path::new(""), 5, 1, &name("inline")).unwrap();
        let texts: Vec<_> = prompts.iter().map(|prompt| prompt.text.as_str()).collect();
        assert_eq!(texts, ["One?", "Two?"]);
    }
}
