//! What the user wrote, with the place of every value: no more is known of it than its shape.
//!
//! Everything is optional, so that what is missing is found out together with what is wrong.
//! Every alternative is a plain optional field: serde's tagged, untagged and flattened forms lose
//! the places. Fields of type [`Unread`] are known to the language but not supported yet.
//!
//! The JSON Schema is derived from these types; the comments on them are its descriptions.

#![expect(clippy::struct_field_names, reason = "the fields are the language's words")]

mod dataset;
mod either;
mod endpoint;
mod spanned;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::IgnoredAny;

pub(super) use self::dataset::{Dataset, Distribution, Synthetic};
pub(super) use self::either::{OneOrMany, Price, Tokens};
pub(super) use self::endpoint::{ApiKey, Defaults, Endpoint, PriceFields};
pub use self::spanned::Spanned;
use super::retries::MOST;
use super::words::{ARRIVALS, RETRY_ON, names as words};
use super::{MAX_RATE_PER_MINUTE, MAX_REPLICATES, MAX_REQUESTS, MAX_WARMUPS, VERSION};
use crate::plan::MAX_STREAMS;

/// A field that may be left out, with its place in the text.
pub type Field<T> = Option<Spanned<T>>;
pub(super) type Unread = Field<IgnoredAny>;

/// A configuration of fmgauge: what is measured, what is asked, how, and what must hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "fmgauge configuration")]
pub(super) struct Raw {
    /// The version of this language.
    #[schemars(required, extend("const" = VERSION))]
    pub(super) version: Field<i64>,
    /// What you call the run: one line of 1 to 100 characters.
    pub(super) name: Field<String>,
    /// Everything random follows from it; 1 where it is not given.
    #[schemars(extend("minimum" = 0))]
    pub(super) seed: Field<u64>,
    pub(super) defaults: Field<Defaults>,
    /// What is measured.
    #[schemars(required)]
    pub(super) endpoints: Field<Vec<Spanned<Endpoint>>>,
    /// What is asked.
    #[schemars(required)]
    pub(super) datasets: Field<Vec<Spanned<Dataset>>>,
    pub(super) inference: Field<Inference>,
    /// How it is asked: each endpoint is measured under each of these loads. Not needed where
    /// every endpoint has its own.
    pub(super) load: Field<Vec<Spanned<Load>>>,
    pub(super) stop: Field<Stop>,
    /// The most replicates that requests are spread over (fewer where blocks would be too small);
    /// 5 where it is not given.
    #[schemars(extend("minimum" = 1, "maximum" = MAX_REPLICATES))]
    pub(super) replicates: Field<i64>,
    pub(super) rounds: Field<Rounds>,
    pub(super) warmup: Field<Warmup>,
    pub(super) deadlines: Field<Deadlines>,
    pub(super) retries: Field<Retries>,
    pub(super) criteria: Field<Criteria>,
    pub(super) workload: Field<Workload>,
    /// The name of the endpoint that you use today: savings are told against it.
    pub(super) baseline: Field<String>,
    pub(super) spend_limit: Field<SpendLimit>,
    #[schemars(skip)]
    pub(super) quota_share: Unread,
    #[schemars(skip)]
    pub(super) keep: Unread,
    pub(super) report: Field<Report>,
}

impl Raw {
    /// The endpoints; none where they are not given.
    pub(super) fn endpoints(&self) -> &[Spanned<Endpoint>] {
        self.endpoints.as_ref().map_or(&[], |list| &list.value)
    }

    /// The datasets; none where they are not given.
    pub(super) fn datasets(&self) -> &[Spanned<Dataset>] {
        self.datasets.as_ref().map_or(&[], |list| &list.value)
    }
}

/// The names that items have, as they are written, those of wrong items too.
pub(super) fn names<T>(items: &[Spanned<T>], name: fn(&T) -> &Field<String>) -> Vec<&str> {
    items
        .iter()
        .filter_map(|item| name(&item.value).as_ref().map(|name| name.value.as_str()))
        .collect()
}

/// How answers are sampled; what is not given is left to the model. Some models refuse
/// `temperature` and `top_p`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Inference {
    #[schemars(extend("minimum" = 0, "maximum" = 2))]
    pub(super) temperature: Field<f64>,
    #[schemars(extend("minimum" = 0, "maximum" = 1))]
    pub(super) top_p: Field<f64>,
    /// What the model is told before every prompt.
    pub(super) system: Field<String>,
}

/// Requests that are kept in flight (`concurrency`: the next is sent when one ends), or that arrive
/// at a rate (`rate_per_minute`).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Load {
    /// How many requests are in flight; each number is a load of its own.
    #[schemars(extend("minimum" = 1, "maximum" = MAX_STREAMS))]
    pub(super) concurrency: Field<OneOrMany<i64>>,
    /// How many requests are sent in a minute, whether or not earlier ones have been answered; each
    /// number is a load of its own. Instead of `concurrency`.
    #[schemars(extend("minimum" = 1, "maximum" = MAX_RATE_PER_MINUTE))]
    pub(super) rate_per_minute: Field<OneOrMany<i64>>,
    /// How the requests of a rate are spread over time: at equal distances (the default), or at
    /// random, as those of many users are.
    #[schemars(extend("enum" = words(&ARRIVALS)))]
    pub(super) arrivals: Field<String>,
    /// The most requests of a rate that are in flight: as many connections are opened and warmed
    /// beforehand. Where it is not given: twice as many as the rate needs if requests take 1 s and
    /// 20 ms for each token of their limit, 10 at least.
    #[schemars(extend("minimum" = 1, "maximum" = MAX_STREAMS))]
    pub(super) max_streams: Field<i64>,
}

