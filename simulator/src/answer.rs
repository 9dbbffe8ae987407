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
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use crate::connection::Connection;
use crate::exchange::Answering;
use crate::fault::Fault;
use crate::latency::ServiceTimes;
use crate::protocol::{Ending, Modes, StreamedProtocol};
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
    protocol: &'static dyn StreamedProtocol,
    times: ServiceTimes,
    input_tokens: u32,
    modes: Modes,
    fault: Option<Fault>,
    /// Tokens before the fault; of no meaning without one.
    fault_at: u32,
    /// Tokens until the end, or until the fault after which none come.
    planned: u32,
    written: u32,
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
        protocol: &'static dyn StreamedProtocol,
        service: Service,
    ) -> Self {
        let Service { mut times, input_tokens, modes, fault, started, slot, connection } = service;
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
            protocol,
            times,
            input_tokens,
            modes,
            fault,
            fault_at,
            planned,
            written: 0,
            due,
            sleep: Box::pin(tokio::time::sleep_until(due)),
            stage: Stage::Opening,
            slot: Some(slot),
            connection,
        };
        answer.pause();
        answer
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let mut bytes = Vec::new();
        let written = self.written;
        let mut now = Instant::now();
        while bytes.len() < CHUNK {
            match self.stage {
                Stage::Opening => {
                    self.protocol.opening(&mut bytes);
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
                    ready!(self.sleep.as_mut().poll(context));
                    now = Instant::now();
                }
                Stage::Stalled => return Poll::Pending,
                Stage::Cutting => {
                    // hyper flushes before it asks again, and would not after an error.
                    self.stage = Stage::Cut;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Stage::Cut => {
                    self.stage = Stage::Done;
                    let fault = self.fault.as_ref();
                    let error = break_off(&self.answering, fault, &self.connection);
                    return Poll::Ready(Some(Err(error)));
                }
                Stage::Done => return Poll::Ready(None),
            }
        }
        self.answering.exchange.tokens(self.written - written);
        Poll::Ready(Some(Ok(bytes.into())))
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
        self.protocol.token(self.times.word(), self.written == 0, bytes);
        self.corrupt(&mut bytes[start..]);
        self.written += 1;
        if self.written < self.times.output_tokens {
            self.due += self.times.gap();
        }
        self.pause();
    }

    /// Damages frames where that is due.
    fn corrupt(&self, bytes: &mut [u8]) {
        if let Some(Fault::Corrupt { part, .. }) = self.fault
            && self.written == self.fault_at
        {
            self.protocol.corrupt(bytes, part);
            self.answering.exchange.interrupted_as(Some(Outcome::Corrupt));
        }
    }

    /// Appends the end, or the fault that stands in its place.
    fn finish(&mut self, bytes: &mut Vec<u8>) {
        self.slot = None;
        self.stage = Stage::Done;
        match &self.fault {
            Some(Fault::StreamException { exception, message, .. }) => {
                self.protocol.exception(exception, message, bytes);
                self.answering.exchange.end(Outcome::StreamException);
            }
            Some(Fault::Truncate { .. }) => {
                let mut frame = Vec::new();
                self.protocol.token(self.times.word(), self.written == 0, &mut frame);
                bytes.extend_from_slice(&frame[..frame.len() / 2]);
                self.stage = Stage::Cutting;
            }
            Some(Fault::ResetAfter { .. }) => self.stage = Stage::Cutting,
            _ => {
                let ending = Ending {
                    input_tokens: self.input_tokens,
                    output_tokens: self.written,
                    is_cut: self.times.is_cut,
                    latency: self.answering.exchange.received().elapsed(),
                    modes: self.modes.clone(),
                };
                let start = bytes.len();
                self.protocol.closing(&ending, bytes);
                self.corrupt(&mut bytes[start..]);
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
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let chunk = match self.get_mut() {
            Self::Whole(bytes) => bytes.take().map(Ok),
            Self::Streamed(answer) => ready!(answer.poll_chunk(context)),
            Self::Broken(answer) => ready!(answer.poll_chunk(context)),
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
mod tests {
    use std::time::Duration;

    use crate::testing::{ask, plain_profile, prompt};
    use crate::{OutputTokens, Profile, Simulator, SimulatorConfig};

    async fn start(profile: Profile) -> Simulator {
        let profiles = vec![profile];
        Simulator::start(SimulatorConfig { profiles, ..Default::default() }).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn every_token_comes_when_due_and_events_in_order() {
        let simulator = start(plain_profile()).await;
        let reply = ask(simulator.connect(), "plain", &prompt("one two, three!")).await.unwrap();
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-type"), "application/vnd.amazon.eventstream");
        assert_eq!(reply.header("x-fmgauge-simulated"), "true");
        assert_eq!(reply.headers_at, Duration::ZERO);

        let mut names = vec!["messageStart"];
        names.extend(["contentBlockDelta"; 10]);
        names.extend(["contentBlockStop", "messageStop", "metadata"]);
        assert_eq!(reply.names(), names);
        let times: Vec<_> = reply.tokens().iter().map(|(at, _)| at.as_millis()).collect();
        assert_eq!(times, [105, 115, 125, 135, 145, 155, 165, 175, 185, 195]);
        assert_eq!(reply.last().at.as_millis(), 195);
        assert_eq!(
            reply.last().payload["usage"],
            serde_json::json!({"inputTokens": 5, "outputTokens": 10, "totalTokens": 15})
        );
        assert_eq!(reply.last().payload["metrics"]["latencyMs"], 195);
        let text: String = reply.tokens().iter().map(|(_, text)| *text).collect();
        assert_eq!(crate::count_tokens(&text), 10, "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn how_it_was_served_is_told_where_it_was_asked() {
        let simulator = start(plain_profile()).await;
        let mut request = prompt("one");
        request["performanceConfig"] = serde_json::json!({"latency": "standard"});
        request["serviceTier"] = serde_json::json!({"type": "priority"});
        let reply = ask(simulator.connect(), "plain", &request).await.unwrap();
        let metadata = &reply.last().payload;
        assert_eq!(metadata["performanceConfig"]["latency"], "standard");
        assert_eq!(metadata["serviceTier"]["type"], "priority");
        let reply = ask(simulator.connect(), "plain", &prompt("one")).await.unwrap();
        let metadata = &reply.last().payload;
        assert!(metadata.get("performanceConfig").is_none());
        assert!(metadata.get("serviceTier").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn rounding_by_the_timer_does_not_add_up() {
        let mut profile = plain_profile();
        profile.decode_per_token = Duration::from_micros(10_300);
        profile.output_tokens = OutputTokens::fixed(100.0);
        let simulator = start(profile).await;
        let reply = ask(simulator.connect(), "plain", &prompt("one")).await.unwrap();
        let due = Duration::from_millis(101) + Duration::from_micros(10_300) * 99;
        let at = reply.last().at;
        assert!(due <= at && at < due + Duration::from_millis(1), "{at:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_due_at_once_come_at_once() {
        let mut profile = plain_profile();
        profile.decode_per_token = Duration::ZERO;
        profile.output_tokens = OutputTokens::fixed(3_000.0);
        let simulator = start(profile).await;
        let reply = ask(simulator.connect(), "plain", &prompt("one")).await.unwrap();
        assert_eq!(reply.tokens().len(), 3_000);
        assert!(reply.tokens().iter().all(|(at, _)| at.as_millis() == 101));
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_cuts_the_answer() {
        let simulator = start(plain_profile()).await;
        let check = async |limit: u32, expected: (usize, &str)| {
            let mut request = prompt("one");
            request["inferenceConfig"] = serde_json::json!({ "maxTokens": limit });
            let reply = ask(simulator.connect(), "plain", &request).await.unwrap();
            let stop = reply.events.iter().find(|event| event.name == "messageStop").unwrap();
            let reason = stop.payload["stopReason"].as_str().unwrap();
            assert_eq!((reply.tokens().len(), reason), expected);
        };
        check(3, (3, "max_tokens")).await;
        check(10, (10, "end_turn")).await;
        check(11, (10, "end_turn")).await;
    }
}
