//! The body of a response: bytes when they are due.
//!
//! Every token has a deadline of its own, counted from the start of service, so that a late write
//! does not delay the ones after it. Tokens that are due together go out together. Waiting is by
//! tokio's clock, which tests may pause; its timers fire up to a millisecond late, never early.
//! The truth log has the time of the write, not the deadline.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use crate::connection::Connection;
use crate::exchange::Answering;
use crate::fault::Fault;
use crate::latency::ServiceTimes;
use crate::protocol::{Context, Ending, StreamError, StreamWriter, Token};
use crate::service::{Service, break_off, planned_tokens};
use crate::truth::Outcome;
use crate::whole::BrokenAnswer;

/// The most bytes that go into one chunk, where many tokens are due together.
const CHUNK: usize = 64 * 1024;

/// The body of a response.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Known as a whole, such as an error.
    Whole(Option<Bytes>),
    /// Written token by token.
    Streamed(Box<StreamedAnswer>),
    /// The beginning of something whole, and then a fault.
    Broken(BrokenAnswer),
}

/// An answer under way.
#[derive(Debug)]
pub(crate) struct StreamedAnswer {
    answering: Answering,
    writer: Box<dyn StreamWriter>,
    times: ServiceTimes,
    context: Context,
    fault: Option<Fault>,
    /// Tokens before the fault; of no meaning without one.
    fault_at: u32,
    /// Tokens until the end, or until the fault after which none come.
    planned: u32,
    written: u32,
    first_byte: Duration,
    due: Instant,
    sleep: Pin<Box<Sleep>>,
    stage: Stage,
    /// The slot, given back with the last token or when the client leaves. A stall keeps it.
    slot: Option<OwnedSemaphorePermit>,
    connection: Arc<Connection>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Opening,
    Tokens,
    /// Nothing more, for ever.
    Stalled,
    /// What was written is to be flushed, then the connection closed.
    Cutting,
    Cut,
    Done,
}

impl StreamedAnswer {
    /// An answer whose service began at `started`.
    pub(crate) fn new(
        answering: Answering,
        writer: Box<dyn StreamWriter>,
        service: Service,
    ) -> Self {
        let Service { mut times, context, fault, started, slot, connection } = service;
        let planned = planned_tokens(fault.as_ref(), times.output_tokens);
        let fault_at =
            fault.as_ref().map_or(planned, |fault| fault.tokens_before(times.output_tokens));
        if fault == Some(Fault::Endless) {
            times.never_end();
            answering.exchange.interrupted_as(Some(Outcome::Endless));
        }
        let due = started + times.first_token();
        let mut answer = Self {
            answering,
            writer,
            times,
            context,
            fault,
            fault_at,
            planned,
            written: 0,
            first_byte: Duration::ZERO,
            due,
            sleep: Box::pin(tokio::time::sleep_until(due)),
            stage: Stage::Opening,
            slot: Some(slot),
            connection,
        };
        answer.pause();
        answer
    }

