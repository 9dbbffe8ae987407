//! What a simulated model is: its latency, its answers' length, its capacity and its price.
//!
//! `built_in` holds the models that come with the simulator, `published.csv` the report that the
//! older of them are calibrated to, and `calibration` the proof. To fit them again:
//! `cargo run -p simulator --example calibrate`. `fixed` is a model to measure clients with.

mod built_in;
#[cfg(test)]
mod calibration;
mod day_swing;
mod fixed;
#[cfg(test)]
pub(crate) mod published;

use std::time::Duration;

pub use self::built_in::PUBLISHED_REPORT;
pub use self::day_swing::DaySwing;
pub use self::fixed::FIXED_MODEL;

/// A simulated model.
///
/// An answer's first token is due after a wait for a slot and
/// `(base + prefill_per_token x input tokens) x noise`; each further token
/// `decode_per_token x noise` after the one before it. Noise is log-normal with mean 1, drawn
/// anew for the prefill and for every token.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The id by which requests name the model.
    pub model_id: String,
    /// The part of the time to first token that does not depend on the prompt.
    pub base: Duration,
    /// Added to the time to first token for each input token.
    pub prefill_per_token: Duration,
    /// The mean gap between two tokens.
    pub decode_per_token: Duration,
    /// How the vendor counts the tokens of a prompt.
    pub input_tokens: InputTokens,
    /// How long answers are.
    pub output_tokens: OutputTokens,
    /// How many of an answer's tokens are reasoning, before all others; an answer that has no more
    /// tokens says nothing else. APIs and bodies that cannot tell reasoning from text have none.
    pub reasoning_tokens: u32,
    /// Coefficient of variation (standard deviation / mean) of the noise; 0 for none.
    pub noise_cv: f64,
    /// How times change over the day; none for not at all.
    pub day_swing: Option<DaySwing>,
    /// How many requests are served at once; the others wait, first come first served.
    pub slots: usize,
    /// Price in USD of 1,000 input tokens.
    pub input_per_1k_usd: f64,
    /// Price in USD of 1,000 output tokens.
    pub output_per_1k_usd: f64,
    /// Where the figures come from, in words.
    pub source: String,
}

/// How the vendor counts the tokens of a prompt, relative to [`crate::count_tokens`]:
/// `ratio x count + extra`, rounded. The default is the count itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InputTokens {
    /// Tokens for each of ours.
    pub ratio: f64,
    /// What the vendor's own wrapping of the prompt adds.
    pub extra: u32,
}

impl Default for InputTokens {
    fn default() -> Self {
        Self { ratio: 1.0, extra: 0 }
    }
}

impl InputTokens {
    /// The vendor's count of a prompt of `count` tokens by ours.
    pub fn of(self, count: u32) -> u32 {
        let scaled = (self.ratio * f64::from(count)).round().clamp(0.0, f64::from(u32::MAX));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the range of u32"
        )]
        let scaled = scaled as u32;
        scaled.saturating_add(self.extra)
    }
}

/// How long answers are before the request's own limit cuts them: log-normal, at least 1 token,
/// with a mean that may depend on the prompt's length.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputTokens {
    /// (prompt tokens by the vendor's count, mean answer tokens), by rising prompt tokens: linear
    /// between two points, constant before the first and after the last.
    pub points: Vec<(u32, f64)>,
    /// Coefficient of variation (standard deviation / mean); 0 for a length without spread.
    pub cv: f64,
}

impl OutputTokens {
    /// The same length for every prompt, without spread.
    pub fn fixed(tokens: f64) -> Self {
        Self { points: vec![(0, tokens)], cv: 0.0 }
    }

    /// The mean length of answers to prompts of so many tokens.
    pub fn mean(&self, input_tokens: u32) -> f64 {
        let after = self.points.partition_point(|(at, _)| *at <= input_tokens);
        let point = |index: usize| self.points.get(index).copied();
        match (after.checked_sub(1).and_then(point), point(after)) {
            (Some((from, low)), Some((to, high))) => {
                let share = f64::from(input_tokens - from) / f64::from(to - from);
                low + share * (high - low)
            }
            (Some((_, mean)), None) | (None, Some((_, mean))) => mean,
            (None, None) => 1.0,
        }
    }
}

