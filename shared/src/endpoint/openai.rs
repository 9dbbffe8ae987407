//! Servers that speak OpenAI's HTTP, such as vLLM on EC2 or EKS: `chat/completions` and `completions`.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{HeaderMap, HeaderName, Uri};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::answer::Answer;
use super::connection::{Arrival, SlotConnection};
use super::dial::{Dial, NetworkTime};
use super::ending::Ending;
use super::failure::{classify, detail};
use super::observe::{Exchange, observe};
use super::{BoxFuture, Endpoint, Request, Slot, parts};
use crate::causes::chain;
use crate::payload::{Asked, Format, Lines, Payload, error_body};
use crate::plan::{Deadlines, EndpointSpec};
use crate::record::{ErrorClass, Observation, Outcome};

/// Why a server cannot be called as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// It has no address, or one that is none.
    #[error("{0:?} is no address of a server: write one such as https://llm.example.com/v1")]
    Address(String),
    /// A header's name or value cannot be sent.
    #[error("the header {0:?} cannot be sent")]
    Header(String),
}

/// One slot's way to a server.
pub struct OpenAiEndpoint {
    server: Arc<Server>,
    slot: SlotConnection,
}

/// What the slots of an endpoint share.
struct Server {
    uri: Uri,
    model: String,
    headers: HeaderMap,
    format: &'static dyn Format,
    streamed: bool,
}

impl fmt::Debug for OpenAiEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers hold the key.
        f.debug_struct("OpenAiEndpoint").field("uri", &self.server.uri).finish_non_exhaustive()
    }
}

impl OpenAiEndpoint {
    /// A slot of its own, not yet connected, with the key that the server asks for, if any.
    ///
    /// # Errors
    ///
    /// Where the address or a header of `spec`, or the key, cannot be sent.
    pub fn new(
        spec: &EndpointSpec,
        deadlines: Deadlines,
        key: Option<&str>,
        dial: impl Into<Dial>,
    ) -> Result<Self, ServerError> {
        let base = spec.endpoint_url.clone().unwrap_or_default();
        let path = match spec.payload {
            Some(Payload::OpenaiCompletions) => "completions",
            _ => "chat/completions",
        };
        let uri = format!("{}/{path}", base.trim_end_matches('/'));
        let uri: Uri = uri.parse().map_err(|_invalid| ServerError::Address(base.clone()))?;
        if uri.host().is_none() || uri.scheme().is_none() {
            return Err(ServerError::Address(base));
        }
        let server = Server {
            uri,
            model: spec.model_id.clone(),
            headers: headers(spec, key)?,
            format: spec.payload.unwrap_or(Payload::OpenaiChat).format(),
            streamed: spec.api.is_streamed(),
        };
        let slot = SlotConnection::new(dial.into(), deadlines, Arrival::of(spec.api));
        Ok(Self { server: Arc::new(server), slot })
    }

    fn request(&self, request: &Request) -> Result<HttpRequest, Ending> {
        let Server { uri, model, headers, format, streamed } = &*self.server;
        let body = format.body(&Asked { request, model: Some(model), streamed: *streamed });
        let length = HeaderValue::from(body.len());
        let mut request = http::Request::post(uri.clone());
        if let Some(all) = request.headers_mut() {
            all.clone_from(headers);
            all.insert(http::header::CONTENT_LENGTH, length);
        }
        let request = request.body(SdkBody::from(body)).map_err(|error| error.to_string());
        request
            .and_then(|request| HttpRequest::try_from(request).map_err(|error| chain(&error)))
            .map_err(|problem| Ending::failed(ErrorClass::Validation, None, &problem))
    }

    async fn stream(&self, response: HttpResponse, asked: &Request, answer: &mut Answer) -> Ending {
        let sent = self.slot.sent().unwrap_or_else(Instant::now);
        let (format, mut body, mut lines) =
            (self.server.format, response.into_body(), Lines::default());
        loop {
            let (limit, deadline) = self.slot.next_deadline(sent, answer);
            let frame = match timeout_at(limit, body.frame()).await {
                Err(_elapsed) => return Ending::of(Outcome::TimedOut(deadline)),
                Ok(Some(Err(error))) => {
                    return Ending::failed(ErrorClass::Connection, None, &chain(&*error));
                }
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => return parts::end(Some(&lines), asked, &self.slot, answer),
            };
            let at = self.slot.last_bytes().unwrap_or_else(Instant::now);
            let bytes = frame.data_ref().map_or(&[][..], |bytes| bytes);
            if let Some(ending) = parts::lines(format, &mut lines, bytes, at, answer) {
                return ending;
            }
        }
    }
}

fn headers(spec: &EndpointSpec, key: Option<&str>) -> Result<HeaderMap, ServerError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let accepted = if spec.api.is_streamed() { "text/event-stream" } else { "application/json" };
    headers.insert(ACCEPT, HeaderValue::from_static(accepted));
    let agent = concat!("fmgauge/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    if let Some(key) = key {
        let value = HeaderValue::try_from(format!("Bearer {key}"));
        let mut value =
            value.map_err(|_invalid| ServerError::Header("authorization".to_owned()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    for (name, value) in &spec.server.headers {
        let unsent = || ServerError::Header(name.clone());
        let value = HeaderValue::try_from(value).map_err(|_invalid| unsent())?;
        headers.insert(HeaderName::try_from(name).map_err(|_invalid| unsent())?, value);
    }
    Ok(headers)
}

/// The ending that an error response stands for.
fn refused(status: u16, body: &[u8]) -> Ending {
    let told = error_body(body);
    let text = || String::from_utf8_lossy(body).trim().to_owned();
    let (code, message) = told.unwrap_or_else(|| (None, text()));
    let outcome = classify(code.as_deref(), Some(status), &message);
    Ending { outcome, error: Some(detail(code.as_deref(), &message)) }
}

impl Exchange for OpenAiEndpoint {
    fn slot(&self) -> &SlotConnection {
        &self.slot
    }

    async fn exchange(&self, request: &Request, answer: &mut Answer) -> Ending {
        let asked = match self.request(request) {
            Ok(asked) => asked,
            Err(ending) => return ending,
        };
        let response = match self.slot.send(asked).await {
            Ok(response) => response,
            Err(error) => return Ending::of_connector(&error, &chain(&error)),
        };
        let status = response.status().as_u16();
        // An error's body has been read whole, and so has that of an answer that comes whole.
        match response.body().bytes() {
            Some(body) if !(200..300).contains(&status) => refused(status, body),
            Some(body) if !self.server.streamed => {
                parts::whole(self.server.format, body, request, &self.slot, answer)
            }
            _ => self.stream(response, request, answer).await,
        }
    }
}

impl Endpoint for OpenAiEndpoint {
    fn invoke<'a>(
        &'a self,
        request: &'a Request,
        cut: &'a CancellationToken,
    ) -> BoxFuture<'a, Observation> {
        Box::pin(observe(self, request, cut))
    }
}

impl Slot for OpenAiEndpoint {
    fn another(&self) -> Box<dyn Slot> {
        Box::new(Self { server: Arc::clone(&self.server), slot: self.slot.another() })
    }

    fn network_time(&self) -> BoxFuture<'_, Option<NetworkTime>> {
        Box::pin(self.slot.network_time())
    }
}
