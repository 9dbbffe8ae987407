//! How the simulated service counts tokens.
//!
//! An estimate, and at the same time the truth of the simulation: what this module counts, scaled
//! as the model's vendor counts ([`crate::InputTokens`]), is what the service reports as
//! `inputTokens`. It does not imitate any model's tokenizer.

/// The number of tokens in a text, in one pass.
///
/// A run of ASCII letters of length n counts `1 + (n - 1) / 10` rounded down, a run of digits `n / 3` rounded
/// up, any other visible character 1, white space and control characters 0.
pub fn count_tokens(text: &str) -> u32 {
    let mut tokens = 0_u64;
    let mut letters = 0_u64;
    let mut digits = 0_u64;
    for character in text.chars() {
        if character.is_ascii_alphabetic() {
            tokens += close_digits(&mut digits);
            letters += 1;
        } else if character.is_ascii_digit() {
            tokens += close_letters(&mut letters);
            digits += 1;
        } else {
            tokens += close_letters(&mut letters) + close_digits(&mut digits);
            tokens += u64::from(!character.is_whitespace() && !character.is_control());
        }
    }
    tokens += close_letters(&mut letters) + close_digits(&mut digits);
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

fn close_letters(run: &mut u64) -> u64 {
    match std::mem::take(run) {
        0 => 0,
        length => 1 + (length - 1) / 10,
    }
}

fn close_digits(run: &mut u64) -> u64 {
    std::mem::take(run).div_ceil(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: u32) {
        assert_eq!(count_tokens(text), expected, "{text:?}");
    }

    #[test]
    fn counts_by_the_documented_rule() {
        check("", 0);
        check(" \t\n", 0);
        check("cloud", 1);
        check("abcdefghij", 1);
        check("abcdefghijk", 2);
        check("Summarize cloud computing in one sentence.", 7);
        check("7", 1);
        check("2024", 2);
        check("g5.2xlarge", 5);
        check("don't", 3);
        check("café", 2);
        check("日本語", 3);
        check("a1b22c", 5);
    }

    #[test]
    fn joining_by_a_space_adds_up() {
        let (left, right) = ("price per transaction,", "11 models");
        assert_eq!(
            count_tokens(&format!("{left} {right}")),
            count_tokens(left) + count_tokens(right)
        );
    }
}