/// Why a profile makes no sense; each says what to write instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProfile {
    /// Without a slot nothing is ever answered.
    #[error("`slots` must be at least 1")]
    NoSlots,
    /// An answer has at least one token, and lengths belong to rising prompt lengths.
    #[error("`output_tokens.points` must rise in prompt tokens, with finite lengths of at least 1")]
    OutputTokens,
    /// A prompt has tokens.
    #[error("`input_tokens.ratio` must be a finite number above 0")]
    InputTokens,
    /// A coefficient of variation is negative or not a number.
    #[error("`output_tokens.cv` and `noise_cv` must be finite numbers of at least 0")]
    Variation,
    /// A swing would make times negative, or has no such hour.
    #[error("`day_swing.amplitude` must be 0 to below 1, `day_swing.peak_hour` 0 to below 24")]
    DaySwing,
    /// A price is negative or not a number.
    #[error("prices must be finite numbers of at least 0")]
    Price,
}

impl Profile {
    /// The models of the published report ([`PUBLISHED_REPORT`]), calibrated to it, and then some
    /// models of today, whose figures are made up; each says so in [`Profile::source`].
    pub fn built_in() -> Vec<Self> {
        built_in::profiles()
    }

    /// The built-in profile of a model, if it has one.
    pub fn find(model_id: &str) -> Option<Self> {
        Self::built_in().into_iter().find(|profile| profile.model_id == model_id)
    }

    /// The mean time to first token of a request that need not wait for a slot.
    pub fn expected_time_to_first_token(&self, input_tokens: u32) -> Duration {
        self.base + self.prefill_per_token * input_tokens
    }

    pub(crate) fn check(&self) -> Result<(), InvalidProfile> {
        let is_amount = |value: f64| value.is_finite() && value >= 0.0;
        if self.slots == 0 {
            return Err(InvalidProfile::NoSlots);
        }
        if !(self.input_tokens.ratio.is_finite() && self.input_tokens.ratio > 0.0) {
            return Err(InvalidProfile::InputTokens);
        }
        let points = &self.output_tokens.points;
        let is_rising = !points.is_empty() && points.is_sorted_by(|a, b| a.0 < b.0);
        if !(is_rising && points.iter().all(|(_, mean)| mean.is_finite() && *mean >= 1.0)) {
            return Err(InvalidProfile::OutputTokens);
        }
        if !is_amount(self.output_tokens.cv) || !is_amount(self.noise_cv) {
            return Err(InvalidProfile::Variation);
        }
        if !self.day_swing.is_none_or(DaySwing::is_sensible) {
            return Err(InvalidProfile::DaySwing);
        }
        if !is_amount(self.input_per_1k_usd) || !is_amount(self.output_per_1k_usd) {
            return Err(InvalidProfile::Price);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_lengthen_between_points() {
        let tokens = OutputTokens { points: vec![(100, 10.0), (200, 20.0), (300, 5.0)], cv: 0.0 };
        let check = |input, expected: f64| {
            assert!((tokens.mean(input) - expected).abs() < 1e-9, "{input}");
        };
        check(0, 10.0);
        check(100, 10.0);
        check(150, 15.0);
        check(200, 20.0);
        check(250, 12.5);
        check(9_000, 5.0);
    }

    #[test]
    fn vendors_count_their_own_way() {
        assert_eq!(InputTokens::default().of(2952), 2952);
        assert_eq!(InputTokens { ratio: 1.0, extra: 7 }.of(2952), 2959);
        assert_eq!(InputTokens { ratio: 1.113, extra: 0 }.of(2952), 3286);
        assert_eq!(InputTokens { ratio: 2.0, extra: 7 }.of(u32::MAX), u32::MAX);
    }

    #[test]
    fn senseless_profiles_are_refused() {
        let check = |spoil: fn(&mut Profile), expected| {
            let mut profile = Profile::built_in().remove(0);
            assert_eq!(profile.check(), Ok(()));
            spoil(&mut profile);
            assert_eq!(profile.check(), Err(expected));
        };
        check(|profile| profile.slots = 0, InvalidProfile::NoSlots);
        check(|profile| profile.input_tokens.ratio = 0.0, InvalidProfile::InputTokens);
        check(|profile| profile.output_tokens.points.clear(), InvalidProfile::OutputTokens);
        check(|profile| profile.output_tokens.points[0].1 = 0.5, InvalidProfile::OutputTokens);
        check(|profile| profile.output_tokens.points[0].0 = 9_999, InvalidProfile::OutputTokens);
        check(|profile| profile.output_tokens.cv = f64::NAN, InvalidProfile::Variation);
        check(|profile| profile.noise_cv = -0.1, InvalidProfile::Variation);
        check(|profile| profile.input_per_1k_usd = f64::INFINITY, InvalidProfile::Price);
    }
}
