//! What really happened to a request, as the server saw it.

use serde::{Deserialize, Serialize};

/// The truth about one request: one line of the truth log.
///
/// Times are nanoseconds since the server's start, `server_started_unix_ns`, on one monotonic
/// clock. A time of writing is taken just before the bytes go to the socket, so that no client can
/// see them earlier. What can still move it: the bytes may wait in the kernel, or, if the client
/// reads so slowly that the socket is full, also in the server, after the stamp. The arrival is
/// taken just after the read that completed the request. What can still move it: the bytes may
/// have waited in the kernel until the server's thread came to read them, so that a server short
/// of time has it later than it was, never earlier; answers are due counted from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// Version of this record's form: 1.
    pub schema: u32,
    /// The `x-amzn-RequestId` of the response. Unique in a simulator's life.
    pub request_id: String,
    /// Number of the TCP connection, from 1, in the order of accepting.
    pub connection: u64,
    /// The model as the request names it, or that of the endpoint that it names (an unknown
    /// endpoint's own name); none where the path leads nowhere.
    pub model_id: Option<String>,
    /// SHA-256 in hexadecimal of all user text, in order and with nothing between; none where the
    /// request could not be read. Where a request has messages, the text is without any template.
    /// Where it has one text (`prompt`, `inputText`, `inputs`, `text_inputs` or a body of plain
    /// text), it is all of that, with the template that may be in it.
    pub prompt_sha256: Option<String>,
    /// Input tokens as the model's vendor counts them ([`crate::InputTokens`]); by
    /// [`crate::count_tokens`] where the model is not known.
    pub input_tokens: u32,
    /// Tokens that were written, reasoning included. An answer that is no text, such as an
    /// embedding, counts as one.
    pub output_tokens: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status; none if no headers were written.
    pub status: Option<u16>,
    /// Wall time of the server's start, in nanoseconds since 1970.
    pub server_started_unix_ns: u64,
    /// The read that completed the request had returned.
    pub received_ns: u64,
    /// How long it waited for a slot; none if it never got as far as a slot.
    pub queue_wait_ns: Option<u64>,
    /// The response's headers were written.
    pub headers_written_ns: Option<u64>,
    /// The first token was written.
    pub first_token_written_ns: Option<u64>,
    /// The last token was written, of those that were.
    pub last_token_written_ns: Option<u64>,
    /// The end of the response was written, or the client or the server gave up.
    pub ended_ns: u64,
}

/// How a request ended, as the truth log names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Answered whole, and its last byte handed to the socket or waiting for room in it.
    Ok,
    /// Refused for a reason of its own: unknown path or model, malformed body.
    Refused,
    /// The client left before the end.
    Disconnected,
    /// The simulator was stopped before the end.
    ShutDown,
    /// [`crate::Fault::Status`].
    Status,
    /// [`crate::Fault::StreamException`].
    StreamException,
    /// [`crate::Fault::StallBeforeFirst`].
    StallBeforeFirst,
    /// [`crate::Fault::StallAfter`].
    StallAfter,
    /// [`crate::Fault::SlowHeaders`].
    SlowHeaders,
    /// [`crate::Fault::Truncate`].
    Truncate,
    /// [`crate::Fault::Reset`].
    Reset,
    /// [`crate::Fault::ResetAfter`].
    ResetAfter,
    /// [`crate::Fault::Corrupt`].
    Corrupt,
    /// The client left an answer of [`crate::Fault::Endless`].
    Endless,
    /// The client left in a [`crate::Fault::Pause`].
    Pause,
    /// The client left before [`crate::Fault::LateHeaders`] had come.
    LateHeaders,
    /// Refused by a [`crate::Limit`].
    Throttled,
}
