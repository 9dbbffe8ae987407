use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::config::parse;

const ACCOUNT: &str = "123456789012";
const BOTH: [&str; 2] = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"];

/// A configuration of endpoints (region, model, API) and of what its dataset is read from.
fn config(endpoints: &[(&str, &str, &str)], dataset: &str) -> String {
    let endpoint = |(index, (region, model, api)): (usize, &(&str, &str, &str))| {
        format!(
            "  - {{name: e{index}, kind: bedrock, region: {region}, model_id: \"{model}\", \
             api: {api}, price: unknown}}\n"
        )
    };
    let endpoints: String = endpoints.iter().enumerate().map(endpoint).collect();
    format!(
        "version: 1\nendpoints:\n{endpoints}datasets: [{{name: d, {dataset}, max_tokens: 5}}]\n\
         load: [{{concurrency: 1}}]\n"
    )
}

fn here() -> Surroundings {
    Surroundings { account: Some(ACCOUNT.parse().unwrap()), destinations: BTreeMap::new() }
}

fn needs(
    endpoints: &[(&str, &str, &str)],
    surroundings: &Surroundings,
) -> Result<Needs, PolicyError> {
    let settings = parse(&config(endpoints, "prompts: [Why?]")).unwrap();
    Needs::of(&settings, surroundings)
}

fn json(policy: &Policy) -> Value {
    serde_json::to_value(policy).unwrap()
}

