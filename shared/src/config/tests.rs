//! Whole configurations: those that work, and what is said of those that do not.

use proptest::prelude::*;

use super::*;
use crate::dataset::{Bucket, DatasetSource, Lengths, Place, Synthetic};
use crate::plan::{
    Api, EndpointKind, LatencyCriterion, LatencyMetric, LatencyMode, RetryOn, Rounds, ServiceTier,
    Statistic,
};
use crate::units::NanoUsd;

mod refused;
mod schema;

const MINIMAL: &str = r#"version: 1
endpoints:
  - {name: mistral-7b, kind: bedrock, region: us-east-1, model_id: "mistral.mistral-7b-instruct-v0:2"}
  - {name: llama3-8b, kind: bedrock, region: us-east-1, model_id: "meta.llama3-8b-instruct-v1:0"}
datasets:
  - {name: mine, file: prompts.jsonl, max_tokens: 100}
load:
  - concurrency: [1, 4]
"#;

/// Everything that can be said and is supported.
const FULL: &str = r#"
version: 1
name: support-chat
seed: 7
defaults: {region: eu-west-1, max_tokens: 100}
endpoints:
  - name: mistral-7b
    kind: bedrock
    model_id: mistral.mistral-7b-instruct-v0:2
    api: converse_stream
    latency_mode: standard
    service_tier: default
    endpoint_url: http://127.0.0.1:9000
    price: {input_per_1k_usd: 0.00015, output_per_1k_usd: 2.0e-4}
  - name: haiku-simulated
    kind: simulated
    simulate_as: anthropic.claude-3-haiku-20240307-v1:0
    load:
      - concurrency: [1, 16]
      - {rate_per_minute: [60, 120, 60], arrivals: constant}
      - {rate_per_minute: 60, arrivals: poisson, max_streams: 20}
    datasets: [long, inline, long]
  - name: nova-fast
    kind: bedrock
    region: us-east-1
    model_id: us.amazon.nova-pro-v1:0
    latency_mode: optimized
    service_tier: priority
    price: {input_per_1k_usd: 0.001, output_per_1k_usd: 0.004}
