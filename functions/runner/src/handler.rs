//! Translates between the state machine and `shared::run`: no logic of its own.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::block::{BlockRun, Instruments, Signals};
use shared::run::{Connections, Failure, Stores, measure};
use shared::store::{ArtifactStore, BlockEnd, BlockKey, RecordStore};
use shared::telemetry::{BlockTelemetry, print};
use shared::units::{ExperimentId, RunId};
use tracing::Instrument;

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
    attempt: Option<u32>,
    records: Option<u32>,
    ended: Option<BlockEnd>,
}

/// What a stack's runner has of its own.
#[derive(Debug)]
pub(crate) struct Runner<R, A> {
    pub(crate) stores: Stores<R, A>,
    pub(crate) connections: Connections,
    pub(crate) instruments: Instruments,
    /// The name that its metrics carry.
    pub(crate) stack: String,
}

/// Measures one block, within what remains of the invocation.
pub(crate) async fn handle<R: RecordStore, A: ArtifactStore>(
    event: Event,
    runner: &Runner<R, A>,
    remaining: Duration,
) -> Result<Output, Failure> {
    let Event { run_id, round, experiment, block } = event;
    let span = tracing::info_span!("block", %run_id, %experiment, round, block);
    let key = BlockKey { run_id, experiment, round, block };
    handle_block(key, runner, remaining).instrument(span).await
}

