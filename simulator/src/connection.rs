//! A connection: where bytes are read and written, and both stamped.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::exchange::Exchange;
use crate::handler;
use crate::ledger::lock;
use crate::server::Server;

/// What a connection runs over.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Makes the coming drop a reset instead of an orderly close.
    fn reset_on_drop(&self);
}

impl Transport for TcpStream {
    fn reset_on_drop(&self) {
        // Best effort: a socket that refuses is closed in order.
        drop(self.set_zero_linger());
    }
}

impl Transport for DuplexStream {
    /// Memory knows no reset: the peer sees an end instead.
    fn reset_on_drop(&self) {}
}

/// What a connection's requests share with its socket.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) number: u64,
    current: Mutex<Option<Arc<Exchange>>>,
    /// When the latest bytes were read.
    last_read: Mutex<Instant>,
    is_reset: AtomicBool,
}

impl Connection {
    fn new(number: u64) -> Self {
        Self {
            number,
            current: Mutex::default(),
            last_read: Mutex::new(Instant::now()),
            is_reset: AtomicBool::new(false),
        }
    }

    /// When the latest bytes were read. Asked as soon as a request is whole, it is when that was:
    /// no client of ours sends the next request before it has the answer.
    pub(crate) fn last_read(&self) -> Instant {
        *lock(&self.last_read)
    }

    /// From now on, writes belong to this exchange.
    pub(crate) fn begin(&self, exchange: Arc<Exchange>) {
        let former = lock(&self.current).replace(exchange);
        if let Some(former) = former {
            former.abandon();
        }
    }

    /// The connection's close is to be a reset.
    pub(crate) fn reset(&self) {
        self.is_reset.store(true, Ordering::Relaxed);
    }
}

/// Serves a connection until either side closes it.
pub(crate) async fn serve(server: Arc<Server>, number: u64, transport: impl Transport) {
    let connection = Arc::new(Connection::new(number));
    let io = Stamped { transport, connection: Arc::clone(&connection) };
    let service = service_fn(move |request| {
        handler::handle(Arc::clone(&server), Arc::clone(&connection), request)
    });
    let result = http1::Builder::new()
        .header_read_timeout(None)
        .writev(false)
        .serve_connection(TokioIo::new(io), service)
        .await;
    // A connection that breaks has told the truth log all there is to know.
    drop(result);
}

/// A transport that stamps its reads and writes.
#[derive(Debug)]
struct Stamped<T: Transport> {
    transport: T,
    connection: Arc<Connection>,
}

impl<T: Transport> AsyncWrite for Stamped<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let current = lock(&self.connection.current).clone();
        if current.is_some_and(|exchange| exchange.before_write()) {
            lock(&self.connection.current).take();
        }
        Pin::new(&mut self.transport).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(context)
    }
}

impl<T: Transport> AsyncRead for Stamped<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.transport).poll_read(context, buffer);
        if buffer.filled().len() > before {
            *lock(&self.connection.last_read) = Instant::now();
        }
        read
    }
}

impl<T: Transport> Drop for Stamped<T> {
    fn drop(&mut self) {
        if self.connection.is_reset.load(Ordering::Relaxed) {
            self.transport.reset_on_drop();
        }
        if let Some(exchange) = lock(&self.connection.current).take() {
            exchange.abandon();
        }
    }
}
