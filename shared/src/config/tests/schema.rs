//! The schema says what the parser says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::schema;
use super::{FULL, MINIMAL, parse};

fn events() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../events")
}

fn schema_value() -> Value {
    schema().to_value()
}

/// What a value breaks of a schema: as much of JSON Schema as ours has.
fn problems(value: &Value, schema: &Value, path: &str) -> Vec<String> {
    let said = |problem: String| vec![format!("{path}: {problem}")];
    let refused_if =
        |is_bad: bool, problem: &str| if is_bad { said(problem.into()) } else { vec![] };
    let keyword = |(keyword, of): (&String, &Value)| {
        let list = || of.as_array().unwrap();
        let compared = |bad: fn(f64, f64) -> bool| {
            value.as_f64().zip(of.as_f64()).is_some_and(|(number, limit)| bad(number, limit))
        };
        match keyword.as_str() {
            "$ref" => {
                let name = of.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                problems(value, &schema_value()["$defs"][name], path)
            }
            "anyOf" => {
                let fits = list().iter().any(|option| problems(value, option, path).is_empty());
                refused_if(!fits, &format!("{value} is none of what it can be"))
            }
            "type" => {
                let is = |kind: &Value| match kind.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "number" => value.is_number(),
                    "null" => value.is_null(),
                    other => panic!("{other}"),
                };
                let fits = of.as_array().map_or_else(|| is(of), |kinds| kinds.iter().any(is));
                refused_if(!fits, &format!("{value} is not {of}"))
            }
            "enum" => refused_if(!list().contains(value), &format!("not in {of}")),
            "const" => refused_if(value != of, &format!("not {of}")),
            "minimum" => refused_if(compared(|n, limit| n < limit), "small"),
            "maximum" => refused_if(compared(|n, limit| n > limit), "large"),
            "exclusiveMinimum" => refused_if(compared(|n, limit| n <= limit), "small"),
            "required" => {
                let has = |name: &Value| value.get(name.as_str().unwrap()).is_some();
                let lacks = value.is_object() && !list().iter().all(has);
                refused_if(lacks, &format!("lacks one of {of}"))
            }
            "items" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                items.flat_map(|(i, item)| problems(item, of, &format!("{path}[{i}]"))).collect()
            }
            "properties" => {
                let field = |(name, item): (&String, &Value)| match of.get(name) {
                    Some(of) => problems(item, of, &format!("{path}.{name}")),
                    None => said(format!("{name} is not known")),
                };
                value.as_object().into_iter().flatten().flat_map(field).collect()
            }
            // Every type of ours with properties has no others.
            "additionalProperties" => {
                assert_eq!(of, false);
                vec![]
            }
            "$schema" | "$defs" | "title" | "description" | "format" => vec![],
            other => panic!("this test does not know {other}"),
        }
    };
    schema.as_object().unwrap().iter().flat_map(keyword).collect()
}

fn validate(yaml: &str) -> Vec<String> {
    problems(&serde_saphyr::from_str(yaml).unwrap(), &schema_value(), "")
}

#[test]
fn the_committed_schema_is_current() {
    let committed = std::fs::read_to_string(events().join("config.schema.json")).unwrap();
    let current = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    // Without both texts: they are long.
    assert!(committed == current, "renew it: fmgauge schema > events/config.schema.json");
}

#[test]
fn every_good_configuration_fits() {
    let mut texts = vec![MINIMAL.to_owned(), FULL.to_owned()];
    for entry in std::fs::read_dir(events()).unwrap() {
        let path = entry.unwrap().path();
        if super::is_configuration(&path) {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
    assert!(texts.len() >= 4);
    for text in texts {
        assert_eq!(validate(&text), [""; 0], "{text}");
    }
}

#[test]
fn what_can_be_told_without_meaning_is_refused() {
    for (from, to, expected) in [
        ("version: 1", "version: 2", ".version: not 1"),
        ("kind: bedrock", "kind: bedrok", ".endpoints[0].kind: not in"),
        ("kind: bedrock, ", "", ".endpoints[0]: lacks one of"),
        ("kind: bedrock", "kind: bedrock, uri: a", ".endpoints[0]: uri is not known"),
        ("kind: bedrock", "kind: bedrock, price: cheap", ".endpoints[0].price: \"cheap\" is none"),
        ("max_tokens: 100", "max_tokens: 0", ".datasets[0].max_tokens: small"),
        ("max_tokens: 100", "max_tokens: many", ".datasets[0].max_tokens: \"many\" is not"),
        ("[1, 4]", "1001", ".load[0].concurrency: large"),
        ("concurrency: [1, 4]", "rate_per_minute: 600001", ".load[0].rate_per_minute: large"),
        (
            "concurrency: [1, 4]",
            "{rate_per_minute: 60, arrivals: even}",
            ".load[0].arrivals: not in",
        ),
        ("load:", "retries: {most: 3, on: [validation]}\nload:", ".retries: "),
        (
            "load:",
            "spend_limit: {per_run_usd: 0}\nload:",
            ".spend_limit: {\"per_run_usd\":0} is none",
        ),
    ] {
        let text = MINIMAL.replacen(from, to, 1);
        let found = validate(&text);
        assert!(found.iter().any(|problem| problem.starts_with(expected)), "{to}: {found:?}");
        assert!(parse(&text).is_err(), "{to}");
    }
}

/// Each section of the language: its type in the schema, and a text with a field that it has not.
const SECTIONS: [(&str, &str); 22] = [
    ("", "none: 1"),
    ("ApiKey", "endpoints: [{api_key: {none: 1}}]"),
    ("Bucket", "datasets: [{bucket: {none: 1}}]"),
    ("Criteria", "criteria: {none: 1}"),
    ("Dataset", "datasets: [{none: 1}]"),
    ("Deadlines", "deadlines: {none: 1}"),
    ("Defaults", "defaults: {none: 1}"),
    ("Distribution", "datasets: [{synthetic: {prompt_tokens: {none: 1}}}]"),
    ("Endpoint", "endpoints: [{none: 1}]"),
    ("Inference", "inference: {none: 1}"),
    ("LatencyLimits", "criteria: {e2e: {none: 1}}"),
    ("Load", "load: [{none: 1}]"),
    ("PriceFields", "endpoints: [{price: {none: 1}}]"),
    ("Provision", "endpoints: [{provision: {none: 1}}]"),
    ("Report", "report: {none: 1}"),
    ("Retries", "retries: {none: 1}"),
    ("Rounds", "rounds: {none: 1}"),
    ("SpendLimit", "spend_limit: {none: 1}"),
    ("Stop", "stop: {none: 1}"),
    ("Synthetic", "datasets: [{synthetic: {none: 1}}]"),
    ("Warmup", "warmup: {none: 1}"),
    ("Workload", "workload: {none: 1}"),
];

#[test]
fn the_fields_are_those_that_the_parser_knows_and_supports() {
    let schema = schema_value();
    for (name, text) in SECTIONS {
        let section = if name.is_empty() { &schema } else { &schema["$defs"][name] };
        let fields: BTreeSet<&str> =
            section["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let errors = parse(text).unwrap_err();
        let mend = &errors.errors()[0].mend;
        let known = mend.split_once("known here: ").expect(mend).1;
        assert_eq!(fields, known.split(", ").collect(), "{name}");
    }
    let sections = schema["$defs"].as_object().unwrap();
    let tested: BTreeSet<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
    for (name, section) in sections {
        let is_tested = section.get("properties").is_none() || tested.contains(name.as_str());
        assert!(is_tested, "{name}");
    }
}
