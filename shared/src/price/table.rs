//! Published prices of on-demand tokens, each with where it was read and when.
//!
//! The table is small on purpose: models that a first run is likely to name, and those whose
//! published benchmark the simulator is calibrated to. Prices change, and a configuration may
//! override each of them; what is not in here must be given there. Reserved capacity, batch and
//! other service tiers, and cached tokens have prices of their own, which are not in here.

use super::Price;
use crate::units::NanoUsd;

/// The region that all prices of the table are for.
pub const REGION: &str = "us-east-1";

/// The price of one model as it is invoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The model id or inference profile id that is invoked; a profile's prefix (`us.`,
    /// `global.`) belongs to it, since it can change the price.
    pub model_id: &'static str,
    /// For 1,000 prompt tokens.
    pub input_per_1k: NanoUsd,
    /// For 1,000 tokens of answers.
    pub output_per_1k: NanoUsd,
    /// Where the price was read.
    pub source: &'static str,
    /// The month in which it was read, `YYYY-MM`.
    pub date: &'static str,
}

/// All prices, by model id.
pub fn rows() -> &'static [Row] {
    &ROWS
}

/// The model ids of the table.
pub fn model_ids() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.model_id)
}

/// The price of a model in a region; `None` if the table does not have it.
///
/// `model_id` is what is invoked: a model id, the id of an inference profile, or the ARN of
/// either as AWS defines it. An application inference profile or an imported model has an ARN
/// that does not tell the model, so its price must be given.
pub fn lookup(model_id: &str, region: &str) -> Option<Price> {
    if region != REGION {
        return None;
    }
    let model_id = named_by_arn(model_id).unwrap_or(model_id);
    let row = ROWS.iter().find(|row| row.model_id == model_id)?;
    Some(Price {
        input_per_1k_nano_usd: row.input_per_1k,
        output_per_1k_nano_usd: row.output_per_1k,
        source: format!("{}, {REGION}, {}", row.source, row.date),
    })
}

/// The id in `arn:<partition>:bedrock:<region>:<account>:foundation-model/<id>`, and the same
/// with `inference-profile`.
fn named_by_arn(arn: &str) -> Option<&str> {
    let resource = arn.strip_prefix("arn:")?.splitn(5, ':').nth(4)?;
    let (kind, id) = resource.split_once('/')?;
    matches!(kind, "foundation-model" | "inference-profile").then_some(id)
}

const FMBENCH: (&str, &str) = ("FMBench pricing.yml", "2025-04");
const LITELLM: (&str, &str) = ("litellm 1.109.1", "2026-11");

const fn row(
    model_id: &'static str,
    input: u64,
    output: u64,
    from: (&'static str, &'static str),
) -> Row {
    let (source, date) = from;
    Row { model_id, input_per_1k: NanoUsd(input), output_per_1k: NanoUsd(output), source, date }
}

/// Nano-dollars for 1,000 tokens: `150_000` is $0.00015, or $0.15 for a million.
const ROWS: [Row; 22] = [
    row("amazon.nova-lite-v1:0", 60_000, 240_000, LITELLM),
    row("amazon.nova-micro-v1:0", 35_000, 140_000, LITELLM),
    row("amazon.nova-pro-v1:0", 800_000, 3_200_000, LITELLM),
    // No longer served by AWS; the simulator has it.
    row("anthropic.claude-3-haiku-20240307-v1:0", 250_000, 1_250_000, FMBENCH),
    row("global.anthropic.claude-haiku-4-5-20251001-v1:0", 1_000_000, 5_000_000, LITELLM),
    row("global.anthropic.claude-sonnet-4-5-20250929-v1:0", 3_000_000, 15_000_000, LITELLM),
    // No longer served by AWS; the simulator has it.
    row("meta.llama2-13b-chat-v1", 750_000, 1_000_000, FMBENCH),
    row("meta.llama3-70b-instruct-v1:0", 2_650_000, 3_500_000, LITELLM),
    row("meta.llama3-8b-instruct-v1:0", 300_000, 600_000, LITELLM),
    row("mistral.mistral-7b-instruct-v0:2", 150_000, 200_000, LITELLM),
    row("mistral.mixtral-8x7b-instruct-v0:1", 450_000, 700_000, LITELLM),
    row("openai.gpt-oss-120b-1:0", 150_000, 600_000, LITELLM),
    row("qwen.qwen3-32b-v1:0", 150_000, 600_000, LITELLM),
    row("us.amazon.nova-2-lite-v1:0", 330_000, 2_750_000, LITELLM),
    row("us.amazon.nova-lite-v1:0", 60_000, 240_000, LITELLM),
    row("us.amazon.nova-micro-v1:0", 35_000, 140_000, LITELLM),
    row("us.amazon.nova-pro-v1:0", 800_000, 3_200_000, LITELLM),
    row("us.anthropic.claude-haiku-4-5-20251001-v1:0", 1_100_000, 5_500_000, LITELLM),
    row("us.anthropic.claude-sonnet-4-5-20250929-v1:0", 3_300_000, 16_500_000, LITELLM),
    row("us.meta.llama3-1-70b-instruct-v1:0", 720_000, 720_000, LITELLM),
    row("us.meta.llama3-1-8b-instruct-v1:0", 220_000, 220_000, LITELLM),
    row("us.meta.llama3-3-70b-instruct-v1:0", 720_000, 720_000, LITELLM),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(model_id: &str, region: &str, expected: Option<(u64, u64)>) {
        let price = lookup(model_id, region);
        let found =
            price.map(|price| (price.input_per_1k_nano_usd.0, price.output_per_1k_nano_usd.0));
        assert_eq!(found, expected, "{model_id}");
    }

    #[test]
    fn a_model_is_found_as_it_is_invoked() {
        let mistral = Some((150_000, 200_000));
        check("mistral.mistral-7b-instruct-v0:2", "us-east-1", mistral);
        check("mistral.mistral-7b-instruct-v0:2", "eu-west-1", None);
        check("mistral.mistral-7b-instruct", "us-east-1", None);
        check(
            "arn:aws:bedrock:us-east-1::foundation-model/mistral.mistral-7b-instruct-v0:2",
            "us-east-1",
            mistral,
        );
        check(
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
            "us-east-1",
            Some((1_100_000, 5_500_000)),
        );
        let application =
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2";
        check(application, "us-east-1", None);
        for odd in ["", "arn:", "arn:::::", "arn:aws:bedrock:us-east-1::foundation-model/"] {
            check(odd, "us-east-1", None);
        }
    }

    #[test]
    fn rows_are_sorted_unique_dated_and_never_zero() {
        assert!(rows().is_sorted_by(|a, b| a.model_id < b.model_id));
        for row in rows() {
            assert!(row.input_per_1k > NanoUsd::ZERO && row.output_per_1k >= row.input_per_1k);
            let (year, month) = row.date.split_once('-').unwrap();
            assert!(year.parse::<u16>().unwrap() >= 2024, "{}", row.model_id);
            assert!((1..=12).contains(&month.parse::<u8>().unwrap()), "{}", row.model_id);
        }
    }

    #[test]
    fn a_price_tells_where_it_comes_from() {
        let price = lookup("meta.llama2-13b-chat-v1", REGION).unwrap();
        assert_eq!(price.source, "FMBench pricing.yml, us-east-1, 2025-04");
    }
}
