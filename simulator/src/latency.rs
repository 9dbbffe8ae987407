//! How long an answer takes and how long it gets: drawn from the seed and the request.
//!
//! Nothing here depends on when a request arrives or on what else is served, so that the same
//! request under the same seed gets the same service times in any order and at any concurrency.
//! Waiting for a slot, which does depend on the others, is not in here.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::profile::Profile;

/// What tells one request from another: SHA-256 over seed, model and request.
pub(crate) type RequestDigest = [u8; 32];

/// The digest from which everything random about an answer follows.
///
/// The request's JSON is taken by its meaning: neither the order of fields nor white space
/// matters, and numbers are compared in single precision, so that clients that spell the same
/// request differently get the same answer.
pub(crate) fn digest(seed: u64, model_id: &str, request: &Value) -> RequestDigest {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    absorb_text(&mut hash, b'm', model_id);
    absorb(&mut hash, request);
    hash.finalize().into()
}

fn absorb(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Null => hash.update(b"0"),
        Value::Bool(value) => hash.update([b'b', u8::from(*value)]),
        Value::Number(number) => {
            #[expect(clippy::cast_possible_truncation, reason = "single precision is the rule")]
            let number = number.as_f64().unwrap_or(f64::NAN) as f32;
            hash.update(b"n");
            hash.update(number.to_le_bytes());
        }
        Value::String(text) => absorb_text(hash, b's', text),
        Value::Array(values) => {
            hash.update(b"[");
            for value in values {
                absorb(hash, value);
            }
            hash.update(b"]");
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            hash.update(b"{");
            for (name, value) in fields {
                absorb_text(hash, b'k', name);
                absorb(hash, value);
            }
            hash.update(b"}");
        }
    }
}

/// Length before text, so that no two requests run together to the same bytes.
fn absorb_text(hash: &mut Sha256, kind: u8, text: &str) {
    hash.update([kind]);
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

/// The service times of one answer, drawn as they are asked for.
#[derive(Debug)]
pub(crate) struct ServiceTimes {
    /// How many tokens the answer has.
    pub(crate) output_tokens: u32,
    /// Whether the request's limit cut the answer.
    pub(crate) is_cut: bool,
    prefill: Duration,
    decode: Duration,
    /// What all times are multiplied by.
    pace: f64,
    noise: Noise,
    times: ChaCha8Rng,
    words: ChaCha8Rng,
}

impl ServiceTimes {
    /// Draws the length of an answer of at most `limit` tokens.
    pub(crate) fn draw(
        profile: &Profile,
        input_tokens: u32,
        limit: u32,
        digest: RequestDigest,
    ) -> Self {
        let mut times = ChaCha8Rng::from_seed(digest);
        let mut words = times.clone();
        words.set_stream(1);
        let spread = Noise::new(profile.output_tokens.cv).draw(&mut times);
        let wanted = (profile.output_tokens.mean(input_tokens) * spread).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the range of u32"
        )]
        let wanted = wanted.clamp(1.0, f64::from(u32::MAX)) as u32;
        Self {
            output_tokens: wanted.min(limit),
            is_cut: wanted > limit,
            prefill: profile.expected_time_to_first_token(input_tokens),
            decode: profile.decode_per_token,
            pace: 1.0,
            noise: Noise::new(profile.noise_cv),
            times,
            words,
        }
    }

    /// All times multiplied by a factor: what they were drawn from stays.
    pub(crate) fn paced(self, pace: f64) -> Self {
        Self { pace, ..self }
    }

    /// Makes it an answer that goes on and on. Its tokens are at least 1 ms apart, so that time
    /// passes even where a model takes none.
    pub(crate) fn never_end(&mut self) {
        self.output_tokens = u32::MAX;
        self.is_cut = false;
        self.decode = self.decode.max(Duration::from_millis(1));
    }

    /// From the start of service to the first token. To be called once, before any gap.
    pub(crate) fn first_token(&mut self) -> Duration {
        self.prefill.mul_f64(self.pace * self.noise.draw(&mut self.times))
    }

    /// From one token to the next.
    pub(crate) fn gap(&mut self) -> Duration {
        self.decode.mul_f64(self.pace * self.noise.draw(&mut self.times))
    }

    /// The next token's place in [`crate::words::WORDS`].
    pub(crate) fn word(&mut self) -> usize {
        usize::from(self.words.random::<u8>())
    }
}

