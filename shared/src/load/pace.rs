//! Keeping a schedule: what tells that an arrival is due.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Schedule;

/// By which clock the arrivals of an open loop are paced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// By a thread of its own: tokio's timers round up to a millisecond, the system's sleep is some
    /// 60 µs late. It sleeps between arrivals, so it costs a wake-up for each.
    Thread,
    /// By tokio's clock, to the millisecond: for virtual time, where it is paused.
    Clock,
}

impl Pace {
    /// Calls `offer` with each time of the schedule as it comes, until there is none left or `over`
    /// is cancelled. Gives back the schedule with what is left of it.
    pub(super) async fn keep(
        self,
        mut schedule: Schedule,
        begin: Instant,
        over: &CancellationToken,
        mut offer: impl FnMut(Instant) + Send + 'static,
    ) -> Result<Schedule, JoinError> {
        match self {
            Self::Clock => {
                for time in schedule.by_ref() {
                    let due = begin + time;
                    tokio::select! {
                        biased;
                        () = over.cancelled() => break,
                        () = sleep_until(due) => offer(due),
                    }
                }
                Ok(schedule)
            }
            Self::Thread => {
                // Dropped, it wakes and ends the thread: also where this future is.
                let (going_on, ended) = channel();
                let mut pacing = spawn_blocking(move || {
                    for time in schedule.by_ref() {
                        let due = begin + time;
                        if !wait(due, &ended) {
                            break;
                        }
                        offer(due);
                    }
                    schedule
                });
                tokio::select! {
                    paced = &mut pacing => paced,
                    () = over.cancelled() => {
                        drop(going_on);
                        pacing.await
                    }
                }
            }
        }
    }
}

/// Waits until `due`; `false` as soon as the other end of `ended` is gone.
fn wait(due: Instant, ended: &Receiver<()>) -> bool {
    loop {
        let rest = due.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return true;
        }
        match ended.recv_timeout(rest) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}
