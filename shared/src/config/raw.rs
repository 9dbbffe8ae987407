//! What the user wrote, with the place of every value: no more is known of it than its shape.
//!
//! Everything is optional, so that what is missing is found out together with what is wrong.
//! Every alternative is a plain optional field: serde's tagged, untagged and flattened forms lose
//! the places. Fields of type [`Unread`] are known to the language but not supported yet.

#![expect(clippy::struct_field_names, reason = "the fields are the language's words")]

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor, value};
use serde_saphyr::Spanned;

pub(super) type Field<T> = Option<Spanned<T>>;
pub(super) type Unread = Field<IgnoredAny>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) version: Field<i64>,
    pub(super) name: Field<String>,
    pub(super) seed: Field<u64>,
    pub(super) defaults: Field<Defaults>,
    pub(super) endpoints: Field<Vec<Spanned<Endpoint>>>,
    pub(super) datasets: Field<Vec<Spanned<Dataset>>>,
    pub(super) inference: Field<Inference>,
    pub(super) load: Field<Vec<Spanned<Load>>>,
    pub(super) stop: Field<Stop>,
    pub(super) replicates: Field<i64>,
    pub(super) warmup: Field<Warmup>,
    pub(super) deadlines: Field<Deadlines>,
    pub(super) criteria: Field<Criteria>,
    pub(super) rounds: Unread,
    pub(super) quota_share: Unread,
    pub(super) workload: Unread,
    pub(super) baseline: Unread,
    pub(super) spend_limit: Unread,
    pub(super) keep: Unread,
    pub(super) report: Unread,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Defaults {
    pub(super) region: Field<String>,
    pub(super) max_tokens: Field<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Endpoint {
    pub(super) name: Field<String>,
    pub(super) kind: Field<String>,
    pub(super) region: Field<String>,
    pub(super) model_id: Field<String>,
    pub(super) simulate_as: Field<String>,
    pub(super) endpoint_url: Field<String>,
    pub(super) price: Field<Price>,
    pub(super) api: Field<String>,
    pub(super) latency_mode: Field<String>,
    pub(super) service_tier: Field<String>,
    pub(super) load: Unread,
    pub(super) datasets: Unread,
    pub(super) endpoint_name: Unread,
    pub(super) provision: Unread,
    pub(super) payload: Unread,
    pub(super) instance_type: Unread,
    pub(super) instance_count: Unread,
    pub(super) url: Unread,
    pub(super) model: Unread,
    pub(super) api_key: Unread,
}

/// `price: unknown`, or its fields.
#[derive(Debug)]
pub(super) enum Price {
    Word(String),
    Fields(PriceFields),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceFields {
    pub(super) input_per_1k_usd: Field<f64>,
    pub(super) output_per_1k_usd: Field<f64>,
    pub(super) per_hour_usd: Unread,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dataset {
    pub(super) name: Field<String>,
    pub(super) file: Field<String>,
    pub(super) prompts: Field<Vec<Spanned<String>>>,
    pub(super) synthetic: Field<Synthetic>,
    pub(super) max_tokens: Field<i64>,
    pub(super) template: Unread,
    pub(super) bucket: Unread,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Synthetic {
    pub(super) prompt_tokens: Field<Tokens>,
    pub(super) count: Field<i64>,
    pub(super) output_tokens: Unread,
}

/// `prompt_tokens: 550`, or a distribution.
#[derive(Debug)]
pub(super) enum Tokens {
    Fixed(i64),
    Distribution,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inference {
    pub(super) temperature: Field<f64>,
    pub(super) top_p: Field<f64>,
    pub(super) system: Unread,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Load {
    pub(super) concurrency: Field<OneOrMany>,
    pub(super) rate_per_minute: Unread,
    pub(super) arrivals: Unread,
}

/// `concurrency: 4`, or a list.
#[derive(Debug)]
pub(super) enum OneOrMany {
    One(i64),
    Many(Vec<Spanned<i64>>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stop {
    pub(super) requests: Field<i64>,
    pub(super) duration: Field<String>,
    pub(super) passes: Unread,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Warmup {
    pub(super) requests_per_slot: Field<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deadlines {
    pub(super) connect: Field<String>,
    pub(super) first_token: Field<String>,
    pub(super) stall: Field<String>,
    pub(super) request: Field<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Criteria {
    pub(super) e2e: Field<LatencyLimits>,
    pub(super) ttft: Field<LatencyLimits>,
    pub(super) tpot: Field<LatencyLimits>,
    pub(super) error_rate: Field<String>,
    pub(super) cost_per_10k_transactions_usd: Field<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LatencyLimits {
    pub(super) mean: Field<String>,
    pub(super) p50: Field<String>,
    pub(super) p90: Field<String>,
    pub(super) p95: Field<String>,
    pub(super) p99: Field<String>,
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PriceVisitor;
        impl<'de> Visitor<'de> for PriceVisitor {
            type Value = Price;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("{input_per_1k_usd: ..., output_per_1k_usd: ...}")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Price, E> {
                Ok(Price::Word(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Price, A::Error> {
                PriceFields::deserialize(value::MapAccessDeserializer::new(map)).map(Price::Fields)
            }
        }
        deserializer.deserialize_any(PriceVisitor)
    }
}

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TokensVisitor;
        impl<'de> Visitor<'de> for TokensVisitor {
            type Value = Tokens;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Tokens, E> {
                Ok(Tokens::Fixed(number))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Tokens, E> {
                Ok(Tokens::Fixed(i64::try_from(number).unwrap_or(i64::MAX)))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tokens, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Tokens::Distribution)
            }
        }
        deserializer.deserialize_any(TokensVisitor)
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrManyVisitor;
        impl<'de> Visitor<'de> for OneOrManyVisitor {
            type Value = OneOrMany;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number or a list of them")
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<OneOrMany, E> {
                Ok(OneOrMany::One(number))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<OneOrMany, E> {
                Ok(OneOrMany::One(i64::try_from(number).unwrap_or(i64::MAX)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<OneOrMany, A::Error> {
                Vec::deserialize(value::SeqAccessDeserializer::new(list)).map(OneOrMany::Many)
            }
        }
        deserializer.deserialize_any(OneOrManyVisitor)
    }
}
