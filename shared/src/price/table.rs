//! Published prices of on-demand tokens, each with where it was read and when.
//!
//! The table is small on purpose: models that a first run is likely to name, and those whose
//! published benchmark the simulator is calibrated to (of these, AWS serves only the two of Mistral
//! still). Prices change: a model has a row for each date at which its price was read, and the
//! latest counts. A configuration may override each of them; what is not in here must be given
//! there. Reserved capacity, batch and other service tiers, and cached tokens have prices of their
//! own, which are not in here.
//!
//! Where sources disagree: Cohere Command's input is $0.001 in litellm and $0.0015 in `FMBench`'s
//! table of 2025-04, with which the costs of the 2024 report agree.

use super::{Price, TokenPrice};
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

/// All prices, by model id and then by date.
pub fn rows() -> &'static [Row] {
    &ROWS
}

/// The model ids of the table, each once.
pub fn model_ids() -> impl Iterator<Item = &'static str> {
    ROWS.chunk_by(|one, two| one.model_id == two.model_id).map(|rows| rows[0].model_id)
}

/// The latest price of a model in a region; `None` if the table does not have it.
///
/// `model_id` is what is invoked: a model id, the id of an inference profile, or the ARN of
/// either as AWS defines it. An application inference profile or an imported model has an ARN
/// that does not tell the model, so its price must be given.
pub fn lookup(model_id: &str, region: &str) -> Option<Price> {
    history(model_id, region).last().map(Row::price)
}

/// The price as it was known in a month (`YYYY-MM`): the latest row of that month or before.
pub fn lookup_at(model_id: &str, region: &str, month: &str) -> Option<Price> {
    history(model_id, region).take_while(|row| row.date <= month).last().map(Row::price)
}

/// All rows of a model in a region, by date: none if the table does not have it. A row that
/// repeats the price of the one before says that it still held.
pub fn history(model_id: &str, region: &str) -> impl Iterator<Item = &'static Row> {
    let model_id = named_by_arn(model_id).unwrap_or(model_id);
    let from = ROWS.partition_point(|row| row.model_id < model_id);
    let to = ROWS.partition_point(|row| row.model_id <= model_id);
    ROWS[from..to].iter().filter(move |_| region == REGION)
}

impl Row {
    fn price(&self) -> Price {
        Price::Tokens(TokenPrice {
            input_per_1k_nano_usd: self.input_per_1k,
            output_per_1k_nano_usd: self.output_per_1k,
            source: format!("{}, {REGION}, {}", self.source, self.date),
        })
    }
}

/// The id in `arn:<partition>:bedrock:<region>:<account>:foundation-model/<id>`, and the same
/// with `inference-profile`.
fn named_by_arn(arn: &str) -> Option<&str> {
    let resource = arn.strip_prefix("arn:")?.splitn(5, ':').nth(4)?;
    let (kind, id) = resource.split_once('/')?;
    matches!(kind, "foundation-model" | "inference-profile").then_some(id)
}

/// The 2024 report of eleven models: its costs imply these prices.
const SEED: (&str, &str) = ("FMBench report of 2024-04-16", "2024-04");
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

