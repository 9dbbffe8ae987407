//! Stores an attempt's records while it runs, apart from the tasks that measure.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::{Anchor, Attempt, BlockError, Observer};
use crate::record::{Observation, Outcome, Phase, RECORD_SCHEMA, Record};
use crate::stats::Gaps;
use crate::store::RecordStore;
use crate::store::pack::{ChunkDigest, RECORDS_PER_CHUNK, pack};
use crate::units::NanoUsd;

/// How long a record waits for more before it is stored.
const FLUSH_AFTER: Duration = Duration::from_secs(1);

/// An observation with its place in the attempt.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) phase: Phase,
    pub(super) slot: u32,
    pub(super) sequence: u32,
    pub(super) prompt: u32,
    pub(super) observation: Observation,
}

/// Hands observations to the recorder and never waits.
#[derive(Debug, Clone)]
pub(super) struct Sender(mpsc::UnboundedSender<Placed>);

impl Sender {
    pub(super) fn send(&self, placed: Placed) {
        // The recorder is gone only after a failure of the store, which ends the attempt.
        drop(self.0.send(placed));
    }
}

/// What was recorded.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    pub(super) records: u32,
    pub(super) chunks: u32,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    pub(super) spent: NanoUsd,
    pub(super) gaps: Gaps,
}

/// Packs and stores what the slots hand over.
#[derive(Debug)]
pub(super) struct Recorder {
    attempt: Arc<Attempt>,
    anchor: Anchor,
    observations: mpsc::UnboundedReceiver<Placed>,
    digest: ChunkDigest,
    recorded: Recorded,
}

impl Recorder {
    pub(super) fn new(attempt: &Arc<Attempt>, anchor: Anchor) -> (Self, Sender) {
        let (sender, observations) = mpsc::unbounded_channel();
        let recorder = Self {
            attempt: Arc::clone(attempt),
            anchor,
            observations,
            digest: ChunkDigest::new(),
            recorded: Recorded::default(),
        };
        (recorder, Sender(sender))
    }

    /// Stores until the last sender is gone. A failure of the store stops the slots: what cannot
    /// be kept must not be sent.
    pub(super) async fn run<R: RecordStore>(
        mut self,
        store: &R,
        observer: &dyn Observer,
    ) -> Result<Recorded, BlockError> {
        let mut batch = Vec::with_capacity(RECORDS_PER_CHUNK);
        while let Some(first) = self.observations.recv().await {
            batch.push(self.record(first, observer));
            let flush_at = Instant::now() + FLUSH_AFTER;
            while batch.len() < RECORDS_PER_CHUNK {
                match timeout_at(flush_at, self.observations.recv()).await {
                    Ok(Some(placed)) => batch.push(self.record(placed, observer)),
                    Ok(None) | Err(_) => break,
                }
            }
            if let Err(error) = self.flush(&batch, store).await {
                self.attempt.signals.stop.cancel();
                self.attempt.signals.cut.cancel();
                return Err(error);
            }
            batch.clear();
        }
        self.recorded.sha256 = self.digest.finish();
        Ok(self.recorded)
    }

    fn record(&mut self, placed: Placed, observer: &dyn Observer) -> Record {
        let Placed { phase, slot, sequence, prompt, observation } = placed;
        if phase == Phase::Measured && observation.outcome == Outcome::Completed {
            for gap in &observation.gaps_us {
                self.recorded.gaps.record(*gap);
            }
        }
        let key = &self.attempt.job.key;
        let record = Record {
            schema: RECORD_SCHEMA,
            endpoint: self.attempt.experiment.endpoint.clone(),
            experiment: key.experiment.clone(),
            round: key.round,
            block: key.block,
            attempt: self.attempt.job.attempt,
            sequence,
            phase,
            slot,
            prompt,
            sent_at_unix_ns: self.anchor.unix_ns(observation.sent),
            timeline: observation.timeline,
            usage: observation.usage,
            served: observation.served,
            outcome: observation.outcome,
            error: observation.error,
        };
        if let Some(tariff) = &self.attempt.tariff {
            let charge = tariff.charge_of(&record).amount();
            self.recorded.spent = self.recorded.spent.saturating_add(charge);
        }
        observer.recorded(&record);
        record
    }

    async fn flush<R: RecordStore>(
        &mut self,
        batch: &[Record],
        store: &R,
    ) -> Result<(), BlockError> {
        for chunk in pack(batch)? {
            self.digest.add(&chunk);
            self.recorded.chunks += 1;
            self.recorded.bytes += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            let (key, number) = (&self.attempt.job.key, self.attempt.job.attempt);
            store.put_chunk(key, number, self.recorded.chunks, chunk).await?;
        }
        self.recorded.records += u32::try_from(batch.len()).unwrap_or(u32::MAX);
        Ok(())
    }
}
