//! A client for tests: sends one request on a connection and notes when each event came.

use std::time::Duration;

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use aws_smithy_types::base64;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::profile::{InputTokens, OutputTokens, Profile};

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) headers_at: Duration,
    /// The body if it is no event stream.
    pub(crate) body: Bytes,
    pub(crate) events: Vec<Event>,
    /// The pieces of a stream that is no event stream, and when they came.
    pub(crate) pieces: Vec<(Duration, Bytes)>,
    /// Bytes of a frame that did not come whole.
    pub(crate) rest: usize,
    /// Whether the connection broke before the end of the body.
    pub(crate) is_broken: bool,
    /// Whether a frame failed its checksum; nothing after it is read.
    pub(crate) is_corrupt: bool,
}

/// A frame, and when it came, counted from the sending of the request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) at: Duration,
    pub(crate) name: String,
    /// Null if it is not JSON.
    pub(crate) payload: Value,
    pub(crate) bytes: Bytes,
}

impl Reply {
    pub(crate) fn names(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.name.as_str()).collect()
    }

    /// Times and texts of the content deltas.
    pub(crate) fn tokens(&self) -> Vec<(Duration, &str)> {
        self.events
            .iter()
            .filter_map(|event| Some((event.at, event.payload.pointer("/delta/text")?.as_str()?)))
            .collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Times and contents of Bedrock's chunks.
    pub(crate) fn chunks(&self) -> Vec<(Duration, Value)> {
        let chunks = self.events.iter().filter(|event| event.name == "chunk");
        chunks
            .map(|event| {
                assert!(event.payload["p"].is_string());
                let bytes = base64::decode(event.payload["bytes"].as_str().unwrap()).unwrap();
                (event.at, serde_json::from_slice(&bytes).unwrap())
            })
            .collect()
    }

    /// The records of a stream, which end with this, and when their last bytes came.
    pub(crate) fn records(&self, end: &str) -> Vec<(Duration, String)> {
        let parts = self.events.iter().filter(|event| event.name == "PayloadPart");
        let parts = parts.map(|event| (event.at, event.bytes.clone()));
        let mut unread = Vec::new();
        let mut records = Vec::new();
        for (at, bytes) in parts.chain(self.pieces.clone()) {
            unread.extend_from_slice(&bytes);
            while let Some(length) =
                unread.windows(end.len()).position(|part| part == end.as_bytes())
            {
                let record: Vec<u8> = unread.drain(..length + end.len()).collect();
                records.push((at, String::from_utf8(record[..length].to_vec()).unwrap()));
            }
        }
        if !unread.is_empty() {
            records.push((Duration::MAX, String::from_utf8_lossy(&unread).into_owned()));
        }
        records
    }

    pub(crate) fn last(&self) -> &Event {
        self.events.last().unwrap()
    }
}

/// A model with round figures and no variation: its first token is due after 100 ms + 1 ms per
/// input token, the others 10 ms apart, ten of them.
pub(crate) fn plain_profile() -> Profile {
    Profile {
        model_id: "plain".into(),
        base: Duration::from_millis(100),
        prefill_per_token: Duration::from_millis(1),
        decode_per_token: Duration::from_millis(10),
        input_tokens: InputTokens::default(),
        output_tokens: OutputTokens::fixed(10.0),
        reasoning_tokens: 0,
        noise_cv: 0.0,
        day_swing: None,
        slots: 8,
        input_per_1k_usd: 0.001,
        output_per_1k_usd: 0.002,
        source: "a test".to_owned(),
    }
}

/// A request with one user message.
pub(crate) fn prompt(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": [{"text": text}]}]})
}

/// Asks a model and reads to the end.
pub(crate) async fn ask(
    transport: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    model_id: &str,
    body: &Value,
) -> hyper::Result<Reply> {
    post(transport, &format!("/model/{model_id}/converse-stream"), body.to_string()).await
}

/// Posts a body and reads to the end.
pub(crate) async fn post(
    transport: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    path: &str,
    body: String,
) -> hyper::Result<Reply> {
    send(transport, path, &[], body).await
}

/// Posts a body with headers and reads to the end.
pub(crate) async fn send(
    transport: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    path: &str,
    headers: &[(&'static str, &'static str)],
    body: String,
) -> hyper::Result<Reply> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(transport)).await?;
    tokio::spawn(connection);
    let mut request = Request::new(Full::<Bytes>::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path.parse().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_static(value));
    }
    let sent = Instant::now();
    let response = sender.send_request(request).await?;
    let (head, mut body) = response.into_parts();
    let mut reply = Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        headers_at: sent.elapsed(),
        body: Bytes::new(),
        events: Vec::new(),
        pieces: Vec::new(),
        rest: 0,
        is_broken: false,
        is_corrupt: false,
    };
    if reply.header("content-type") == "text/event-stream" {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                reply.is_broken = true;
                break;
            };
            reply.pieces.push((sent.elapsed(), frame.into_data().unwrap()));
        }
        return Ok(reply);
    }
    if reply.header("content-type") != crate::frame::CONTENT_TYPE {
        reply.body = body.collect().await?.to_bytes();
        return Ok(reply);
    }
    let mut unread = BytesMut::new();
    let mut decoder = MessageFrameDecoder::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            reply.is_broken = true;
            break;
        };
        unread.extend_from_slice(&frame.into_data().unwrap());
        loop {
            let message = match decoder.decode_frame(&mut unread) {
                Ok(DecodedFrame::Complete(message)) => message,
                Ok(DecodedFrame::Incomplete) => break,
                Err(_checksum) => {
                    reply.is_corrupt = true;
                    return Ok(reply);
                }
            };
            let name = message.headers()[0].value().as_string().unwrap().as_str().to_owned();
            let bytes = message.payload().clone();
            let payload = serde_json::from_slice(&bytes).unwrap_or_default();
            reply.events.push(Event { at: sent.elapsed(), name, payload, bytes });
        }
    }
    reply.rest = unread.len();
    Ok(reply)
}
