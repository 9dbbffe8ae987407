//! The IAM permissions that a configuration needs, and no more.
//!
//! Every endpoint of Bedrock needs the action of its API on what it invokes: a model, or an
//! inference profile and, through that profile only, the model in each region that it routes to.
//! Datasets need the objects in S3 that they name. Nothing is asked of AWS, so what only AWS knows
//! is not in here: the model behind an application inference profile, and the keys of encrypted
//! objects (`kms:Decrypt`).
//!
//! The only wildcard is that model: its statement allows any model, but only to requests that come
//! through that one profile.

mod destinations;
mod target;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

pub use self::destinations::{DESTINATIONS, DESTINATIONS_DATE, Destinations};
use self::target::Target;
use crate::config::Settings;
use crate::dataset::Place;
use crate::plan::{EndpointKind, EndpointSpec, KeySource};
use crate::units::Name;

/// The condition by which a model may be invoked through one profile only.
const THROUGH: &str = "bedrock:InferenceProfileArn";

/// The most characters that IAM allows in a managed policy, white space left out.
pub const MANAGED_POLICY_CHARACTERS: usize = 6144;

/// What a configuration does not say of where it is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The account; needed where an ARN holds it.
    pub account: Option<AccountId>,
    /// Where profiles route to, by their prefix: before what the table says.
    pub destinations: BTreeMap<String, Vec<String>>,
}

/// The id of an AWS account: twelve digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountId(String);

impl FromStr for AccountId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_account.then(|| Self(text.to_owned())).ok_or("an account id has twelve digits")
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why no policy can be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("endpoint {endpoint}: {problem}; {mend}")]
pub struct PolicyError {
    /// The endpoint whose permission cannot be told.
    pub endpoint: Name,
    /// What is missing.
    pub problem: String,
    /// What to do about it.
    pub mend: String,
}

/// An IAM policy as it is written in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    /// The version of IAM's language.
    pub version: &'static str,
    /// What is allowed.
    pub statement: Vec<Statement>,
}

/// What is allowed on which resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// Its name, unique in the policy.
    pub sid: String,
    /// `Allow`.
    pub effect: &'static str,
    /// The actions.
    pub action: Vec<&'static str>,
    /// ARNs.
    pub resource: Vec<String>,
    /// Under which condition.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub condition: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
}

/// The parameters of the deployed stack that grant the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackParameters {
    /// `ModelArns`: what runs may invoke.
    pub model_arns: BTreeSet<String>,
    /// `SageMakerEndpointArns`: the SageMaker endpoints among it.
    pub endpoint_arns: BTreeSet<String>,
    /// `DatasetBucketArns`: the buckets of datasets.
    pub dataset_bucket_arns: BTreeSet<String>,
    /// `SecretArns`: the secrets that hold keys.
    pub secret_arns: BTreeSet<String>,
}

/// What a configuration needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// What is invoked, each by an action.
    targets: Vec<(&'static str, Target)>,
    /// Secrets that hold keys.
    secrets: BTreeSet<String>,
    /// Buckets and keys.
    objects: BTreeSet<(String, String)>,
    partition: &'static str,
}

impl Needs {
    /// Of a configuration. Simulated endpoints and files of this machine need nothing.
    ///
    /// # Errors
    ///
    /// The first endpoint whose permission cannot be told.
    pub fn of(settings: &Settings, surroundings: &Surroundings) -> Result<Self, PolicyError> {
        let specs = settings.endpoints.iter().map(|endpoint| &endpoint.spec);
        // What is made for a run may be invoked by the stack's own statement.
        let real =
            specs.filter(|spec| spec.kind != EndpointKind::Simulated && spec.provision.is_none());
        let real: Vec<_> = real.collect();
        let mut targets = Vec::new();
        let mut secrets = BTreeSet::new();
        for spec in &real {
            match spec.kind {
                EndpointKind::Bedrock | EndpointKind::Sagemaker => {
                    let target = target::of(spec, surroundings)?;
                    let all = actions(spec).iter().map(|action| (*action, target.clone()));
                    targets.extend(all);
                }
                EndpointKind::Openai => {
                    if let Some(KeySource::Secret(arn)) = &spec.server.api_key {
                        secrets.insert(arn.clone());
                    }
                }
                EndpointKind::Simulated => {}
            }
        }
        let places = settings.datasets.iter().flat_map(|dataset| dataset.spec.places());
        let object = |place: &Place| match place {
            Place::S3 { bucket, key } => Some((bucket.clone(), key.clone())),
            Place::Path(_) => None,
        };
        Ok(Self {
            targets,
            secrets,
            objects: places.filter_map(object).collect(),
            partition: real.first().map_or("aws", |spec| target::partition(&spec.region)),
        })
    }