/// When an experiment (endpoint x dataset x load) has been measured enough: at whichever comes
/// first. Where nothing is given: 100 requests, or 50 for each in flight of the largest
/// `concurrency`, or as many as a rate sends in 50 s, if that is more.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Stop {
    /// After so many requests.
    #[schemars(extend("minimum" = 1, "maximum" = MAX_REQUESTS))]
    pub(super) requests: Field<i64>,
    /// After every prompt was sent so many times; instead of `requests`.
    #[schemars(extend("minimum" = 1, "maximum" = MAX_REQUESTS))]
    pub(super) passes: Field<i64>,
    /// After so long: 30s, 2m, 1h.
    pub(super) duration: Field<String>,
}

/// How often everything is measured, and for how long; one round where it is not given. At most 500
/// rounds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rounds {
    /// From the begin of a round to the begin of the next: 15m, 1h.
    #[schemars(required)]
    pub(super) every: Field<String>,
    /// For how long rounds begin, up to 31 days: 24h, 7d.
    #[schemars(required)]
    #[serde(rename = "for")]
    pub(super) duration: Field<String>,
}

/// What is sent before measuring begins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Warmup {
    /// Short requests on each connection; 1 where it is not given.
    #[schemars(extend("minimum" = 0, "maximum" = MAX_WARMUPS))]
    pub(super) requests_per_slot: Field<i64>,
}

/// When a request is given up: durations such as 800ms, 5s or 2m.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Deadlines {
    /// Opening a connection; 5s where it is not given.
    pub(super) connect: Field<String>,
    /// From the send to the first content; 1m where it is not given.
    pub(super) first_token: Field<String>,
    /// Between two events of an answer; 30s where it is not given.
    pub(super) stall: Field<String>,
    /// The whole request; 5m where it is not given.
    pub(super) request: Field<String>,
}

/// Whether requests that failed are sent again; none is where this is not given. Each try is counted
/// as what it was; the latency that users see is told apart.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Retries {
    /// So many more tries of a request, at most.
    #[schemars(required, extend("minimum" = MOST.start(), "maximum" = MOST.end()))]
    pub(super) most: Field<i64>,
    /// The wait before the first of them, which doubles with each, up to 20s; 500ms where it is not
    /// given. Up to half of a wait is left out at random.
    pub(super) backoff: Field<String>,
    /// After which failures; throttled and server where it is not given.
    #[schemars(with = "Option<Vec<Failure>>")]
    pub(super) on: Field<Vec<Spanned<String>>>,
}

/// What an endpoint must fulfil; the cheapest that does is recommended.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Criteria {
    /// From the send to the end of the answer.
    pub(super) e2e: Field<LatencyLimits>,
    /// From the send to the first visible text.
    pub(super) ttft: Field<LatencyLimits>,
    /// Time per output token.
    pub(super) tpot: Field<LatencyLimits>,
    /// The largest share of failed requests: 1% or 0.01.
    #[schemars(with = "Option<TextOrNumber>")]
    pub(super) error_rate: Field<String>,
    /// The most that 10,000 transactions may cost, in US dollars.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub(super) cost_per_10k_transactions_usd: Field<f64>,
}

/// Limits of a latency: durations such as 800ms or 2s.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LatencyLimits {
    pub(super) mean: Field<String>,
    pub(super) p50: Field<String>,
    pub(super) p90: Field<String>,
    pub(super) p95: Field<String>,
    pub(super) p99: Field<String>,
}

/// What you have to serve: capacity and its price are told for it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Workload {
    /// Transactions per minute.
    #[schemars(required, extend("exclusiveMinimum" = 0))]
    pub(super) requests_per_minute: Field<f64>,
    /// Mean prompt tokens of a transaction; those of the dataset where it is not given.
    #[schemars(extend("minimum" = 1))]
    pub(super) prompt_tokens: Field<i64>,
    /// Mean answer tokens of a transaction; those that were measured where it is not given.
    #[schemars(extend("minimum" = 1))]
    pub(super) output_tokens: Field<i64>,
    /// The share of capacity that is kept free: 20% or 0.2; none where it is not given.
    #[schemars(with = "Option<TextOrNumber>")]
    pub(super) headroom: Field<String>,
}

/// What the run's requests may cost.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SpendLimit {
    /// The most for the whole run, in US dollars: it sends no request that could exceed it.
    #[schemars(required, extend("exclusiveMinimum" = 0))]
    pub(super) per_run_usd: Field<f64>,
}

/// How the report is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    /// The time zone in which hours of the day are told, by its name in the IANA database, such as
    /// Europe/Berlin; UTC where it is not given.
    pub(super) time_zone: Field<String>,
    #[schemars(skip)]
    pub(super) formats: Unread,
}

/// How the schema shows a text that may look like a number.
enum TextOrNumber {}

impl JsonSchema for TextOrNumber {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TextOrNumber".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number"]})
    }
}

/// How the schema shows a failure that can be retried.
enum Failure {}

impl JsonSchema for Failure {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Failure".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": words(&RETRY_ON)})
    }
}
