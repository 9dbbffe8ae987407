//! The language of a script file: what is written, with its places.

use serde::Deserialize;
use shared::config::reading::{Field, Spanned};

/// What goes wrong in a simulation, and what is limited.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) version: Field<i64>,
    pub(super) faults: Field<Vec<Spanned<Fault>>>,
    pub(super) limits: Field<Vec<Spanned<Limit>>>,
    pub(super) outages: Field<Vec<Spanned<Outage>>>,
    pub(super) day_swings: Field<Vec<Spanned<DaySwing>>>,
}

/// A fault and the requests that it befalls.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    pub(super) kind: Field<String>,
    pub(super) model: Field<String>,
    // Which requests: one of these, or every request.
    pub(super) share: Field<String>,
    pub(super) every: Field<i64>,
    pub(super) numbers: Field<Vec<Spanned<i64>>>,
    pub(super) from: Field<i64>,
    pub(super) to: Field<i64>,
    pub(super) containing: Field<String>,
    // What belongs to some kinds.
    pub(super) status: Field<i64>,
    pub(super) code: Field<String>,
    pub(super) message: Field<String>,
    pub(super) exception: Field<String>,
    pub(super) after_tokens: Field<i64>,
    pub(super) lasts: Field<String>,
    pub(super) part: Field<String>,
}

/// A quota.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
    pub(super) model: Field<String>,
    pub(super) requests_per_minute: Field<i64>,
    pub(super) tokens_per_minute: Field<i64>,
    pub(super) output_burndown: Field<i64>,
    pub(super) burst: Field<String>,
}

/// A time in which connections are refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outage {
    pub(super) begins: Field<String>,
    pub(super) lasts: Field<String>,
}

/// Latency that changes over the day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DaySwing {
    pub(super) model: Field<String>,
    pub(super) amplitude: Field<String>,
    pub(super) peak_hour: Field<f64>,
}
