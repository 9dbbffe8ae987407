//! What tokens cost: exact arithmetic in nano-dollars, and a dated table of published prices.

mod allotment;
mod charge;
pub mod services;
mod table;

use serde::{Deserialize, Serialize};

pub use self::allotment::Allotment;
pub use self::charge::{Charge, Tariff, is_free};
pub use self::table::{REGION, Row, history, lookup, lookup_at, model_ids, rows};

use crate::record::Usage;
use crate::units::NanoUsd;

/// The price of an endpoint's tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// For 1,000 prompt tokens.
    pub input_per_1k_nano_usd: NanoUsd,
    /// For 1,000 tokens of answers.
    pub output_per_1k_nano_usd: NanoUsd,
    /// Where the price comes from, with its date: shown in the report.
    pub source: String,
}

impl Price {
    /// The cost of so many tokens, rounded to the nearest nano-dollar (halves up):
    /// (input x input price + output x output price) / 1,000.
    pub fn of_tokens(&self, input: u64, output: u64) -> NanoUsd {
        let thousandfold = u128::from(input) * u128::from(self.input_per_1k_nano_usd.0)
            + u128::from(output) * u128::from(self.output_per_1k_nano_usd.0);
        NanoUsd(u64::try_from((thousandfold + 500) / 1000).unwrap_or(u64::MAX))
    }

    /// The cost of a request by its reported usage; `None` where the service reported none.
    pub fn of_usage(&self, usage: &Usage) -> Option<NanoUsd> {
        Some(self.of_tokens(usage.input_tokens?.into(), usage.output_tokens?.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input_usd: f64, output_usd: f64, tokens: (u64, u64), expected: NanoUsd) {
        let price = Price {
            input_per_1k_nano_usd: NanoUsd::from_usd(input_usd).unwrap(),
            output_per_1k_nano_usd: NanoUsd::from_usd(output_usd).unwrap(),
            source: String::new(),
        };
        assert_eq!(price.of_tokens(tokens.0, tokens.1), expected);
    }

    /// The figures that the 2024 reports print, to their last digit.
    #[test]
    fn the_published_prices_per_transaction_are_met() {
        // Mistral 7B, 2959/34: $0.000451 a transaction (0.00045065).
        check(0.000_15, 0.000_2, (2959, 34), NanoUsd(450_650));
        // J2 Mid, 2952/20: $371.50 for 10,000.
        check(0.012_5, 0.012_5, (2952, 20), NanoUsd(37_150_000));
        // J2 Ultra, 2952/17: $558.17 for 10,000 (558.1720).
        check(0.018_8, 0.018_8, (2952, 17), NanoUsd(55_817_200));
        // Claude Instant, 1623/61: $0.001445 a transaction (0.0014448).
        check(0.000_8, 0.002_4, (1623, 61), NanoUsd(1_444_800));
    }
}
