//! Self-watch: how late woken tasks run, and how much CPU the client uses.
//!
//! A thread of its own sends datagrams over loopback again and again, and a task on the measuring
//! threads notes how long after the send it has read each: the way that the bytes of an answer
//! take, from the kernel over the runtime to a task. While the threads are busy the thread goes
//! on, so that a pause of theirs is counted at its length and not once.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::mpsc;
use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Handle;
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
    lags: Option<JoinHandle<Gaps>>,
}

impl Probe {
    /// Begins to watch the threads of `measuring`. Where the system has no socket or no thread for
    /// it, nothing is sampled.
    pub(super) fn start(measuring: &Handle) -> Self {
        let (stop, stopped) = mpsc::channel();
        let lags = match sampling(measuring, stopped) {
            Ok(lags) => Some(lags),
            Err(error) => {
                tracing::warn!(%error, "Failed to watch how late the client is.");
                None
            }
        };
        Self { begun: Instant::now(), cpu: cpu_time(), stop, lags }
    }

    /// What was seen.
    pub(super) async fn finish(self) -> ClientFigures {
        let Self { begun, cpu, stop, lags } = self;
        drop(stop);
        let lags = match lags {
            Some(lags) => lags.await.unwrap_or_default(),
            None => Gaps::default(),
        };
        ClientFigures {
            lag: lags.stored(),
            cpu: cpu_time().saturating_sub(cpu),
            elapsed: begun.elapsed(),
            cores: available_parallelism()
                .map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX)),
        }
    }
}

/// Samples until `stopped` has no sender any more.
fn sampling(measuring: &Handle, stopped: mpsc::Receiver<()>) -> io::Result<JoinHandle<Gaps>> {
    let (here, there) = (bound()?, bound()?);
    here.connect(there.local_addr()?)?;
    there.connect(here.local_addr()?)?;
    there.set_nonblocking(true)?;
    let epoch = Instant::now();
    let now = move || u64::try_from(epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
    thread::Builder::new().name("probe".to_owned()).spawn(move || {
        while stopped.recv_timeout(EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
            // A sample that cannot be sent is one less.
            drop(here.send(&now().to_le_bytes()));
        }
        drop(here.send(&[]));
    })?;
    let reading = {
        let _entered = measuring.enter();
        tokio::net::UdpSocket::from_std(there)?
    };
    Ok(measuring.spawn(async move {
        let mut lags = Gaps::default();
        let mut sent_ns = [0; 8];
        // An empty datagram is the last.
        while let Ok(8) = reading.recv(&mut sent_ns).await {
            let late_us = now().saturating_sub(u64::from_le_bytes(sent_ns)) / 1_000;
            lags.record(u32::try_from(late_us).unwrap_or(u32::MAX));
        }
        lags
    }))
}

fn bound() -> io::Result<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
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
            // By CPU time: on a machine that others share, time passes without any.
            let begun = cpu_time();
            while cpu_time().saturating_sub(begun) < Duration::from_millis(200) {
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
