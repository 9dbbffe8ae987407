//! A run that never was: its plan, and the records that it would have left.

use std::error::Error;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shared::plan::{BlockPlan, Plan};
use shared::record::{Outcome, Phase, RECORD_SCHEMA, Record, Served, Timeline, Usage, UsageSource};
use shared::run::{Prepared, Source, draft};

const MODELS: [&str; 4] = [
    "mistral.mistral-7b-instruct-v0:2",
    "anthropic.claude-3-haiku-20240307-v1:0",
    "meta.llama2-13b-chat-v1",
    "mistral.mixtral-8x7b-instruct-v0:1",
];
const LOADS: [u32; 5] = [1, 2, 4, 8, 16];
const REPLICATES: u32 = 5;

/// When every block begins.
pub(crate) const BEGUN_UNIX_NS: u64 = 1_795_000_000_000_000_000;

/// Four endpoints, one dataset, five loads, five replicates.
pub(crate) async fn plan(records: u32) -> Result<Prepared, Box<dyn Error>> {
    let endpoints: Vec<_> = MODELS
        .iter()
        .enumerate()
        .map(|(i, id)| format!("  - {{name: m{i}, kind: simulated, simulate_as: \"{id}\"}}\n"))
        .collect();
    let experiments = MODELS.len() * LOADS.len();
    let requests = records as usize / experiments;
    let text = format!(
        "version: 1\nendpoints:\n{}datasets: [{{name: d, prompts: [Why?], max_tokens: 100}}]\n\
         load: [{{concurrency: {LOADS:?}}}]\nstop: {{requests: {requests}}}\n\
         replicates: {REPLICATES}\ncriteria: {{e2e: {{p95: 2s}}, error_rate: 1%}}\n",
        endpoints.concat(),
    );
    Ok(draft(&text, "bench".parse()?, &Source::OneMachine(".".into())).await?)
}

/// The records of a block, all completed; nothing of a block that is not planned.
pub(crate) fn records<'p>(
    plan: &'p Plan,
    block: &'p BlockPlan,
    attempt: u32,
) -> impl Iterator<Item = Record> + use<'p> {
    let mut random = ChaCha8Rng::seed_from_u64(u64::from(block.block));
    let endpoint = plan.experiment(&block.experiment).map(|experiment| &experiment.endpoint);
    let sequences = (1..=block.requests.unwrap_or(0)).zip(std::iter::repeat(endpoint));
    sequences.filter_map(move |(sequence, endpoint)| {
        let endpoint = endpoint?;
        let tokens = random.random_range(10..100_u32);
        let first = Duration::from_micros(random.random_range(150_000..300_000));
        let end = first + Duration::from_micros(random.random_range(8_000..12_000)) * tokens;
        Some(Record {
            schema: RECORD_SCHEMA,
            endpoint: endpoint.clone(),
            experiment: block.experiment.clone(),
            round: 1,
            block: block.block,
            attempt,
            sequence,
            phase: Phase::Measured,
            slot: 0,
            prompt: 0,
            sent_at_unix_ns: BEGUN_UNIX_NS + u64::from(sequence) * 1_000_000,
            timeline: Timeline {
                headers: Some(first / 2),
                first_event: Some(first / 2),
                first_content: Some(first),
                first_text: Some(first),
                last_content: Some(end),
                end,
                content_events: tokens,
                gap_max: Some(Duration::from_millis(15)),
                bytes: 20_000,
                ..Timeline::default()
            },
            usage: Usage {
                input_tokens: Some(1000),
                output_tokens: Some(tokens),
                source: Some(UsageSource::Service),
                ..Usage::default()
            },
            served: Served {
                request_id: Some(format!("{:032x}", random.random::<u128>())),
                status: Some(200),
                protocol: Some("HTTP/1.1".to_owned()),
                stop_reason: Some("end_turn".to_owned()),
                simulated: true,
                ..Served::default()
            },
            outcome: Outcome::Completed,
            error: None,
        })
    })
}
