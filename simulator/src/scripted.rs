//! A server that answers with exactly the bytes it is told to, piece by piece, in memory.
//!
//! A [`Simulator`](crate::Simulator) behaves as a service does; this one is bytes on a wire, for
//! tests and measurements of whoever reads an answer: cut anywhere, damaged, or at once. It reads no
//! more of HTTP than where a request ends, and keeps no truth.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::protocol::{
    Context, Converse, ConverseStream, Ending, Said, StreamWriter, Token, WholeWriter,
};
use crate::words::token_text;

/// How much a connection holds in each direction before its writer has to wait.
const MEMORY_BYTES: usize = 256 * 1024;

/// The most characters of a frame's header: the protocol has 32,767 bytes for them.
const HEADER_CHARACTERS: usize = 1000;

/// What passes between two pieces. Under a paused clock it passes when the client has read what
/// there is.
const BETWEEN_PIECES: Duration = Duration::from_millis(1);

/// What every request is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The bytes of the answer, its head included. Each piece arrives on its own.
    pub pieces: Vec<Vec<u8>>,
    /// What follows the last piece.
    pub after: After,
}

/// What follows the last piece of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// The connection waits for the next request.
    Open,
    /// The connection is closed.
    Close,
    /// Nothing, however long the client waits.
    Silence,
}

/// How an answer says where its body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// By its length.
    Length,
    /// In chunks: one for each part of the body.
    Chunks,
    /// It ends with the connection.
    Close,
}

impl Script {
    /// Opens a connection to a server that keeps to the script, on the current runtime.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn connect(self: &Arc<Self>) -> DuplexStream {
        let (client, server) = tokio::io::duplex(MEMORY_BYTES);
        tokio::spawn(Arc::clone(self).serve(server));
        client
    }

    async fn serve(self: Arc<Self>, mut stream: DuplexStream) {
        let mut read = BytesMut::new();
        while read_request(&mut stream, &mut read).await {
            for (place, piece) in self.pieces.iter().enumerate() {
                if place > 0 {
                    tokio::time::sleep(BETWEEN_PIECES).await;
                }
                if stream.write_all(piece).await.is_err() {
                    return; // the client has given up
                }
            }
            match self.after {
                After::Open => {}
                After::Close => return,
                After::Silence => {
                    while stream.read_buf(&mut read).await.is_ok_and(|n| n > 0) {}
                    return; // the client has closed it
                }
            }
        }
    }
}

/// Takes a request from what was read and what follows; `false` at the end of the connection.
async fn read_request(stream: &mut DuplexStream, read: &mut BytesMut) -> bool {
    loop {
        if let Some(length) = request_length(read)
            && read.len() >= length
        {
            drop(read.split_to(length));
            return true;
        }
        if !stream.read_buf(read).await.is_ok_and(|n| n > 0) {
            return false;
        }
    }
}

/// The length of a request, once its head is there.
fn request_length(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let fields = String::from_utf8_lossy(&read[..head]).to_ascii_lowercase();
    let length = fields.lines().find_map(|field| field.strip_prefix("content-length:"));
    Some(head + length.and_then(|length| length.trim().parse::<usize>().ok()).unwrap_or(0))
}

/// An answer with status 200 whose body has these parts.
pub fn response(framing: Framing, parts: &[Vec<u8>]) -> Vec<u8> {
    let length: usize = parts.iter().map(Vec::len).sum();
    let ends = match framing {
        Framing::Length => format!("content-length: {length}"),
        Framing::Chunks => "transfer-encoding: chunked".to_owned(),
        Framing::Close => "connection: close".to_owned(),
    };
    let head = format!("HTTP/1.1 200 OK\r\nx-amzn-requestid: scripted\r\n{ends}\r\n\r\n");
    let mut bytes = head.into_bytes();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        if framing == Framing::Chunks {
            bytes.extend(format!("{:x}\r\n", part.len()).into_bytes());
        }
        bytes.extend_from_slice(part);
        if framing == Framing::Chunks {
            bytes.extend_from_slice(b"\r\n");
        }
    }
    if framing == Framing::Chunks {
        bytes.extend_from_slice(b"0\r\n\r\n");
    }
    bytes
}

