//! Frames of `application/vnd.amazon.eventstream`: events and exceptions with a JSON payload.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use serde_json::Value;

use crate::fault::Part;

/// The content type of a stream of such frames.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

const JSON: &str = "application/json";

/// The length of what precedes a frame's headers: two lengths and a checksum of four bytes each.
const PRELUDE: usize = 12;

/// A frame that carries an event.
pub(crate) fn event(name: &str, payload: &Value) -> Vec<u8> {
    frame("event", ":event-type", name, JSON, payload.to_string())
}

/// An event with padding `p` as Bedrock adds it, so that the length of a frame does not tell the
/// length of its text.
pub(crate) fn padded(name: &str, mut payload: Value, padding: usize) -> Vec<u8> {
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    payload["p"] = LETTERS[..=padding * 7 % LETTERS.len()].into();
    event(name, &payload)
}

/// A frame that carries bytes of any kind.
pub(crate) fn blob(name: &str, payload: &[u8]) -> Vec<u8> {
    frame("event", ":event-type", name, "application/octet-stream", payload.to_vec())
}

/// A frame that ends a stream with an error, named as the service's model names it, such as
/// `throttlingException`.
pub(crate) fn exception(name: &str, payload: &Value) -> Vec<u8> {
    frame("exception", ":exception-type", name, JSON, payload.to_string())
}

/// Flips one bit of the first frame of these bytes, so that a checksum fails.
pub(crate) fn corrupt(bytes: &mut [u8], part: Part) {
    let place = match part {
        // The last byte of the frame's length.
        Part::Prelude => 3,
        Part::Payload => {
            bytes.get(4..8).and_then(|length| length.first_chunk()).map_or(PRELUDE, |length| {
                PRELUDE + usize::try_from(u32::from_be_bytes(*length)).unwrap_or(0)
            })
        }
    };
    if let Some(byte) = bytes.get_mut(place) {
        *byte ^= 1;
    }
}

fn frame(
    message_type: &str,
    name_header: &'static str,
    name: &str,
    content_type: &str,
    payload: impl Into<Bytes>,
) -> Vec<u8> {
    let message = Message::new(payload)
        .add_header(text_header(name_header, name))
        .add_header(text_header(":content-type", content_type))
        .add_header(text_header(":message-type", message_type));
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes)
        .expect("our headers are short and few, and memory takes any length");
    bytes
}

fn text_header(name: &'static str, value: &str) -> Header {
    Header::new(name, HeaderValue::String(value.to_owned().into()))
}

#[cfg(test)]
mod tests {
    use aws_smithy_eventstream::frame::read_message_from;
    use serde_json::json;

    use super::*;

    #[test]
    fn frames_can_be_read_back() {
        let bytes = event("messageStop", &json!({"stopReason": "end_turn"}));
        let message = read_message_from(&bytes[..]).unwrap();
        let headers: Vec<_> = message
            .headers()
            .iter()
            .map(|header| (header.name().as_str(), header.value().as_string().unwrap().as_str()))
            .collect();
        assert_eq!(
            headers,
            [
                (":event-type", "messageStop"),
                (":content-type", "application/json"),
                (":message-type", "event"),
            ]
        );
        assert_eq!(&message.payload()[..], br#"{"stopReason":"end_turn"}"#);
    }

    #[test]
    fn exceptions_carry_their_name_and_message() {
        let frame = exception("throttlingException", &json!({"message": "slow down"}));
        let message = read_message_from(&frame[..]).unwrap();
        assert_eq!(message.headers()[0].name().as_str(), ":exception-type");
        assert_eq!(message.headers()[2].value().as_string().unwrap().as_str(), "exception");
        assert_eq!(&message.payload()[..], br#"{"message":"slow down"}"#);
    }
}
