//! What makes each prompt unique, so that no service answers from a cache.

use sha2::{Digest, Sha256};

use super::synthetic::WORDS;
use crate::units::{ExperimentId, RunId};

/// Enough that no two requests of a run share a nonce: with 1,100 words there are 2^80 of them.
const NONCE_WORDS: usize = 8;

/// How many tokens [`with_nonce`] adds to a prompt, by our own count: the words, `[label`,
/// `:` and `]` with the line ends.
pub const NONCE_TOKENS: u32 = 11;

/// A label of [`NONCE_TOKENS`] tokens that no other request has.
///
/// It follows from its arguments alone: the digest (SHA-256) of them chooses words of the list
/// that synthetic prompts are made of. The same request of another attempt has another label.
pub fn nonce(
    run: &RunId,
    experiment: &ExperimentId,
    round: u32,
    block: u32,
    attempt: u32,
    sequence: u32,
) -> String {
    // Neither identifier holds the separator.
    let place = format!("{run}\n{experiment}\n{round}\n{block}\n{attempt}\n{sequence}");
    let digest = Sha256::digest(place);
    let mut label = "[label:".to_owned();
    for chunk in digest.chunks_exact(digest.len() / NONCE_WORDS) {
        let number = chunk.iter().fold(0, |number, byte| (number << 8) | usize::from(*byte));
        label.push(' ');
        label.push_str(WORDS[number % WORDS.len()]);
    }
    label.push(']');
    label
}

/// The prompt with its nonce in front: what is unique must come first, since caches keep
/// beginnings.
pub fn with_nonce(nonce: &str, text: &str) -> String {
    format!("{nonce}\n\n{text}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::dataset::estimate_tokens;

    fn make(attempt: u32, sequence: u32) -> String {
        let experiment = ExperimentId::from("mistral-7b~chat~c4".to_owned());
        nonce(&"run-1".parse().unwrap(), &experiment, 1, 2, attempt, sequence)
    }

    #[test]
    fn nonces_are_unique_and_of_one_length() {
        let nonces: HashSet<String> =
            (0..5000).flat_map(|sequence| [make(1, sequence), make(2, sequence)]).collect();
        assert_eq!(nonces.len(), 10_000);
        let text = "Why is the sky blue?";
        let plain = estimate_tokens(text);
        for nonce in &nonces {
            assert_eq!(estimate_tokens(&with_nonce(nonce, text)), plain + NONCE_TOKENS, "{nonce}");
        }
    }

    #[test]
    fn a_nonce_follows_from_the_place_of_its_request() {
        assert_eq!(make(1, 7), make(1, 7));
        insta::assert_snapshot!(with_nonce(&make(1, 7), "Why is the sky blue?"));
    }
}
