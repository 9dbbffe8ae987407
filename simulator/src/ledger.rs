//! Where the truth is kept: in memory, and in a log where one is asked for.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::log::TruthLog;
use crate::truth::Truth;

/// How many records are kept in memory, the latest ones: some 100 MB. The file keeps all.
const KEPT: usize = 262_144;

/// The truth about every request that has ended.
#[derive(Debug)]
pub(crate) struct Ledger {
    started: Instant,
    started_unix_ns: u64,
    kept: Mutex<VecDeque<Arc<Truth>>>,
    log: Option<TruthLog>,
    is_closing: AtomicBool,
}

impl Ledger {
    /// Starts the clock and opens the log for appending. It takes the wall clock to say
    /// `wall_start` now, where that is given.
    pub(crate) fn open(path: Option<&Path>, wall_start: Option<SystemTime>) -> io::Result<Self> {
        let log = path.map(TruthLog::open).transpose()?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the one anchor between the truth's monotonic clock and the wall clock"
        )]
        let wall_start = wall_start.unwrap_or_else(SystemTime::now);
        let since_epoch = wall_start.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            started: Instant::now(),
            started_unix_ns: u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX),
            kept: Mutex::default(),
            log,
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

    /// How long after the start it is.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The hour of the day in UTC at an instant, from 0 to below 24.
    pub(crate) fn hour_at(&self, instant: Instant) -> f64 {
        const DAY: u64 = 24 * 3_600 * 1_000_000_000;
        let now = self.started_unix_ns.saturating_add(self.at_ns(instant));
        Duration::from_nanos(now % DAY).as_secs_f64() / 3_600.0
    }

    /// An instant in seconds since 1970.
    pub(crate) fn unix_s_at(&self, instant: Instant) -> u64 {
        self.started_unix_ns.saturating_add(self.at_ns(instant)) / 1_000_000_000
    }

    pub(crate) fn started_unix_ns(&self) -> u64 {
        self.started_unix_ns
    }

    /// Keeps a record. Cheap: it is done before the response's last bytes are written, so that a
    /// client that has seen the end finds the record in memory. In the log it comes later.
    pub(crate) fn keep(&self, truth: Arc<Truth>) {
        if let Some(log) = &self.log {
            log.append(Arc::clone(&truth));
        }
        let mut kept = lock(&self.kept);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(truth);
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

    /// Ends the log: it is whole, or this is why it is not.
    pub(crate) fn end_log(&self) -> Option<io::Error> {
        self.log.as_ref().and_then(TruthLog::end)
    }
}

/// Locks what is valid after every single step, so that a panic elsewhere does not matter.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
