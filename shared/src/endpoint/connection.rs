//! One slot's connection: HTTP/1.1, at most one at a time, stamped.
//!
//! The SDK's own HTTP client offers h2, which would put many streams on one connection. This one
//! offers HTTP/1.1 only and belongs to one slot, so N slots make N connections. It is hyper's
//! client connection without a pool, wired to the SDK's connector trait.
//!
//! Stamps come from the [`Link`]: `sent` is the write of the request's first bytes, `headers`, the
//! arrivals of body bytes and the body's end are the reads that brought them. A busy runtime moves
//! reads later, never earlier.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::{HeaderMap, Uri, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout, timeout_at};

use super::Start;
use super::dial::{Dial, NetworkTime};
use super::link::{Link, Stamps};
use crate::plan::{Api, Deadlines};
use crate::record::Deadline;

type BoxError = Box<dyn Error + Send + Sync>;

/// What the connection itself ends a request with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SlotError {
    /// A deadline passed before the response's head arrived, or all that an error says.
    #[error("{} of {} ms has passed", .0.name(), .1.as_millis())]
    Deadline(Deadline, Duration),
    /// The connection was refused, or broke while it was being set up.
    #[error("failed to connect")]
    Refused(#[source] BoxError),
    /// What came back is not HTTP.
    #[error("the answer is not HTTP")]
    Garbled(#[source] BoxError),
}

/// What happened on the wire during the current request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exchange {
    /// The first bytes of the request were written.
    pub sent: Option<Instant>,
    /// How long opening the connection took; `None` where it was open.
    pub connect: Option<Duration>,
    /// Where a connection was to be opened to; `None` where it was open.
    pub dialled: Option<Uri>,
    /// The response's head arrived.
    pub headers: Option<Instant>,
    /// The latest bytes of the body arrived.
    pub last_bytes: Option<Instant>,
    /// The body ended well.
    pub body_end: Option<Instant>,
    /// Bytes of the body so far.
    pub bytes: u64,
    /// The HTTP version of the response.
    pub version: Option<Version>,
    /// The response's status.
    pub status: Option<u16>,
    /// The response's headers.
    pub response_headers: HeaderMap,
}

impl Exchange {
    /// A header of the response.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response_headers.get(name)?.to_str().ok()
    }
}

/// One slot's way to a server; cheap to clone, every clone is the same slot.
#[derive(Clone)]
pub(crate) struct SlotConnection(Arc<Slot>);

/// How the body of a good response is handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// As it arrives; whoever reads it keeps the deadlines.
    Streamed,
    /// Whole, with the deadlines kept in here: `stall` between two arrivals of bytes, the head's
    /// included, and `request`.
    Whole,
}

impl Arrival {
    /// As the answers of an operation arrive.
    pub(crate) fn of(api: Api) -> Self {
        if api.is_streamed() { Self::Streamed } else { Self::Whole }
    }
}

struct Slot {
    dial: Dial,
    deadlines: Deadlines,
    arrival: Arrival,
    open: Mutex<Option<Link>>,
    stamps: Stamps,
    exchange: Mutex<Exchange>,
    start: Mutex<Option<Start>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while holding one of these locks; if it did, the values are still whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for SlotConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlotConnection").finish_non_exhaustive()
    }
}

impl SlotConnection {
    pub(crate) fn new(dial: Dial, deadlines: Deadlines, arrival: Arrival) -> Self {
        Self(Arc::new(Slot {
            dial,
            deadlines,
            arrival,
            open: Mutex::new(None),
            stamps: Stamps::default(),
            exchange: Mutex::default(),
            start: Mutex::default(),
        }))
    }

    /// What `exchange` sends by way of [`CurrentSlot`] goes over this connection.
    pub(crate) async fn scope<T>(&self, exchange: impl Future<Output = T>) -> T {
        CURRENT.scope(self.clone(), exchange).await
    }

