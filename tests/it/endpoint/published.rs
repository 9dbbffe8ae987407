//! `events/bedrock-2024-04.yml` against what it repeats, without running it: prompts, prices and
//! the recommendation.

use std::path::Path;

use shared::dataset::{nonce, with_nonce};
use shared::plan::{EndpointSpec, Plan};
use shared::run::{Prepared, Source, draft};
use shared::units::NanoUsd;
use simulator::{PUBLISHED_REPORT, Profile, count_tokens};

use crate::binaries::workspace;

/// The buckets, with the mean prompt tokens that the report has for Llama 2.
const BUCKETS: [(&str, u32); 5] = [
    ("en_1-500", 249),
    ("en_500-1000", 800),
    ("en_1000-2000", 1376),
    ("en_2000-3000", 2124),
    ("en_3000-4000", 2952),
];

async fn prepared() -> Prepared {
    let text = std::fs::read_to_string(workspace().join("events/bedrock-2024-04.yml")).unwrap();
    draft(&text, "r".parse().unwrap(), &Source::OneMachine(Path::new("").to_owned())).await.unwrap()
}

fn profile(endpoint: &EndpointSpec) -> Profile {
    Profile::find(&endpoint.model_id).unwrap()
}

/// The expected mean latency in seconds at concurrency 1, and the cost of 10,000 transactions.
fn expected(endpoint: &EndpointSpec, prompt_tokens: u32) -> (f64, NanoUsd) {
    let profile = profile(endpoint);
    let input = profile.input_tokens.of(prompt_tokens);
    let output = profile.output_tokens.mean(input);
    let latency = profile.expected_time_to_first_token(input).as_secs_f64()
        + profile.decode_per_token.as_secs_f64() * (output - 1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "10 to 100 tokens")]
    let output = (output * 1e4).round() as u64;
    let price = endpoint.price.as_ref().unwrap();
    (latency, price.of_tokens(u64::from(input) * 10_000, output))
}

fn models(plan: &Plan) -> Vec<&str> {
    plan.endpoints.iter().map(|endpoint| endpoint.model_id.as_str()).collect()
}

#[tokio::test]
async fn all_models_of_the_report_are_measured_at_both_concurrencies() {
    let plan = prepared().await.plan;
    let built_in = Profile::built_in();
    let published = built_in.iter().filter(|profile| profile.source == PUBLISHED_REPORT);
    assert_eq!(models(&plan), published.map(|one| one.model_id.as_str()).collect::<Vec<_>>());
    assert_eq!(plan.experiments.len(), 11 * 5 * 2);
}

#[tokio::test]
async fn prompts_have_the_published_lengths_with_their_labels() {
    let prepared = prepared().await;
    let experiment = &prepared.plan.experiments[0].id;
    let datasets = prepared.plan.datasets.iter().zip(&prepared.datasets);
    for ((dataset, loaded), (name, tokens)) in datasets.zip(BUCKETS) {
        assert_eq!((dataset.name.as_str(), dataset.max_tokens), (name, 100));
        for (prompt, sequence) in loaded.prompts.iter().zip(1..) {
            let label = nonce(&prepared.plan.run_id, experiment, 1, 1, 1, sequence);
            assert_eq!(count_tokens(&with_nonce(&label, &prompt.text)), tokens, "{name}");
        }
    }
}

#[tokio::test]
async fn prices_are_those_of_the_report() {
    for endpoint in &prepared().await.plan.endpoints {
        let (price, profile) = (endpoint.price.as_ref().unwrap(), profile(endpoint));
        let usd = |price: NanoUsd| price.as_usd().to_string();
        assert_eq!(
            usd(price.tokens().unwrap().input_per_1k_nano_usd),
            profile.input_per_1k_usd.to_string()
        );
        assert_eq!(
            usd(price.tokens().unwrap().output_per_1k_nano_usd),
            profile.output_per_1k_usd.to_string()
        );
    }
}

#[tokio::test]
async fn mistral_7b_is_the_cheapest_that_fulfils_all() {
    let plan = prepared().await.plan;
    for (_, prompt_tokens) in BUCKETS {
        let fulfil = plan.endpoints.iter().filter(|endpoint| {
            let (latency_s, cost) = expected(endpoint, prompt_tokens);
            latency_s <= 2.0 && cost.as_usd() <= 50.0
        });
        let cheapest = fulfil.min_by_key(|endpoint| expected(endpoint, prompt_tokens).1).unwrap();
        assert_eq!(cheapest.name.as_str(), "mistral-7b", "{prompt_tokens}");
    }
}
