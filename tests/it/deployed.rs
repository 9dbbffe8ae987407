//! The deployed shape on one machine: the SAM template, the state machines and the functions' real
//! binaries on ministack, with simulated models as Amazon Bedrock.
//!
//! Each test has a stack and a simulator of its own, so that they share nothing but the machine.

mod calibrated;
mod ended;
mod equal;
mod killed;
mod limits;
mod provisioned;
pub(crate) mod proxy;
mod refused;
mod rounds;
mod scheduled;
mod session;
mod stack;
mod taken;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use shared::store::folder::FolderStore;
use shared::store::sqlite::SqliteStore;
use shared::units::RunId;
use simulator::Truth;

/// The stores of one machine in `folder`, as `fmgauge --out` names them.
async fn local_stores(folder: &std::path::Path) -> shared::run::Stores<SqliteStore, FolderStore> {
    let records = SqliteStore::open(folder.join("records.sqlite")).await.unwrap();
    shared::run::Stores { records, artifacts: FolderStore::new(folder) }
}

/// A configuration of one endpoint, a simulator's, and whatever else is in `rest`.
fn config_of_one(url: &str, rest: &str) -> String {
    format!(
        r#"version: 1
endpoints:
  - {{name: mistral-7b, kind: bedrock, region: us-east-1, model_id: "mistral.mistral-7b-instruct-v0:2", endpoint_url: "{url}"}}
datasets: [{{name: mine, prompts: [Why is the sky blue?], max_tokens: 10}}]
{rest}
"#
    )
}

fn run_id(text: &str) -> RunId {
    text.parse().unwrap()
}

/// The truth by request id; no request is in it twice.
fn by_request_id(truth: Vec<Truth>) -> BTreeMap<String, Truth> {
    let count = truth.len();
    let truth: BTreeMap<_, _> =
        truth.into_iter().map(|truth| (truth.request_id.clone(), truth)).collect();
    assert_eq!(truth.len(), count, "a request id occurs twice in the truth");
    truth
}

/// Asks until there is an answer, for at most a minute.
#[track_caller]
fn until<T>(what: &str, every: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    while started.elapsed() < Duration::from_mins(1) {
        if let Some(found) = probe() {
            return found;
        }
        std::thread::sleep(every);
    }
    panic!("{what}: not within a minute");
}