    /// How long it waits for what.
    pub(crate) fn deadlines(&self) -> &Deadlines {
        &self.0.deadlines
    }

    /// The same settings, and a connection of its own.
    pub(crate) fn another(&self) -> Self {
        let Slot { dial, deadlines, arrival, .. } = &*self.0;
        Self::new(dial.clone(), *deadlines, *arrival)
    }

    /// Forgets the last exchange: the next request starts.
    /// It is sent when `start` lets it go.
    pub(crate) fn begin(&self, start: Option<Start>) {
        *locked(&self.0.exchange) = Exchange::default();
        *locked(&self.0.start) = start;
        self.0.stamps.reset();
    }

    /// The current exchange, as far as it has come.
    pub(crate) fn exchange(&self) -> Exchange {
        Exchange { sent: self.sent(), ..locked(&self.0.exchange).clone() }
    }

    /// The send's stamp, without copying the rest.
    pub(crate) fn sent(&self) -> Option<Instant> {
        self.0.stamps.first_write()
    }

    /// How long the steps to the server of the current exchange take, by another connection; `None`
    /// where this exchange opened none, or where they cannot be told.
    pub(crate) async fn network_time(&self) -> Option<NetworkTime> {
        let uri = locked(&self.0.exchange).dialled.clone()?;
        let timed = timeout(self.0.deadlines.connect, self.0.dial.time(&uri)).await.ok()?;
        timed.unwrap_or_else(|error| {
            tracing::debug!(%error, "Failed to time the network.");
            None
        })
    }

    /// When the latest bytes arrived.
    pub(crate) fn last_bytes(&self) -> Option<Instant> {
        locked(&self.0.exchange).last_bytes
    }

    async fn open(&self, uri: &Uri) -> Result<Link, SlotError> {
        let limit = self.0.deadlines.connect;
        let held = locked(&self.0.open).take();
        // Not ready in time: a server that has answered and does not read the rest of the request.
        if let Some(mut link) = held
            && timeout(limit, link.is_ready()).await.unwrap_or(false)
        {
            return Ok(link);
        }
        locked(&self.0.exchange).dialled = Some(uri.clone());
        let begun = Instant::now();
        let link = timeout(limit, self.0.dial.open(uri, self.0.stamps.clone()))
            .await
            .map_err(|_elapsed| SlotError::Deadline(Deadline::Connect, limit))?
            .map_err(SlotError::Refused)?;
        locked(&self.0.exchange).connect = Some(begun.elapsed());
        Ok(link)
    }

    /// Sends a request over the connection, which it opens where there is none, and waits for the
    /// answer's head.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let mut request =
            request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
        let uri = request.uri().clone();
        let mut link = self.open(&uri).await.map_err(|error| match error {
            SlotError::Deadline(..) => ConnectorError::timeout(error.into()),
            SlotError::Refused(_) | SlotError::Garbled(_) => ConnectorError::io(error.into()),
        })?;
        to_origin_form(&mut request).map_err(ConnectorError::user)?;

        let start = locked(&self.0.start).take();
        if let Some(start) = start {
            start.gone().await;
        }
        let begun = Instant::now();
        let Deadlines { first_token, request: whole, .. } = self.0.deadlines;
        // The head of an answer that comes whole is no sign of its first token.
        let limit = match self.0.arrival {
            Arrival::Streamed => {
                (first_token, Deadline::FirstToken).min((whole, Deadline::Request))
            }
            Arrival::Whole => (whole, Deadline::Request),
        };
        let too_late =
            |_elapsed| ConnectorError::timeout(SlotError::Deadline(limit.1, limit.0).into());
        let response = timeout_at(begun + limit.0, link.send(request))
            .await
            .map_err(too_late)?
            .map_err(broken)?;

