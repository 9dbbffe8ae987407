//! When connections are refused: as where a server restarts.

use std::time::Duration;

/// A time in which nothing listens: the kernel refuses connections to the address. Connections
/// that are open stay open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// When it begins, from the simulator's start.
    pub begins: Duration,
    /// How long it lasts.
    pub lasts: Duration,
}

impl Outage {
    fn ends(&self) -> Duration {
        self.begins.saturating_add(self.lasts)
    }
}

/// When the outage ends that there is so long after the start, if there is one. The next may begin
/// at once.
pub(crate) fn end(outages: &[Outage], elapsed: Duration) -> Option<Duration> {
    let is_now = |outage: &&Outage| outage.begins <= elapsed && elapsed < outage.ends();
    outages.iter().filter(is_now).map(Outage::ends).max()
}

/// When the next outage begins, if there is another one.
pub(crate) fn next(outages: &[Outage], elapsed: Duration) -> Option<Duration> {
    outages.iter().map(|outage| outage.begins).filter(|begins| *begins > elapsed).min()
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use tokio::net::TcpStream;

    use super::*;
    use crate::testing::{ask, plain_profile, prompt};
    use crate::{Simulator, SimulatorConfig};

    fn outage(begins: u64, lasts: u64) -> Outage {
        Outage { begins: Duration::from_secs(begins), lasts: Duration::from_secs(lasts) }
    }

    #[test]
    fn outages_begin_and_end() {
        let outages = [outage(5, 2), outage(1, 3), outage(2, 1), outage(6, 3)];
        let check = |at: u64, expected: (Option<u64>, Option<u64>)| {
            let at = Duration::from_secs(at);
            let found = (end(&outages, at), next(&outages, at));
            let seconds = |found: Option<Duration>| found.map(|found| found.as_secs());
            assert_eq!((seconds(found.0), seconds(found.1)), expected, "{at:?}");
        };
        check(0, (None, Some(1)));
        check(1, (Some(4), Some(2)));
        check(2, (Some(4), Some(5)));
        check(4, (None, Some(5)));
        check(6, (Some(9), None));
        check(9, (None, None));
    }

    async fn start(outages: Vec<Outage>) -> Simulator {
        let profiles = vec![plain_profile()];
        Simulator::start(SimulatorConfig { profiles, outages, ..Default::default() }).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn in_memory_a_connection_is_refused_for_as_long() {
        let simulator = start(vec![outage(1, 2)]).await;
        let open = simulator.dial().unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(simulator.dial().unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(ask(open, "plain", &prompt("one")).await.unwrap().status, 200);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let reply = ask(simulator.dial().unwrap(), "plain", &prompt("one")).await.unwrap();
        assert_eq!(reply.tokens().len(), 10);
    }

    #[tokio::test]
    async fn a_kernel_refuses_while_nothing_listens_and_the_same_port_comes_back() {
        let lasts = Duration::from_millis(300);
        let simulator = start(vec![Outage { begins: Duration::ZERO, lasts }]).await;
        // The listener closes before anyone connects.
        tokio::task::yield_now().await;
        let mut refused = 0;
        let stream = loop {
            match TcpStream::connect(simulator.address()).await {
                Ok(stream) => break stream,
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
            }
            refused += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert!(refused > 0);
        assert_eq!(ask(stream, "plain", &prompt("one")).await.unwrap().status, 200);
    }
}
