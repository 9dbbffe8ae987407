//! A server that answers with the bytes it is told to, and the frames of an event stream.
//!
//! It runs on the test's own thread and answers each request with the next of its replies. It
//! reads no more of HTTP than the length of a body.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// The head of a stream without a length: it ends with the connection.
const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n\
    x-amzn-requestid: 00000000-0000-8000-8000-000000000001\r\n";

/// What one request gets.
#[derive(Debug)]
pub(super) enum Reply {
    /// An event stream of these frames; the connection stays open.
    Stream(Vec<Vec<u8>>),
    /// The same, which says that the connection closes afterwards, and closes it.
    LastStream(Vec<Vec<u8>>),
    /// The same, and the connection is closed without a word.
    StreamThenClose(Vec<Vec<u8>>),
    /// Frame by frame, with a moment between; then says so and hangs.
    Paced {
        /// The frames.
        frames: Vec<Vec<u8>>,
        /// Told when the last one is written.
        written: oneshot::Sender<()>,
    },
    /// These bytes, and the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, and nothing more.
    BytesThenHang(&'static str),
}

/// A listening server.
#[derive(Debug)]
pub(super) struct FakeServer {
    port: u16,
    requests: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    serving: tokio::task::JoinHandle<()>,
}

impl FakeServer {
    /// Serves on a free port, one connection at a time.
    pub(super) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, connections) = (Arc::default(), Arc::default());
        let serving = serve(listener, replies, Arc::clone(&requests), Arc::clone(&connections));
        Self { port, requests, connections, serving: tokio::spawn(serving) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Requests that arrived.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Connections that were accepted.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(
    listener: TcpListener,
    replies: Vec<Reply>,
    requests: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
) {
    let mut replies = replies.into_iter();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        connections.fetch_add(1, Ordering::SeqCst);
        while read_request(&mut stream).await {
            requests.fetch_add(1, Ordering::SeqCst);
            let reply = replies.next().expect("as many replies as requests");
            if !write_reply(&mut stream, reply).await {
                break;
            }
        }
    }
}

/// Reads a request; `false` at the end of the connection.
async fn read_request(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return false,
        }
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.is_ok()
}

/// Writes a reply; `false` where the connection ends with it.
async fn write_reply(stream: &mut TcpStream, reply: Reply) -> bool {
    match reply {
        Reply::Stream(frames) => {
            write_sized(stream, "", &frames).await;
            true
        }
        Reply::LastStream(frames) => {
            write_sized(stream, "connection: close\r\n", &frames).await;
            false
        }
        Reply::StreamThenClose(frames) => {
            write_sized(stream, "", &frames).await;
            false
        }
        Reply::Paced { frames, written } => {
            stream.write_all(format!("{STREAM_HEAD}\r\n").as_bytes()).await.unwrap();
            for frame in frames {
                stream.write_all(&frame).await.unwrap();
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            written.send(()).unwrap();
            std::future::pending::<()>().await;
            false
        }
        Reply::Bytes(bytes) => {
            stream.write_all(&bytes).await.unwrap();
            false
        }
        Reply::BytesThenHang(bytes) => {
            stream.write_all(bytes.as_bytes()).await.unwrap();
            std::future::pending().await
        }
    }
}

async fn write_sized(stream: &mut TcpStream, header: &str, frames: &[Vec<u8>]) {
    let body = frames.concat();
    let head = format!("{STREAM_HEAD}{header}content-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
}

/// The frames of an answer of two words.
pub(super) fn whole_answer() -> Vec<Vec<u8>> {
    vec![
        event("messageStart", r#"{"role":"assistant"}"#),
        delta("Hello"),
        delta(" world"),
        event("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        event("messageStop", r#"{"stopReason":"end_turn"}"#),
        event(
            "metadata",
            r#"{"usage":{"inputTokens":7,"outputTokens":2,"totalTokens":9},"metrics":{"latencyMs":5}}"#,
        ),
    ]
}

/// A frame with a piece of text.
pub(super) fn delta(text: &str) -> Vec<u8> {
    event("contentBlockDelta", &format!(r#"{{"contentBlockIndex":0,"delta":{{"text":"{text}"}}}}"#))
}

/// A frame with an event.
pub(super) fn event(name: &str, payload: &str) -> Vec<u8> {
    frame(&[(":message-type", "event"), (":event-type", name)], payload)
}

/// A frame of `application/vnd.amazon.eventstream`, written by its specification: lengths, a
/// checksum of them, headers, payload, a checksum of all.
pub(super) fn frame(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
    let mut head = Vec::new();
    for (name, value) in headers.iter().chain(&[(":content-type", "application/json")]) {
        head.push(u8::try_from(name.len()).unwrap());
        head.extend(name.bytes());
        head.push(7); // a string
        head.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        head.extend(value.bytes());
    }
    let total = 4 + 4 + 4 + head.len() + payload.len() + 4;
    let mut frame = Vec::new();
    frame.extend(u32::try_from(total).unwrap().to_be_bytes());
    frame.extend(u32::try_from(head.len()).unwrap().to_be_bytes());
    frame.extend(crc32(&frame).to_be_bytes());
    frame.extend(head);
    frame.extend(payload.bytes());
    frame.extend(crc32(&frame).to_be_bytes());
    frame
}

/// CRC-32 as in gzip.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
