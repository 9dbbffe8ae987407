//! A run on one machine, measured through the library: stores in a folder of its own.

use std::path::Path;

use shared::block::{BlockRun, Instruments, NoObserver, Observer, Signals, Time};
use shared::plan::{BlockPlan, Plan};
use shared::record::{Phase, Record};
use shared::run::{
    Connections, Prepared, RunError, Source, Stores, attempt_records, draft, measure, prepare,
};
use shared::store::folder::FolderStore;
use shared::store::sqlite::SqliteStore;
use shared::store::{BlockKey, BlockState, Receipt, RecordStore};
use tempfile::TempDir;

use crate::instruments::instruments;

/// A planned run.
pub(super) struct LocalRun {
    pub(super) prepared: Prepared,
    pub(super) stores: Stores<SqliteStore, FolderStore>,
    time: Time,
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
        let prepared = draft(config, "r".parse().unwrap(), &source).await.unwrap();
        let records = SqliteStore::open(folder.path().join("records.sqlite")).await.unwrap();
        let stores = Stores { records, artifacts: FolderStore::new(folder.path()) };
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        prepare(&prepared, &stores, "a test", now).await.unwrap();
        Self { prepared, stores, time: Time::Real, _folder: folder }
    }

    /// The same, measured under a paused clock.
    pub(super) fn in_virtual_time(self) -> Self {
        Self { time: Time::Virtual, ..self }
    }

    pub(super) fn plan_of(&self) -> &Plan {
        &self.prepared.plan
    }

    /// The run's only block.
    fn block(&self) -> &BlockPlan {
        let [lane] = &self.plan_of().lanes[..] else { panic!("one endpoint") };
        let [block] = &lane.blocks[..] else { panic!("one block") };
        block
    }

    pub(super) fn key(&self) -> BlockKey {
        let (run_id, block) = (self.plan_of().run_id.clone(), self.block());
        BlockKey { run_id, experiment: block.experiment.clone(), round: 1, block: block.block }
    }

    /// What measuring the run's only block comes to.
    pub(super) async fn attempt(
        &self,
        connections: &Connections,
        signals: &Signals,
        observer: &dyn Observer,
    ) -> Result<BlockRun, RunError> {
        let instruments = Instruments { time: self.time, ..instruments() };
        measure(self.key(), &self.stores, connections, &instruments, signals, observer).await
    }

    /// Measures the run's only block to its end.
    pub(super) async fn measure(&self, connections: &Connections) -> Measured {
        let signals = Signals::default();
        let first = self.attempt(connections, &signals, &NoObserver).await.unwrap();
        let BlockRun::Measured(receipt) = first else { panic!("it was measured before") };
        assert!(receipt.is_final());
        let again = self.attempt(connections, &signals, &NoObserver).await.unwrap();
        assert_eq!(again, BlockRun::AlreadyMeasured(receipt.clone()), "nothing is sent twice");
        self.measured(receipt).await
    }

    /// The only block as it is known to the store.
    pub(super) async fn state(&self) -> BlockState {
        let states = self.stores.records.blocks(&self.plan_of().run_id).await.unwrap();
        let [state] = <[BlockState; 1]>::try_from(states).expect("one block");
        state
    }

    /// The block under its receipt, which must be the one in the store.
    pub(super) async fn measured(&self, receipt: Receipt) -> Measured {
        let state = self.state().await;
        assert_eq!(state.receipt.as_ref(), Some(&receipt));
        let records = attempt_records(&state, receipt.attempt, &self.stores.records).await.unwrap();
        Measured { key: self.key(), block: self.block().clone(), receipt, records }
    }
}
