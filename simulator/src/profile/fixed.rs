//! A model without any chance in it: what a client is measured with.

use std::time::Duration;

use tokio::sync::Semaphore;

use super::{InputTokens, OutputTokens, Profile};

/// The id of the model that [`Profile::fixed`] makes.
pub const FIXED_MODEL: &str = "fmgauge.fixed";

impl Profile {
    /// A model that takes exactly so long, whatever the prompt and however many ask at once: the
    /// first token is due `ttft` after the arrival of the whole request, the others `itl` apart,
    /// and there are `tokens` of them, or as many as the request allows. It costs nothing.
    pub fn fixed(ttft: Duration, itl: Duration, tokens: u32) -> Self {
        Self {
            model_id: FIXED_MODEL.to_owned(),
            base: ttft,
            prefill_per_token: Duration::ZERO,
            decode_per_token: itl,
            input_tokens: InputTokens::default(),
            output_tokens: OutputTokens::fixed(f64::from(tokens)),
            reasoning_tokens: 0,
            noise_cv: 0.0,
            day_swing: None,
            slots: Semaphore::MAX_PERMITS,
            input_per_1k_usd: 0.0,
            output_per_1k_usd: 0.0,
            source: "a fixed timing, not that of any model".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ask, prompt};
    use crate::{Simulator, SimulatorConfig};

    #[tokio::test(start_paused = true)]
    async fn its_timing_is_exact_whatever_is_asked() {
        let profiles =
            vec![Profile::fixed(Duration::from_millis(200), Duration::from_millis(20), 50)];
        let config = SimulatorConfig { profiles, ..Default::default() };
        let simulator = Simulator::start(config).await.unwrap();
        for text in ["one", &"word ".repeat(5_000)] {
            let reply = ask(simulator.connect(), FIXED_MODEL, &prompt(text)).await.unwrap();
            let at: Vec<_> = reply.tokens().iter().map(|(at, _)| at.as_millis()).collect();
            assert_eq!(at, (0..50).map(|token| 200 + 20 * token).collect::<Vec<u128>>());
        }
        let mut request = prompt("one");
        request["inferenceConfig"] = serde_json::json!({"maxTokens": 7});
        let reply = ask(simulator.connect(), FIXED_MODEL, &request).await.unwrap();
        assert_eq!(reply.tokens().len(), 7);
    }
}
