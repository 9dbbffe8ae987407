//! Keeping a schedule: what tells that an arrival is due.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Schedule;
use crate::endpoint::Start;

/// How long before it is due a request is handed to a slot, which builds and signs it meanwhile:
/// that takes half a millisecond, and several on a busy machine.
const AHEAD: Duration = Duration::from_millis(5);

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
    ///
    /// A thread calls it some time before, with what holds the request back until it is due; what is
    /// held when it is over goes at once.
    pub(super) async fn keep(
        self,
        mut schedule: Schedule,
        begin: Instant,
        over: &CancellationToken,
        mut offer: impl FnMut(Instant, Option<Start>) + Send + 'static,
    ) -> Result<Schedule, JoinError> {
        match self {
            Self::Clock => {
                for time in schedule.by_ref() {
                    let due = begin + time;
                    tokio::select! {
                        biased;
                        () = over.cancelled() => break,
                        () = sleep_until(due) => offer(due, None),
                    }
                }
                Ok(schedule)
            }
            Self::Thread => {
                // Dropped, it wakes and ends the thread: also where this future is.
                let (going_on, ended) = channel();
                let mut pacing = spawn_blocking(move || {
                    let mut held = VecDeque::new();
                    let mut next = schedule.next().map(|time| begin + time);
                    while let Some(at) = earliest(next, &held) {
                        if !wait(at, &ended) {
                            break;
                        }
                        if held.front().is_some_and(|(due, _)| *due <= at) {
                            held.pop_front().iter().for_each(go);
                        } else if let Some(due) = next {
                            let start = Start::default();
                            offer(due, Some(start.clone()));
                            held.push_back((due, start));
                            next = schedule.next().map(|time| begin + time);
                        }
                    }
                    held.iter().for_each(go);
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

/// When there is something to do: to offer the next one ahead of its time, or to let one go.
fn earliest(next: Option<Instant>, held: &VecDeque<(Instant, Start)>) -> Option<Instant> {
    let offered = next.map(|due| due.checked_sub(AHEAD).unwrap_or(due));
    offered.into_iter().chain(held.front().map(|(due, _)| *due)).min()
}

fn go((_, start): &(Instant, Start)) {
    start.go();
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
