//! `fmgauge policy`: the permissions of a configuration.

use serde_json::Value;

use super::Desk;

const CONFIG: &str = r#"version: 1
defaults: {region: us-east-1}
endpoints:
  - {name: mistral, kind: bedrock, model_id: "mistral.mistral-7b-instruct-v0:2"}
  - {name: haiku, kind: bedrock, model_id: "us.anthropic.claude-haiku-4-5-20251001-v1:0", api: converse}
datasets:
  - {name: mine, file: "s3://my-data/asks.jsonl", max_tokens: 5}
load: [{concurrency: 1}]
"#;

#[test]
fn a_policy_is_printed_as_json_and_as_parameters() {
    let desk = Desk::new(CONFIG);
    let account = ["--account", "123456789012"];
    let policy = desk.succeed(&[&["policy", "config.yml"], &account[..]].concat());
    let policy: Value = serde_json::from_str(&policy).unwrap();
    assert_eq!(policy["Version"], "2012-10-17");
    let sids: Vec<_> = policy["Statement"].as_array().unwrap().iter().map(|s| &s["Sid"]).collect();
    assert_eq!(sids, ["Invoke1", "Invoke2", "InvokeThroughProfile3", "ReadDatasets"]);

    let arguments = [&["policy", "config.yml", "--parameters"], &account[..]].concat();
    let parameters = desk.succeed(&arguments);
    let haiku = "foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0";
    let expected = [
        "ModelArns=",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0,",
        &format!("arn:aws:bedrock:us-east-1::{haiku},"),
        "arn:aws:bedrock:us-east-1::foundation-model/mistral.mistral-7b-instruct-v0:2,",
        &format!("arn:aws:bedrock:us-east-2::{haiku},arn:aws:bedrock:us-west-1::{haiku},"),
        &format!("arn:aws:bedrock:us-west-2::{haiku} DatasetBucketArns=arn:aws:s3:::my-data\n"),
    ];
    assert_eq!(parameters, expected.concat());
    assert!(!desk.path("fmgauge-out").exists());
}

#[test]
fn an_account_and_regions_are_asked_for_where_they_are_needed() {
    let desk = Desk::new(CONFIG);
    let refused = |desk: &Desk, arguments: &[&str], part: &str| {
        let done = desk.run(&[&["policy", "config.yml"], arguments].concat());
        assert_eq!((done.code, &*done.stdout), (Some(2), ""), "{}", done.stderr);
        assert!(done.stderr.contains(part), "{}", done.stderr);
    };
    refused(&desk, &[], "endpoint haiku: the ARN of the inference profile");
    refused(&desk, &["--account", "12"], "twelve digits");
    refused(&desk, &["--destination-regions", "us"], "us=us-east-1,us-west-2");
    desk.write(
        "config.yml",
        &CONFIG.replace("us.anthropic", "mars.anthropic").replace(", api", ", price: unknown, api"),
    );
    refused(&desk, &["--account", "123456789012"], "--destination-regions mars=REGION,REGION");
    let arguments = ["--account", "123456789012", "--destination-regions", "mars=us-west-2"];
    let policy = desk.succeed(&[&["policy", "config.yml"], &arguments[..]].concat());
    assert!(policy.contains("arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku"));
}