datasets:
  - name: long
    synthetic: {prompt_tokens: 550, count: 20}
    max_tokens: 50
  - name: inline
    prompts: ["Summarize cloud computing in one sentence.", "Why?"]
  - name: en_1-500
    file: [s3://my-bucket/2wikimqa.jsonl, more.jsonl]
    template: prompts/qa.txt
    tokenizer: s3://my-bucket/tokenizer.json
    bucket: {from: 1, below: 500}
  - name: chat
    synthetic:
      prompt_tokens: {mean: 550, stddev: 150}
      output_tokens: {mean: 150, stddev: 80}
      corpus: novel.txt
inference: {temperature: 0.1, top_p: 0.9, system: "You answer in one paragraph."}
load:
  - concurrency: [8, 1]
  - concurrency: 8
  - concurrency: 2
stop: {requests: 40, duration: 2m}
replicates: 4
rounds: {every: 1h, for: 1d}
warmup: {requests_per_slot: 0}
deadlines: {connect: 1s, first_token: 1500ms, stall: 10s, request: 1m 30s}
criteria:
  e2e: {p95: 2s}
  ttft: {mean: 400ms, p95: 800ms}
  tpot: {p50: 30ms}
  error_rate: 1%
  cost_per_10k_transactions_usd: 50
workload: {requests_per_minute: 300, prompt_tokens: 3000, output_tokens: 50, headroom: 20%}
baseline: mistral-7b
spend_limit: {per_run_usd: 25}
retries: {most: 3, backoff: 2s, on: [server, connection, server]}
report: {time_zone: europe/berlin}
"#;

fn files(names: &[&str], template: Option<&str>) -> DatasetSource {
    let place = |name: &str| Place::parse(name).unwrap();
    let files = names.iter().map(|name| place(name)).collect();
    DatasetSource::Files { files, template: template.map(place) }
}

fn closed(numbers: &[u16]) -> Vec<LoadSettings> {
    let closed = |number: &u16| LoadSettings::Closed(Concurrency::new(*number).unwrap());
    numbers.iter().map(closed).collect()
}

fn open(
    rates: &[u32],
    arrivals: Arrivals,
    max_streams: Option<Concurrency>,
) -> impl Iterator<Item = LoadSettings> {
    rates.iter().map(move |rate| LoadSettings::Open {
        rate_per_minute: RatePerMinute::new(*rate).unwrap(),
        arrivals,
        max_streams,
    })
}

#[test]
fn the_minimal_form_is_filled_with_the_documented_defaults() {
    let settings = parse(MINIMAL).unwrap();
    assert_eq!(settings.name, None);
    assert_eq!(settings.seed, DEFAULT_SEED);
    let names: Vec<&str> = settings.endpoints.iter().map(|e| e.spec.name.as_str()).collect();
    assert_eq!(names, ["mistral-7b", "llama3-8b"]);
    assert_eq!(
        settings.endpoints[1].spec.price.as_ref().unwrap().tokens().unwrap().input_per_1k_nano_usd,
        NanoUsd(300_000)
    );
    let dataset = DatasetSpec {
        name: "mine".parse().unwrap(),
        source: files(&["prompts.jsonl"], None),
        tokenizer: None,
        bucket: None,
        max_tokens: 100,
    };
    assert_eq!(settings.datasets, [DatasetSettings { spec: dataset, line: 6, column: 5 }]);
    assert_eq!(settings.loads, closed(&[1, 4]));
    assert_eq!(
        settings.stop,
        Stop { requests: Some(200), passes: None, duration: None, is_default: true }
    );
    assert_eq!(settings.replicates_at_most, DEFAULT_REPLICATES);
    assert_eq!(settings.warmup_requests_per_slot, DEFAULT_WARMUP_REQUESTS_PER_SLOT);
    assert_eq!(settings.rounds, None);
    assert_eq!(settings.deadlines, Deadlines::default());
    assert_eq!(settings.retries, None);
    assert_eq!(settings.criteria, Criteria::default());
    assert_eq!(settings.inference, Inference::default());
    assert_eq!(settings.text_sha256.len(), 64);
}

#[test]
fn everything_that_can_be_said_arrives() {
    let settings = parse(FULL).unwrap();
    assert_eq!(settings.name.as_deref(), Some("support-chat"));
    assert_eq!(settings.seed, 7);
    let [bedrock, simulated, fast] = settings.endpoints.as_slice() else { panic!("{settings:?}") };
    assert_eq!(bedrock.spec.kind, EndpointKind::Bedrock);
    assert_eq!(bedrock.spec.region, "eu-west-1");
    assert_eq!(bedrock.spec.api, Api::ConverseStream);
    assert_eq!(bedrock.spec.latency_mode, Some(LatencyMode::Standard));
    assert_eq!(bedrock.spec.service_tier, Some(ServiceTier::Default));
    assert_eq!(bedrock.spec.endpoint_url.as_deref(), Some("http://127.0.0.1:9000"));
    assert_eq!(
        bedrock.spec.price.as_ref().unwrap().tokens().unwrap().output_per_1k_nano_usd,
        NanoUsd(200_000)
    );
    assert_eq!(bedrock.spec.price.as_ref().unwrap().source(), "the configuration");
    assert_eq!((&bedrock.loads, &bedrock.datasets), (&None, &None));
    assert_eq!(settings.loads_of(bedrock), closed(&[8, 1, 2]));
    assert_eq!(settings.datasets_of(bedrock).count(), 4);
    assert_eq!(simulated.spec.kind, EndpointKind::Simulated);
    assert_eq!(simulated.spec.model_id, "anthropic.claude-3-haiku-20240307-v1:0");
    assert_eq!(
        simulated.spec.price.as_ref().unwrap().tokens().unwrap().output_per_1k_nano_usd,
        NanoUsd(1_250_000)
    );
    let mut loads = closed(&[1, 16]);
    loads.extend(open(&[60, 120], Arrivals::Constant, None));
    loads.extend(open(&[60], Arrivals::Poisson, Concurrency::new(20)));
    assert_eq!(settings.loads_of(simulated), loads);
    let asked: Vec<&str> =
        settings.datasets_of(simulated).map(|dataset| dataset.spec.name.as_str()).collect();
    assert_eq!(asked, ["long", "inline"]);
    assert_eq!(fast.spec.latency_mode, Some(LatencyMode::Optimized));
    assert_eq!(fast.spec.service_tier, Some(ServiceTier::Priority));
    let specs: Vec<&DatasetSpec> = settings.datasets.iter().map(|d| &d.spec).collect();
    let [long, inline, bucket, chat] = specs.as_slice() else { panic!("{settings:?}") };
    let synthetic = Synthetic {
        prompt_tokens: Lengths::Fixed(550),
        output_tokens: None,
        count: 20,
        corpus: None,
    };
    assert_eq!(long.source, DatasetSource::Synthetic(synthetic));
    assert_eq!((long.max_tokens, inline.max_tokens), (50, 100));
    let sources = ["s3://my-bucket/2wikimqa.jsonl", "more.jsonl"];
    assert_eq!(bucket.source, files(&sources, Some("prompts/qa.txt")));
    assert_eq!(bucket.bucket, Some(Bucket { from: 1, below: Some(500) }));
    assert_eq!(bucket.tokenizer, Place::parse("s3://my-bucket/tokenizer.json"));
    let synthetic = Synthetic {
        prompt_tokens: Lengths::Normal { mean: 550, stddev: 150 },
        output_tokens: Some(Lengths::Normal { mean: 150, stddev: 80 }),
        count: 100,
        corpus: Place::parse("novel.txt"),
    };
    assert_eq!(chat.source, DatasetSource::Synthetic(synthetic));
    assert_eq!(chat.max_tokens, MAX_TOKENS, "the default is not for limits that are drawn");
    assert_eq!(settings.loads, closed(&[8, 1, 2]));
    let stop = Stop {
        requests: Some(40),
        passes: None,
        duration: Some(Duration::from_mins(2)),
        is_default: false,
    };
    assert_eq!(settings.stop, stop);
    let (backoff, on) = (Duration::from_secs(2), vec![RetryOn::Server, RetryOn::Connection]);
    assert_eq!(settings.retries, Some(Retries { most: 3, backoff, on }));
    assert_eq!((settings.replicates_at_most, settings.warmup_requests_per_slot), (4, 0));
    assert_eq!(settings.rounds, Some(Rounds { count: 24, every: Duration::from_hours(1) }));
    assert_eq!(settings.deadlines.first_token, Duration::from_millis(1500));
    assert_eq!(settings.deadlines.request, Duration::from_secs(90));
    let workload = Workload {
        requests_per_minute: 300.0,
        prompt_tokens: Some(3000),
        output_tokens: Some(50),
        headroom: 0.2,
    };
    assert_eq!(settings.workload, Some(workload));
    assert_eq!(settings.baseline.as_ref().map(Name::as_str), Some("mistral-7b"));
    assert_eq!(settings.spend_limit, Some(NanoUsd(25_000_000_000)));
    assert_eq!(settings.time_zone.name(), "Europe/Berlin");
    let system = Some("You answer in one paragraph.".to_owned());
    let inference = Inference { temperature: Some(0.1), top_p: Some(0.9), system };
    assert_eq!(settings.inference, inference);
    let limit = |metric, statistic, millis| LatencyCriterion {
        metric,
        statistic,
        limit: Duration::from_millis(millis),
    };
    let expected = Criteria {
        latency: vec![
            limit(LatencyMetric::E2e, Statistic::P95, 2000),
            limit(LatencyMetric::Ttft, Statistic::Mean, 400),
            limit(LatencyMetric::Ttft, Statistic::P95, 800),
            limit(LatencyMetric::Tpot, Statistic::P50, 30),
        ],
        error_rate: Some(0.01),
        cost_per_10k_transactions: Some(NanoUsd(50_000_000_000)),
    };
    assert_eq!(settings.criteria, expected);
}

#[test]
fn json_is_yaml() {
    let json = r#"{
	"version": 1,
	"endpoints": [{"name": "a", "kind": "simulated", "simulate_as": "meta.llama2-13b-chat-v1"}],
	"datasets": [{"name": "d", "prompts": ["Why? \"Because\u2026\""], "max_tokens": 10}],
	"load": [{"concurrency": [1]}],
	"criteria": {"error_rate": 0.05, "e2e": {"p95": "2s"}}
}"#;
    let settings = parse(json).unwrap();
    assert_eq!(settings.criteria.error_rate, Some(0.05));
    let prompts = vec!["Why? \"Because\u{2026}\"".to_owned()];
    assert_eq!(settings.datasets[0].spec.source, DatasetSource::Inline(prompts));
}