async fn handle_block<R: RecordStore, A: ArtifactStore>(
    key: BlockKey,
    runner: &Runner<R, A>,
    remaining: Duration,
) -> Result<Output, Failure> {
    let Runner { stores, connections, instruments, stack } = runner;
    let (signals, telemetry) = (Signals::default(), BlockTelemetry::default());
    let measuring = measure(key.clone(), stores, connections, instruments, &signals, &telemetry);
    let begun = tokio::time::Instant::now();
    let ending = async {
        tokio::time::sleep_until(begun + remaining.saturating_sub(DRAIN)).await;
        signals.stop.cancel();
        tokio::time::sleep_until(begun + remaining.saturating_sub(RECEIPT)).await;
        signals.cut.cancel();
        std::future::pending::<()>().await;
    };
    let run = tokio::select! {
        run = measuring => run?,
        () = ending => unreachable!("it waits for ever"),
    };
    if let BlockRun::Measured(receipt) = &run {
        print(&telemetry.documents(stack, &key, receipt, (instruments.wall)()));
    }
    let (status, receipt) = match run {
        BlockRun::Measured(receipt) if receipt.ended == BlockEnd::Throttled => {
            ("throttled", Some(receipt))
        }
        BlockRun::Measured(receipt) => ("measured", Some(receipt)),
        BlockRun::AlreadyMeasured(receipt) => ("already_measured", Some(receipt)),
        BlockRun::Stopping => ("stopping", None),
        BlockRun::NoFunds { .. } => ("no_funds", None),
    };
    let output = Output {
        status,
        attempt: receipt.as_ref().map(|receipt| receipt.attempt),
        records: receipt.as_ref().map(|receipt| receipt.records),
        ended: receipt.as_ref().map(|receipt| receipt.ended),
    };
    tracing::info!(status, attempt = output.attempt, records = output.records, "Block ended.");
    Ok(output)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Instant;

    use shared::block::Time;
    use shared::endpoint::placeholder_config;
    use shared::run::{Source, draft, prepare};
    use shared::store::folder::FolderStore;
    use shared::store::sqlite::SqliteStore;

    use super::*;

    #[tokio::test]
    async fn the_sample_names_a_block_of_the_example() {
        let sample = include_str!("../../../events/runner.json");
        let event: Event = serde_json::from_str(sample).unwrap();
        let config = include_str!("../../../events/bedrock.yml");
        let plan = draft(config, event.run_id, &Source::Deployed).await.unwrap().plan;
        assert!(plan.block(&event.experiment, event.block).is_some());
        assert_eq!(event.round, 1);
    }

    const BAD_REQUEST: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}";
    const EXPIRED: &str = "HTTP/1.1 403 Forbidden\r\nx-amzn-errortype: ExpiredTokenException\r\n\
                           content-length: 2\r\n\r\n{}";

    /// An endpoint that answers every request so: its address, and how many there were.
    fn refusing(answer: &'static str) -> (String, Arc<AtomicU32>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<AtomicU32>::default();
        let count = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let count = Arc::clone(&count);
                std::thread::spawn(move || refuse(stream.unwrap(), answer, &count));
            }
        });
        (url, requests)
    }

    /// Refuses until the client leaves.
    fn refuse(mut stream: TcpStream, answer: &str, count: &AtomicU32) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        loop {
            let mut length = 0;
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
                let header = line.to_ascii_lowercase();
                if let Some(value) = header.strip_prefix("content-length:") {
                    length = value.trim().parse().ok()?;
                }
            }
            reader.read_exact(&mut vec![0; length]).ok()?;
            count.fetch_add(1, Ordering::SeqCst);
            stream.write_all(answer.as_bytes()).ok()?;
        }
    }

    type LocalStores = Stores<SqliteStore, FolderStore>;

    /// A run whose endpoint is at an address, its first block, and the folder that keeps it.
    async fn planned(name: &str, url: &str) -> (LocalStores, Event, PathBuf) {
        let config = format!(
            r#"
version: 1
endpoints:
  - name: mine
    kind: bedrock
    region: us-east-1
    model_id: "mistral.mistral-7b-instruct-v0:2"
    endpoint_url: "{url}"
datasets: [{{name: mine, prompts: [Why is the sky blue?], max_tokens: 10}}]
load: [{{concurrency: 2}}]
stop: {{duration: 1m}}
"#
        );
        let folder = format!("fmgauge-runner-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let records = SqliteStore::open(folder.join("records.sqlite")).await.unwrap();
        let stores = Stores { records, artifacts: FolderStore::new(&folder) };
        let prepared = draft(&config, "r".parse().unwrap(), &Source::Deployed).await.unwrap();
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        prepare(&prepared, &stores, "a test", now).await.unwrap();
        let block = &prepared.plan.lanes[0].blocks[0];
        let (run_id, experiment) = (prepared.plan.run_id.clone(), block.experiment.clone());
        (stores, Event { run_id, round: 1, experiment, block: block.block }, folder)
    }

    fn runner(stores: LocalStores) -> Runner<SqliteStore, FolderStore> {
        let instruments = Instruments {
            wall: || std::time::SystemTime::UNIX_EPOCH,
            measuring: tokio::runtime::Handle::current(),
            time: Time::Real,
        };
        let connections = Connections::new(placeholder_config()).unwrap();
        Runner { stores, connections, instruments, stack: "fmgauge".to_owned() }
    }

    #[tokio::test]
    async fn expired_credentials_are_retried_and_leave_no_receipt() {
        let (url, requests) = refusing(EXPIRED);
        let (stores, event, folder) = planned("expired", &url).await;
        let run_id = event.run_id.clone();
        let runner = runner(stores);
        let handling = handle(event, &runner, Duration::from_mins(5));
        let failure = Box::pin(handling).await.unwrap_err();
        assert_eq!(failure.error_type(), "Retryable");
        assert!(failure.message().contains("ExpiredTokenException"), "{}", failure.message());
        assert!(requests.load(Ordering::SeqCst) <= 2, "nothing is sent after the warm-up");
        let states = runner.stores.records.blocks(&run_id).await.unwrap();
        assert_eq!((states[0].attempt, states[0].receipt.as_ref()), (1, None));
        assert_eq!(states[0].reservation, None, "nothing is charged as by an attempt that died");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn sending_stops_before_the_end_and_a_receipt_is_left() {
        let sending = Duration::from_millis(700);
        let (url, requests) = refusing(BAD_REQUEST);
        let (stores, event, folder) = planned("stopped", &url).await;
        let run_id = event.run_id.clone();
        let (runner, begun) = (runner(stores), Instant::now());
        let handling = handle(event, &runner, DRAIN + sending);
        let output = Box::pin(handling).await.unwrap();
        assert!(begun.elapsed() >= sending && begun.elapsed() < sending + RECEIPT);

        let sent = requests.load(Ordering::SeqCst);
        assert!(sent > 2, "more than the warm-up");
        let ended = Some(BlockEnd::Stopped);
        let (attempt, records) = (Some(1), Some(sent));
        assert_eq!(output, Output { status: "measured", attempt, records, ended });
        let states = runner.stores.records.blocks(&run_id).await.unwrap();
        let receipt = states[0].receipt.as_ref().unwrap();
        assert_eq!((receipt.records, receipt.ended), (sent, BlockEnd::Stopped));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