    /// As an IAM policy.
    pub fn policy(&self) -> Policy {
        // By condition and resource first: one that is used by both APIs is named once.
        let mut actions: BTreeMap<(Option<&str>, &str), BTreeSet<&'static str>> = BTreeMap::new();
        for (action, target) in &self.targets {
            for (through, resource) in target.resources() {
                actions.entry((through, resource)).or_default().insert(*action);
            }
        }
        let mut grouped: BTreeMap<(Option<&str>, BTreeSet<_>), Vec<String>> = BTreeMap::new();
        for ((through, resource), actions) in actions {
            grouped.entry((through, actions)).or_default().push(resource.to_owned());
        }
        let invoke =
            grouped.into_iter().enumerate().map(|(index, ((through, actions), resource))| {
                let condition =
                    |profile: &str| ("StringEquals", [(THROUGH, profile.to_owned())].into());
                Statement {
                    sid: format!(
                        "Invoke{}{}",
                        if through.is_some() { "ThroughProfile" } else { "" },
                        index + 1
                    ),
                    effect: "Allow",
                    action: actions.into_iter().collect(),
                    resource,
                    condition: through.map(condition).into_iter().collect(),
                }
            });
        let objects: Vec<String> =
            self.objects.iter().map(|(bucket, key)| self.object_arn(bucket, key)).collect();
        let read = (!objects.is_empty()).then(|| Statement {
            sid: "ReadDatasets".to_owned(),
            effect: "Allow",
            action: vec!["s3:GetObject"],
            resource: objects,
            condition: BTreeMap::new(),
        });
        let keys = (!self.secrets.is_empty()).then(|| Statement {
            sid: "ReadKeys".to_owned(),
            effect: "Allow",
            action: vec!["secretsmanager:GetSecretValue"],
            resource: self.secrets.iter().cloned().collect(),
            condition: BTreeMap::new(),
        });
        Policy { version: "2012-10-17", statement: invoke.chain(read).chain(keys).collect() }
    }

    /// As parameters of the stack, which knows no conditions.
    pub fn parameters(&self) -> StackParameters {
        let resources = self.targets.iter().flat_map(|(_, target)| target.resources());
        let named = resources.filter(|(_, resource)| !resource.contains('*'));
        let bucket =
            |(bucket, _): &(String, String)| format!("arn:{}:s3:::{bucket}", self.partition);
        let named = named.map(|(_, resource)| resource.to_owned());
        let (endpoint_arns, model_arns) = named.partition(|arn| arn.contains(":sagemaker:"));
        StackParameters {
            model_arns,
            endpoint_arns,
            dataset_bucket_arns: self.objects.iter().map(bucket).collect(),
            secret_arns: self.secrets.clone(),
        }
    }

    /// Whether a profile is among what is invoked, whose regions the table tells.
    pub fn uses_destinations(&self) -> bool {
        self.targets.iter().any(|(_, target)| target.is_routed())
    }

    /// Application inference profiles, whose models only AWS knows.
    pub fn opaque_profiles(&self) -> Vec<&str> {
        self.targets.iter().filter_map(|(_, target)| target.opaque()).collect()
    }

    fn object_arn(&self, bucket: &str, key: &str) -> String {
        // These three mean something in a resource; written so they mean themselves.
        let plain = |c: char| match c {
            '*' | '?' | '$' => format!("${{{c}}}"),
            c => c.to_string(),
        };
        let key: String = key.chars().map(plain).collect();
        format!("arn:{}:s3:::{bucket}/{key}", self.partition)
    }
}

/// The actions that IAM checks. For SageMaker's streams it is said to be that of all invocations, and has one
/// of its own: both are granted.
fn actions(spec: &EndpointSpec) -> &'static [&'static str] {
    match (spec.kind, spec.api.is_streamed()) {
        (EndpointKind::Sagemaker, false) => &["sagemaker:InvokeEndpoint"],
        (EndpointKind::Sagemaker, true) => {
            &["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]
        }
        (_, false) => &["bedrock:InvokeModel"],
        (_, true) => &["bedrock:InvokeModelWithResponseStream"],
    }
}

impl StackParameters {
    /// Whether there is nothing to set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// As `sam deploy --parameter-overrides` takes them. What is empty is left out: to the stack, no
/// `ModelArns` means all models.
impl fmt::Display for StackParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |name: &str, arns: &BTreeSet<String>| {
            let arns: Vec<&str> = arns.iter().map(String::as_str).collect();
            (!arns.is_empty()).then(|| format!("{name}={}", arns.join(",")))
        };
        let all = [
            of("ModelArns", &self.model_arns),
            of("SageMakerEndpointArns", &self.endpoint_arns),
            of("DatasetBucketArns", &self.dataset_bucket_arns),
            of("SecretArns", &self.secret_arns),
        ];
        f.write_str(&all.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}