/// A log-normal factor with mean 1, or none.
#[derive(Debug, Clone, Copy)]
struct Noise(Option<LogNormal<f64>>);

impl Noise {
    /// A coefficient of variation of 0 is no noise. Profiles are checked at the start, so that
    /// no other value is refused here.
    fn new(cv: f64) -> Self {
        Self(if cv > 0.0 { LogNormal::from_mean_cv(1.0, cv).ok() } else { None })
    }

    fn draw(self, random: &mut ChaCha8Rng) -> f64 {
        self.0.map_or(1.0, |distribution| distribution.sample(random))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn profile() -> Profile {
        Profile::find("mistral.mistral-7b-instruct-v0:2").unwrap()
    }

    fn times(seed: u64, request: &Value, limit: u32) -> (u32, bool, Vec<Duration>, Vec<usize>) {
        let mut times = ServiceTimes::draw(&profile(), 100, limit, digest(seed, "m", request));
        let mut gaps = vec![times.first_token()];
        let mut words = vec![times.word()];
        for _ in 1..times.output_tokens {
            gaps.push(times.gap());
            words.push(times.word());
        }
        (times.output_tokens, times.is_cut, gaps, words)
    }

    #[test]
    fn the_same_request_takes_the_same_time() {
        let request = json!({"messages": ["hello"]});
        assert_eq!(times(1, &request, 500), times(1, &request, 500));
        assert_ne!(times(1, &request, 500), times(2, &request, 500));
        assert_ne!(times(1, &request, 500), times(1, &json!({"messages": ["hallo"]}), 500));
    }

    #[test]
    fn spelling_does_not_matter_and_meaning_does() {
        let parse = |text: &str| digest(1, "m", &serde_json::from_str(text).unwrap());
        let single = f64::from(0.1_f32);
        assert_eq!(
            parse(r#"{"a":1,"b":0.1}"#),
            parse(&format!(r#"{{ "b": {single}, "a": 1.0 }}"#))
        );
        assert_ne!(parse(r#"{"a":"b"}"#), parse(r#"{"a":"b","c":null}"#));
        assert_ne!(parse(r#"["ab","c"]"#), parse(r#"["a","bc"]"#));
        assert_ne!(parse("[[1],2]"), parse("[[1,2]]"));
        assert_ne!(digest(1, "m", &Value::Null), digest(1, "n", &Value::Null));
    }

    #[test]
    fn the_limit_cuts_and_says_so() {
        let request = json!("a");
        let (length, is_cut, ..) = times(1, &request, 5);
        assert_eq!((length, is_cut), (5, true));
        let (length, is_cut, ..) = times(1, &request, 5_000);
        assert!(length > 5 && !is_cut);
    }

    #[test]
    fn means_are_those_of_the_profile() {
        let count = 4_000;
        let (mut tokens, mut first, mut gap) = (0.0, 0.0, 0.0);
        for index in 0..count {
            let digest = digest(1, "m", &json!(index));
            let mut times = ServiceTimes::draw(&profile(), 100, 5_000, digest);
            tokens += f64::from(times.output_tokens);
            first += times.first_token().as_secs_f64();
            gap += times.gap().as_secs_f64();
        }
        let check = |sum: f64, expected: f64| {
            let difference = sum / f64::from(count) / expected - 1.0;
            assert!(difference.abs() < 0.02, "{difference}");
        };
        check(tokens, profile().output_tokens.mean(100));
        check(first, profile().expected_time_to_first_token(100).as_secs_f64());
        check(gap, profile().decode_per_token.as_secs_f64());
    }

    #[test]
    fn without_variation_every_time_is_the_mean() {
        let mut profile = profile();
        profile.noise_cv = 0.0;
        profile.output_tokens.cv = 0.0;
        let mut times = ServiceTimes::draw(&profile, 100, 500, [7; 32]);
        assert_eq!(times.output_tokens, 24);
        assert_eq!(times.first_token(), profile.expected_time_to_first_token(100));
        assert_eq!(times.gap(), profile.decode_per_token);
    }
}
