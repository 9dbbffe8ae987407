//! Time and memory of concluding a run of many records: reading them back, summary, decision,
//! report and Parquet files.
//!
//! ```sh
//! cargo bench -p shared --bench summary -- 1000000
//! ```
//!
//! The records are made up and stored in SQLite first; the memory that is told is the peak of the
//! whole process, making them up included.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shared::plan::{BlockPlan, Plan};
use shared::record::{Outcome, Phase, RECORD_SCHEMA, Record, Served, Timeline, Usage, UsageSource};
use shared::run::{Prepared, Source, Stage, Stores, conclude, draft, prepare};
use shared::store::folder::FolderStore;
use shared::store::pack::{ChunkDigest, RECORDS_PER_CHUNK, pack};
use shared::store::sqlite::SqliteStore;
use shared::store::{BlockEnd, BlockKey, Claim, Receipt, RecordStore};
use shared::units::NanoUsd;

const MODELS: [&str; 4] = [
    "mistral.mistral-7b-instruct-v0:2",
    "anthropic.claude-3-haiku-20240307-v1:0",
    "meta.llama2-13b-chat-v1",
    "mistral.mixtral-8x7b-instruct-v0:1",
];
const LOADS: [u32; 5] = [1, 2, 4, 8, 16];
const REPLICATES: u32 = 5;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds `--bench`.
    let count = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir()?;
    let prepared = plan(count).await?;
    let plan = &prepared.plan;
    let stores = Stores {
        records: SqliteStore::open(folder.path().join("records.sqlite")).await?,
        artifacts: FolderStore::new(folder.path()),
    };
    prepare(&prepared, &stores, "bench", Timestamp::UNIX_EPOCH).await?;
    let mut made = 0;
    for block in plan.lanes.iter().flat_map(|lane| &lane.blocks) {
        made += measure(plan, block, &stores.records).await?;
    }
    let before = peak_mb();
    let started = Instant::now();
    let conclusion = conclude(&plan.run_id, &stores, Stage::Final, Timestamp::UNIX_EPOCH).await?;
    let took = started.elapsed();
    #[expect(clippy::print_stdout, reason = "a benchmark's result")]
    {
        println!(
            "{made} records in {} experiments: concluded in {:.2} s ({:.0} records a second); \
             peak memory {:.0} MB, {before:.0} MB before; records on disk {:.0} MB, Parquet {:.0} MB",
            plan.experiments.len(),
            took.as_secs_f64(),
            f64::from(made) / took.as_secs_f64(),
            peak_mb(),
            megabytes(&folder.path().join("records.sqlite")),
            megabytes(&folder.path().join("runs")),
        );
        println!("{}", conclusion.answer);
    }
    Ok(())
}

/// Four endpoints, one dataset, five loads, five replicates.
async fn plan(records: u32) -> Result<Prepared, Box<dyn Error>> {
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

/// Makes up the records of a block and leaves its receipt.
async fn measure(
    plan: &Plan,
    block: &BlockPlan,
    store: &SqliteStore,
) -> Result<u32, Box<dyn Error>> {
    let key = BlockKey {
        run_id: plan.run_id.clone(),
        experiment: block.experiment.clone(),
        round: 1,
        block: block.block,
    };
    let Claim::Attempt(attempt) = store.claim(&key, NanoUsd::ZERO, None).await? else {
        return Err("the block was claimed".into());
    };
    let mut random = ChaCha8Rng::seed_from_u64(u64::from(block.block));
    let experiment = plan.experiment(&block.experiment).ok_or("no experiment")?;
    let requests = block.requests.unwrap_or(0);
    let mut chunks = 0;
    let mut digest = ChunkDigest::new();
    let mut batch = Vec::with_capacity(RECORDS_PER_CHUNK);
    for sequence in 1..=requests {
        let tokens = random.random_range(10..100_u32);
        let first = Duration::from_micros(random.random_range(150_000..300_000));
        let end = first + Duration::from_micros(random.random_range(8_000..12_000)) * tokens;
        batch.push(Record {
            schema: RECORD_SCHEMA,
            endpoint: experiment.endpoint.clone(),
            experiment: block.experiment.clone(),
            round: 1,
            block: block.block,
            attempt,
            sequence,
            phase: Phase::Measured,
            slot: 0,
            prompt: 0,
            sent_at_unix_ns: 1_795_000_000_000_000_000 + u64::from(sequence) * 1_000_000,
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
        });
        if batch.len() == RECORDS_PER_CHUNK || sequence == requests {
            for packed in pack(&batch)? {
                chunks += 1;
                digest.add(&packed);
                store.put_chunk(&key, attempt, chunks, packed).await?;
            }
            batch.clear();
        }
    }
    let receipt = Receipt {
        attempt,
        records: requests,
        chunks,
        sha256: digest.finish(),
        window_start_unix_ns: 1_795_000_000_000_000_000,
        window: Duration::from_mins(10),
        ended: BlockEnd::Requests,
        spent: NanoUsd::ZERO,
        bytes: 0,
        gaps: None,
        client: None,
        arrivals: None,
        elapsed: Duration::from_mins(10),
    };
    store.finish(&key, &receipt).await?;
    Ok(requests)
}

/// The peak of this process's memory (`VmHWM`, Linux); 0 elsewhere.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1e3
}

/// The size of a file or folder.
fn megabytes(path: &Path) -> f64 {
    fn bytes(path: &Path) -> u64 {
        match std::fs::read_dir(path) {
            Ok(entries) => entries.flatten().map(|entry| bytes(&entry.path())).sum(),
            Err(_) => path.metadata().map_or(0, |metadata| metadata.len()),
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "shown in whole megabytes")]
    let bytes = bytes(path) as f64;
    bytes / 1e6
}
