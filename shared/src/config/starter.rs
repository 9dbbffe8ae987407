//! The configuration to begin with, as text: for `fmgauge init`, and for runs without a file.

use std::collections::BTreeSet;

use crate::price;

/// What is measured where nothing is said: small models that many accounts may call.
const MODELS: [&str; 2] = ["amazon.nova-micro-v1:0", "amazon.nova-lite-v1:0"];
const MAX_TOKENS: u32 = 100;

/// What begins the ids of inference profiles: where they may take a request to.
const GEOGRAPHIES: [&str; 9] = ["apac", "au", "ca", "eu", "global", "jp", "us", "us-gov", "sa"];

/// What a configuration is made from; what is not given gets an example.
#[derive(Debug, Clone, Default)]
pub struct Starter {
    /// Model ids, inference profile ids or ARNs of Amazon Bedrock.
    pub models: Vec<String>,
    /// A file of prompts: a path, or `s3://bucket/key`.
    pub prompts: Option<String>,
    /// The AWS region.
    pub region: Option<String>,
    /// The longest answer, in tokens.
    pub max_tokens: Option<u32>,
}

/// A configuration with comments that [`super::parse`] accepts, if it accepts what it is made
/// from.
pub fn starter(from: &Starter) -> String {
    let models: Vec<&str> = if from.models.is_empty() {
        MODELS.to_vec()
    } else {
        from.models.iter().map(String::as_str).collect()
    };
    let endpoint = |(name, model): (String, &&str)| {
        format!("  - {{name: {name}, kind: bedrock, model_id: {}}}", quoted(model))
    };
    let endpoints: Vec<String> =
        endpoint_names(&models).into_iter().zip(&models).map(endpoint).collect();
    let dataset = match &from.prompts {
        Some(file) => format!("  - {{name: {}, file: {}}}", dataset_name(file), quoted(file)),
        None => "  - {name: about-550-tokens, synthetic: {prompt_tokens: 550}}".to_owned(),
    };
    format!(
        r#"# A benchmark of foundation models, for fmgauge.
#
#   fmgauge plan <this file>   what it would send, and cost at most; sends nothing
#   fmgauge run <this file>    measures, and writes the report
#
# Editors complete and check what you write, if `fmgauge schema > fmgauge.schema.json` is beside it:
# yaml-language-server: $schema=fmgauge.schema.json
version: 1
defaults: {{region: {region}, max_tokens: {max_tokens}}}   # max_tokens: the longest answer that is asked for

# What is measured: models of Amazon Bedrock. Where fmgauge does not know a price, add
# `price: {{input_per_1k_usd: 0.00015, output_per_1k_usd: 0.0002}}`, or `price: unknown`.
endpoints:
{endpoints}

# What is asked. A file has an object such as {{"prompt": "Summarize ..."}} in each line; generated
# prompts are `synthetic: {{prompt_tokens: 550}}`.
datasets:
{dataset}

# How it is asked: so many requests at once, the next when one ends. Or so many a minute, whether or
# not earlier ones have been answered: `rate_per_minute: [60, 120]`.
load:
  - concurrency: [1, 4]

# When it is enough, for each endpoint, dataset and load.
stop: {{requests: 200}}

# What an endpoint must fulfil; the report recommends the cheapest that does.
# criteria:
#   e2e: {{p95: 2s}}
#   ttft: {{p95: 500ms}}
#   error_rate: 1%
#   cost_per_10k_transactions_usd: 10

# What you have to serve; the report tells how many of what that takes, and what it costs.
# workload: {{requests_per_minute: 300, headroom: 20%}}

# The most that the run may cost.
# spend_limit: {{per_run_usd: 5}}
"#,
        region = from.region.as_deref().unwrap_or(price::REGION),
        max_tokens = from.max_tokens.unwrap_or(MAX_TOKENS),
        endpoints = endpoints.join("\n"),
    )
}

/// A text in quotes: what JSON quotes, YAML reads.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A dataset's name from its file's.
fn dataset_name(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let name = fitting(name);
    if name.is_empty() { "prompts".to_owned() } else { name }
}

/// A name for each model: what people call it where that tells them apart, else its whole id.
fn endpoint_names(models: &[&str]) -> Vec<String> {
    let shorts: Vec<String> = models.iter().map(|model| short_name(model)).collect();
    let mut taken = BTreeSet::new();
    let name = |(model, short): (&&str, &String)| {
        let is_own = shorts.iter().filter(|other| *other == short).count() == 1;
        let base = if is_own && !short.is_empty() { short.clone() } else { fitting(model) };
        let base = if base.is_empty() { "model".to_owned() } else { base };
        let numbered = (2..).map(|number| format!("{base}-{number}"));
        let free = std::iter::once(base.clone()).chain(numbered).find(|name| !taken.contains(name));
        let name = free.unwrap_or(base);
        taken.insert(name.clone());
        name
    };
    models.iter().zip(&shorts).map(name).collect()
}

