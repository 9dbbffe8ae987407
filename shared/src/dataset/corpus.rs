//! Prompts cut from a text.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::DatasetError;
use super::tokens::Counter;

/// Asks for a long answer, as synthetic words do.
const INSTRUCTION: &str = "Continue the following text at length:\n\n";

/// A text that prompts are cut from.
#[derive(Debug)]
pub(super) struct Corpus<'a> {
    text: &'a str,
    /// Where words begin, in bytes.
    words: Vec<usize>,
}

impl<'a> Corpus<'a> {
    /// A text with at least one word.
    ///
    /// # Errors
    ///
    /// [`DatasetError::EmptyText`] without any.
    pub(super) fn new(text: &'a str) -> Result<Self, DatasetError> {
        let words = words(text);
        if words.is_empty() { Err(DatasetError::EmptyText) } else { Ok(Self { text, words }) }
    }

    /// The instruction and the text from a random word on, from its beginning again where it ends:
    /// as much of it as [`fit`]s, and how many tokens that has.
    pub(super) fn cut(
        &self,
        tokens: u32,
        counter: Counter<'_>,
        random: &mut ChaCha8Rng,
    ) -> Result<(String, u32), DatasetError> {
        let first = random.random_range(0..self.words.len());
        let mut count = usize::try_from(tokens).unwrap_or(usize::MAX);
        // As many words as tokens are seldom too few.
        for _ in 0..4 {
            let text = self.take(first, count);
            if counter.count(&text)? >= tokens {
                return fit(&text, tokens, counter);
            }
            count = count.saturating_mul(2);
        }
        fit(&self.take(first, count), tokens, counter)
    }

    /// The instruction and so many words.
    fn take(&self, mut first: usize, mut count: usize) -> String {
        let mut text = INSTRUCTION.to_owned();
        loop {
            let end = self.words.len().min(first.saturating_add(count));
            let end_byte = self.words.get(end).map_or(self.text.len(), |byte| *byte);
            text.push_str(self.text[self.words[first]..end_byte].trim_end());
            count -= end - first;
            if count == 0 {
                return text;
            }
            text.push('\n');
            first = 0;
        }
    }
}

/// Where words begin, in bytes. What is not ASCII may be of a script without spaces, so that each
/// such character begins a word.
fn words(text: &str) -> Vec<usize> {
    let mut is_after_space = true;
    let mut words = Vec::new();
    for (byte, character) in text.char_indices() {
        let is_space = character.is_whitespace();
        if !is_space && (is_after_space || !character.is_ascii()) {
            words.push(byte);
        }
        is_after_space = is_space;
    }
    words
}

/// The longest beginning of a text, in whole words, that has no more than `tokens`, and how many it
/// has. The instruction is part of the text, and is always shorter.
pub(super) fn fit(
    text: &str,
    tokens: u32,
    counter: Counter<'_>,
) -> Result<(String, u32), DatasetError> {
    let ends: Vec<usize> = words(text).into_iter().chain([text.len()]).collect();
    let part = |end: usize| text[..ends[end]].trim_end();
    let (mut low, mut low_count) = (0, 0);
    let (mut high, mut high_count) = (ends.len() - 1, counter.count(text)?);
    if high_count <= tokens {
        return Ok((text.to_owned(), high_count));
    }
    let mut interpolates = true;
    while high - low > 1 {
        // Tokens are nearly proportional to words, so a good guess is between the two by that;
        // every other guess is in the middle, for texts where they are not.
        let share = if interpolates {
            f64::from(tokens - low_count) / f64::from(high_count - low_count)
        } else {
            0.5
        };
        interpolates = !interpolates;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a guess, brought between the two"
        )]
        let guess = (low + ((high - low) as f64 * share) as usize).clamp(low + 1, high - 1);
        let count = counter.count(part(guess))?;
        if count <= tokens {
            (low, low_count) = (guess, count);
        } else {
            (high, high_count) = (guess, count);
        }
    }
    Ok((part(low).to_owned(), low_count))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const TEXT: &str = "It was a dark night;\n\nthe rain fell in torrents. Für Elise. 漢字漢字漢字";

    fn cut(tokens: u32, seed: u64) -> (String, u32) {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        Corpus::new(TEXT).unwrap().cut(tokens, Counter::Estimate, random).unwrap()
    }

    #[test]
    fn a_part_is_as_long_as_words_allow() {
        for seed in 0..200 {
            for tokens in [32, 33, 40, 100, 333] {
                let (text, count) = cut(tokens, seed);
                assert_eq!(Counter::Estimate.count(&text).unwrap(), count);
                assert!((tokens - 4..=tokens).contains(&count), "{count} of {tokens}: {text}");
                assert!(text.starts_with(INSTRUCTION));
            }
        }
        // Pinned: what a seed generates must not change.
        insta::assert_snapshot!(cut(40, 7).0, @r#"
        Continue the following text at length:

        a dark night;

        the rain fell in torrents. Für Elise. 漢字漢字漢字
        It was a dark night;

        the rain
        "#);
    }

    #[test]
    fn the_longest_beginning_is_found() {
        let text = "one two three, four\nfünf sechs seven";
        for tokens in 1..20 {
            let (part, count) = fit(text, tokens, Counter::Estimate).unwrap();
            assert!(count <= tokens && text.starts_with(&part));
            let next =
                words(text).into_iter().chain([text.len()]).find(|end| *end > part.len() + 1);
            let longer = next.map(|end| Counter::Estimate.count(text[..end].trim_end()).unwrap());
            assert!(longer.is_none_or(|longer| longer > tokens), "{part} of {tokens}");
        }
    }

    #[test]
    fn a_text_without_words_is_refused() {
        assert!(matches!(Corpus::new(" \n"), Err(DatasetError::EmptyText)));
    }
}
