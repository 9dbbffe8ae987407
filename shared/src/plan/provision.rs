//! SageMaker endpoints that are made for a run, and deleted at its end.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{EndpointSpec, Plan};
use crate::digest::sha256;
use crate::price::Price;
use crate::units::{NanoUsd, RunId};

/// The most characters of a name in SageMaker.
const NAME_MAX: usize = 63;

/// What lies between the start of a run and its first block: an endpoint may take an hour to serve.
const UNTIL_IT_SERVES: Duration = Duration::from_hours(1);

/// A SageMaker endpoint that is made for the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provision {
    /// The container's image in ECR.
    pub image: String,
    /// The model's files in S3, an archive; `None` where the container fetches them itself.
    pub model_data: Option<String>,
    /// What the container finds in its environment.
    pub environment: BTreeMap<String, String>,
    /// Such as `ml.g5.2xlarge`.
    pub instance_type: String,
    /// How many.
    pub instance_count: u32,
}

/// What the state machine makes, as it wants to be told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provisions {
    /// When the reaper deletes them if nothing else has, RFC 3339, UTC.
    pub expires_at: String,
    /// Each with what SageMaker is asked for.
    pub endpoints: Vec<Value>,
}

/// How the names begin of all that is made for a run: what deletes it looks for them.
pub fn provisioned_prefix(run_id: &RunId) -> String {
    let digest = sha256(run_id.as_str());
    format!("fmgauge-{}-", digest.get(..12).unwrap_or(&digest))
}

/// The name of what is made for the endpoint at a place in the configuration.
pub(super) fn provisioned_name(run_id: &RunId, place: usize, endpoint: &str) -> String {
    let letters = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = endpoint.chars().map(letters).collect();
    let name = format!("{}{}-{name}", provisioned_prefix(run_id), place + 1);
    let name: String = name.chars().take(NAME_MAX).collect();
    name.trim_end_matches('-').to_owned()
}

impl Plan {
    /// Endpoints that are made for the run, with what each is made from.
    pub fn provisioned(&self) -> impl Iterator<Item = (&EndpointSpec, &Provision)> {
        self.endpoints.iter().filter_map(|endpoint| Some((endpoint, endpoint.provision.as_ref()?)))
    }

    /// How long after the start of the run its own endpoints may live: an hour until they serve, and
    /// twice what the run is assumed to last; whole hours.
    pub fn provisioned_for(&self) -> Duration {
        let lasts = UNTIL_IT_SERVES + self.estimate.duration_assumed * 2;
        Duration::from_hours(lasts.as_secs().div_ceil(3600))
    }

    /// The most that its own endpoints cost: all instances until they expire. `None` where a price is
    /// not known.
    pub fn provisioned_at_most(&self) -> Option<NanoUsd> {
        let most = |endpoint: &EndpointSpec| {
            let price = endpoint.price.as_ref().and_then(Price::hours)?;
            Some(price.of_time(self.provisioned_for()))
        };
        self.provisioned().map(|(endpoint, _)| most(endpoint)).sum()
    }

    /// What its requests may cost: the spend limit less what is kept for its own endpoints.
    pub fn limit_of_requests(&self) -> Option<NanoUsd> {
        let kept = self.provisioned_at_most().unwrap_or(NanoUsd::ZERO);
        Some(NanoUsd(self.spend_limit?.0.saturating_sub(kept.0)))
    }

    /// What the state machine is to make; `None` where nothing is.
    pub fn provisions(&self, expires_at: String) -> Option<Provisions> {
        let endpoints: Vec<Value> = self
            .provisioned()
            .map(|(endpoint, from)| {
                let mut container = json!({"Image": from.image, "Environment": from.environment});
                if let Some(data) = &from.model_data {
                    container["ModelDataUrl"] = data.as_str().into();
                }
                let variant = json!({
                    "VariantName": "AllTraffic",
                    "ModelName": endpoint.model_id,
                    "InstanceType": from.instance_type,
                    "InitialInstanceCount": from.instance_count,
                });
                json!({
                    "name": endpoint.model_id,
                    "model": {"PrimaryContainer": container},
                    "config": {"ProductionVariants": [variant]},
                })
            })
            .collect();
        (!endpoints.is_empty()).then_some(Provisions { expires_at, endpoints })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_sagemaker_takes_and_the_runs_own() {
        let run: RunId = "weekly.1".parse().unwrap();
        let prefix = provisioned_prefix(&run);
        assert_eq!(prefix.len(), "fmgauge-".len() + 13);
        assert_ne!(prefix, provisioned_prefix(&"weekly.2".parse().unwrap()));
        let long = "a_very.long-name".repeat(6);
        for (place, endpoint) in ["g5", "llama3_8b.g5", &long].into_iter().enumerate() {
            let name = provisioned_name(&run, place, endpoint);
            assert!(name.starts_with(&prefix) && name.len() <= NAME_MAX, "{name}");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name}");
            assert!(!name.ends_with('-'), "{name}");
        }
        assert_ne!(provisioned_name(&run, 0, "a"), provisioned_name(&run, 1, "a"));
    }
}
