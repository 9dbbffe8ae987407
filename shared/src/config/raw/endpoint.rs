//! An item of `endpoints`, and `defaults`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Field, Load, Price, Spanned, Unread};
use crate::config::words::{APIS, KINDS, LATENCY_MODES, SERVICE_TIERS, names};
use crate::dataset::MAX_TOKENS;

/// What holds for all endpoints and datasets that do not say otherwise.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Defaults {
    /// The AWS region in which models are called, such as us-east-1.
    pub(in crate::config) region: Field<String>,
    /// The longest answer that is asked for, in tokens.
    #[schemars(extend("minimum" = 1, "maximum" = MAX_TOKENS))]
    pub(in crate::config) max_tokens: Field<i64>,
}

/// Something that answers prompts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Endpoint {
    /// What you call it: letters, digits, `.`, `_` and `-`; unique.
    #[schemars(required)]
    pub(in crate::config) name: Field<String>,
    /// How it is called: Amazon Bedrock, or the built-in simulator of a model (on one machine
    /// only).
    #[schemars(required, extend("enum" = names(&KINDS)))]
    pub(in crate::config) kind: Field<String>,
    /// The AWS region, such as us-east-1; `defaults.region` where it is not given.
    pub(in crate::config) region: Field<String>,
    /// For `kind: bedrock`: a model id, an inference profile id or an ARN.
    pub(in crate::config) model_id: Field<String>,
    /// For `kind: simulated`: the id of the model that is simulated.
    pub(in crate::config) simulate_as: Field<String>,
    /// Another address than the service's own, such as <http://127.0.0.1:9000>.
    pub(in crate::config) endpoint_url: Field<String>,
    /// What its tokens cost, where the table of prices does not know it or you pay something else.
    pub(in crate::config) price: Field<Price>,
    /// Which operation is called: answers that arrive in pieces (the default), or whole, without
    /// a time to first token.
    #[schemars(extend("enum" = names(&APIS)))]
    pub(in crate::config) api: Field<String>,
    /// The latency mode that is asked for. `optimized` has prices of its own: give `price`.
    #[schemars(extend("enum" = names(&LATENCY_MODES)))]
    pub(in crate::config) latency_mode: Field<String>,
    /// The service tier that is asked for. `flex` and `priority` have prices of their own: give
    /// `price`.
    #[schemars(extend("enum" = names(&SERVICE_TIERS)))]
    pub(in crate::config) service_tier: Field<String>,
    /// Its own loads, instead of those of the top level.
    pub(in crate::config) load: Field<Vec<Spanned<Load>>>,
    /// The names of the datasets that it is asked; all of them where it is not given.
    pub(in crate::config) datasets: Field<Vec<Spanned<String>>>,
    #[schemars(skip)]
    pub(in crate::config) endpoint_name: Unread,
    #[schemars(skip)]
    pub(in crate::config) provision: Unread,
    #[schemars(skip)]
    pub(in crate::config) payload: Unread,
    #[schemars(skip)]
    pub(in crate::config) instance_type: Unread,
    #[schemars(skip)]
    pub(in crate::config) instance_count: Unread,
    #[schemars(skip)]
    pub(in crate::config) url: Unread,
    #[schemars(skip)]
    pub(in crate::config) model: Unread,
    #[schemars(skip)]
    pub(in crate::config) api_key: Unread,
}

/// Prices of tokens.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct PriceFields {
    /// US dollars for 1,000 prompt tokens.
    #[schemars(required, extend("minimum" = 0, "maximum" = 1))]
    pub(in crate::config) input_per_1k_usd: Field<f64>,
    /// US dollars for 1,000 tokens of answers.
    #[schemars(required, extend("minimum" = 0, "maximum" = 1))]
    pub(in crate::config) output_per_1k_usd: Field<f64>,
    #[schemars(skip)]
    pub(in crate::config) per_hour_usd: Unread,
}
