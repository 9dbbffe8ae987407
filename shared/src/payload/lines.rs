//! Lines that arrive cut anywhere: JSON lines, and server-sent events, whose data is one line each.
//!
//! A line that begins with `data:` is an event's; else it is a document itself. So one reader takes what
//! either of a server's modes sends. By the standard the data of an event may have several lines, and an
//! event ends with an empty one; servers of models put a document into one line, and some leave the empty
//! line out. Crates for server-sent events want text and give no account of when a byte came.

use super::Malformed;

/// The longest line that is taken, in bytes.
const LINE_MAX: usize = 1 << 20;

/// Cuts bytes into documents, however they arrive.
#[derive(Debug, Default)]
pub struct Lines {
    held: Vec<u8>,
    /// Where in `held` the next line begins.
    start: usize,
    is_done: bool,
}

impl Lines {
    /// Takes bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.drain(..self.start);
        self.start = 0;
        self.held.extend_from_slice(bytes);
    }

    /// The next document that is complete; `None` where more must arrive.
    ///
    /// # Errors
    ///
    /// For a line that is neither a document nor of an event, or is too long.
    pub fn next_document(&mut self) -> Result<Option<&[u8]>, Malformed> {
        loop {
            let rest = self.held.get(self.start..).unwrap_or_default();
            let end = rest.iter().position(|&byte| byte == b'\n' || byte == b'\r');
            if end.unwrap_or(rest.len()) > LINE_MAX {
                return Err("a line is too long".into());
            }
            let Some(end) = end else { return Ok(None) };
            let from = self.start;
            self.start += end + 1;
            match document(rest.get(..end).unwrap_or_default())? {
                Line::Document(skipped) => {
                    let line = self.held.get(from + skipped..from + end);
                    return Ok(Some(line.unwrap_or_default()));
                }
                Line::Done => self.is_done = true,
                Line::Nothing => {}
            }
        }
    }

    /// Whether the end was announced (`[DONE]`).
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Whether nothing is left over: the bytes ended with a line.
    pub fn is_at_end(&self) -> bool {
        self.held.get(self.start..).unwrap_or_default().iter().all(u8::is_ascii_whitespace)
    }
}

/// What a line is.
enum Line {
    /// A document, after so many bytes.
    Document(usize),
    /// The announcement of the end.
    Done,
    /// Something without a document.
    Nothing,
}

fn document(line: &[u8]) -> Result<Line, Malformed> {
    // An event's type, id and retry time say nothing that its data does not; a colon begins a comment.
    const OTHER_FIELDS: [&[u8]; 4] = [b"event:", b"id:", b"retry:", b":"];
    let data = line.strip_prefix(b"data:");
    let trimmed = data.unwrap_or(line).trim_ascii_start();
    match trimmed.first() {
        None => Ok(Line::Nothing),
        Some(b'{' | b'[') if trimmed.trim_ascii_end() != b"[DONE]" => {
            Ok(Line::Document(line.len() - trimmed.len()))
        }
        Some(_) if trimmed.trim_ascii_end() == b"[DONE]" => Ok(Line::Done),
        Some(_) if data.is_none() && OTHER_FIELDS.iter().any(|field| line.starts_with(field)) => {
            Ok(Line::Nothing)
        }
        Some(_) => Err("a line is no document".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(bytes: &[u8], size: usize) -> (Vec<String>, bool, bool) {
        let (mut lines, mut all) = (Lines::default(), Vec::new());
        for part in bytes.chunks(size) {
            lines.push(part);
            while let Some(document) = lines.next_document().unwrap() {
                all.push(String::from_utf8(document.to_vec()).unwrap());
            }
        }
        (all, lines.is_done(), lines.is_at_end())
    }

    #[test]
    fn documents_are_the_same_wherever_they_are_cut() {
        let events =
            "data: {\"a\":\"ü\"}\n\n: ping\r\nevent: x\r\ndata:{\"b\":1}\r\n\r\ndata: [DONE]\n\n";
        let lines = "{\"a\":\"ü\"}\n{\"b\":1}\n";
        for size in 1..events.len() {
            let expected = ["{\"a\":\"ü\"}".to_owned(), "{\"b\":1}".to_owned()];
            assert_eq!(documents(events.as_bytes(), size), (expected.to_vec(), true, true));
            assert_eq!(documents(lines.as_bytes(), size), (expected.to_vec(), false, true));
        }
    }

    #[test]
    fn what_is_left_over_is_told_and_what_is_no_document_is_refused() {
        assert_eq!(
            documents(b"{\"a\":1}\n{\"b\"", 3),
            (vec!["{\"a\":1}".to_owned()], false, false)
        );
        for bad in ["nonsense\n", "data: nonsense\n", "<html>\n"] {
            let mut lines = Lines::default();
            lines.push(bad.as_bytes());
            assert!(lines.next_document().is_err(), "{bad}");
        }
        // However it arrives.
        for end in ["", "\n"] {
            let mut lines = Lines::default();
            lines.push(&[&vec![b'{'; LINE_MAX + 1], end.as_bytes()].concat());
            assert!(lines.next_document().is_err(), "{end:?}");
        }
    }
}
