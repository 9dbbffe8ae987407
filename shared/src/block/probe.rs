//! Self-watch: how late woken tasks run, and how much CPU the client uses.
//!
//! A thread of its own wakes a task on the measuring threads again and again, as the arrival of
//! bytes does, and the task notes how long after the wake-up it runs. While the threads are busy
//! the thread goes on, so a pause of theirs is counted at its length and not once.

use std::sync::mpsc;
use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Handle;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinHandle;

use crate::client::ClientFigures;
use crate::stats::Gaps;

/// How often the lag is sampled: 200 times a second costs some 0.3 % of a processor.
const EVERY: Duration = Duration::from_millis(5);

/// Watches the client until it is finished or dropped.
#[derive(Debug)]
pub(super) struct Probe {
    begun: Instant,
    cpu: Duration,
    /// Its drop ends the thread.
    stop: mpsc::Sender<()>,
    lags: JoinHandle<Gaps>,
}

impl Probe {
    /// Begins to watch the threads of `measuring`. Without a thread for it nothing is sampled.
    pub(super) fn start(measuring: &Handle) -> Self {
        let (wake, mut woken) = unbounded_channel::<Instant>();
        let lags = measuring.spawn(async move {
            let mut lags = Gaps::default();
            while let Some(at) = woken.recv().await {
                lags.record(u32::try_from(at.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            lags
        });
        let (stop, stopped) = mpsc::channel();
        let waking = thread::Builder::new().name("probe".to_owned()).spawn(move || {
            while stopped.recv_timeout(EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                if wake.send(Instant::now()).is_err() {
                    break;
                }
            }
        });
        if let Err(error) = waking {
            tracing::warn!(%error, "Failed to start the thread that watches the client.");
        }
        Self { begun: Instant::now(), cpu: cpu_time(), stop, lags }
    }

    /// What was seen.
    pub(super) async fn finish(self) -> ClientFigures {
        let Self { begun, cpu, stop, lags } = self;
        drop(stop);
        let lags = lags.await.unwrap_or_default();
        ClientFigures {
            lag: lags.stored(),
            cpu: cpu_time().saturating_sub(cpu),
            elapsed: begun.elapsed(),
            cores: available_parallelism()
                .map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX)),
        }
    }
}

/// CPU time of this process so far, of all its threads.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_busy_thread_is_seen() {
        let probe = Probe::start(&Handle::current());
        let busy = tokio::spawn(async {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(200) {
                std::hint::spin_loop();
            }
        });
        busy.await.unwrap();
        let figures = probe.finish().await;
        let summary = crate::client::ClientSummary::of([&figures]).unwrap();
        assert!(summary.lag_max_ms > 50.0, "{summary:?}");
        assert!(figures.cpu >= Duration::from_millis(100), "{figures:?}");
    }
}
