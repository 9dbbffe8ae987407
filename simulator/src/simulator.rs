//! The server: bound, serving, stopped.

use std::convert::Infallible;
use std::future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, watch};

use crate::config::{SimulatorConfig, StartError};
use crate::connection::{self, Transport};
use crate::outage;
use crate::server::Server;
use crate::thread::SimulatorThread;
use crate::truth::Truth;

/// How much an in-memory connection holds in each direction before its writer has to wait.
const MEMORY_BYTES: usize = 256 * 1024;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A running simulator. It serves on the runtime on which it was started, and stops when it is
/// dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    server: Arc<Server>,
    /// What every task of the simulator holds, so that its end can be waited for.
    tasks: Tasks,
    all_ended: mpsc::Receiver<Infallible>,
    /// Its drop tells every task to end.
    closing: watch::Sender<()>,
}

/// What a task of the simulator holds.
#[derive(Debug, Clone)]
struct Tasks {
    closing: watch::Receiver<()>,
    /// Nothing is ever sent; that all clones are gone is the message.
    _alive: mpsc::Sender<Infallible>,
}

/// The simulator stopped, but its truth log is not whole.
#[derive(Debug, thiserror::Error)]
#[error("append to the truth log")]
pub struct ShutdownError(#[source] io::Error);

impl Simulator {
    /// Binds and serves. A client that has the address may connect at once.
    pub async fn start(config: SimulatorConfig) -> Result<Self, StartError> {
        let address = config.listen;
        if !address.ip().is_loopback() {
            return Err(StartError::NotLoopback(address));
        }
        let server = Arc::new(Server::new(config)?);
        let bind = |source| StartError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let (closing, closed) = watch::channel(());
        let (alive, all_ended) = mpsc::channel(1);
        let tasks = Tasks { closing: closed, _alive: alive };
        tokio::spawn(accept(Arc::clone(&server), listener, address, tasks.clone()));
        Ok(Self { address, server, tasks, all_ended, closing })
    }

    /// Starts a simulator on a thread of its own, with a runtime of its own, so that a client in
    /// the same process is not disturbed by it.
    pub fn spawn_thread(config: SimulatorConfig) -> Result<SimulatorThread, StartError> {
        SimulatorThread::start(config)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, for a client's endpoint override: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The truth about the requests that have ended, in the order of their end; of very many, the
    /// latest 262,144. A client that has read the end of a response finds its record here, while
    /// the truth log's line may come some milliseconds later.
    pub fn truth(&self) -> Vec<Truth> {
        self.server.ledger.truth()
    }

    /// Opens a connection in memory: the same server and the same bytes without a socket, so that
    /// client and server can share a paused clock. Over a socket a paused clock would run ahead of
    /// bytes that are still on their way.
    pub fn connect(&self) -> DuplexStream {
        let (client, transport) = tokio::io::duplex(MEMORY_BYTES);
        spawn_connection(&self.server, transport, self.tasks.clone());
        client
    }

    /// As [`Self::connect`], but refused where there is an [`crate::Outage`].
    pub fn dial(&self) -> io::Result<DuplexStream> {
        match outage::end(&self.server.outages, self.server.ledger.elapsed()) {
            None => Ok(self.connect()),
            Some(_) => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }

    /// Stops at once: nothing more is accepted, open connections are closed, and what was under
    /// way ends as [`crate::Outcome::ShutDown`], stalls as what they are. Returns when all records
    /// are written.
    pub async fn shutdown(self) -> Result<(), ShutdownError> {
        let Self { server, tasks, mut all_ended, closing, .. } = self;
        drop(closing);
        drop(tasks);
        // Ends when the last task has dropped its sender.
        while all_ended.recv().await.is_some() {}
        server.ledger.end_log().map_or(Ok(()), |error| Err(ShutdownError(error)))
    }

    pub(crate) fn server(&self) -> Arc<Server> {
        Arc::clone(&self.server)
    }
}

async fn accept(server: Arc<Server>, listener: TcpListener, address: SocketAddr, tasks: Tasks) {
    let mut closing = tasks.closing.clone();
    let serving = async {
        let mut listening = Some(listener);
        loop {
            let elapsed = server.ledger.elapsed();
            let outage = outage::end(&server.outages, elapsed);
            let until = outage.or_else(|| outage::next(&server.outages, elapsed));
            let over = async {
                match until {
                    Some(until) => tokio::time::sleep(until.saturating_sub(elapsed)).await,
                    None => future::pending().await,
                }
            };
            if outage.is_some() {
                drop(listening.take());
                let held = hold(address);
                over.await;
                listening = held.and_then(|held| held.listen(BACKLOG)).ok();
                continue;
            }
            let accepted = async {
                match &listening {
                    Some(listener) => listener.accept().await,
                    None => Err(io::Error::other("somebody else has taken the port")),
                }
            };
            tokio::select! {
                accepted = accepted => if let Ok((stream, _)) = accepted {
                    // Without it the kernel would hold tokens back. On loopback it does not fail.
                    drop(stream.set_nodelay(true));
                    spawn_connection(&server, stream, tasks.clone());
                } else {
                    // Out of file descriptors, or the client is gone already: others may fare
                    // better.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    if listening.is_none() {
                        listening = TcpListener::bind(address).await.ok();
                    }
                },
                () = over => {}
            }
        }
    };
    tokio::select! {
        () = serving => {}
        _ = closing.changed() => {}
    }
}

/// Takes a port without listening on it, so that the kernel refuses connections and nobody else
/// can have it.
fn hold(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Connections that are open may go on.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn spawn_connection(server: &Arc<Server>, transport: impl Transport, mut tasks: Tasks) {
    let server = Arc::clone(server);
    let number = server.next_connection();
    tokio::spawn(async move {
        let closing = async {
            // An error says that the simulator is gone: nothing else is ever sent.
            drop(tasks.closing.changed().await);
            server.ledger.close();
        };
        tokio::select! {
            () = connection::serve(Arc::clone(&server), number, transport) => {}
            () = closing => {}
        }
    });
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;
    use crate::testing::{ask, plain_profile, prompt};
    use crate::{Outcome, StartError};

    fn config() -> SimulatorConfig {
        SimulatorConfig { profiles: vec![plain_profile()], ..Default::default() }
    }

    #[tokio::test]
    async fn only_loopback_is_served() {
        for address in ["0.0.0.0:0", "192.0.2.1:80", "[::]:0"] {
            let config = SimulatorConfig { listen: address.parse().unwrap(), ..config() };
            let error = Simulator::start(config).await.unwrap_err();
            assert!(matches!(error, StartError::NotLoopback(_)), "{error}");
        }
    }

    #[tokio::test]
    async fn requests_over_a_socket_are_answered_and_logged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("truth.jsonl");
        let config = SimulatorConfig { truth_log: Some(path.clone()), ..config() };
        let simulator = Simulator::start(config).await.unwrap();
        assert_eq!(simulator.url(), format!("http://127.0.0.1:{}", simulator.address().port()));
        for _ in 0..2 {
            let stream = TcpStream::connect(simulator.address()).await.unwrap();
            let reply = ask(stream, "plain", &prompt("one")).await.unwrap();
            assert_eq!(reply.tokens().len(), 10);
        }
        let truth = simulator.truth();
        simulator.shutdown().await.unwrap();

        let log = std::fs::read_to_string(path).unwrap();
        let logged: Vec<Truth> =
            log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(logged, truth);
        assert_eq!(truth.iter().map(|truth| truth.connection).collect::<Vec<_>>(), [1, 2]);
        for truth in &truth {
            let first = truth.first_token_written_ns.unwrap();
            assert!(truth.received_ns <= truth.headers_written_ns.unwrap());
            assert!(first >= truth.received_ns + 101_000_000);
            // Never early; how late depends on the machine.
            assert!(truth.last_token_written_ns.unwrap() >= truth.received_ns + 191_000_000);
            assert!(truth.ended_ns >= truth.last_token_written_ns.unwrap());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_ends_what_is_under_way() {
        let simulator = Simulator::start(config()).await.unwrap();
        let server = simulator.server();
        let connection = simulator.connect();
        let asked = tokio::spawn(async move { ask(connection, "plain", &prompt("one")).await });
        tokio::time::sleep(Duration::from_millis(125)).await;
        simulator.shutdown().await.unwrap();
        assert!(asked.await.unwrap().unwrap().is_broken);
        let [truth] = &server.ledger.truth()[..] else { panic!("one request, one record") };
        assert_eq!((truth.outcome, truth.output_tokens), (Outcome::ShutDown, 3));
    }

    #[tokio::test]
    async fn a_thread_serves_until_it_is_told_to_stop() {
        let thread = Simulator::spawn_thread(config()).unwrap();
        let stream = TcpStream::connect(thread.address()).await.unwrap();
        let reply = ask(stream, "plain", &prompt("one")).await.unwrap();
        assert_eq!(thread.truth()[0].request_id, reply.header("x-amzn-requestid"));
        let address = thread.address();
        thread.shutdown().unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