#[test]
fn anchors_and_merges_may_shorten_a_configuration() {
    let text = MINIMAL.replace("- {name: mistral-7b,", "- &first {name: mistral-7b,").replace(
        "  - {name: llama3-8b, kind: bedrock, region: us-east-1,",
        "  - {<<: *first, name: llama3-8b,",
    );
    let settings = parse(&text).unwrap();
    assert_eq!(settings.endpoints[1].spec.model_id, "meta.llama3-8b-instruct-v1:0");
    assert_eq!(settings.endpoints[1].spec.region, "us-east-1");
}

#[test]
fn a_duration_alone_leaves_the_number_of_requests_open() {
    let settings = parse(&format!("{MINIMAL}stop: {{duration: 30s}}\n")).unwrap();
    let duration = Some(Duration::from_secs(30));
    let stop = Stop { requests: None, passes: None, duration, is_default: false };
    assert_eq!(settings.stop, stop);
}

/// Whether a file of `events/` is a configuration: `faults.yml` is a script of the simulator.
fn is_configuration(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yml") && !path.ends_with("faults.yml")
}

#[test]
fn every_example_is_a_good_configuration() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if is_configuration(&path) {
            let text = std::fs::read_to_string(&path).unwrap();
            parse(&text).unwrap_or_else(|errors| panic!("{}:\n{errors}", path.display()));
            count += 1;
        }
    }
    assert!(count >= 2, "{count} examples");
}