/// `us.anthropic.claude-haiku-4-5-20251001-v1:0` is claude-haiku-4-5.
fn short_name(model: &str) -> String {
    let id = model.rsplit('/').next().unwrap_or(model);
    let id = match id.split_once('.') {
        Some((geography, rest)) if GEOGRAPHIES.contains(&geography) => rest,
        Some(_) | None => id,
    };
    let id = id.split_once(':').map_or(id, |(id, _)| id);
    let is_version = |part: &str| {
        let digits = part.strip_prefix('v').unwrap_or(part);
        let is_dated = digits.len() == part.len() && digits.len() == 8;
        (is_dated || digits.len() < part.len()) && digits.chars().all(|c| c.is_ascii_digit())
    };
    let mut name = id;
    while let Some((before, _)) = name.rsplit_once('-').filter(|(_, part)| is_version(part)) {
        name = before;
    }
    // The provider's name is not needed beside a model's, unless that is no more than `r1`.
    let model = name.split_once('.').map_or(name, |(_, model)| model);
    fitting(if model.len() < 4 { name } else { model })
}

/// The text with what no name may hold replaced, at most 60 characters.
fn fitting(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let replaced: String = text.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    let trimmed = replaced.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    trimmed.chars().take(60).collect::<String>().trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;
    use crate::dataset::{DatasetSource, Place};

    #[test]
    fn it_is_a_good_configuration() {
        let settings = parse(&starter(&Starter::default())).unwrap();
        assert_eq!((settings.endpoints.len(), settings.datasets.len()), (2, 1));
        let from = Starter {
            models: vec!["meta.llama3-8b-instruct-v1:0".into()],
            prompts: Some("my \"own\"/prompts é.jsonl".into()),
            region: Some("us-east-1".into()),
            max_tokens: Some(7),
        };
        let text = starter(&from);
        let settings = parse(&text).unwrap();
        let spec = &settings.endpoints[0].spec;
        assert_eq!((spec.name.as_str(), spec.region.as_str()), ("llama3-8b-instruct", "us-east-1"));
        let dataset = &settings.datasets[0].spec;
        assert_eq!((dataset.name.as_str(), dataset.max_tokens), ("prompts", 7));
        let files = vec![Place::Path("my \"own\"/prompts é.jsonl".into())];
        assert_eq!(dataset.source, DatasetSource::Files { files, template: None });
        // What is commented out can be used as it stands.
        let (before, after) = text.split_once("# criteria:").unwrap();
        let is_field = |line: &&str| !line.contains(';') && !line.starts_with("The most");
        let fields: Vec<&str> = after
            .lines()
            .map(|line| line.strip_prefix("# ").unwrap_or(line))
            .filter(is_field)
            .collect();
        let all = format!("{before}criteria:{}", fields.join("\n"));
        let settings = parse(&all).unwrap();
        assert!(settings.spend_limit.is_some() && settings.workload.is_some());
        assert_eq!(settings.criteria.latency.len(), 2);
    }

    #[test]
    fn names_are_short_and_unique() {
        let check = |models: &[&str], expected: &[&str]| {
            assert_eq!(endpoint_names(models), expected, "{models:?}");
        };
        check(&["mistral.mistral-7b-instruct-v0:2"], &["mistral-7b-instruct"]);
        check(
            &["us.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-v2:1"],
            &["claude-haiku-4-5", "claude"],
        );
        check(
            &["us.deepseek.r1-v1:0", "zai.glm-4.7", "openai.gpt-oss-120b-1:0"],
            &["deepseek.r1", "glm-4.7", "gpt-oss-120b-1"],
        );
        check(
            &["us.amazon.nova-pro-v1:0", "global.amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1:0"],
            &[
                "us.amazon.nova-pro-v1-0",
                "global.amazon.nova-pro-v1-0",
                "us.amazon.nova-pro-v1-0-2",
            ],
        );
        check(
            &[
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0",
                "",
                ":",
            ],
            &["nova-pro", "model", "model-2"],
        );
    }

    #[test]
    fn the_text_is_as_people_see_it() {
        insta::assert_snapshot!(starter(&Starter::default()));
    }
}
