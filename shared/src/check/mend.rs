//! What to do about each way in which a request can fail.

use super::served;
use crate::plan::{EndpointKind, EndpointSpec};
use crate::record::{Deadline, ErrorClass, Outcome};

/// What to do about a request that ended so, as a sentence's beginning in lower case; empty where
/// nothing is to be done. Codes have several causes: the message tells them apart.
pub(super) fn mend(spec: &EndpointSpec, outcome: Outcome, message: &str) -> String {
    let region = &spec.region;
    let of_kind = match spec.kind {
        EndpointKind::Sagemaker => served::sagemaker(spec, outcome, message),
        EndpointKind::Openai => served::server(spec, outcome),
        EndpointKind::Bedrock | EndpointKind::Simulated => None,
    };
    if let Some(mend) = of_kind {
        return mend;
    }
    match outcome {
        Outcome::Completed | Outcome::Cut => String::new(),
        Outcome::Throttled => format!(
            "the account's quota for this model is used up, or is 0 as in new accounts: see Service \
             Quotas, Amazon Bedrock, {region}; try again in a minute, or ask for more"
        ),
        Outcome::TimedOut(Deadline::Connect) => connection(spec, message),
        Outcome::TimedOut(deadline) => {
            let name = deadline.name();
            let name = name.strip_prefix("deadline_").unwrap_or(name);
            format!("try again later, or raise deadlines.{name}")
        }
        Outcome::Failed(class) => of_class(spec, class, message),
    }
}

fn of_class(spec: &EndpointSpec, class: ErrorClass, message: &str) -> String {
    use ErrorClass as Class;
    let region = &spec.region;
    match class {
        Class::AccessDenied => access_denied(region, message),
        Class::Validation => validation(spec, message),
        Class::NotFound => no_such_model(region),
        Class::EndOfLife => format!(
            "it is at the end of its life, or closed to accounts that have not used it lately: \
             measure its successor (`aws bedrock list-foundation-models --region {region}` says \
             which are ACTIVE)"
        ),
        Class::QuotaExceeded => format!(
            "a quota of the account is used up: see Service Quotas, Amazon Bedrock, {region}"
        ),
        Class::ModelNotReady => "the model is being loaded: try again in a few minutes".to_owned(),
        Class::ModelTimeout | Class::ModelError | Class::Server => {
            "the service failed, not the request: try again later, and see the AWS Health Dashboard"
                .to_owned()
        }
        Class::Connection => connection(spec, message),
        Class::Protocol => match &spec.endpoint_url {
            Some(url) => format!("is the server at {url} one of Bedrock's protocol?"),
            None => "something on the way changes the answers: look for proxies".to_owned(),
        },
        Class::Credentials => {
            "sign in again with `aws sso login` or `aws login`, or set other credentials".to_owned()
        }
    }
}

fn access_denied(region: &str, message: &str) -> String {
    let says = |part: &str| message.to_ascii_lowercase().contains(part);
    let policy = "`fmgauge policy` prints the IAM policy that this configuration needs";
    let enable = format!(
        "enable the model for this account in the Bedrock console, {region} (some providers ask \
         for a form or a subscription in AWS Marketplace first)"
    );
    if says("service control policy") || says("explicit deny") {
        "a policy of the organization or the role denies it: ask who manages it, also for each \
         region that an inference profile routes to"
            .to_owned()
    } else if says("not authorized to perform: bedrock") || says("identity-based policy") {
        format!("allow it: {policy}")
    } else if says("access to the model") || says("marketplace") || says("use case") {
        enable
    } else {
        format!("{policy}; if it is allowed, {enable}")
    }
}

fn validation(spec: &EndpointSpec, message: &str) -> String {
    let says = |part: &str| message.to_ascii_lowercase().contains(part);
    if says("on-demand throughput") {
        let (prefix, model) = (profile_prefix(&spec.region), &spec.model_id);
        format!("give an inference profile as model_id, such as {prefix}.{model}")
    } else if says("model identifier is invalid") || says("inference profile") {
        no_such_model(&spec.region)
    } else if says("temperature") || says("top_p") || says("topp") {
        "leave inference.temperature or inference.top_p out: some models take one of them or none"
            .to_owned()
    } else if says("system") {
        "leave inference.system out: this model takes no system prompt".to_owned()
    } else if says("stream") {
        "write `api: converse`: this model does not stream".to_owned()
    } else if says("latency") || says("performance") {
        "leave latency_mode out: this model does not offer it here".to_owned()
    } else if says("tier") {
        "leave service_tier out: this model does not offer it here".to_owned()
    } else {
        "the model does not take such requests: compare `inference` and `api` with its \
         documentation"
            .to_owned()
    }
}

fn no_such_model(region: &str) -> String {
    format!(
        "there is no such model in {region}: give the region that has it, or another id (`aws \
         bedrock list-foundation-models --region {region}`, `aws bedrock list-inference-profiles \
         --region {region}`)"
    )
}