    fn poll_chunk(&mut self, task: &mut task::Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let mut bytes = Vec::new();
        let written = self.written;
        let mut now = Instant::now();
        while bytes.len() < CHUNK {
            match self.stage {
                Stage::Opening => {
                    self.writer.opening(&self.context, &mut bytes);
                    self.stage = Stage::Tokens;
                }
                Stage::Tokens if self.is_stall_due() => {
                    self.stage = Stage::Stalled;
                }
                Stage::Tokens if now >= self.due => {
                    if self.written == self.planned {
                        self.finish(&mut bytes);
                    } else {
                        self.append_token(&mut bytes);
                    }
                }
                _ if !bytes.is_empty() => break,
                Stage::Tokens => {
                    self.sleep.as_mut().reset(self.due);
                    ready!(self.sleep.as_mut().poll(task));
                    now = Instant::now();
                }
                Stage::Stalled => return Poll::Pending,
                Stage::Cutting => {
                    // hyper flushes before it asks again, and would not after an error.
                    self.stage = Stage::Cut;
                    task.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Stage::Cut => {
                    self.stage = Stage::Done;
                    let fault = self.fault.as_ref();
                    let error = break_off(&self.answering, fault, &self.connection);
                    return Poll::Ready(Some(Err(error)));
                }
                Stage::Done => {
                    // An end without bytes of its own may have frames nevertheless.
                    let rest = self.writer.pack(bytes);
                    return Poll::Ready((!rest.is_empty()).then(|| Ok(rest.into())));
                }
            }
        }
        self.answering.exchange.tokens(self.written - written);
        Poll::Ready(Some(Ok(self.writer.pack(bytes).into())))
    }

    /// Notes a stall that begins now, so that the client's leaving is taken for its end.
    fn is_stall_due(&self) -> bool {
        let stall = self.fault.as_ref().filter(|fault| {
            matches!(fault, Fault::StallBeforeFirst | Fault::StallAfter { .. })
                && self.written == self.planned
        });
        if let Some(fault) = stall {
            self.answering.exchange.interrupted_as(Some(fault.outcome()));
        }
        stall.is_some()
    }

    /// Puts off the next token where a pause is due before it.
    fn pause(&mut self) {
        let Some(Fault::Pause { lasts, .. }) = self.fault else { return };
        let begins = self.written == self.fault_at;
        if begins {
            self.due += lasts;
        }
        // Whoever leaves now leaves a pause.
        self.answering.exchange.interrupted_as(begins.then_some(Outcome::Pause));
    }

    fn append_token(&mut self, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        if self.written == 0 {
            self.first_byte = self.answering.exchange.received().elapsed();
        }
        let mut token = self.next_token();
        token.ending = self.ends_with_next().then(|| self.ending(self.written + 1));
        self.writer.token(&self.context, &token, bytes);
        self.corrupt(bytes, start);
        self.written += 1;
        if self.written < self.times.output_tokens {
            self.due += self.times.gap();
        }
        self.pause();
    }

    fn next_token(&mut self) -> Token {
        let reasoning = self.context.reasoning_tokens;
        Token {
            word: self.times.word(),
            index: self.written,
            is_first: self.written == 0 || self.written == reasoning,
            is_reasoning: self.written < reasoning,
            ending: None,
        }
    }

    /// Whether the next token is the last and nothing happens between it and the end.
    fn ends_with_next(&self) -> bool {
        let is_sound = match &self.fault {
            None => true,
            Some(Fault::Pause { .. } | Fault::Corrupt { .. }) => self.fault_at < self.planned,
            Some(fault) => !fault.is_last(),
        };
        is_sound && self.written + 1 == self.planned
    }

    fn ending(&self, output_tokens: u32) -> Ending {
        Ending {
            output_tokens,
            is_cut: self.times.is_cut,
            latency: self.answering.exchange.received().elapsed(),
            first_byte: self.first_byte,
        }
    }

    /// Damages what was appended from `start` on, where that is due.
    fn corrupt(&mut self, bytes: &mut [u8], start: usize) {
        if let Some(Fault::Corrupt { part, .. }) = self.fault
            && self.written == self.fault_at
        {
            self.writer.corrupt(bytes, start, part);
            self.answering.exchange.interrupted_as(Some(Outcome::Corrupt));
        }
    }

    /// Appends the end, or the fault that stands in its place.
    fn finish(&mut self, bytes: &mut Vec<u8>) {
        self.slot = None;
        self.stage = Stage::Done;
        let start = bytes.len();
        match &self.fault {
            Some(Fault::StreamException { exception, message, .. }) => {
                let error = StreamError { name: exception, message, tokens: self.written };
                self.writer.exception(&self.context, error, bytes);
                self.answering.exchange.end(Outcome::StreamException);
            }
            Some(Fault::Truncate { .. }) => {
                let token = self.next_token();
                self.writer.token(&self.context, &token, bytes);
                bytes.truncate(start + (bytes.len() - start) / 2);
                self.stage = Stage::Cutting;
            }
            Some(Fault::ResetAfter { .. }) => self.stage = Stage::Cutting,
            _ => {
                let ending = self.ending(self.written);
                self.writer.closing(&self.context, &ending, bytes);
                self.corrupt(bytes, start);
                let is_corrupt = matches!(&self.fault, Some(Fault::Corrupt { .. }));
                self.answering.exchange.end(if is_corrupt {
                    Outcome::Corrupt
                } else {
                    Outcome::Ok
                });
            }
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        task: &mut task::Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let chunk = match self.get_mut() {
            Self::Whole(bytes) => bytes.take().map(Ok),
            Self::Streamed(answer) => ready!(answer.poll_chunk(task)),
            Self::Broken(answer) => ready!(answer.poll_chunk(task)),
        };
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Streamed(answer) => answer.stage == Stage::Done,
            Self::Broken(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Streamed(_) => SizeHint::default(),
            Self::Broken(answer) => answer.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests;
