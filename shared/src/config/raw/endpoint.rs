//! An item of `endpoints`, and `defaults`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Field, Load, Price, Spanned};
use crate::config::words::{KINDS, LATENCY_MODES, PAYLOADS, SERVICE_TIERS, api_names, names};
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
    /// How it is called: Amazon Bedrock, Amazon SageMaker, a server that speaks OpenAI's HTTP, or the
    /// built-in simulator of a model (on one machine only).
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
    /// a time to first token. Bedrock has `converse_stream`, `converse`, and with bodies of the model's
    /// own `invoke_stream` and `invoke`; SageMaker has the latter two; a server has `chat_stream`,
    /// `chat`, `completions_stream` and `completions`.
    #[schemars(extend("enum" = api_names()))]
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
    /// For `kind: sagemaker`: the name of the endpoint.
    pub(in crate::config) endpoint_name: Field<String>,
    /// For `kind: sagemaker`: makes the endpoint for the run, and deletes it at its end. Deployed runs
    /// only, and only where the stack allows it.
    pub(in crate::config) provision: Field<Provision>,
    /// The format of the bodies: of a SageMaker endpoint's container, or of a Bedrock model under
    /// `invoke_stream` and `invoke` where its id does not tell.
    #[schemars(extend("enum" = names(&PAYLOADS)))]
    pub(in crate::config) payload: Field<String>,
    /// For `kind: sagemaker`: the inference component that is meant.
    pub(in crate::config) inference_component: Field<String>,
    /// For `kind: sagemaker`: the production variant that is meant.
    pub(in crate::config) target_variant: Field<String>,
    /// For `kind: sagemaker`: what the container is told beside the body, such as `accept_eula=true`.
    pub(in crate::config) custom_attributes: Field<String>,
    /// What it runs on, such as `ml.g5.2xlarge`: for its price, and to tell it from others.
    pub(in crate::config) instance_type: Field<String>,
    /// How many instances, or model units of provisioned throughput, serve it; 1 where it is not given.
    #[schemars(extend("minimum" = 1, "maximum" = 1000))]
    pub(in crate::config) instance_count: Field<i64>,
    /// For `kind: openai`: the address before `/chat/completions`, such as
    /// <https://llm.example.com/v1>.
    pub(in crate::config) url: Field<String>,
    /// For `kind: openai`: what the server calls the model. For `kind: sagemaker`: the model that the
    /// body names, where the container asks for one.
    pub(in crate::config) model: Field<String>,
    /// For `kind: openai`: where the key is found; never the key itself.
    pub(in crate::config) api_key: Field<ApiKey>,
    /// For `kind: openai`: certificates in PEM that are trusted beside the system's, for a private CA.
    pub(in crate::config) ca_pem: Field<String>,
    /// For `kind: openai`: headers that every request has.
    pub(in crate::config) headers: Field<BTreeMap<String, Spanned<String>>>,
}

/// What a SageMaker endpoint is made from; `instance_type` and `instance_count` are those of the endpoint.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Provision {
    /// The container's image in ECR.
    #[schemars(required)]
    pub(in crate::config) image: Field<String>,
    /// The model's archive in S3; left out where the container fetches the model itself.
    pub(in crate::config) model_data: Field<String>,
    /// What the container finds in its environment.
    pub(in crate::config) environment: Field<BTreeMap<String, Spanned<String>>>,
}

/// Where a key is found: one of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ApiKey {
    /// The name of an environment variable; on one machine only.
    pub(in crate::config) env: Field<String>,
    /// The ARN of a secret in AWS Secrets Manager.
    pub(in crate::config) secret: Field<String>,
}

/// The price of tokens, or of time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct PriceFields {
    /// US dollars for 1,000 prompt tokens.
    #[schemars(extend("minimum" = 0, "maximum" = 1))]
    pub(in crate::config) input_per_1k_usd: Field<f64>,
    /// US dollars for 1,000 tokens of answers.
    #[schemars(extend("minimum" = 0, "maximum" = 1))]
    pub(in crate::config) output_per_1k_usd: Field<f64>,
    /// US dollars for an hour of one instance, or of one model unit of provisioned throughput.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub(in crate::config) per_hour_usd: Field<f64>,
}
