//! The truth log: JSON lines in a file that others may read meanwhile.
//!
//! A thread of its own writes them, so that neither the disk nor the spelling of a record holds up
//! an answer: at once where it is idle, else all that has gathered in an [`INTERVAL`].

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::ledger::lock;
use crate::truth::Truth;

/// From one write to the next: few enough that waking the thread costs the server nothing.
const INTERVAL: Duration = Duration::from_millis(5);

/// An open truth log. Its drop writes what is left, as [`Self::end`] does.
#[derive(Debug)]
pub(crate) struct TruthLog {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    /// Told of the first record that gathers, and of the end.
    news: Condvar,
}

#[derive(Debug, Default)]
struct Pending {
    records: Vec<Arc<Truth>>,
    is_ending: bool,
    /// The first failure to write; nothing is written after it.
    failure: Option<io::Error>,
}

impl TruthLog {
    /// Opens a file for appending; it is created where it is missing.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        let shared = Arc::new(Shared::default());
        let writing = Arc::clone(&shared);
        let thread = Builder::new().name("truth log".into()).spawn(move || writing.write(file))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Takes a record; it is written soon.
    pub(crate) fn append(&self, truth: Arc<Truth>) {
        let mut pending = lock(&self.shared.pending);
        pending.records.push(truth);
        let is_first = pending.records.len() == 1;
        drop(pending);
        if is_first {
            self.shared.news.notify_all();
        }
    }

    /// Writes what is left, and tells the first failure. What is appended later is lost.
    pub(crate) fn end(&self) -> Option<io::Error> {
        lock(&self.shared.pending).is_ending = true;
        self.shared.news.notify_all();
        let thread = lock(&self.thread).take();
        if let Some(Err(_panic)) = thread.map(JoinHandle::join) {
            return Some(io::Error::other("the thread that writes it panicked"));
        }
        lock(&self.shared.pending).failure.take()
    }
}

impl Drop for TruthLog {
    fn drop(&mut self) {
        // Whoever wants to know of a failure ends it.
        drop(self.end());
    }
}

impl Shared {
    /// Writes what has gathered, again and again until the end.
    fn write(&self, mut file: File) {
        let mut lines = Vec::new();
        let mut is_ending = false;
        while !is_ending {
            let idle = |pending: &mut Pending| pending.records.is_empty() && !pending.is_ending;
            let woken = self.news.wait_while(lock(&self.pending), idle);
            let mut pending = woken.unwrap_or_else(PoisonError::into_inner);
            let records = std::mem::take(&mut pending.records);
            is_ending = pending.is_ending;
            let has_failed = pending.failure.is_some();
            drop(pending);
            if !has_failed && let Err(error) = append(&mut file, &records, &mut lines) {
                lock(&self.pending).failure = Some(error);
            }
            let going_on = |pending: &mut Pending| !pending.is_ending;
            drop(self.news.wait_timeout_while(lock(&self.pending), INTERVAL, going_on));
        }
    }
}

/// Appends one line for each record, in one write.
fn append(file: &mut File, records: &[Arc<Truth>], lines: &mut Vec<u8>) -> io::Result<()> {
    lines.clear();
    for truth in records {
        serde_json::to_writer(&mut *lines, &**truth)?;
        lines.push(b'\n');
    }
    file.write_all(lines)
}
