//! Translates between the state machine and `shared::run`: no logic of its own.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::block::{BlockRun, NoObserver, Signals, WallClock};
use shared::run::{Connections, Failure, Stores, measure};
use shared::store::{ArtifactStore, BlockEnd, BlockKey, RecordStore};
use shared::units::{ExperimentId, RunId};

/// Before the function's end, sending stops: what is in flight has this long to be drained.
const DRAIN: Duration = Duration::from_secs(45);

/// Before the function's end, what is in flight is cut: this long is left for the receipt.
const RECEIPT: Duration = Duration::from_secs(15);

/// Which block to measure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    run_id: RunId,
    round: u32,
    experiment: ExperimentId,
    block: u32,
}

/// What has become of it; the figures are in the store.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Output {
    status: &'static str,
    attempt: u32,
    records: u32,
    ended: BlockEnd,
}

/// Measures one block, within what remains of the invocation.
pub(crate) async fn handle<R: RecordStore, A: ArtifactStore>(
    event: Event,
    stores: &Stores<R, A>,
    connections: &Connections,
    wall: WallClock,
    remaining: Duration,
) -> Result<Output, Failure> {
    let Event { run_id, round, experiment, block } = event;
    let key = BlockKey { run_id, experiment, round, block };
    let signals = Signals::default();
    let measuring = measure(key, stores, connections, wall, &signals, &NoObserver);
    let ending = async {
        tokio::time::sleep(remaining.saturating_sub(DRAIN)).await;
        signals.stop.cancel();
        tokio::time::sleep(DRAIN.saturating_sub(RECEIPT)).await;
        signals.cut.cancel();
        std::future::pending::<()>().await;
    };
    let run = tokio::select! {
        run = measuring => run?,
        () = ending => unreachable!("it waits for ever"),
    };
    let (status, receipt) = match run {
        BlockRun::Measured(receipt) => ("measured", receipt),
        BlockRun::AlreadyMeasured(receipt) => ("already_measured", receipt),
    };
    tracing::info!(status, attempt = receipt.attempt, records = receipt.records, "Block ended.");
    Ok(Output { status, attempt: receipt.attempt, records: receipt.records, ended: receipt.ended })
}

#[cfg(test)]
mod tests {
    use shared::run::{Source, draft};

    use super::*;

    #[test]
    fn the_sample_names_a_block_of_the_example() {
        let sample = include_str!("../../../events/runner.json");
        let event: Event = serde_json::from_str(sample).unwrap();
        let config = include_str!("../../../events/bedrock.yml");
        let plan = draft(config, event.run_id, &Source::Deployed).unwrap().plan;
        assert!(plan.block(&event.experiment, event.block).is_some());
        assert_eq!(event.round, 1);
    }
}
