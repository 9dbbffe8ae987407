//! Chunks as text: a line of JSON each, or a server-sent event each.

use serde_json::Value;

use crate::fault::Part;

/// How a chunk becomes a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) content_type: &'static str,
    before: &'static str,
    after: &'static str,
    /// The record that ends a stream.
    done: &'static str,
}

impl Records {
    /// A line of JSON each.
    pub(super) const LINES: Self =
        Self { content_type: "application/jsonlines", before: "", after: "\n", done: "" };

    /// A server-sent event each.
    pub(super) const EVENTS: Self =
        Self { content_type: "text/event-stream", before: "data: ", after: "\n\n", done: "" };

    /// Server-sent events without the space that may be left out.
    pub(super) const TIGHT_EVENTS: Self = Self { before: "data:", ..Self::EVENTS };

    /// Server-sent events, and one that says that there are no more, as OpenAI has it.
    pub(super) const EVENTS_DONE: Self = Self { done: "data: [DONE]\n\n", ..Self::EVENTS };

    pub(super) fn append(self, bytes: &mut Vec<u8>, chunks: &[Value]) {
        for chunk in chunks {
            bytes.extend_from_slice(self.before.as_bytes());
            bytes.extend_from_slice(chunk.to_string().as_bytes());
            bytes.extend_from_slice(self.after.as_bytes());
        }
    }

    pub(super) fn end(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.done.as_bytes());
    }

    /// Flips one bit of a bracket of the first record, so that its syntax breaks: of the one that
    /// opens it, or of the one that closes it.
    pub(super) fn corrupt(bytes: &mut [u8], part: Part) {
        let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let mut record = bytes.iter_mut().take(line);
        let bracket = match part {
            Part::Prelude => record.find(|byte| **byte == b'{'),
            Part::Payload => record.rfind(|byte| **byte == b'}'),
        };
        if let Some(bracket) = bracket {
            *bracket ^= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spelled(records: Records) -> String {
        let mut bytes = Vec::new();
        records.append(&mut bytes, &[json!({"a": 1}), json!({})]);
        records.end(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn records_are_spelled_as_their_clients_know_them() {
        assert_eq!(spelled(Records::LINES), "{\"a\":1}\n{}\n");
        assert_eq!(spelled(Records::EVENTS), "data: {\"a\":1}\n\ndata: {}\n\n");
        assert_eq!(spelled(Records::TIGHT_EVENTS), "data:{\"a\":1}\n\ndata:{}\n\n");
        let done = "data: {\"a\":1}\n\ndata: {}\n\ndata: [DONE]\n\n";
        assert_eq!(spelled(Records::EVENTS_DONE), done);
    }

    #[test]
    fn a_wrong_bit_breaks_the_first_record() {
        let broken = |part| {
            let mut bytes = b"data: {\"a\":{}}\n\ndata: {}\n\n".to_vec();
            Records::corrupt(&mut bytes, part);
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(broken(Part::Prelude), "data: z\"a\":{}}\n\ndata: {}\n\n");
        assert_eq!(broken(Part::Payload), "data: {\"a\":{}|\n\ndata: {}\n\n");
    }
}