        let sent = self.sent().unwrap_or(begun);
        let headers = self.0.stamps.last_read().unwrap_or_else(Instant::now);
        {
            let mut exchange = locked(&self.0.exchange);
            exchange.headers = Some(headers);
            exchange.version = Some(response.version());
            exchange.status = Some(response.status().as_u16());
            exchange.response_headers = response.headers().clone();
        }
        let (head, body) = response.into_parts();
        let body = StampedBody { body, link: Some(link), slot: self.clone() };
        let body = if !head.status.is_success() {
            // The SDK waits for all that an error says before it tells of it.
            let said = timeout_at(sent + limit.0, body.collect()).await.map_err(too_late)?;
            SdkBody::from(said.map_err(broken)?.to_bytes())
        } else if self.0.arrival == Arrival::Whole {
            self.collect(body, sent, headers).await?
        } else {
            SdkBody::from_body_1_x(body)
        };
        let response = http::Response::from_parts(head, body);
        HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
    }

    /// Waits for the whole body of a good response.
    async fn collect(
        &self,
        mut body: StampedBody,
        sent: Instant,
        headers: Instant,
    ) -> Result<SdkBody, ConnectorError> {
        let Deadlines { stall, request, .. } = self.0.deadlines;
        let mut whole = Vec::new();
        loop {
            let latest = self.last_bytes().unwrap_or(headers);
            let (at, limit, deadline) = (latest + stall, stall, Deadline::Stall).min((
                sent + request,
                request,
                Deadline::Request,
            ));
            let frame = timeout_at(at, body.frame()).await.map_err(|_elapsed| {
                ConnectorError::timeout(SlotError::Deadline(deadline, limit).into())
            })?;
            let Some(frame) = frame else { return Ok(SdkBody::from(whole)) };
            if let Some(data) = frame.map_err(broken)?.data_ref() {
                whole.extend_from_slice(data);
            }
        }
    }
}

/// What the connection broke with.
fn broken(error: hyper::Error) -> ConnectorError {
    let garbled = error.is_parse();
    let error: BoxError = error.into();
    ConnectorError::io(if garbled { SlotError::Garbled(error).into() } else { error })
}

/// A connection wants the path and a `Host` header, where the SDK gives a whole URI. The value is
/// what the SDK signed: the authority, without a default port.
fn to_origin_form(request: &mut http::Request<SdkBody>) -> Result<(), BoxError> {
    let uri = request.uri();
    if !request.headers().contains_key(HOST) {
        let host = uri.host().ok_or("the request's URI has no host")?;
        let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let host = match uri.port_u16() {
            Some(port) if port != default_port => format!("{host}:{port}"),
            _ => host.to_owned(),
        };
        request.headers_mut().insert(HOST, HeaderValue::try_from(host)?);
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse()?;
    Ok(())
}

tokio::task_local! {
    /// The slot whose request is under way in this task.
    static CURRENT: SlotConnection;
}

/// Sends over the connection of the slot that is current in the task, so that the slots of a
/// block share one client of the SDK, which is made of many parts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CurrentSlot;

impl HttpConnector for CurrentSlot {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let slot = CURRENT.try_with(Clone::clone);
        HttpConnectorFuture::new(async move {
            let slot = slot.map_err(|error| ConnectorError::other(error.into(), None))?;
            slot.send(request).await
        })
    }
}

impl HttpClient for CurrentSlot {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(*self)
    }
}

/// A response body with its connection, which it gives back to the slot at its end. Dropped before
/// that, it closes the connection.
struct StampedBody {
    body: Incoming,
    /// `None` after the end.
    link: Option<Link>,
    slot: SlotConnection,
}

impl Body for StampedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body, link, slot } = &mut *self;
        let Some(open) = link else { return Poll::Ready(None) };
        let polled = open.poll_body(body, context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let mut exchange = locked(&slot.0.exchange);
                exchange.last_bytes = slot.0.stamps.last_read();
                exchange.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            Poll::Ready(None) => {
                locked(&slot.0.exchange).body_end = slot.0.stamps.last_read();
                *locked(&slot.0.open) = link.take();
            }
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.link.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
