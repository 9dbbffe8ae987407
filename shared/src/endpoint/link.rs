//! An open HTTP/1.1 connection that is driven by the task of its own slot, and its stamps.
//!
//! hyper's connection is a future that somebody must poll. Here it is polled by whoever waits for
//! the answer, so that no second task stands between the socket and the slot: what arrives is
//! seen after one wake-up. It follows that nothing is read while nobody waits.
//!
//! Stamps are taken where the bytes pass: `first_write` when the first bytes of a request were
//! handed to the socket (TLS: to the encryption), `last_read` when bytes were read from it. hyper
//! reads again only when what it has read is used up, so the latest read is the one that brought
//! what it hands on.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// When the bytes of a request passed; every clone is the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Stamps(Arc<Mutex<Times>>);

#[derive(Debug, Clone, Copy, Default)]
struct Times {
    first_write: Option<Instant>,
    last_read: Option<Instant>,
}

impl Stamps {
    /// Forgets them: another request begins.
    pub(super) fn reset(&self) {
        *self.locked() = Times::default();
    }

    /// The first bytes of the request were written.
    pub(super) fn first_write(&self) -> Option<Instant> {
        self.locked().first_write
    }

    /// The latest bytes were read.
    pub(super) fn last_read(&self) -> Option<Instant> {
        self.locked().last_read
    }

    fn locked(&self) -> MutexGuard<'_, Times> {
        // Nothing panics while holding it; if it did, the values are still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// An open connection.
pub(super) struct Link {
    sender: SendRequest<SdkBody>,
    /// `None` once the connection has ended. Never locked: it only makes the link `Sync`.
    driver: Mutex<Option<Driver>>,
}

impl Link {
    /// Speaks HTTP/1.1 over a transport.
    pub(super) async fn open<T>(transport: T, stamps: Stamps) -> hyper::Result<Self>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let io = TokioIo::new(Stamped { transport, stamps });
        let (sender, connection) = http1::handshake(io).await?;
        let driver: Driver = Box::pin(connection);
        Ok(Self { sender, driver: Mutex::new(Some(driver)) })
    }

    /// Waits until the connection takes a request; `false` where it has ended.
    pub(super) async fn is_ready(&mut self) -> bool {
        poll_fn(|context| {
            drive(&mut self.driver, context);
            // What it waits for comes from `drive` alone.
            let ready = self.sender.poll_ready(&mut Context::from_waker(Waker::noop()));
            ready.map(|ready| ready.is_ok())
        })
        .await
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: Request<SdkBody>,
    ) -> hyper::Result<Response<Incoming>> {
        let mut response = pin!(self.sender.send_request(request));
        poll_fn(|context| {
            drive(&mut self.driver, context);
            response.as_mut().poll(context)
        })
        .await
    }

    /// The next part of an answer's body.
    pub(super) fn poll_body(
        &mut self,
        body: &mut Incoming,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        // What it waits for comes from `drive` alone.
        let mut no_wake = Context::from_waker(Waker::noop());
        let waiting = Pin::new(&mut *body).poll_frame(&mut no_wake);
        if waiting.is_ready() {
            return waiting;
        }
        drive(&mut self.driver, context);
        Pin::new(body).poll_frame(&mut no_wake)
    }
}

/// Reads and writes what can be read and written now.
fn drive(driver: &mut Mutex<Option<Driver>>, context: &mut Context<'_>) {
    let driver = driver.get_mut().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = driver
        && let Poll::Ready(ended) = running.as_mut().poll(context)
    {
        // Whoever waits for an answer is told of it by hyper, too.
        if let Err(error) = ended {
            tracing::debug!(%error, "Connection ended.");
        }
        *driver = None;
    }
}

/// A transport that stamps.
struct Stamped<T> {
    transport: T,
    stamps: Stamps,
}

impl<T: AsyncWrite + Unpin> Stamped<T> {
    /// Stamps a write of the request's first bytes by the time at which it was begun.
    fn written<R>(&self, begun: Instant, write: &Poll<io::Result<R>>) {
        if write.is_ready() {
            self.stamps.locked().first_write.get_or_insert(begun);
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Stamped<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let begun = Instant::now();
        let written = Pin::new(&mut self.transport).poll_write(context, bytes);
        self.written(begun, &written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let begun = Instant::now();
        let written = Pin::new(&mut self.transport).poll_write_vectored(context, bytes);
        self.written(begun, &written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(context)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Stamped<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.transport).poll_read(context, buffer);
        if read.is_ready() {
            self.stamps.locked().last_read = Some(Instant::now());
        }
        read
    }
}
