//! What a simulated model is: its latency, its answers' length, its capacity and its price.

use std::time::Duration;

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
    /// How long answers are.
    pub output_tokens: OutputTokens,
    /// Coefficient of variation (standard deviation / mean) of the noise; 0 for none.
    pub noise_cv: f64,
    /// How many requests are served at once; the others wait, first come first served.
    pub slots: usize,
    /// Price in USD of 1,000 input tokens.
    pub input_per_1k_usd: f64,
    /// Price in USD of 1,000 output tokens.
    pub output_per_1k_usd: f64,
}

/// How long answers are before the request's own limit cuts them: log-normal, at least 1 token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutputTokens {
    /// Mean length in tokens.
    pub mean: f64,
    /// Coefficient of variation (standard deviation / mean); 0 for a fixed length.
    pub cv: f64,
}

/// Why a profile makes no sense; each says what to write instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProfile {
    /// Without a slot nothing is ever answered.
    #[error("`slots` must be at least 1")]
    NoSlots,
    /// An answer has at least one token.
    #[error("`output_tokens.mean` must be a finite number of at least 1")]
    OutputTokensMean,
    /// A coefficient of variation is negative or not a number.
    #[error("`output_tokens.cv` and `noise_cv` must be finite numbers of at least 0")]
    Variation,
    /// A price is negative or not a number.
    #[error("prices must be finite numbers of at least 0")]
    Price,
}

impl Profile {
    /// The models whose latency is calibrated to a published report.
    ///
    /// The figures are those of the `FMBench` report 'FMs available in Amazon Bedrock' of
    /// 2024-04-16: per model, five buckets of prompt length at concurrency 2, each with its mean
    /// prompt tokens, completion tokens and latency. The three latency parameters minimise the
    /// sum of squared differences to those latencies; this module's tests hold the rows. The
    /// report says nothing of the time to first token: how latency splits into prefill and decode
    /// follows from the fit. Prices are the public on-demand prices of that date in us-east-1.
    /// Spread and slots are plausible values of our own.
    pub fn built_in() -> Vec<Self> {
        vec![
            Self {
                model_id: "mistral.mistral-7b-instruct-v0:2".into(),
                base: Duration::from_nanos(77_555_100),
                prefill_per_token: Duration::from_nanos(116_100),
                decode_per_token: Duration::from_nanos(9_732_500),
                output_tokens: OutputTokens { mean: 33.0, cv: 0.35 },
                noise_cv: 0.05,
                slots: 64,
                input_per_1k_usd: 0.000_15,
                output_per_1k_usd: 0.000_2,
            },
            Self {
                model_id: "anthropic.claude-3-haiku-20240307-v1:0".into(),
                base: Duration::from_nanos(27_778_100),
                prefill_per_token: Duration::from_nanos(93_700),
                decode_per_token: Duration::from_nanos(15_106_400),
                output_tokens: OutputTokens { mean: 53.4, cv: 0.35 },
                noise_cv: 0.05,
                slots: 64,
                input_per_1k_usd: 0.000_25,
                output_per_1k_usd: 0.001_25,
            },
            Self {
                model_id: "meta.llama2-13b-chat-v1".into(),
                base: Duration::from_nanos(25_026_600),
                prefill_per_token: Duration::from_micros(251),
                decode_per_token: Duration::from_nanos(27_978_100),
                output_tokens: OutputTokens { mean: 18.6, cv: 0.35 },
                noise_cv: 0.05,
                slots: 64,
                input_per_1k_usd: 0.000_75,
                output_per_1k_usd: 0.001,
            },
        ]
    }

    /// The built-in profile of a model, if it has one.
    pub fn find(model_id: &str) -> Option<Self> {
        Self::built_in().into_iter().find(|profile| profile.model_id == model_id)
    }

    /// The mean time to first token of a request that need not wait for a slot.
    pub fn expected_time_to_first_token(&self, input_tokens: u32) -> Duration {
        self.base + self.prefill_per_token * input_tokens
    }

    /// The mean time to the last token of a request that need not wait for a slot:
    /// `base + prefill_per_token x input + decode_per_token x (output - 1)`.
    pub fn expected_latency(&self, input_tokens: u32, output_tokens: u32) -> Duration {
        self.expected_time_to_first_token(input_tokens)
            + self.decode_per_token * output_tokens.saturating_sub(1)
    }

    pub(crate) fn check(&self) -> Result<(), InvalidProfile> {
        let is_amount = |value: f64| value.is_finite() && value >= 0.0;
        if self.slots == 0 {
            return Err(InvalidProfile::NoSlots);
        }
        if !(self.output_tokens.mean.is_finite() && self.output_tokens.mean >= 1.0) {
            return Err(InvalidProfile::OutputTokensMean);
        }
        if !is_amount(self.output_tokens.cv) || !is_amount(self.noise_cv) {
            return Err(InvalidProfile::Variation);
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

    /// Mean prompt tokens, mean completion tokens, mean latency in seconds at concurrency 2.
    type Row = (u32, u32, f64);

    /// The published rows, by model in the order of the built-in profiles.
    const PUBLISHED: [(&str, [Row; 5]); 3] = [
        (
            "mistral.mistral-7b-instruct-v0:2",
            [
                (256, 24, 0.33),
                (807, 49, 0.64),
                (1383, 26, 0.49),
                (2131, 32, 0.61),
                (2959, 34, 0.75),
            ],
        ),
        (
            "anthropic.claude-3-haiku-20240307-v1:0",
            [
                (272, 30, 0.48),
                (887, 63, 1.03),
                (1541, 54, 1.02),
                (2379, 59, 1.12),
                (3281, 61, 1.23),
            ],
        ),
        (
            "meta.llama2-13b-chat-v1",
            [
                (249, 25, 0.76),
                (800, 14, 0.59),
                (1376, 13, 0.71),
                (2124, 19, 1.05),
                (2952, 22, 1.36),
            ],
        ),
    ];

    /// The largest relative difference to a published mean that we accept. The report rounds to
    /// 10 ms, which is up to 1.5 % of its shortest latencies.
    const TOLERANCE: f64 = 0.05;

    #[test]
    fn expected_latency_is_near_every_published_row() {
        for (profile, (model_id, rows)) in Profile::built_in().iter().zip(PUBLISHED) {
            assert_eq!(Profile::find(model_id).as_ref(), Some(profile));
            for (input_tokens, output_tokens, published) in rows {
                let expected = profile.expected_latency(input_tokens, output_tokens).as_secs_f64();
                let difference = expected / published - 1.0;
                assert!(
                    difference.abs() < TOLERANCE,
                    "{model_id}, {input_tokens} tokens: {expected:.3} s against {published} s"
                );
            }
        }
    }

    #[test]
    fn mean_output_length_is_the_mean_of_the_published_rows() {
        for (profile, (_, rows)) in Profile::built_in().iter().zip(PUBLISHED) {
            let mean = rows.iter().map(|row| f64::from(row.1)).sum::<f64>() / 5.0;
            assert!((profile.output_tokens.mean - mean).abs() < 0.05, "{mean}");
        }
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
        check(|profile| profile.output_tokens.mean = 0.5, InvalidProfile::OutputTokensMean);
        check(|profile| profile.output_tokens.cv = f64::NAN, InvalidProfile::Variation);
        check(|profile| profile.noise_cv = -0.1, InvalidProfile::Variation);
        check(|profile| profile.input_per_1k_usd = f64::INFINITY, InvalidProfile::Price);
    }
}
