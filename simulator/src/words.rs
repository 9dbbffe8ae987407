//! What simulated models say: words of a short list of our own, one word for each token.
//!
//! The text means nothing. It is never compared with what a model would have said.

/// The words, all of ASCII letters. Their number is a power of two, so that any random bits choose
/// fairly.
pub(crate) const WORDS: [&str; 64] = [
    "a", "above", "across", "after", "again", "air", "all", "along", "among", "and", "answer",
    "any", "apple", "around", "as", "autumn", "basket", "because", "before", "below", "bird",
    "blue", "book", "both", "bridge", "bright", "calm", "carries", "cloud", "cold", "copper",
    "deep", "early", "every", "field", "follows", "from", "garden", "gentle", "glass", "green",
    "harbour", "in", "into", "lake", "lantern", "light", "many", "meadow", "morning", "near",
    "north", "of", "open", "paper", "quiet", "river", "stone", "sugar", "the", "under", "while",
    "window", "winter",
];

/// The text of a token: a word, after a space unless it is the first.
pub(crate) fn token_text(word: usize, is_first: bool) -> String {
    let word = WORDS[word % WORDS.len()];
    if is_first { word.to_owned() } else { format!(" {word}") }
}

/// Words beyond ASCII, each of one character of two, three or four bytes, which counts as a token.
const WORLDLY: [&str; 8] = ["à", "ñ", "ß", "水", "山", "光", "→", "🌧"];

/// The text of a token as [`token_text`] has it, but one word in eight is not of ASCII: for streams
/// that may be cut inside a character.
pub(crate) fn worldly_text(word: usize, is_first: bool) -> String {
    let place = word % WORDS.len();
    if !place.is_multiple_of(WORDS.len() / WORLDLY.len()) {
        return token_text(word, is_first);
    }
    let word = WORLDLY[place * WORLDLY.len() / WORDS.len()];
    if is_first { word.to_owned() } else { format!(" {word}") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn words_differ_and_each_is_one_token() {
        assert_eq!(WORDS.iter().collect::<BTreeSet<_>>().len(), WORDS.len());
        assert!(WORDS.iter().chain(&WORLDLY).all(|word| crate::count_tokens(word) == 1));
    }

    #[test]
    fn texts_join_to_a_sentence() {
        assert_eq!(token_text(59, true) + &token_text(56, false), "the river");
        assert_eq!(worldly_text(56, true) + &worldly_text(57, false), "🌧 stone");
    }
}
