//! What an endpoint invokes, as the ARNs that IAM checks.

use super::destinations::Id;
use super::{DESTINATIONS, Destinations, PolicyError, Surroundings};
use crate::plan::{EndpointKind, EndpointSpec};

const ACCOUNT: &str = "give --account with its twelve digits (`aws sts get-caller-identity --query \
                       Account --output text` tells them)";

/// What an endpoint invokes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A resource with nothing behind it.
    Resource(String),
    /// A system-defined profile, and its model wherever it routes to.
    Profile { arn: String, models: Vec<String> },
    /// An application inference profile: its ARN does not tell its model, which may be any.
    Opaque { arn: String, any_model: String },
}

impl Target {
    /// The resources, each with the profile through which alone it is invoked.
    pub(super) fn resources(&self) -> Vec<(Option<&str>, &str)> {
        match self {
            Self::Resource(arn) => vec![(None, arn)],
            Self::Profile { arn, models } => {
                let models = models.iter().map(|model| (Some(arn.as_str()), model.as_str()));
                [(None, arn.as_str())].into_iter().chain(models).collect()
            }
            Self::Opaque { arn, any_model } => vec![(None, arn), (Some(arn), any_model)],
        }
    }

    pub(super) fn is_routed(&self) -> bool {
        matches!(self, Self::Profile { .. })
    }

    pub(super) fn opaque(&self) -> Option<&str> {
        match self {
            Self::Opaque { arn, .. } => Some(arn),
            Self::Resource(_) | Self::Profile { .. } => None,
        }
    }
}

/// The partition of a region, the second part of its ARNs.
pub(super) fn partition(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("eusc") => "aws-eusc",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// What an endpoint of Bedrock or SageMaker invokes.
pub(super) fn of(spec: &EndpointSpec, surroundings: &Surroundings) -> Result<Target, PolicyError> {
    let refuse = |problem: String, mend: String| {
        Err(PolicyError { endpoint: spec.name.clone(), problem, mend })
    };
    let id = spec.model_id.as_str();
    if spec.kind == EndpointKind::Sagemaker {
        let Some(account) = &surroundings.account else {
            return refuse(
                format!("the ARN of the SageMaker endpoint {id} holds the account"),
                ACCOUNT.to_owned(),
            );
        };
        let (region, partition) = (spec.region.as_str(), partition(&spec.region));
        // IAM has endpoints' names in lower case.
        let name = id.to_ascii_lowercase();
        let arn = format!("arn:{partition}:sagemaker:{region}:{account}:endpoint/{name}");
        return Ok(Target::Resource(arn));
    }
    if id.starts_with("arn:") {
        return of_arn(spec, surroundings);
    }
    let (region, partition) = (spec.region.as_str(), partition(&spec.region));
    let given = |prefix: &str| surroundings.destinations.contains_key(prefix);
    match Id::parse(id, given) {
        Id::Model(model) => Ok(Target::Resource(model_arn(partition, region, model))),
        Id::Profile(prefix, model) => {
            let models = models(spec, surroundings, (partition, region), prefix, model)?;
            let Some(account) = &surroundings.account else {
                return refuse(
                    format!("the ARN of the inference profile {id} holds the account"),
                    ACCOUNT.to_owned(),
                );
            };
            let arn = format!("arn:{partition}:bedrock:{region}:{account}:inference-profile/{id}");
            Ok(Target::Profile { arn, models })
        }
    }
}

/// What is named by its ARN is granted as it stands.
fn of_arn(spec: &EndpointSpec, surroundings: &Surroundings) -> Result<Target, PolicyError> {
    let arn = spec.model_id.as_str();
    let refuse = |problem: String, mend: String| {
        Err(PolicyError { endpoint: spec.name.clone(), problem, mend })
    };
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let unknown = || {
        refuse(
            format!("it is not known what it takes to invoke {arn}"),
            "write its policy by hand, or give a model, an inference profile, a provisioned, \
             imported or custom model"
                .to_owned(),
        )
    };
    let [_, partition, "bedrock", region, _, resource] = parts[..] else { return unknown() };
    let Some((kind, id)) = resource.split_once('/') else { return unknown() };
    match kind {
        "foundation-model" | "provisioned-model" | "custom-model-deployment" | "imported-model" => {
            Ok(Target::Resource(arn.to_owned()))
        }
        "inference-profile" => {
            let given = |prefix: &str| surroundings.destinations.contains_key(prefix);
            let Id::Profile(prefix, model) = Id::parse(id, given) else { return unknown() };
            let models = models(spec, surroundings, (partition, region), prefix, model)?;
            Ok(Target::Profile { arn: arn.to_owned(), models })
        }
        "application-inference-profile" => {
            let any_model = format!("arn:{partition}:bedrock:*::foundation-model/*");
            Ok(Target::Opaque { arn: arn.to_owned(), any_model })
        }
        _ => unknown(),
    }
}

/// The model of a profile wherever it routes to: first where it is called, then the other regions.
fn models(
    spec: &EndpointSpec,
    surroundings: &Surroundings,
    (partition, region): (&str, &str),
    prefix: &str,
    model: &str,
) -> Result<Vec<String>, PolicyError> {
    let arn = |region: &str| model_arn(partition, region, model);
    let others = |regions: &[&str]| {
        regions.iter().filter(|other| **other != region).map(|region| arn(region)).collect()
    };
    let others: Vec<String> = if let Some(given) = surroundings.destinations.get(prefix) {
        others(&given.iter().map(String::as_str).collect::<Vec<_>>())
    } else {
        match DESTINATIONS.iter().find(|(known, _)| *known == prefix) {
            Some((_, Destinations::Regions(regions))) => others(regions),
            Some((_, Destinations::Anywhere)) => vec![arn("")],
            None => {
                return Err(PolicyError {
                    endpoint: spec.name.clone(),
                    problem: format!(
                        "it is not known where inference profiles of `{prefix}.` route to"
                    ),
                    mend: format!(
                        "say it: --destination-regions {prefix}=REGION,REGION (`aws bedrock \
                         get-inference-profile --inference-profile-identifier {} --region \
                         {region}` lists the model in each of them)",
                        spec.model_id
                    ),
                });
            }
        }
    };
    Ok([arn(region)].into_iter().chain(others).collect())
}

/// Models belong to no account; one without a region is checked for global profiles.
fn model_arn(partition: &str, region: &str, model: &str) -> String {
    format!("arn:{partition}:bedrock:{region}::foundation-model/{model}")
}
