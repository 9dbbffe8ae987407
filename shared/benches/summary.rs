//! Time and memory of concluding a run of many records: reading them back, summary, decision,
//! report and Parquet files.
//!
//! ```sh
//! cargo bench -p shared --bench summary -- 1000000
//! ```
//!
//! The records are made up and stored in SQLite first; the memory that is told is the peak of the
//! whole process, making them up included.

mod made_up;

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use shared::plan::{BlockPlan, Plan};
use shared::run::{Stage, Stores, conclude, prepare};
use shared::store::folder::FolderStore;
use shared::store::pack::{ChunkDigest, RECORDS_PER_CHUNK, pack};
use shared::store::sqlite::SqliteStore;
use shared::store::{BlockEnd, BlockKey, Claim, Receipt, RecordStore};
use shared::units::NanoUsd;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds `--bench`.
    let count = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir()?;
    let prepared = made_up::plan(count).await?;
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
    let requests = block.requests.unwrap_or(0);
    let mut chunks = 0;
    let mut digest = ChunkDigest::new();
    let mut batch = Vec::with_capacity(RECORDS_PER_CHUNK);
    for record in made_up::records(plan, block, attempt) {
        let sequence = record.sequence;
        batch.push(record);
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
        window_start_unix_ns: made_up::BEGUN_UNIX_NS,
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