fn connection(spec: &EndpointSpec, message: &str) -> String {
    match &spec.endpoint_url {
        Some(url) => format!("is the server at {url} up, and can it be reached from here?"),
        None if message.contains("lookup address") || message.contains("dns") => {
            let region = &spec.region;
            let is_sagemaker = spec.kind == EndpointKind::Sagemaker;
            let service = if is_sagemaker { "Amazon SageMaker" } else { "Amazon Bedrock" };
            format!("is there {service} in {region}, and is this machine online?")
        }
        None => "look for firewalls and proxies on the way to AWS, port 443".to_owned(),
    }
}

/// The prefix of inference profiles that a region's callers use.
fn profile_prefix(region: &str) -> &'static str {
    let starts = |start: &str| region.starts_with(start);
    if starts("us-gov-") {
        "us-gov"
    } else if starts("us-") {
        "us"
    } else if starts("eu-") {
        "eu"
    } else if starts("ap-") {
        "apac"
    } else {
        "global"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn spec(region: &str, url: &str) -> EndpointSpec {
        let text = format!(
            "version: 1\nendpoints: [{{name: m, kind: bedrock, region: {region}, \
             model_id: meta.llama9, price: unknown{url}}}]\n\
             datasets: [{{name: d, prompts: [Why?], max_tokens: 5}}]\nload: [{{concurrency: 1}}]\n"
        );
        parse(&text).unwrap().endpoints[0].spec.clone()
    }

    fn check(class: ErrorClass, message: &str, expected: &str) {
        let mend = mend(&spec("us-east-1", ""), Outcome::Failed(class), message);
        assert!(mend.contains(expected), "{message}: {mend}");
    }

    #[test]
    fn other_kinds_have_mends_of_their_own() {
        let of = |endpoint: &str| {
            let text = format!(
                "version: 1\nendpoints: [{endpoint}]\n\
                 datasets: [{{name: d, prompts: [Why?], max_tokens: 5}}]\nload: [{{concurrency: 1}}]\n"
            );
            parse(&text).unwrap().endpoints[0].spec.clone()
        };
        let tgi = of(
            "{name: m, kind: sagemaker, region: us-east-1, endpoint_name: e, payload: tgi, price: unknown}",
        );
        let vllm =
            of("{name: m, kind: openai, url: 'http://10.0.0.1:8000/v1', model: m, price: unknown}");
        let check = |spec: &EndpointSpec, class, message: &str, expected: &str| {
            let mend = mend(spec, Outcome::Failed(class), message);
            assert!(mend.contains(expected), "{class:?}: {mend}");
        };
        check(
            &tgi,
            ErrorClass::Validation,
            "Endpoint e not found.",
            "describe-endpoint --endpoint-name e",
        );
        check(&tgi, ErrorClass::ModelError, "", "compare `payload`");
        check(&tgi, ErrorClass::AccessDenied, "", "`fmgauge policy`");
        check(&vllm, ErrorClass::AccessDenied, "", "`api_key`");
        check(&vllm, ErrorClass::NotFound, "", "http://10.0.0.1:8000/v1/models");
        check(&vllm, ErrorClass::Connection, "", "is the server at http://10.0.0.1:8000/v1 up");
        for spec in [&tgi, &vllm] {
            let words = mend(spec, Outcome::Throttled, "");
            assert!(!words.contains("Bedrock") && !words.is_empty(), "{words}");
        }
    }

    #[test]
    fn each_cause_has_its_mend() {
        use ErrorClass as Class;
        let iam = "User: arn:aws:sts::1:assumed-role/r is not authorized to perform: \
                   bedrock:InvokeModel on resource: x because no identity-based policy allows it";
        check(Class::AccessDenied, iam, "fmgauge policy");
        let denied = format!("{iam} with an explicit deny in a service control policy");
        check(Class::AccessDenied, &denied, "organization");
        let closed = "You don't have access to the model with the specified model ID.";
        check(Class::AccessDenied, closed, "enable the model");
        check(Class::AccessDenied, "", "fmgauge policy");
        let on_demand =
            "Invocation of model ID x with on-demand throughput isn\u{2019}t supported.";
        check(Class::Validation, on_demand, "us.meta.llama9");
        check(Class::Validation, "The provided model identifier is invalid.", "--region us-east-1");
        check(Class::Validation, "temperature and top_p cannot both be set", "inference.top_p");
        check(Class::Validation, "This model doesn't support system messages.", "inference.system");
        check(Class::Validation, "The model is unsupported for streaming", "api: converse");
        check(Class::EndOfLife, "", "successor");
        check(Class::NotFound, "", "list-inference-profiles");
        check(Class::Connection, "failed to lookup address information", "us-east-1");
        check(Class::Credentials, "", "aws sso login");
        let ours = spec("us-east-1", ", endpoint_url: \"http://127.0.0.1:9\"");
        let refused = mend(&ours, Outcome::Failed(Class::Connection), "refused");
        assert!(refused.contains("http://127.0.0.1:9"), "{refused}");
        let late = mend(&ours, Outcome::TimedOut(Deadline::FirstToken), "");
        assert!(late.contains("deadlines.first_token"), "{late}");
        assert!(mend(&ours, Outcome::Throttled, "").contains("Service Quotas"));
    }
}
