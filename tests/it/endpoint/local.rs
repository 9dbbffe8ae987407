//! A run on one machine, measured through the library: stores in a folder of its own.

use std::path::Path;
use std::time::SystemTime;

use shared::block::{BlockRun, NoObserver, Signals};
use shared::plan::{BlockPlan, Plan};
use shared::record::{Phase, Record};
use shared::run::{
    Connections, Prepared, Source, Stores, attempt_records, draft, measure, prepare,
};
use shared::store::folder::FolderStore;
use shared::store::sqlite::SqliteStore;
use shared::store::{BlockEnd, BlockKey, Receipt, RecordStore};
use tempfile::TempDir;

/// A planned run.
pub(super) struct LocalRun {
    pub(super) prepared: Prepared,
    stores: Stores<SqliteStore, FolderStore>,
    _folder: TempDir,
}

/// A measured block.
pub(super) struct Measured {
    pub(super) key: BlockKey,
    pub(super) block: BlockPlan,
    pub(super) receipt: Receipt,
    /// All of the attempt that counts, checked against the receipt's digest.
    pub(super) records: Vec<Record>,
}

impl Measured {
    pub(super) fn of(&self, phase: Phase) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| record.phase == phase)
    }
}

impl LocalRun {
    pub(super) async fn plan(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Source::OneMachine(Path::new("").to_owned());
        let prepared = draft(config, "r".parse().unwrap(), &source).unwrap();
        let records = SqliteStore::open(folder.path().join("records.sqlite")).await.unwrap();
        let stores = Stores { records, artifacts: FolderStore::new(folder.path()) };
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        prepare(&prepared, &stores, "a test", now).await.unwrap();
        Self { prepared, stores, _folder: folder }
    }

    pub(super) fn plan_of(&self) -> &Plan {
        &self.prepared.plan
    }

    /// Measures the run's only block to its end.
    pub(super) async fn measure(&self, connections: &Connections) -> Measured {
        let [lane] = &self.plan_of().lanes[..] else { panic!("one endpoint") };
        let [block] = &lane.blocks[..] else { panic!("one block") };
        let key = BlockKey {
            run_id: self.plan_of().run_id.clone(),
            experiment: block.experiment.clone(),
            round: 1,
            block: block.block,
        };
        let signals = Signals::default();
        let ask = || measure(key.clone(), &self.stores, connections, wall, &signals, &NoObserver);
        let BlockRun::Measured(receipt) = ask().await.unwrap() else { panic!("a first attempt") };
        assert_eq!(receipt.ended, BlockEnd::Requests);
        let again = ask().await.unwrap();
        assert_eq!(again, BlockRun::AlreadyMeasured(receipt.clone()), "nothing is sent twice");

        let states = self.stores.records.blocks(&key.run_id).await.unwrap();
        let [state] = &states[..] else { panic!("one block") };
        let records = attempt_records(state, receipt.attempt, &self.stores.records).await.unwrap();
        Measured { key, block: block.clone(), receipt, records }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test stands in for a main.rs")]
fn wall() -> SystemTime {
    SystemTime::now()
}