/// Nano-dollars for 1,000 tokens: `150_000` is $0.00015, or $0.15 for a million. Sorted by model
/// and then by date.
const ROWS: [Row; 52] = [
    row("ai21.j2-mid-v1", 12_500_000, 12_500_000, SEED),
    row("ai21.j2-mid-v1", 12_500_000, 12_500_000, LITELLM),
    row("ai21.j2-ultra-v1", 18_800_000, 18_800_000, SEED),
    row("ai21.j2-ultra-v1", 18_800_000, 18_800_000, LITELLM),
    row("amazon.nova-lite-v1:0", 60_000, 240_000, LITELLM),
    row("amazon.nova-micro-v1:0", 35_000, 140_000, LITELLM),
    row("amazon.nova-pro-v1:0", 800_000, 3_200_000, LITELLM),
    row("amazon.titan-text-express-v1", 800_000, 1_600_000, SEED),
    row("amazon.titan-text-express-v1", 200_000, 600_000, LITELLM),
    row("amazon.titan-text-lite-v1", 300_000, 400_000, SEED),
    row("amazon.titan-text-lite-v1", 150_000, 200_000, LITELLM),
    row("anthropic.claude-3-haiku-20240307-v1:0", 250_000, 1_250_000, SEED),
    row("anthropic.claude-3-haiku-20240307-v1:0", 250_000, 1_250_000, FMBENCH),
    row("anthropic.claude-3-sonnet-20240229-v1:0", 3_000_000, 15_000_000, SEED),
    row("anthropic.claude-3-sonnet-20240229-v1:0", 3_000_000, 15_000_000, FMBENCH),
    row("anthropic.claude-instant-v1", 800_000, 2_400_000, LITELLM),
    row("cohere.command-light-text-v14", 300_000, 600_000, SEED),
    row("cohere.command-light-text-v14", 300_000, 600_000, LITELLM),
    row("cohere.command-text-v14", 1_500_000, 2_000_000, SEED),
    row("cohere.command-text-v14", 1_000_000, 2_000_000, LITELLM),
    row("deepseek.v3.2", 620_000, 1_850_000, LITELLM),
    row("global.amazon.nova-2-lite-v1:0", 300_000, 2_500_000, LITELLM),
    row("global.anthropic.claude-haiku-4-5-20251001-v1:0", 1_000_000, 5_000_000, LITELLM),
    row("global.anthropic.claude-opus-5-5", 4_000_000, 20_000_000, LITELLM),
    row("global.anthropic.claude-sonnet-4-5-20250929-v1:0", 3_000_000, 15_000_000, LITELLM),
    row("global.anthropic.claude-sonnet-4-6", 3_000_000, 15_000_000, LITELLM),
    row("meta.llama2-13b-chat-v1", 750_000, 1_000_000, SEED),
    row("meta.llama2-13b-chat-v1", 750_000, 1_000_000, LITELLM),
    row("meta.llama3-70b-instruct-v1:0", 2_650_000, 3_500_000, LITELLM),
    row("meta.llama3-8b-instruct-v1:0", 300_000, 600_000, LITELLM),
    row("mistral.ministral-3-8b-instruct", 150_000, 150_000, LITELLM),
    row("mistral.mistral-7b-instruct-v0:2", 150_000, 200_000, SEED),
    row("mistral.mistral-7b-instruct-v0:2", 150_000, 200_000, LITELLM),
    row("mistral.mistral-large-3-675b-instruct", 500_000, 1_500_000, LITELLM),
    row("mistral.mixtral-8x7b-instruct-v0:1", 450_000, 700_000, SEED),
    row("mistral.mixtral-8x7b-instruct-v0:1", 450_000, 700_000, LITELLM),
    row("openai.gpt-oss-120b-1:0", 150_000, 600_000, LITELLM),
    row("openai.gpt-oss-20b-1:0", 70_000, 300_000, LITELLM),
    row("qwen.qwen3-32b-v1:0", 150_000, 600_000, LITELLM),
    row("us.amazon.nova-2-lite-v1:0", 330_000, 2_750_000, LITELLM),
    row("us.amazon.nova-lite-v1:0", 60_000, 240_000, LITELLM),
    row("us.amazon.nova-micro-v1:0", 35_000, 140_000, LITELLM),
    row("us.amazon.nova-pro-v1:0", 800_000, 3_200_000, LITELLM),
    row("us.anthropic.claude-haiku-4-5-20251001-v1:0", 1_100_000, 5_500_000, LITELLM),
    row("us.anthropic.claude-opus-5-5", 4_400_000, 22_000_000, LITELLM),
    row("us.anthropic.claude-sonnet-4-5-20250929-v1:0", 3_300_000, 16_500_000, LITELLM),
    row("us.anthropic.claude-sonnet-4-6", 3_300_000, 16_500_000, LITELLM),
    row("us.meta.llama3-1-70b-instruct-v1:0", 720_000, 720_000, LITELLM),
    row("us.meta.llama3-1-8b-instruct-v1:0", 220_000, 220_000, LITELLM),
    row("us.meta.llama3-3-70b-instruct-v1:0", 720_000, 720_000, LITELLM),
    row("us.meta.llama4-maverick-17b-instruct-v1:0", 240_000, 970_000, LITELLM),
    row("us.meta.llama4-scout-17b-instruct-v1:0", 170_000, 660_000, LITELLM),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(model_id: &str, region: &str, expected: Option<(u64, u64)>) {
        let price = lookup(model_id, region);
        let found = price
            .as_ref()
            .and_then(Price::tokens)
            .map(|price| (price.input_per_1k_nano_usd.0, price.output_per_1k_nano_usd.0));
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
        assert!(rows().is_sorted_by(|a, b| (a.model_id, a.date) < (b.model_id, b.date)));
        for row in rows() {
            assert!(row.input_per_1k > NanoUsd::ZERO && row.output_per_1k >= row.input_per_1k);
            let (year, month) = row.date.split_once('-').unwrap();
            assert!(year.parse::<u16>().unwrap() >= 2024, "{}", row.model_id);
            assert!((1..=12).contains(&month.parse::<u8>().unwrap()), "{}", row.model_id);
        }
    }

    #[test]
    fn a_price_tells_where_it_comes_from() {
        let price = lookup("anthropic.claude-3-haiku-20240307-v1:0", REGION).unwrap();
        assert_eq!(price.source(), "FMBench pricing.yml, us-east-1, 2025-04");
    }

    #[test]
    fn a_price_that_changed_has_a_history() {
        let model_id = "amazon.titan-text-lite-v1";
        let input = |price: Option<Price>| {
            price.as_ref().and_then(Price::tokens).map(|price| price.input_per_1k_nano_usd.0)
        };
        assert_eq!(input(lookup_at(model_id, REGION, "2024-03")), None);
        assert_eq!(input(lookup_at(model_id, REGION, "2024-04")), Some(300_000));
        assert_eq!(input(lookup_at(model_id, REGION, "2025-12")), Some(300_000));
        assert_eq!(input(lookup_at(model_id, REGION, "2026-11")), Some(150_000));
        assert_eq!(input(lookup(model_id, REGION)), Some(150_000));
        assert_eq!(history(model_id, "eu-west-1").count(), 0);
        assert_eq!(model_ids().filter(|id| *id == model_id).count(), 1);
    }

    /// Tokens and cost in USD of 10,000 transactions, as the report of 2024-04-16 prints them; its
    /// mean lengths are cut to whole tokens.
    #[test]
    fn the_2024_report_is_met() {
        let check = |model_id, input, output, usd: f64| {
            let price = lookup_at(model_id, REGION, "2024-04").unwrap();
            let cost = |output| price.of_tokens(input, output).as_usd() * 1e4;
            assert!(cost(output) <= usd + 0.005 && usd - 0.005 < cost(output + 1), "{model_id}");
        };
        check("ai21.j2-mid-v1", 2952, 20, 371.50);
        check("ai21.j2-mid-v1", 2952, 24, 372.12);
        check("ai21.j2-ultra-v1", 2952, 17, 558.17);
        check("amazon.titan-text-lite-v1", 2958, 9, 8.91);
        check("anthropic.claude-3-sonnet-20240229-v1:0", 3281, 70, 109.02);
        check("cohere.command-light-text-v14", 2952, 45, 9.13);
        check("mistral.mistral-7b-instruct-v0:2", 2959, 34, 4.51);
    }
}
