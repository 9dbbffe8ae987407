//! Where the truth is kept: in memory, and as JSON lines in a file that others may read meanwhile.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::truth::Truth;

/// How many records are kept in memory, the latest ones: some 100 MB. The file keeps all.
const KEPT: usize = 262_144;

/// The truth about every request that has ended.
#[derive(Debug)]
pub(crate) struct Ledger {
    started: Instant,
    started_unix_ns: u64,
    kept: Mutex<VecDeque<Arc<Truth>>>,
    file: Option<Mutex<File>>,
    failure: Mutex<Option<io::Error>>,
    is_closing: AtomicBool,
}

impl Ledger {
    /// Starts the clock and opens the file for appending.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let open = |path| File::options().create(true).append(true).open(path);
        let file = path.map(open).transpose()?.map(Mutex::new);
        #[expect(
            clippy::disallowed_methods,
            reason = "the one anchor between the truth's monotonic clock and the wall clock"
        )]
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            started: Instant::now(),
            started_unix_ns: u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX),
            kept: Mutex::default(),
            file,
            failure: Mutex::default(),
            is_closing: AtomicBool::new(false),
        })
    }

    /// Nanoseconds since the start.
    pub(crate) fn now_ns(&self) -> u64 {
        self.at_ns(Instant::now())
    }

    /// An instant as nanoseconds since the start.
    pub(crate) fn at_ns(&self, instant: Instant) -> u64 {
        let elapsed = instant.saturating_duration_since(self.started);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn started_unix_ns(&self) -> u64 {
        self.started_unix_ns
    }

    /// Keeps a record in memory. Cheap: it is done before the response's last bytes are written,
    /// so that a client that has seen the end finds the record.
    pub(crate) fn keep(&self, truth: Arc<Truth>) {
        let mut kept = lock(&self.kept);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(truth);
    }

    /// Appends a record to the file, in one write. The first failure is remembered and ends the
    /// file; requests are answered all the same.
    pub(crate) fn append(&self, truth: &Truth) {
        let Some(file) = &self.file else { return };
        let line = serde_json::to_vec(truth).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            let mut file = lock(file);
            if lock(&self.failure).is_some() { Ok(()) } else { file.write_all(&line) }
        });
        if let Err(error) = line {
            lock(&self.failure).get_or_insert(error);
        }
    }

    /// The records in memory, in the order in which the requests ended.
    pub(crate) fn truth(&self) -> Vec<Truth> {
        lock(&self.kept).iter().map(|truth| Truth::clone(truth)).collect()
    }

    /// From now on, what is interrupted was interrupted by the server.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Relaxed)
    }

    /// The first failure to append, if any.
    pub(crate) fn take_failure(&self) -> Option<io::Error> {
        lock(&self.failure).take()
    }
}

/// Locks what is valid after every single step, so that a panic elsewhere does not matter.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
