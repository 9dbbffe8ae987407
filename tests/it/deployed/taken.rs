//! A run as it was taken down: what its stores hold, in a form that can be compared.

use std::collections::BTreeSet;

use shared::record::{Outcome, Phase, Record};
use shared::report::{self, SummaryFile};
use shared::run::{Stores, attempt_records};
use shared::store::{ArtifactStore, BlockState, RecordStore, keys};
use shared::units::RunId;

/// What a run has left.
#[derive(Debug)]
pub(super) struct Taken {
    /// `plan.json`, byte for byte.
    pub(super) plan: Vec<u8>,
    pub(super) blocks: Vec<BlockState>,
    /// The records of the attempts that receipts name.
    pub(super) counted: Vec<Record>,
    /// Those of all other attempts.
    pub(super) uncounted: Vec<Record>,
    /// The report's files, byte for byte, in the order of [`report::FILES`].
    pub(super) report: Vec<Vec<u8>>,
}

/// What must not differ between two measurings of the same request: its experiment, block and
/// place, its prompt, and what came of it.
pub(super) type Request = (String, u32, bool, u32, u32, Option<u32>, Option<u32>, Outcome);

impl Taken {
    pub(super) async fn from<R: RecordStore, A: ArtifactStore>(
        stores: &Stores<R, A>,
        run_id: &RunId,
    ) -> Self {
        let file = async |key: String| {
            let bytes = stores.artifacts.get(&key).await.unwrap();
            bytes.unwrap_or_else(|| panic!("there is no {key}"))
        };
        let mut report = Vec::new();
        for name in report::FILES {
            report.push(file(keys::report(run_id, name)).await);
        }
        let blocks = stores.records.blocks(run_id).await.unwrap();
        let (mut counted, mut uncounted) = (Vec::new(), Vec::new());
        for block in &blocks {
            let counts = block.receipt.as_ref().map(|receipt| receipt.attempt);
            for attempt in 1..=block.attempt {
                let records = attempt_records(block, attempt, &stores.records).await.unwrap();
                let into = if counts == Some(attempt) { &mut counted } else { &mut uncounted };
                into.extend(records);
            }
        }
        Self { plan: file(keys::plan(run_id)).await, blocks, counted, uncounted, report }
    }

    /// Its `summary.json`.
    pub(super) fn summary(&self) -> SummaryFile {
        serde_json::from_slice(self.file("summary.json")).unwrap()
    }

    /// One file of the report.
    pub(super) fn file(&self, name: &str) -> &[u8] {
        let index = report::FILES.iter().position(|file| *file == name).unwrap();
        &self.report[index]
    }

    /// The counted requests, in order.
    pub(super) fn requests(&self) -> Vec<Request> {
        let mut requests: Vec<_> = self.counted.iter().map(request).collect();
        requests.sort_unstable();
        requests
    }
}

fn request(record: &Record) -> Request {
    (
        record.experiment.as_str().to_owned(),
        record.block,
        record.phase == Phase::Measured,
        record.sequence,
        record.prompt,
        record.usage.input_tokens,
        record.usage.output_tokens,
        record.outcome,
    )
}

/// The request ids of records; none is missing or occurs twice.
pub(super) fn request_ids(records: &[Record]) -> BTreeSet<String> {
    let ids: BTreeSet<_> = records
        .iter()
        .map(|record| record.served.request_id.clone().expect("every request has an id"))
        .collect();
    assert_eq!(ids.len(), records.len(), "a request id occurs twice in the records");
    ids
}