/// What can happen to a text: a part of it is replaced by another text.
fn mutate(text: &str, mutations: &[(prop::sample::Index, usize, String)]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for (place, length, inserted) in mutations {
        let start = place.index(characters.len() + 1);
        let end = (start + length).min(characters.len());
        characters.splice(start..end, inserted.chars());
    }
    characters.into_iter().collect()
}

proptest! {
    /// Whatever is written, the answer is a configuration or errors that point into the text.
    #[test]
    fn a_mutated_configuration_never_panics(
        base in prop::sample::select(vec![MINIMAL, FULL]),
        mutations in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..12_usize, "[\\[\\]{}:,\"'&*!|>%@#\\-?~\t\n a1.é\u{0}]{0,6}|null|\\PC{0,3}"),
            1..6,
        ),
    ) {
        let text = mutate(base, &mutations);
        if let Err(errors) = parse(&text) {
            prop_assert!(!errors.errors().is_empty());
            let lines = text.lines().count().max(1);
            for error in errors.errors() {
                prop_assert!((1..=lines).contains(&(error.line as usize)), "{error:?}");
                let width = error.source_line.chars().count();
                prop_assert!((1..=width + 1).contains(&(error.column as usize)), "{error:?}");
                prop_assert!(error.length >= 1 && !error.problem.is_empty() && !error.mend.is_empty());
            }
            prop_assert!(errors.to_string().lines().count() >= 5);
        }
    }
}
