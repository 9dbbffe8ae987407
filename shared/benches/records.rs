//! Time and allocations of what happens to records: packed, unpacked, summarised, reported.
//!
//! ```sh
//! cargo bench -p shared --bench records
//! ```

mod made_up;

use std::time::Duration;

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};
use shared::decision::decide;
use shared::plan::Plan;
use shared::record::{ParquetRecords, Record};
use shared::report::{Report, render};
use shared::store::pack::{RECORDS_PER_CHUNK, pack, unpack};
use shared::store::{BlockEnd, BlockKey, BlockState, Receipt};
use shared::summary::{RunAccumulator, RunSummary, summarize};
use shared::units::NanoUsd;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// Measured requests of the run.
const RECORDS: u32 = 20_000;

fn main() {
    divan::main();
}

/// A run, the blocks that the store would have of it, and its records.
struct Run {
    plan: Plan,
    blocks: Vec<BlockState>,
    records: Vec<Record>,
}

impl Run {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let prepared = runtime.expect("a runtime").block_on(made_up::plan(RECORDS));
        let plan = prepared.expect("a good configuration").plan;
        let (mut blocks, mut records) = (Vec::new(), Vec::new());
        for block in plan.lanes.iter().flat_map(|lane| &lane.blocks) {
            let before = records.len();
            records.extend(made_up::records(&plan, block, 1));
            let receipt = Receipt {
                attempt: 1,
                records: u32::try_from(records.len() - before).expect("few"),
                chunks: 0,
                sha256: String::new(),
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
            let key = BlockKey {
                run_id: plan.run_id.clone(),
                experiment: block.experiment.clone(),
                round: 1,
                block: block.block,
            };
            blocks.push(BlockState {
                key,
                attempt: 1,
                reservation: None,
                receipt: Some(receipt),
                refused: false,
            });
        }
        Self { plan, blocks, records }
    }

    fn summary(&self) -> RunSummary {
        summarize(&self.plan, &self.blocks, &self.records)
    }
}

/// One chunk of records.
fn chunk() -> Vec<Record> {
    let mut records = Run::new().records;
    records.truncate(RECORDS_PER_CHUNK);
    records
}

#[divan::bench]
fn pack_a_chunk(bencher: Bencher<'_, '_>) {
    let records = chunk();
    bencher.counter(ItemsCount::new(records.len())).bench_local(|| pack(&records));
}

#[divan::bench]
fn unpack_a_chunk(bencher: Bencher<'_, '_>) {
    let packed = pack(&chunk()).expect("records fit").remove(0);
    bencher.counter(ItemsCount::new(RECORDS_PER_CHUNK)).bench_local(|| unpack(&packed));
}

#[divan::bench]
fn add_up(bencher: Bencher<'_, '_>) {
    let run = Run::new();
    bencher.counter(ItemsCount::new(run.records.len())).bench_local(|| {
        let mut adding = RunAccumulator::new(&run.plan, &run.blocks);
        for record in &run.records {
            adding.add(record);
        }
        adding
    });
}

#[divan::bench]
fn add_up_and_summarise(bencher: Bencher<'_, '_>) {
    let run = Run::new();
    bencher.counter(ItemsCount::new(run.records.len())).bench_local(|| run.summary());
}

#[divan::bench]
fn write_parquet(bencher: Bencher<'_, '_>) {
    let run = Run::new();
    let counter = ItemsCount::new(run.records.len());
    bencher.counter(counter).with_inputs(|| run.records.clone()).bench_local_values(|records| {
        let mut file = ParquetRecords::new().expect("a good schema");
        file.add(records, true).expect("memory takes any length");
        file.finish("").expect("memory takes any length")
    });
}

#[divan::bench]
fn decide_and_render(bencher: Bencher<'_, '_>) {
    let run = Run::new();
    let summary = run.summary();
    bencher.bench_local(|| {
        let decision = decide(&run.plan, &summary);
        let report = Report {
            plan: &run.plan,
            summary: &summary,
            decision: &decision,
            written_at: "2024-04-16T02:00:00Z",
        };
        render(&report).expect("a report can be written")
    });
}
