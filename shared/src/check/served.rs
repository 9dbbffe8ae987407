//! What to do where what failed is no model of Bedrock's: a SageMaker endpoint, or a server.

use crate::plan::EndpointSpec;
use crate::record::{ErrorClass, Outcome};

/// For a SageMaker endpoint; `None` where it is the same for all services.
pub(super) fn sagemaker(spec: &EndpointSpec, outcome: Outcome, message: &str) -> Option<String> {
    use ErrorClass as Class;
    let (name, region) = (&spec.model_id, &spec.region);
    let describe = format!(
        "`aws sagemaker describe-endpoint --endpoint-name {name} --region {region}` says whether it is \
         InService"
    );
    let class = match outcome {
        Outcome::Throttled => {
            let mend = "the endpoint refuses more: raise its instances, or lower the load";
            return Some(mend.to_owned());
        }
        Outcome::Failed(class) => class,
        Outcome::Completed | Outcome::Cut | Outcome::TimedOut(_) => return None,
    };
    let says = |part: &str| message.to_ascii_lowercase().contains(part);
    Some(match class {
        Class::AccessDenied => {
            "allow it: `fmgauge policy` prints the IAM policy that this configuration needs"
                .to_owned()
        }
        Class::Validation | Class::NotFound if says("not found") || says("could not find") => {
            format!("there is no endpoint {name} in {region}: {describe}")
        }
        Class::Validation => format!("compare `payload` with what the container takes; {describe}"),
        Class::ModelError => {
            "the container failed: compare `payload` and `api` with what it takes, and see the \
             endpoint's log in CloudWatch"
                .to_owned()
        }
        Class::Protocol => {
            "the container answers in another format: compare `payload` with it".to_owned()
        }
        Class::ModelNotReady => describe,
        Class::ModelTimeout
        | Class::NotFound
        | Class::EndOfLife
        | Class::QuotaExceeded
        | Class::Server
        | Class::Connection
        | Class::Credentials => return None,
    })
}

/// For an OpenAI-compatible server; `None` where it is the same for all services.
pub(super) fn server(spec: &EndpointSpec, outcome: Outcome) -> Option<String> {
    use ErrorClass as Class;
    let url = spec.endpoint_url.as_deref().unwrap_or_default();
    let class = match outcome {
        Outcome::Throttled => {
            return Some("the server refuses more: lower the load, or raise its limits".to_owned());
        }
        Outcome::Failed(class) => class,
        Outcome::Completed | Outcome::Cut | Outcome::TimedOut(_) => return None,
    };
    Some(match class {
        Class::AccessDenied | Class::Credentials => {
            "the server takes another key: look into what `api_key` names".to_owned()
        }
        Class::NotFound => format!(
            "the server has no such model, or no such path: `curl {url}/models` lists its models; is \
             {url} what stands before /chat/completions?"
        ),
        Class::Validation => {
            "the server does not take such requests: compare `model`, `api` and `inference` with its \
             documentation"
                .to_owned()
        }
        Class::Protocol => format!("does the server at {url} speak OpenAI's HTTP?"),
        Class::ModelTimeout | Class::ModelError | Class::Server => {
            "the server failed, not the request: see its log".to_owned()
        }
        Class::ModelNotReady | Class::EndOfLife | Class::QuotaExceeded | Class::Connection => {
            return None;
        }
    })
}