/// The frames of a whole answer through `ConverseStream`, one for each of so many tokens.
pub fn converse_stream(tokens: u32) -> Vec<Vec<u8>> {
    let framed = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        write(&mut bytes);
        bytes
    };
    let context = context();
    let opening = framed(&|bytes| ConverseStream.opening(&context, bytes));
    let token = |index: u32| {
        let (word, is_first) = (word(index), index == 0);
        let token = Token { word, index, is_first, is_reasoning: false, ending: None };
        framed(&|bytes| ConverseStream.token(&context, &token, bytes))
    };
    let closing = framed(&|bytes| ConverseStream.closing(&context, &ending(tokens), bytes));
    let said = (0..tokens).map(token);
    std::iter::once(opening).chain(said).chain(frames(&closing)).collect()
}

/// The body of a whole answer through `Converse`, of so many tokens.
pub fn converse(tokens: u32) -> Vec<u8> {
    let text: String = (0..tokens).map(|token| token_text(word(token), token == 0)).collect();
    Converse.body(&context(), Said { reasoning: "", text: &text }, &ending(tokens))
}

/// A frame of an event stream: `event` or `exception` with a name, and a payload that need not be
/// sound. Names longer than a header holds are cut. What is called `PayloadPart` holds bytes, all else
/// JSON.
#[expect(clippy::missing_panics_doc, reason = "the headers are short and few")]
pub fn frame(message_type: &str, name: &str, payload: &[u8]) -> Vec<u8> {
    let name_header = match message_type {
        "exception" => ":exception-type",
        "error" => ":error-code",
        _ => ":event-type",
    };
    let content_type =
        if name == "PayloadPart" { "application/octet-stream" } else { "application/json" };
    let text = |text: &str| {
        HeaderValue::String(text.chars().take(HEADER_CHARACTERS).collect::<String>().into())
    };
    let message = Message::new(payload.to_vec())
        .add_header(Header::new(name_header, text(name)))
        .add_header(Header::new(":content-type", text(content_type)))
        .add_header(Header::new(":message-type", text(message_type)));
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).expect("the headers are short and few");
    bytes
}

fn context() -> Context {
    Context { input_tokens: 7, ..Context::default() }
}

fn ending(tokens: u32) -> Ending {
    let latency = Duration::from_millis(5);
    Ending { output_tokens: tokens, is_cut: false, latency, first_byte: latency }
}

fn word(token: u32) -> usize {
    usize::try_from(token).unwrap_or(usize::MAX)
}

/// Cuts a stream into its frames: each begins with its length.
fn frames(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some((length, _)) = stream.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (frame, rest) = stream.split_at(length.clamp(1, stream.len()));
        frames.push(frame.to_vec());
        stream = rest;
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(script: Script, requests: &[&str]) -> Vec<u8> {
        let mut connection = Arc::new(script).connect();
        for request in requests {
            connection.write_all(request.as_bytes()).await.unwrap();
        }
        connection.shutdown().await.unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.unwrap();
        answer
    }

    fn script(after: After) -> Script {
        Script { pieces: vec![b"one".to_vec(), b"two".to_vec()], after }
    }

    #[tokio::test(start_paused = true)]
    async fn every_request_gets_the_same_bytes() {
        let requests =
            ["GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-", "Length: 4\r\n\r\nbody"];
        assert_eq!(asked(script(After::Open), &requests).await, b"onetwoonetwo");
        assert_eq!(asked(script(After::Close), &requests).await, b"onetwo");
        assert_eq!(asked(script(After::Silence), &requests).await, b"onetwo");
        assert_eq!(asked(script(After::Open), &["GET / HTTP/1.1\r\n"]).await, b"");
    }

    #[test]
    fn a_body_is_framed_as_it_should_be() {
        let parts = [b"Hello".to_vec(), Vec::new(), b" world, again".to_vec()];
        let said = |framing| String::from_utf8(response(framing, &parts)).unwrap();
        let body = |framing| said(framing).split_once("\r\n\r\n").unwrap().1.to_owned();
        assert!(said(Framing::Length).contains("content-length: 18\r\n"));
        assert_eq!(body(Framing::Length), "Hello world, again");
        assert_eq!(body(Framing::Chunks), "5\r\nHello\r\nd\r\n world, again\r\n0\r\n\r\n");
        assert_eq!(body(Framing::Close), "Hello world, again");
    }

    #[test]
    fn a_stream_has_a_frame_for_each_token() {
        let frames = converse_stream(3);
        assert_eq!(frames.len(), 1 + 3 + 3);
        let named =
            |frame: &[u8], name: &str| frame.windows(name.len()).any(|at| at == name.as_bytes());
        let events = frames.iter().filter(|frame| named(frame, "contentBlockDelta"));
        assert_eq!(events.count(), 3);
        assert!(named(&frames[6], "metadata"));
        assert!(converse(3).starts_with(b"{") && converse(3).ends_with(b"}"));
    }
}
