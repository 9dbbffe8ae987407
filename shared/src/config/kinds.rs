//! Which fields belong to which kind of endpoint.

use serde_saphyr::Location;

use super::raw::Endpoint;
use crate::plan::EndpointKind::{self, Bedrock, Openai, Sagemaker, Simulated};

/// A field that not every kind has.
pub(super) struct Special {
    pub(super) name: &'static str,
    /// Where it is given.
    pub(super) at: fn(&Endpoint) -> Option<Location>,
    pub(super) kinds: &'static [EndpointKind],
    /// What to do where it is given for another kind.
    pub(super) mend: &'static str,
}

macro_rules! special {
    ($name:ident, $kinds:expr, $mend:expr) => {
        Special {
            name: stringify!($name),
            at: |endpoint| endpoint.$name.as_ref().map(|field| field.referenced),
            kinds: $kinds,
            mend: $mend,
        }
    };
}

const SAGEMAKER: &str = "it belongs to `kind: sagemaker`; leave it out";
const OPENAI: &str = "it belongs to `kind: openai`; leave it out";
const BEDROCK: &str = "it belongs to `kind: bedrock`; leave it out";

/// The fields that not every kind has.
pub(super) const SPECIAL: [Special; 18] = [
    special!(simulate_as, &[Simulated], "write `kind: simulated`, or give `model_id` instead"),
    special!(
        model_id,
        &[Bedrock],
        "give `simulate_as` for `kind: simulated`, `endpoint_name` for `kind: sagemaker`, `model` for `kind: openai`"
    ),
    special!(region, &[Bedrock, Sagemaker], "leave it out: it is nowhere in AWS"),
    special!(
        endpoint_url,
        &[Bedrock, Sagemaker],
        "leave it out: the simulator is built in, and `kind: openai` has `url`"
    ),
    special!(latency_mode, &[Bedrock, Simulated], BEDROCK),
    special!(service_tier, &[Bedrock, Simulated], BEDROCK),
    special!(endpoint_name, &[Sagemaker], SAGEMAKER),
    special!(payload, &[Bedrock, Sagemaker, Simulated], SAGEMAKER),
    special!(inference_component, &[Sagemaker], SAGEMAKER),
    special!(target_variant, &[Sagemaker], SAGEMAKER),
    special!(custom_attributes, &[Sagemaker], SAGEMAKER),
    special!(instance_type, &[Bedrock, Sagemaker, Openai], "leave it out"),
    special!(model, &[Sagemaker, Openai], OPENAI),
    special!(url, &[Openai], OPENAI),
    special!(api_key, &[Openai], OPENAI),
    special!(headers, &[Openai], OPENAI),
    special!(ca_pem, &[Openai], OPENAI),
    special!(provision, &[Sagemaker], SAGEMAKER),
];
