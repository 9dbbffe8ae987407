//! Bad configurations, each with the message that it gets.

use super::*;
use crate::payload::Payload;
use crate::plan::KeySource;

/// `MINIMAL` with one text in place of another.
fn with(from: &str, to: &str) -> String {
    assert!(MINIMAL.contains(from), "{from}");
    MINIMAL.replacen(from, to, 1)
}

/// `MINIMAL` and more.
fn plus(more: &str) -> String {
    format!("{MINIMAL}{more}\n")
}

/// Every case's message, as users see it.
fn messages(cases: &[(&str, String)]) -> String {
    let message =
        |(what, text): &(&str, String)| format!("## {what}\n\n{}\n", parse(text).expect_err(what));
    cases.iter().map(message).collect::<Vec<_>>().join("\n")
}

#[test]
fn shape() {
    let tens = |what: &str| [what; 10].join(",");
    let growing = format!(
        "keep:\n- &a [{}]\n- &b [{}]\n- &c [{}]\n- &d [{}]\n- [{}]",
        tens("1"),
        tens("*a"),
        tens("*b"),
        tens("*c"),
        tens("*d"),
    );
    let shown = messages(&[
        ("empty", String::new()),
        ("only a comment", "# nothing\n".into()),
        ("not a mapping", "- 1\n".into()),
        ("a bare word", "hello\n".into()),
        ("unknown field at the top", plus("concurency: 4")),
        ("unknown field of an endpoint", with("model_id: \"meta", "modelid: \"meta")),
        ("unknown field, nothing near", with("max_tokens: 100", "colour: red")),
        ("unknown statistic", plus("criteria: {e2e: {p96: 2s}}")),
        ("field given twice", plus("version: 1")),
        ("tab", with("  - concurrency", "\t- concurrency")),
        ("bracket not closed", with("[1, 4]", "[1, 4")),
        ("quote not closed", with("instruct-v1:0\"", "instruct-v1:0")),
        ("text for a number", with("max_tokens: 100", "max_tokens: many")),
        ("fraction for a whole number", with("max_tokens: 100", "max_tokens: 1.5")),
        ("word in a list of numbers", with("[1, 4]", "[1, four]")),
        ("word for a list of numbers", with("[1, 4]", "four")),
        ("mapping for a list", with("  - concurrency: [1, 4]", "  concurrency: [1, 4]")),
        ("list for a text", with("name: mine", "name: [mine]")),
        ("group for a file", with("file: prompts.jsonl", "file: {path: prompts.jsonl}")),
        ("text for a length", with("file: prompts.jsonl", "synthetic: {prompt_tokens: long}")),
        (
            "unknown field of a distribution",
            with("file: prompts.jsonl", "synthetic: {prompt_tokens: {mean: 5, sd: 1}}"),
        ),
        ("text for a mapping", plus("criteria: fast")),
        ("not finite", plus("inference: {temperature: .nan}")),
        ("negative seed", plus("seed: -1")),
        ("two documents", plus("---\nversion: 1")),
        ("unknown anchor", with("region: us-east-1", "region: *where")),
        ("too deep", plus(&format!("keep: {}{}", "[".repeat(100), "]".repeat(100)))),
        ("growing aliases", plus(&growing)),
        ("null for a text", with("file: prompts.jsonl", "prompts: [~]")),
        ("no space after the colon", "version:1\n".to_owned()),
        ("group for a price", with("kind: bedrock", "kind: bedrock, price: [1, 2]")),
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn meaning() {
    let simulated = "{name: llama3-8b, kind: simulated, simulate_as: meta.lama2-13b-chat-v1}";
    let llama = "{name: llama3-8b, kind: bedrock, region: us-east-1, model_id: \"meta.llama3-8b-instruct-v1:0\"}";
    let url = |url: &str| {
        with("model_id: \"mistral", &format!("endpoint_url: {url}, model_id: \"mistral"))
    };
    let price =
        |price: &str| with("model_id: \"mistral", &format!("price: {price}, model_id: \"mistral"));
    let file = |source: &str| with("file: prompts.jsonl", source);
    let shown = messages(&[
        ("nothing but the version", "version: 1\n".into()),
        ("no version", with("version: 1\n", "")),
        ("another version", with("version: 1", "version: 2")),
        ("empty lists", "version: 1\nendpoints: []\ndatasets:\nload: []\n".into()),
        ("several at once", with("kind: bedrock, region: us-east-1", "kind: bedrok").replace("[1, 4]", "[0, 1001]")),
        ("bad title", plus("name: \"\"")),
        ("bad name", with("name: mistral-7b", "name: mistral 7b")),
        ("no name", with("name: mistral-7b, ", "")),
        ("same name", with("name: llama3-8b", "name: mistral-7b")),
        ("no kind", with("kind: bedrock, ", "")),
        ("no region", with("region: us-east-1, ", "")),
        ("bad region", with("region: us-east-1", "region: us-east1")),
        ("bad default region", with("region: us-east-1, ", "").replace("endpoints:", "defaults: {region: Ohio}\nendpoints:")),
        ("no model", with(", model_id: \"meta.llama3-8b-instruct-v1:0\"", "")),
        ("model with a space", with("meta.llama3-8b-instruct-v1:0", "Llama 3 8B")),
        ("no price known", with("meta.llama3-8b-instruct-v1:0", "meta.llama3-8b-instruct-v1")),
        ("no price known there", with("us-east-1", "eu-west-3")),
        ("negative price", price("{input_per_1k_usd: -0.1, output_per_1k_usd: 0.1}")),
        ("half a price", price("{input_per_1k_usd: 0.1}")),
        ("price of a million", price("{input_per_1k_usd: 3, output_per_1k_usd: 15}")),
        ("price of nothing", price("{input_per_1k_usd: 0, output_per_1k_usd: 0}")),
        ("word for a price", price("cheap")),
        ("not an address", url("localhost:9000")),
        ("another scheme", url("\"ftp://example.com\"")),
        ("credentials", url("\"http://me:secret@example.com\"")),
        ("unknown simulated model", with(llama, simulated)),
        ("simulated model id", with("kind: bedrock", "kind: simulated")),
        ("simulate_as of Bedrock", with("model_id: \"mistral", "simulate_as: \"mistral")),
        ("unknown word", with("kind: bedrock", "api: converse_streem, kind: bedrock")),
        ("no prompts", file("max_tokens: 100").replace(", max_tokens: 100}", "}")),
        ("two sources", file("file: a.jsonl, prompts: [Why?]")),
        ("empty prompts", file("prompts: [Why?, \" \"]")),
        ("empty list of prompts", file("prompts: []")),
        ("empty path", file("file: \"\"")),
        ("synthetic without length", file("synthetic: {count: 5}")),
        ("synthetic too short", file("synthetic: {prompt_tokens: 5}")),
        ("synthetic too much", file("synthetic: {prompt_tokens: 100000, count: 1000}")),
        ("no limit of answers", with(", max_tokens: 100", "")),
        ("no answers", with("max_tokens: 100", "max_tokens: 0")),
        ("empty loads", with("[1, 4]", "[]")),
        ("load without concurrency", with("concurrency: [1, 4]", "{}")),
        ("fewer requests than slots", plus("stop: {requests: 3}")),
        ("no requests", plus("stop: {requests: -5}")),
        ("no unit", plus("stop: {duration: 30}")),
        ("zero duration", plus("stop: {duration: 0s}")),
        ("months for minutes", plus("stop: {duration: 2M}")),
        ("replicates", plus("replicates: 0")),
        ("warm-up", plus("warmup: {requests_per_slot: 1000}")),
        ("deadlines", plus("deadlines: {first_token: 10s, request: 5s, stall: 0ms, connect: soon}")),
        ("temperature", plus("inference: {temperature: 3, top_p: -1}")),
        ("error rate above", plus("criteria: {error_rate: 101%}")),
        ("error rate bare", plus("criteria: {error_rate: 1}")),
        ("error rate in words", plus("criteria: {error_rate: few}")),
        ("criterion without a statistic", plus("criteria: {e2e: {}}")),
        ("criterion without a unit", plus("criteria: {e2e: {p95: 2}}")),
        ("no cost allowed", plus("criteria: {cost_per_10k_transactions_usd: 0}")),
        ("all in one line", "{version: 1, endpoints: [{name: a-rather-long-name-of-an-endpoint, kind: simulated, simulate_as: meta.llama2-13b-chat-v1}], datasets: [{name: d, prompts: [Why?], max_tokens: -1}], load: [{concurrency: 1}]}".into()),
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn meaning_of_datasets() {
    let file = |source: &str| with("file: prompts.jsonl", source);
    let synthetic = |fields: &str| file(&format!("synthetic: {{{fields}}}"));
    let shown = messages(&[
        ("bucket without key", file("file: s3://my-bucket")),
        ("folder in S3", file("file: [a.jsonl, s3://my-bucket/prompts/]")),
        ("no files", file("file: []")),
        ("empty names of files", file("file: a.jsonl, template: \"\", tokenizer: \" \"")),
        ("template without lines", file("prompts: [Why?], template: qa.txt")),
        ("empty bucket", file("file: a.jsonl, bucket: {}")),
        ("bucket upside down", file("file: a.jsonl, bucket: {from: 500, below: 500}")),
        ("negative bucket", file("file: a.jsonl, bucket: {from: -1, below: 0}")),
        ("no mean", synthetic("prompt_tokens: {stddev: 150}")),
        ("mean too short", synthetic("prompt_tokens: {mean: 10, stddev: 5}")),
        ("deviation above the mean", synthetic("prompt_tokens: {mean: 100, stddev: 150}")),
        ("no answers at all", synthetic("prompt_tokens: 100, output_tokens: 0")),
        ("answers above their limit", synthetic("prompt_tokens: 100, output_tokens: {mean: 150}")),
        ("no corpus", synthetic("prompt_tokens: 100, corpus: s3://my-bucket/")),
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn meaning_of_modes_and_needs() {
    let endpoint = |fields: &str| with("kind: bedrock", &format!("kind: bedrock, {fields}"));
    let shown = messages(&[
        ("unknown latency mode", endpoint("latency_mode: optimised")),
        ("unknown service tier", endpoint("service_tier: cheap")),
        ("optimized without a price", endpoint("latency_mode: optimized")),
        ("flex without a price", endpoint("latency_mode: standard, service_tier: flex")),
        ("priority and unknown api", endpoint("service_tier: priority, api: stream")),
        ("half a price of flex", endpoint("service_tier: flex, price: {output_per_1k_usd: 0.1}")),
        ("unknown dataset", endpoint("datasets: [mien, Mine, \"a b\"]")),
        ("no datasets", endpoint("datasets: []")),
        ("no loads", endpoint("load: []")),
        ("wrong loads", endpoint("load: [{concurrency: [0, 1]}, {concurrency: 1001}]")),
        (
            "own load above the requests",
            endpoint("load: [{concurrency: 60}]") + "stop: {requests: 50}\n",
        ),
        (
            "nobody is asked",
            MINIMAL
                .replace("kind: bedrock", "kind: bedrock, datasets: [other]")
                .replace("load:", "  - {name: other, prompts: [Why?], max_tokens: 5}\nload:"),
        ),
        (
            "load of nobody",
            MINIMAL.replace("kind: bedrock", "kind: bedrock, load: [{concurrency: 1}]"),
        ),
        (
            "only what is wrong",
            with("kind: bedrock", "kind: bedrok, load: [{concurrency: 1}]")
                + "baseline: mistral-7b\n",
        ),
        ("requests and passes", plus("stop: {requests: 100, passes: 1}")),
        ("no passes", plus("stop: {passes: 0}")),
        ("no system text", plus("inference: {system: \"\"}")),
        (
            "first token of whole answers",
            endpoint("api: converse") + "criteria: {ttft: {p95: 1s}, tpot: {p50: 9ms}}\n",
        ),
        ("unknown baseline", plus("baseline: mistral-7B-instruct")),
        ("baseline of nothing", plus("baseline: gpt")),
        ("empty workload", plus("workload: {}")),
        (
            "bad workload",
            plus(
                "workload: {requests_per_minute: -1, prompt_tokens: 0, output_tokens: 9999999, headroom: 20}",
            ),
        ),
        ("no capacity left", plus("workload: {requests_per_minute: 300, headroom: 100%}")),
        ("empty limit", plus("spend_limit: {}")),
        ("no money", plus("spend_limit: {per_run_usd: 0}")),
        ("limit without a price", endpoint("price: unknown") + "spend_limit: {per_run_usd: 5}\n"),
        ("limit as a number", plus("spend_limit: 25")),
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn not_yet() {
    let endpoint = |fields: &str| with("kind: bedrock", &format!("kind: bedrock, {fields}"));
    let shown = messages(&[
        (
            "the top level",
            plus("quota_share: 50%\nkeep: {texts: false}\nreport: {formats: [markdown]}"),
        ),
        ("an endpoint", endpoint("service_tier: reserved")),
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn meaning_of_kinds() {
    let model = "kind: bedrock, region: us-east-1, model_id: \"mistral.mistral-7b-instruct-v0:2\"";
    let kind = |fields: &str| with(model, fields);
    let sagemaker = |fields: &str| {
        kind(&format!("kind: sagemaker, region: us-east-1, endpoint_name: e, {fields}"))
    };
    let openai = |fields: &str| {
        kind(&format!("kind: openai, url: http://127.0.0.1:8000/v1, model: m, {fields}"))
    };
    let shown = messages(&[
        ("sagemaker and nothing else", kind("kind: sagemaker")),
        ("a name that is none", kind("kind: sagemaker, region: us-east-1, endpoint_name: 'a b'")),
        ("an instance that is not known", sagemaker("payload: tgi, instance_type: ml.x1.large")),
        ("a payload that is not known", sagemaker("payload: tgj, price: unknown")),
        (
            "what does not stream",
            sagemaker("payload: embedding, api: invoke_stream, price: unknown"),
        ),
        ("no instances", sagemaker("payload: tgi, instance_type: ml.g5.xlarge, instance_count: 0")),
        (
            "made for the run, and there",
            sagemaker("payload: tgi, provision: {image: x}, instance_type: ml.g5.xlarge"),
        ),
        (
            "made of nothing",
            kind(
                "kind: sagemaker, region: us-east-1, payload: tgi, provision: {}, instance_type: ml.g5.xlarge",
            ),
        ),
        ("openai and nothing else", kind("kind: openai")),
        ("a key in the text", openai("price: unknown, headers: {Authorization: Bearer x}")),
        ("two places of a key", openai("price: unknown, api_key: {env: A, secret: B}")),
        ("a variable that is none", openai("price: unknown, api_key: {env: sk-123}")),
        ("a secret that is none", openai("price: unknown, api_key: {secret: mine}")),
        ("no certificate", openai("price: unknown, ca_pem: x")),
        ("two prices", openai("price: {per_hour_usd: 1, input_per_1k_usd: 0.1}")),
        ("a price of nothing", openai("price: {per_hour_usd: 0}")),
        (
            "fields of other kinds",
            openai("price: unknown, endpoint_name: a, latency_mode: standard"),
        ),
        ("a body for converse", with("kind: bedrock", "kind: bedrock, payload: mistral")),
        (
            "a body that is not known",
            kind("kind: bedrock, region: us-east-1, model_id: x.y-v1, api: invoke, price: unknown"),
        ),
        (
            "a family that does not stream",
            kind("kind: bedrock, region: us-east-1, model_id: ai21.j2-mid-v1, api: invoke_stream"),
        ),
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn what_other_kinds_are_is_kept() {
    let text = "version: 1
endpoints:
  - {name: tgi, kind: sagemaker, region: us-east-1, endpoint_name: llama3-8b, payload: tgi, instance_type: ml.g5.2xlarge, instance_count: 2, inference_component: c}
  - {name: distilbert, kind: sagemaker, region: us-east-1, endpoint_name: d, payload: text_classification, instance_type: ml.g4dn.xlarge}
  - {name: vllm, kind: openai, url: 'https://llm.example.com/v1', model: m, api_key: {env: VLLM_KEY}, headers: {x-team: a}, price: {per_hour_usd: 2.24}, instance_count: 3}
  - {name: provisioned, kind: bedrock, region: us-east-1, model_id: 'arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc', price: {per_hour_usd: 39.6}}
  - {name: native, kind: bedrock, region: us-east-1, model_id: meta.llama3-8b-instruct-v1:0, api: invoke_stream}
datasets: [{name: d, prompts: [Why?], max_tokens: 5}]
load: [{concurrency: 1}]
";
    let settings = parse(text).unwrap();
    let of = |index: usize| &settings.endpoints[index].spec;
    let hours = |index: usize| of(index).price.as_ref().unwrap().hours().unwrap();
    assert_eq!((of(0).api, of(0).payload), (Api::InvokeStream, Some(Payload::Tgi)));
    assert_eq!(hours(0).all_per_hour(), NanoUsd(3_030_000_000));
    assert_eq!(of(0).container.inference_component.as_deref(), Some("c"));
    assert_eq!((of(1).api, of(1).payload), (Api::Invoke, Some(Payload::TextClassification)));
    assert_eq!((of(2).api, of(2).payload), (Api::ChatStream, Some(Payload::OpenaiChat)));
    assert_eq!(of(2).server.api_key, Some(KeySource::Env("VLLM_KEY".to_owned())));
    assert_eq!(hours(2).all_per_hour(), NanoUsd(6_720_000_000));
    assert_eq!((of(3).api, of(3).payload), (Api::ConverseStream, None));
    assert_eq!(hours(3).per_hour_nano_usd, NanoUsd(39_600_000_000));
    assert_eq!((of(4).api, of(4).payload), (Api::InvokeStream, Some(Payload::Llama3)));
    assert!(of(4).price.as_ref().unwrap().tokens().is_some());
}

#[test]
fn meaning_of_rates() {
    let load = |text: &str| with("concurrency: [1, 4]", text);
    let shown = messages(&[
        ("two ways to send", load("{concurrency: 4, rate_per_minute: 60}")),
        ("arrivals of a closed loop", load("{concurrency: 4, arrivals: poisson, max_streams: 3}")),
        ("senseless rates", load("rate_per_minute: [0, 600001]")),
        ("no rates", load("rate_per_minute: []")),
        (
            "a rate with two caps",
            load("{rate_per_minute: 60, max_streams: 3}\n  - rate_per_minute: 60"),
        ),
        ("a rate for too many streams", load("rate_per_minute: [20000, 20001]")),
        ("wrong words", load("{rate_per_minute: 60, arrivals: poison, max_streams: 1001}")),
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn meaning_of_retries() {
    let check = |text: &str, expected: &[(&str, &str)]| {
        let errors = parse(&plus(&format!("retries: {text}"))).expect_err(text);
        let found: Vec<_> = errors.errors().iter().map(|e| (&*e.path, &*e.problem)).collect();
        assert_eq!(found, expected, "{text}");
        assert!(errors.errors().iter().all(|error| error.line == 9 && !error.mend.is_empty()));
    };
    let how_often = "it is not said how often a request may be sent again";
    check("{backoff: 1s}", &[("retries.most", how_often)]);
    let no_time = "a duration of zero leaves no time for anything";
    let too_many = ("retries.most", "11 is too large");
    check("{most: 11, backoff: 0s}", &[too_many, ("retries.backoff", no_time)]);
    check("{most: 3, on: []}", &[("retries.on", "the list is empty")]);
    let typing = ("retries.on[0]", "`throtled` is not known here");
    let lasting = ("retries.on[1]", "`validation` is not known here");
    check("{most: 3, on: [throtled, validation]}", &[typing, lasting]);
}

#[test]
fn errors_are_data_too() {
    let errors = parse(&with("kind: bedrock", "kind: bedrok")).unwrap_err();
    let json = serde_json::to_string_pretty(&errors).unwrap();
    insta::assert_snapshot!(json);
}