#[test]
fn a_policy_says_what_is_needed_and_no_more() {
    let endpoints = [
        ("us-east-1", "mistral.mistral-7b-instruct-v0:2", "converse_stream"),
        ("us-east-1", "mistral.mistral-7b-instruct-v0:2", "converse"),
        ("eu-west-1", "global.anthropic.claude-sonnet-4-6", "converse_stream"),
        ("ap-northeast-1", "jp.anthropic.claude-haiku-4-5-20251001-v1:0", "converse"),
    ];
    let dataset = "file: \"s3://data/a*b.jsonl\", template: \"s3://other/ask.txt\"";
    let settings = parse(&config(&endpoints, dataset)).unwrap();
    let needs = Needs::of(&settings, &here()).unwrap();
    let policy = serde_json::to_string_pretty(&needs.policy()).unwrap();
    insta::assert_snapshot!(policy);
    insta::assert_snapshot!(needs.parameters().to_string().replace([',', ' '], "\n"), @r"
    ModelArns=arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-4-6
    arn:aws:bedrock:ap-northeast-1:123456789012:inference-profile/jp.anthropic.claude-haiku-4-5-20251001-v1:0
    arn:aws:bedrock:ap-northeast-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0
    arn:aws:bedrock:ap-northeast-3::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0
    arn:aws:bedrock:eu-west-1:123456789012:inference-profile/global.anthropic.claude-sonnet-4-6
    arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-sonnet-4-6
    arn:aws:bedrock:us-east-1::foundation-model/mistral.mistral-7b-instruct-v0:2
    DatasetBucketArns=arn:aws:s3:::data
    arn:aws:s3:::other
    ");
    assert!(needs.uses_destinations() && needs.opaque_profiles().is_empty());
}

#[test]
fn arns_are_granted_as_they_stand() {
    for kind in ["provisioned-model", "imported-model", "custom-model-deployment"] {
        let arn = format!("arn:aws:bedrock:us-east-1:{ACCOUNT}:{kind}/a1b2");
        let needs = needs(&[("us-east-1", &arn, "converse")], &Surroundings::default()).unwrap();
        let statements = needs.policy().statement;
        assert_eq!(statements.len(), 1);
        assert_eq!(statements[0].resource, [arn.as_str()]);
        assert_eq!(needs.parameters().to_string(), format!("ModelArns={arn}"));
    }
    // Its model may be any, but only through it; the stack's parameters cannot say that.
    let arn = format!("arn:aws:bedrock:us-east-1:{ACCOUNT}:application-inference-profile/a1b2");
    let needs = needs(&[("us-east-1", &arn, "converse")], &Surroundings::default()).unwrap();
    let statements = needs.policy().statement;
    assert_eq!(statements[0].resource, [arn.as_str()]);
    assert_eq!(statements[1].resource, ["arn:aws:bedrock:*::foundation-model/*"]);
    assert_eq!(statements[1].condition["StringEquals"][THROUGH], arn);
    assert_eq!(needs.parameters().to_string(), format!("ModelArns={arn}"));
    assert_eq!(needs.opaque_profiles(), [arn]);
}

#[test]
fn endpoints_of_sagemaker_and_keys_of_servers_are_granted() {
    let text = "version: 1
endpoints:
  - {name: tgi, kind: sagemaker, region: us-east-1, endpoint_name: Llama3-8B, payload: tgi, price: unknown}
  - {name: vllm, kind: openai, url: 'http://10.0.0.1:8000/v1', model: m, api_key: {secret: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:vllm-a1b2c3'}, price: unknown}
datasets: [{name: d, prompts: [Why?], max_tokens: 5}]
load: [{concurrency: 1}]
";
    let needs = Needs::of(&parse(text).unwrap(), &here()).unwrap();
    let statements = needs.policy().statement;
    let endpoint = format!("arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/llama3-8b");
    assert_eq!(statements[0].resource, [endpoint.as_str()]);
    let actions = ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"];
    assert_eq!(statements[0].action, actions);
    assert_eq!(statements[1].action, ["secretsmanager:GetSecretValue"]);
    let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:vllm-a1b2c3";
    assert_eq!(statements[1].resource, [secret]);
    assert_eq!(statements.len(), 2);
    let parameters = format!("SageMakerEndpointArns={endpoint} SecretArns={secret}");
    assert_eq!(needs.parameters().to_string(), parameters);
    assert!(Needs::of(&parse(text).unwrap(), &Surroundings::default()).is_err(), "no account");
}

#[test]
fn partitions_follow_from_the_region() {
    let check = |region: &str, expected: &str| assert_eq!(target::partition(region), expected);
    check("us-east-1", "aws");
    check("us-gov-west-1", "aws-us-gov");
    check("cn-north-1", "aws-cn");
}

#[test]
fn what_cannot_be_told_is_refused_with_the_mend() {
    let refusal = |model: &str, surroundings: &Surroundings| {
        needs(&[("us-east-1", model, "converse")], surroundings).unwrap_err().to_string()
    };
    insta::assert_snapshot!(
        refusal("us.meta.llama3-1-8b-instruct-v1:0", &Surroundings::default()),
        @"endpoint e0: the ARN of the inference profile us.meta.llama3-1-8b-instruct-v1:0 holds the account; give --account with its twelve digits (`aws sts get-caller-identity --query Account --output text` tells them)"
    );
    insta::assert_snapshot!(
        refusal("mars.meta.llama9", &here()),
        @"endpoint e0: it is not known where inference profiles of `mars.` route to; say it: --destination-regions mars=REGION,REGION (`aws bedrock get-inference-profile --inference-profile-identifier mars.meta.llama9 --region us-east-1` lists the model in each of them)"
    );
    insta::assert_snapshot!(
        refusal("arn:aws:bedrock:us-east-1:123456789012:prompt/P1", &here()),
        @"endpoint e0: it is not known what it takes to invoke arn:aws:bedrock:us-east-1:123456789012:prompt/P1; write its policy by hand, or give a model, an inference profile, a provisioned, imported or custom model"
    );
    for bad in ["", "12345678901", "1234567890123", "12345678901a"] {
        assert!(bad.parse::<AccountId>().is_err(), "{bad}");
    }
}

#[test]
fn destinations_that_are_given_count_before_the_table() {
    let given = |prefix: &str| Surroundings {
        destinations: [(prefix.to_owned(), vec!["us-west-2".to_owned()])].into(),
        ..here()
    };
    for (model, prefix) in [("mars.new.model", "mars"), ("us.meta.llama9", "us")] {
        let needs = needs(&[("us-east-1", model, "converse")], &given(prefix)).unwrap();
        let model = model.strip_prefix(prefix).unwrap().strip_prefix('.').unwrap();
        let arn = |region| format!("arn:aws:bedrock:{region}::foundation-model/{model}");
        assert_eq!(needs.policy().statement[1].resource, [arn("us-east-1"), arn("us-west-2")]);
    }
}

#[test]
fn simulated_endpoints_need_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let text = std::fs::read_to_string(folder.join("quickstart.yml")).unwrap();
    let needs = Needs::of(&parse(&text).unwrap(), &Surroundings::default()).unwrap();
    assert!(needs.policy().statement.is_empty() && needs.parameters().is_empty());
    assert_eq!(needs.parameters().to_string(), "");
}

/// Whether a policy allows an action on a resource, to a request through a profile or to none.
fn allows(policy: &Value, action: &str, resource: &str, through: Option<&str>) -> bool {
    policy["Statement"].as_array().unwrap().iter().any(|statement| {
        let any = |field: &str, is_it: &dyn Fn(&str) -> bool| {
            statement[field].as_array().unwrap().iter().any(|one| is_it(one.as_str().unwrap()))
        };
        let condition = statement.get("Condition").map(|condition| {
            let pairs = condition.as_object().unwrap();
            assert_eq!(pairs.len(), 1);
            condition["StringEquals"][THROUGH].as_str().unwrap()
        });
        statement["Effect"] == "Allow"
            && any("Action", &|allowed| allowed == action)
            && any("Resource", &|pattern| matches(pattern, resource))
            && condition.is_none_or(|profile| Some(profile) == through)
    })
}

/// A resource's pattern with `*`.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len())
                .filter(|at| rest.is_char_boundary(*at))
                .any(|at| matches(after, &rest[at..]))
        }),
    }
}

