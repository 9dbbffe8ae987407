//! What happens across processes: several on one SQLite file, and the death of one.
//!
//! A test starts this very binary again with one ignored test, tells it what to do over standard
//! input, and reads what it did from standard output.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use shared::store::RecordStore;
use shared::store::sqlite::SqliteStore;
use tempfile::TempDir;

use super::{RESERVATION, a_block, claimed, created, measured, receipt, run_id};
use crate::ministack::{answers, ministack};

/// The process that the tests below start.
#[tokio::test]
#[ignore = "it is started by other tests"]
async fn helper() {
    let mut order = String::new();
    std::io::stdin().read_line(&mut order).unwrap();
    let Some((task, path)) = order.trim_end().split_once(' ') else { return };
    let say = |number: u32| println!("\ndone {number}");
    if task == "ministack" {
        say(ministack().port().into());
        std::io::stdin().read_line(&mut order).unwrap();
        return;
    }
    let store = SqliteStore::open(path).await.unwrap();
    for number in 1..=1000 {
        if task == "claim" {
            say(claimed(&store, &a_block()).await);
        } else {
            store.put_chunk(&a_block(), 1, number, vec![7; 50_000]).await.unwrap();
            say(number);
        }
        if task == "claim" && number == 25 {
            return;
        }
    }
}

struct Helper {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Helper {
    fn start(task: &str, path: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "stores::processes::helper", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The pipe stays open: it belongs to the process.
        writeln!(process.stdin.as_mut().unwrap(), "{task} {}", path.display()).unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
    }

    /// The next number that it says, or `None` at its end.
    fn next(&mut self) -> Option<u32> {
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            if let Some(number) = line.trim_end().strip_prefix("done ") {
                return Some(number.parse().unwrap());
            }
            line.clear();
        }
        None
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[tokio::test]
async fn several_processes_claim_from_one_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("records.db");
    // The helpers also race to create the file.
    let mut helpers: Vec<_> = (0..4).map(|_| Helper::start("claim", &path)).collect();
    let mut attempts = BTreeSet::new();
    for helper in &mut helpers {
        while let Some(attempt) = helper.next() {
            assert!(attempts.insert(attempt), "attempt {attempt} was given out twice");
        }
    }
    assert_eq!(attempts, (1..=100).collect());
    // All but the last have died without a receipt.
    let store = SqliteStore::open(&path).await.unwrap();
    let kept = store.spend(&run_id("r")).await.unwrap();
    assert_eq!(kept.reserved, RESERVATION);
    assert_eq!(kept.spent, RESERVATION.saturating_mul(99));
    let file = Connection::open(path).unwrap();
    let mode: String = file.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn what_was_stored_survives_the_killing_of_its_process() {
    for kill_after in [1, 7, 40] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("records.db");
        let store = SqliteStore::open(&path).await.unwrap();
        created(&store).await;
        assert_eq!(claimed(&store, &a_block()).await, 1);
        let mut helper = Helper::start("write", &path);
        let mut stored = 0;
        while stored < kill_after {
            stored = helper.next().unwrap();
        }
        helper.process.kill().unwrap();
        while let Some(number) = helper.next() {
            stored = number;
        }
        let chunks = store.chunks(&a_block(), 1).await.unwrap();
        // One more may have been stored and not yet said.
        let stored = usize::try_from(stored).unwrap();
        assert!((stored..=stored + 1).contains(&chunks.len()), "{} of {stored}", chunks.len());
        assert!(chunks.iter().all(|chunk| *chunk == vec![7; 50_000]));

        // The next attempt takes over.
        let attempt = claimed(&store, &a_block()).await;
        let proof = measured(&store, &a_block(), attempt, 3).await;
        store.finish(&a_block(), &receipt(1)).await.unwrap_err();
        store.finish(&a_block(), &proof).await.unwrap();
    }
}

#[tokio::test]
async fn the_test_stack_ends_with_its_process() {
    let mut helper = Helper::start("ministack", Path::new("-"));
    let port = u16::try_from(helper.next().unwrap()).unwrap();
    assert!(answers(port));
    helper.process.kill().unwrap();
    for _ in 0..200 {
        if !answers(port) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("ministack on port {port} outlived its test process by ten seconds");
}
