//! Answers of a format that is not the service's own: a body of documents.

use tokio::time::Instant;

use super::Request;
use super::answer::Answer;
use super::connection::SlotConnection;
use super::ending::Ending;
use crate::payload::{Format, Lines, Malformed};
use crate::record::{ErrorClass, Outcome};

/// Takes a document of a streamed answer that came at a time; how the answer ended, where it has.
pub(super) fn document(
    format: &dyn Format,
    document: &[u8],
    at: Instant,
    answer: &mut Answer,
) -> Option<Ending> {
    match format.part(document) {
        Ok(told) => answer.receive(told, at),
        Err(error) => Some(malformed(&error)),
    }
}

/// Takes bytes of documents in lines, cut anywhere.
pub(super) fn lines(
    format: &dyn Format,
    lines: &mut Lines,
    bytes: &[u8],
    at: Instant,
    answer: &mut Answer,
) -> Option<Ending> {
    lines.push(bytes);
    loop {
        match lines.next_document() {
            Ok(Some(line)) => {
                if let Some(ending) = document(format, line, at, answer) {
                    return Some(ending);
                }
            }
            Ok(None) => return None,
            Err(error) => return Some(malformed(&error)),
        }
    }
}

/// How an answer ended whose body has come to its end in order.
pub(super) fn end(
    lines: Option<&Lines>,
    request: &Request,
    slot: &SlotConnection,
    answer: &mut Answer,
) -> Ending {
    if answer.stop_reason.is_none() || lines.is_some_and(|lines| !lines.is_at_end()) {
        let message = "the stream ended before the answer did";
        return Ending::failed(ErrorClass::Protocol, None, message);
    }
    answered(request, slot, answer)
}

/// Takes an answer that came whole.
pub(super) fn whole(
    format: &dyn Format,
    body: &[u8],
    request: &Request,
    slot: &SlotConnection,
    answer: &mut Answer,
) -> Ending {
    match format.whole(body) {
        Ok(told) => answer.take(told).unwrap_or_else(|| answered(request, slot, answer)),
        Err(error) => malformed(&error),
    }
}

fn answered(request: &Request, slot: &SlotConnection, answer: &mut Answer) -> Ending {
    answer.take_headers(&slot.exchange());
    answer.estimate(request);
    Ending::of(Outcome::Completed)
}

fn malformed(error: &Malformed) -> Ending {
    Ending::failed(ErrorClass::Protocol, None, &crate::causes::chain(error))
}