/// What IAM checks when an endpoint is called: resources, each with the profile in between.
fn checked(region: &str, model: &str) -> Vec<(String, Option<String>)> {
    let model_in =
        |region: &str, model: &str| format!("arn:aws:bedrock:{region}::foundation-model/{model}");
    if model.starts_with("arn:") {
        return vec![(model.to_owned(), None)];
    }
    let (prefix, rest) = model.split_once('.').unwrap();
    let regions = match DESTINATIONS.iter().find(|(known, _)| *known == prefix) {
        None => return vec![(model_in(region, model), None)],
        Some((_, Destinations::Anywhere)) => vec![region, ""],
        Some((_, Destinations::Regions(regions))) => [&[region], *regions].concat(),
    };
    let profile = format!("arn:aws:bedrock:{region}:{ACCOUNT}:inference-profile/{model}");
    let routed = regions.iter().map(|region| (model_in(region, rest), Some(profile.clone())));
    [(profile.clone(), None)].into_iter().chain(routed).collect()
}

fn endpoint() -> impl Strategy<Value = (&'static str, String, &'static str)> {
    let regions = ["us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2", "ca-central-1"];
    let prefixes = ["", "us.", "eu.", "apac.", "jp.", "au.", "global."];
    let models = ["amazon.nova-pro-v1:0", "anthropic.claude-sonnet-4-6", "deepseek.v3.2"];
    let named = (prop::sample::select(prefixes.to_vec()), prop::sample::select(models.to_vec()))
        .prop_map(|(prefix, model)| format!("{prefix}{model}"));
    let arn = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/[a-z0-9]{4}";
    let model = prop_oneof![4 => named.boxed(), 1 => arn.boxed()];
    let apis = ["converse", "converse_stream"];
    (prop::sample::select(regions.to_vec()), model, prop::sample::select(apis.to_vec()))
}

proptest! {
    #[test]
    fn every_endpoint_is_allowed_and_nothing_else(all in prop::collection::vec(endpoint(), 1..6)) {
        let endpoints: Vec<_> =
            all.iter().map(|(region, model, api)| (*region, model.as_str(), *api)).collect();
        let policy = json(&needs(&endpoints, &here()).unwrap().policy());
        let mut needed = BTreeSet::new();
        for (region, model, api) in &endpoints {
            let action = BOTH[usize::from(*api == "converse_stream")];
            for (resource, through) in checked(region, model) {
                prop_assert!(allows(&policy, action, &resource, through.as_deref()), "{resource}");
                needed.insert((action, resource, through));
            }
        }
        // Neither the other action, nor the model without its profile, nor another model.
        for (_, resource, through) in &needed {
            for action in BOTH {
                let may = |through: &Option<String>| {
                    needed.contains(&(action, resource.clone(), through.clone()))
                };
                prop_assert_eq!(allows(&policy, action, resource, None), may(&None));
                let expected = may(through) || may(&None);
                prop_assert_eq!(allows(&policy, action, resource, through.as_deref()), expected);
                let other = format!("{resource}x");
                prop_assert!(!allows(&policy, action, &other, through.as_deref()));
            }
        }
        let sids: BTreeSet<_> =
            policy["Statement"].as_array().unwrap().iter().map(|one| one["Sid"].to_string()).collect();
        prop_assert_eq!(sids.len(), policy["Statement"].as_array().unwrap().len());
    }
}
