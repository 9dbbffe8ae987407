//! Generated prompts.

use std::sync::LazyLock;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::corpus::{Corpus, fit};
use super::tokens::{Counter, estimate_tokens};
use super::{DatasetError, Lengths, MAX_TOKENS, Place, Prompt, random};
use crate::units::Name;

/// The shortest synthetic prompt, in tokens.
pub const MIN_SYNTHETIC_TOKENS: u32 = 32;

/// Asks for a long answer, so that `max_tokens` and not the model's mood ends it.
const INSTRUCTION: &str = "Write a long and detailed story in which these words appear:";

/// Common words, chosen so that each is one token of our encoding after a space, in lower case
/// and with a capital letter. A test proves it.
pub(super) static WORDS: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("words.txt").lines().collect());

/// Prompts that are generated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synthetic {
    /// The length of every prompt, without the nonce.
    pub prompt_tokens: Lengths,
    /// The limit of every answer; the dataset's where it is not given.
    pub output_tokens: Option<Lengths>,
    /// How many prompts there are.
    pub count: u32,
    /// The text that prompts are cut from, instead of random words.
    pub corpus: Option<Place>,
}

/// Generates different prompts, all with the same instruction and then sentences of random words,
/// or a part of `corpus`. No answer's limit is above `max_tokens`.
///
/// Words have exactly the wanted length by our own count. By another count, and from a corpus,
/// prompts are as long as whole words allow without being longer.
///
/// A prompt follows from the seed, the dataset's name, its lengths and its index alone: a larger
/// count only adds prompts.
///
/// # Errors
///
/// [`DatasetError::TooShort`] below [`MIN_SYNTHETIC_TOKENS`], and where a tokenizer fails.
pub(super) fn synthetic(
    spec: &Synthetic,
    corpus: Option<&Corpus<'_>>,
    max_tokens: u32,
    counter: Counter<'_>,
    seed: u64,
    dataset: &Name,
) -> Result<Vec<Prompt>, DatasetError> {
    let shortest = spec.prompt_tokens.mean();
    if shortest < MIN_SYNTHETIC_TOKENS {
        return Err(DatasetError::TooShort(shortest));
    }
    let prompt = |index| {
        let random = |purpose| random(seed, purpose, dataset, index);
        let lengths = MIN_SYNTHETIC_TOKENS..=MAX_TOKENS;
        let tokens = spec.prompt_tokens.draw(&lengths, &mut random("prompt tokens"));
        let (text, estimated_tokens) = match (corpus, counter) {
            // Exact by construction, so that a large dataset need not be counted.
            (None, Counter::Estimate) => (words(tokens, &mut random("synthetic")), tokens),
            (None, Counter::Exact(_)) => {
                fit(&words(tokens, &mut random("synthetic")), tokens, counter)?
            }
            (Some(corpus), _) => corpus.cut(tokens, counter, &mut random("corpus"))?,
        };
        let max_tokens = match spec.output_tokens {
            Some(limits) => limits.draw(&(1..=max_tokens), &mut random("output tokens")),
            None => max_tokens,
        };
        Ok(Prompt { text, estimated_tokens, max_tokens })
    };
    (0..spec.count).map(prompt).collect()
}

/// The instruction and sentences, exactly so long by our own count.
fn words(tokens: u32, random: &mut ChaCha8Rng) -> String {
    let mut text = INSTRUCTION.to_owned();
    write_sentences(&mut text, tokens - estimate_tokens(INSTRUCTION), random);
    text
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
    use crate::dataset::tokens::parse_tokenizer;
    use crate::dataset::tokens::tests::TOKENIZER;

    fn spec(prompt_tokens: Lengths, count: u32) -> Synthetic {
        Synthetic { prompt_tokens, output_tokens: None, count, corpus: None }
    }

    fn generate(seed: u64, prompt_tokens: u32, count: u32) -> Vec<Prompt> {
        let spec = spec(Lengths::Fixed(prompt_tokens), count);
        synthetic(&spec, None, 100, Counter::Estimate, seed, &"chat".parse().unwrap()).unwrap()
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
    fn lengths_and_limits_are_drawn_apart_from_the_words() {
        let lengths = Lengths::Normal { mean: 550, stddev: 150 };
        let limits = Some(Lengths::Normal { mean: 150, stddev: 80 });
        let spec = Synthetic { output_tokens: limits, ..spec(lengths, 50) };
        let prompts =
            synthetic(&spec, None, 200, Counter::Estimate, 1, &"chat".parse().unwrap()).unwrap();
        for prompt in &prompts {
            assert_eq!(estimate_tokens(&prompt.text), prompt.estimated_tokens);
            assert!((1..=200).contains(&prompt.max_tokens));
            let fixed = generate(1, prompt.estimated_tokens, 50);
            assert!(fixed.iter().any(|fixed| fixed.text == prompt.text));
        }
        // Pinned: what a seed generates must not change.
        let drawn: Vec<_> =
            prompts[..5].iter().map(|p| (p.estimated_tokens, p.max_tokens)).collect();
        assert_eq!(drawn, [(846, 93), (493, 122), (783, 99), (408, 146), (583, 117)]);
    }

    #[test]
    fn another_tokenizer_is_approached_from_below() {
        let tokenizer = parse_tokenizer(TOKENIZER.as_bytes()).unwrap();
        let counter = Counter::Exact(&tokenizer);
        let spec = spec(Lengths::Fixed(100), 20);
        for prompt in synthetic(&spec, None, 9, counter, 1, &"chat".parse().unwrap()).unwrap() {
            assert_eq!(counter.count(&prompt.text).unwrap(), prompt.estimated_tokens);
            assert!((98..=100).contains(&prompt.estimated_tokens), "{}", prompt.estimated_tokens);
            assert!(prompt.text.starts_with(INSTRUCTION));
        }
    }

    #[test]
    fn too_short_a_prompt_is_refused() {
        let spec = spec(Lengths::Fixed(MIN_SYNTHETIC_TOKENS - 1), 1);
        let refused = synthetic(&spec, None, 9, Counter::Estimate, 1, &"chat".parse().unwrap());
        assert!(matches!(refused, Err(DatasetError::TooShort(31))));
    }
}
