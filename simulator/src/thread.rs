//! A simulator on a thread of its own.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::{Builder, JoinHandle};

use tokio::runtime;
use tokio::sync::oneshot;

use crate::config::{SimulatorConfig, StartError};
use crate::server::Server;
use crate::simulator::{ShutdownError, Simulator};
use crate::truth::Truth;

/// A running simulator on a thread of its own, with a current-thread runtime of its own. It stops
/// when it is dropped.
#[derive(Debug)]
pub struct SimulatorThread {
    address: SocketAddr,
    server: Arc<Server>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ShutdownError>>>,
}

impl SimulatorThread {
    pub(crate) fn start(config: SimulatorConfig) -> Result<Self, StartError> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::Thread)?;
        let (stop, stopped) = oneshot::channel();
        let (started, starting) = mpsc::channel();
        let serve = async move {
            let simulator = match Simulator::start(config).await {
                Ok(simulator) => simulator,
                Err(error) => {
                    drop(started.send(Err(error)));
                    return Ok(());
                }
            };
            drop(started.send(Ok((simulator.address(), simulator.server()))));
            // An error says that the handle is gone, which is a reason to stop as well.
            drop(stopped.await);
            simulator.shutdown().await
        };
        let thread = Builder::new()
            .name("simulator".into())
            .spawn(move || runtime.block_on(serve))
            .map_err(StartError::Thread)?;
        let (address, server) = starting
            .recv()
            .unwrap_or_else(|_| Err(StartError::Thread(std::io::Error::other("it panicked"))))?;
        Ok(Self { address, server, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, for a client's endpoint override: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// As [`Simulator::truth`].
    pub fn truth(&self) -> Vec<Truth> {
        self.server.ledger.truth()
    }

    /// As [`Simulator::shutdown`]; blocks for the moment that it takes.
    pub fn shutdown(mut self) -> Result<(), ShutdownError> {
        self.join()
    }

    fn join(&mut self) -> Result<(), ShutdownError> {
        drop(self.stop.take());
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(ended)) => ended,
            // A panic has been printed already; there is nothing left to stop.
            Some(Err(_)) | None => Ok(()),
        }
    }
}

impl Drop for SimulatorThread {
    fn drop(&mut self) {
        // Whoever wants to know of a failure calls `shutdown`.
        drop(self.join());
    }
}
