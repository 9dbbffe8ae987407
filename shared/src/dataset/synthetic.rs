//! Generated prompts of an exact length.

use std::sync::LazyLock;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{DatasetError, Prompt, random, tokens::estimate_tokens};
use crate::units::Name;

/// The shortest synthetic prompt, in tokens.
pub const MIN_SYNTHETIC_TOKENS: u32 = 32;

/// Asks for a long answer, so that `max_tokens` and not the model's mood ends it.
const INSTRUCTION: &str = "Write a long and detailed story in which these words appear:";

/// Common words, chosen so that each is one token of our encoding after a space, in lower case
/// and with a capital letter. A test proves it.
pub(super) static WORDS: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("words.txt").lines().collect());

/// Generates `count` different prompts of exactly `prompt_tokens` tokens by our own count, all
/// with the same instruction and then sentences of random words.
///
/// The text of a prompt follows from the seed, the dataset's name, the length and the prompt's
/// index alone: a larger `count` only adds prompts.
///
/// # Errors
///
/// [`DatasetError::TooShort`] below [`MIN_SYNTHETIC_TOKENS`].
pub fn synthetic(
    prompt_tokens: u32,
    count: u32,
    max_tokens: u32,
    seed: u64,
    dataset: &Name,
) -> Result<Vec<Prompt>, DatasetError> {
    if prompt_tokens < MIN_SYNTHETIC_TOKENS {
        return Err(DatasetError::TooShort(prompt_tokens));
    }
    let filler = prompt_tokens - estimate_tokens(INSTRUCTION);
    let prompts = (0..count).map(|index| {
        let mut text = INSTRUCTION.to_owned();
        write_sentences(&mut text, filler, &mut random(seed, "synthetic", dataset, index));
        // Exact by construction, so that a large dataset need not be counted.
        Prompt { text, estimated_tokens: prompt_tokens, max_tokens }
    });
    Ok(prompts.collect())
}

/// Appends sentences of exactly `tokens` tokens: one for each word and one for each full stop.
fn write_sentences(text: &mut String, mut tokens: u32, random: &mut ChaCha8Rng) {
    while tokens > 0 {
        // The rest is never too short for a sentence.
        let sentence = if tokens <= 20 { tokens } else { random.random_range(9..=17) };
        for place in 1..sentence {
            let word = WORDS[random.random_range(0..WORDS.len())];
            text.push(' ');
            if place == 1 {
                text.push_str(&word[..1].to_ascii_uppercase());
                text.push_str(&word[1..]);
            } else {
                text.push_str(word);
            }
        }
        text.push('.');
        tokens -= sentence;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn generate(seed: u64, prompt_tokens: u32, count: u32) -> Vec<Prompt> {
        synthetic(prompt_tokens, count, 100, seed, &"chat".parse().unwrap()).unwrap()
    }

    #[test]
    fn every_word_is_one_token() {
        assert!(WORDS.len() >= 600, "{}", WORDS.len());
        assert!(WORDS.is_sorted_by(|a, b| a < b), "sorted, each once");
        for word in WORDS.iter() {
            assert!(word.len() >= 3 && word.bytes().all(|b| b.is_ascii_lowercase()), "{word}");
            let capital = format!(" {}{}", word[..1].to_ascii_uppercase(), &word[1..]);
            for text in [format!(" {word}"), capital] {
                assert_eq!(estimate_tokens(&text), 1, "{text:?}");
            }
        }
    }

    #[test]
    fn prompts_have_exactly_the_wanted_length() {
        for tokens in (MIN_SYNTHETIC_TOKENS..80).chain([550, 1000, 4000]) {
            for prompt in generate(1, tokens, 3) {
                assert_eq!(estimate_tokens(&prompt.text), tokens, "{}", prompt.text);
                assert_eq!(prompt.estimated_tokens, tokens);
            }
        }
    }

    #[test]
    fn prompts_differ_and_follow_from_the_seed() {
        let prompts = generate(1, 32, 1000);
        let texts: HashSet<&str> = prompts.iter().map(|prompt| prompt.text.as_str()).collect();
        assert_eq!(texts.len(), 1000);
        assert_eq!(generate(1, 32, 10), prompts[..10]);
        assert_ne!(generate(2, 32, 10), prompts[..10]);
        insta::assert_snapshot!(prompts[0].text);
    }

    #[test]
    fn too_short_a_prompt_is_refused() {
        let refused = synthetic(MIN_SYNTHETIC_TOKENS - 1, 1, 100, 1, &"chat".parse().unwrap());
        assert!(matches!(refused, Err(DatasetError::TooShort(31))));
    }
}
