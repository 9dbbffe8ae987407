//! What tokens and instances cost: exact arithmetic in nano-dollars, and a dated table of published prices.

mod allotment;
mod charge;
mod instances;
pub mod services;
mod table;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::allotment::Allotment;
pub use self::charge::{Charge, Tariff, is_free};
pub use self::instances::{INSTANCES_DATE, INSTANCES_SOURCE, InstanceRow, instance, instances};
pub use self::table::{REGION, Row, history, lookup, lookup_at, model_ids, rows};

use crate::record::Usage;
use crate::units::NanoUsd;

/// What an endpoint costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Price {
    /// By its tokens.
    Tokens(TokenPrice),
    /// By its time, whatever it does.
    Hours(HourPrice),
}

/// The price of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenPrice {
    /// For 1,000 prompt tokens.
    pub input_per_1k_nano_usd: NanoUsd,
    /// For 1,000 tokens of answers.
    pub output_per_1k_nano_usd: NanoUsd,
    /// Where the price comes from, with its date: shown in the report.
    pub source: String,
}

/// The price of time: of instances, or of the model units of provisioned throughput.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourPrice {
    /// For an hour of one instance or unit.
    pub per_hour_nano_usd: NanoUsd,
    /// How many there are.
    pub instances: u32,
    /// What they are: `ml.g5.2xlarge`; `None` where that is not said.
    pub instance_type: Option<String>,
    /// Where the price comes from, with its date: shown in the report.
    pub source: String,
}

impl Price {
    /// The cost of a request by its reported usage; `None` where the service reported none (an estimate
    /// of ours is no bill), and where time is what costs.
    pub fn of_usage(&self, usage: &Usage) -> Option<NanoUsd> {
        if !usage.is_reported() {
            return None;
        }
        Some(self.tokens()?.of_tokens(usage.input_tokens?.into(), usage.output_tokens?.into()))
    }

    /// The cost of so many tokens: nothing where time is what costs.
    pub fn of_tokens(&self, input: u64, output: u64) -> NanoUsd {
        self.tokens().map_or(NanoUsd::ZERO, |price| price.of_tokens(input, output))
    }

    /// The price of its tokens, where these are what costs.
    pub fn tokens(&self) -> Option<&TokenPrice> {
        match self {
            Self::Tokens(price) => Some(price),
            Self::Hours(_) => None,
        }
    }

    /// The price of its time, where that is what costs.
    pub fn hours(&self) -> Option<&HourPrice> {
        match self {
            Self::Tokens(_) => None,
            Self::Hours(price) => Some(price),
        }
    }

    /// Where it comes from.
    pub fn source(&self) -> &str {
        match self {
            Self::Tokens(TokenPrice { source, .. }) | Self::Hours(HourPrice { source, .. }) => {
                source
            }
        }
    }
}

impl TokenPrice {
    /// The cost of so many tokens, rounded to the nearest nano-dollar (halves up):
    /// (input x input price + output x output price) / 1,000.
    pub fn of_tokens(&self, input: u64, output: u64) -> NanoUsd {
        let thousandfold = u128::from(input) * u128::from(self.input_per_1k_nano_usd.0)
            + u128::from(output) * u128::from(self.output_per_1k_nano_usd.0);
        NanoUsd(u64::try_from((thousandfold + 500) / 1000).unwrap_or(u64::MAX))
    }
}

impl HourPrice {
    /// An hour of all instances.
    pub fn all_per_hour(&self) -> NanoUsd {
        self.per_hour_nano_usd.saturating_mul(self.instances.into())
    }

    /// An hour of so many times all instances.
    pub fn of_many(&self, times: u64) -> NanoUsd {
        self.all_per_hour().saturating_mul(times)
    }

    /// The cost of some time of all instances, rounded to the nearest nano-dollar: what steady use
    /// costs. AWS bills instances by the second and provisioned throughput by the hour.
    pub fn of_time(&self, time: Duration) -> NanoUsd {
        const HOUR_NS: u128 = 3_600_000_000_000;
        let cost = u128::from(self.all_per_hour().0) * time.as_nanos();
        NanoUsd(u64::try_from((cost + HOUR_NS / 2) / HOUR_NS).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input_usd: f64, output_usd: f64, tokens: (u64, u64), expected: NanoUsd) {
        let price = TokenPrice {
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

    #[test]
    fn time_costs_what_all_instances_cost_in_it() {
        let price = HourPrice {
            per_hour_nano_usd: NanoUsd::from_usd(1.515).unwrap(),
            instances: 2,
            instance_type: Some("ml.g5.2xlarge".to_owned()),
            source: String::new(),
        };
        assert_eq!(price.of_time(Duration::from_hours(1)), NanoUsd(3_030_000_000));
        assert_eq!(price.of_time(Duration::from_mins(1)), NanoUsd(50_500_000));
        assert_eq!(price.of_time(Duration::from_nanos(1)), NanoUsd(0));
    }

    /// A plan of an earlier version has the price of tokens alone.
    #[test]
    fn a_price_is_read_by_its_fields() {
        let read = |text: &str| serde_json::from_str::<Price>(text).unwrap();
        let tokens =
            r#"{"input_per_1k_nano_usd":150000,"output_per_1k_nano_usd":200000,"source":"x"}"#;
        assert!(read(tokens).tokens().is_some());
        let hours = r#"{"per_hour_nano_usd":1515,"instances":1,"instance_type":null,"source":"x"}"#;
        assert!(read(hours).hours().is_some());
    }
}
