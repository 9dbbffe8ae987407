//! An answer in one piece: nothing of it is on the wire before its last token is due.

use std::future;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::SizeHint;
use hyper::header::HeaderMap;
use tokio::sync::OwnedSemaphorePermit;

use crate::answer::Answer;
use crate::connection::Connection;
use crate::exchange::Answering;
use crate::fault::{Fault, Part};
use crate::protocol::{Ending, Said, WholeWriter};
use crate::refusal::Refusal;
use crate::service::{Service, break_off, planned_tokens};
use crate::truth::Outcome;
use crate::words::token_text;

/// Waits until the answer is complete and gives it with its API's own headers, or the beginning of
/// it before a fault, or an error in its place.
pub(crate) async fn answer(
    answering: Answering,
    writer: Box<dyn WholeWriter>,
    service: Service,
) -> Result<(Answer, HeaderMap), (Answering, Refusal)> {
    let Service { mut times, context, fault, started, slot, connection } = service;
    if fault == Some(Fault::Endless) {
        answering.exchange.interrupted_as(Some(Outcome::Endless));
        future::pending::<()>().await;
    }
    let planned = planned_tokens(fault.as_ref(), times.output_tokens);
    let (mut reasoning, mut text) = (String::new(), String::new());
    let mut planned_text = 0;
    let mut taken = Duration::ZERO;
    for token in 0..times.output_tokens {
        let step = if token == 0 { times.first_token() } else { times.gap() };
        let is_text = token >= context.reasoning_tokens;
        let said = if is_text { &mut text } else { &mut reasoning };
        let word = token_text(times.word(), said.is_empty());
        said.push_str(&word);
        if token < planned {
            taken += step;
            planned_text = text.len();
        }
    }
    tokio::time::sleep_until(started + taken).await;
    if let Some(Fault::Pause { lasts, .. }) = fault {
        answering.exchange.interrupted_as(Some(Outcome::Pause));
        tokio::time::sleep_until(started + taken + lasts).await;
        answering.exchange.interrupted_as(None);
    }

    if let Some(Fault::StreamException { exception, message, .. }) = &fault {
        return Err((answering, Refusal::of_exception(exception, message)));
    }
    let exchange = &answering.exchange;
    let latency = exchange.received().elapsed();
    let output_tokens = times.output_tokens;
    let ending = Ending { output_tokens, is_cut: times.is_cut, latency, first_byte: latency };
    let mut headers = HeaderMap::new();
    writer.headers(&context, &ending, &mut headers);
    let said = Said { reasoning: &reasoning, text: &text };
    let mut body = writer.body(&context, said, &ending);
    if let Some(Fault::Corrupt { part, .. }) = fault {
        corrupt(&mut body, part);
    }
    let body = Bytes::from(body);
    exchange.headers(StatusCode::OK.as_u16());
    exchange.tokens(planned);
    let is_cut = matches!(&fault, Some(Fault::Truncate { .. } | Fault::ResetAfter { .. }));
    if is_cut || matches!(&fault, Some(Fault::StallBeforeFirst | Fault::StallAfter { .. })) {
        let length = beginning(&body, &text, planned_text, (planned, output_tokens));
        let beginning = body.slice(..length);
        let stage = if is_cut { Stage::Cutting } else { Stage::Stalled };
        exchange.interrupted_as(fault.as_ref().map(Fault::outcome));
        let broken = BrokenAnswer {
            answering,
            beginning: Some(beginning),
            length: body.len() as u64,
            stage,
            fault,
            connection,
            _slot: slot,
        };
        return Ok((Answer::Broken(broken), headers));
    }
    let is_corrupt = matches!(&fault, Some(Fault::Corrupt { .. }));
    exchange.end(if is_corrupt { Outcome::Corrupt } else { Outcome::Ok });
    Ok((Answer::Whole(Some(body)), headers))
}

/// How much of a body comes before a fault: up to the text that was planned, or as large a share of
/// it as of the tokens, where the text does not stand in it in one piece.
fn beginning(body: &[u8], text: &str, planned_text: usize, planned: (u32, u32)) -> usize {
    // The words need no escapes, so that the text stands in the body as it is.
    let mut windows = body.windows(text.len().max(1));
    if let Some(text_at) = windows.position(|part| part == text.as_bytes()) {
        return text_at + planned_text;
    }
    let share = body.len() as u64 * u64::from(planned.0) / u64::from(planned.1.max(1));
    usize::try_from(share).map_or(0, |share| share.min(body.len().saturating_sub(1)))
}

/// Flips one bit of a bracket, so that the syntax breaks.
fn corrupt(body: &mut [u8], part: Part) {
    let byte = match part {
        Part::Prelude => body.first_mut(),
        Part::Payload => body.last_mut(),
    };
    if let Some(byte) = byte {
        *byte ^= 1;
    }
}

/// The beginning of an answer, and then its fault.
#[derive(Debug)]
pub(crate) struct BrokenAnswer {
    answering: Answering,
    beginning: Option<Bytes>,
    /// Of the whole answer, as its headers announce it.
    length: u64,
    stage: Stage,
    fault: Option<Fault>,
    /// What a reset closes.
    connection: Arc<Connection>,
    /// Kept until the client leaves.
    _slot: OwnedSemaphorePermit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing more, for ever.
    Stalled,
    /// What was written is to be flushed, then the connection closed.
    Cutting,
    Cut,
}

impl BrokenAnswer {
    pub(crate) fn poll_chunk(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(beginning) = self.beginning.take() {
            return Poll::Ready(Some(Ok(beginning)));
        }
        match self.stage {
            Stage::Stalled => Poll::Pending,
            Stage::Cutting => {
                // hyper flushes before it asks again, and would not after an error.
                self.stage = Stage::Cut;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Stage::Cut => {
                let fault = self.fault.as_ref();
                Poll::Ready(Some(Err(break_off(&self.answering, fault, &self.connection))))
            }
        }
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::testing::{plain_profile, post, prompt};
    use crate::{Fault, Outcome, Part, ScriptedFault, Simulator, SimulatorConfig, Truth, When};

    const PATH: &str = "/model/plain/converse";

    async fn start(fault: Option<Fault>) -> Simulator {
        let script =
            fault.map(|fault| ScriptedFault { model_id: None, when: When::Every(1), fault });
        let (script, profiles) = (script.into_iter().collect(), vec![plain_profile()]);
        Simulator::start(SimulatorConfig { profiles, script, ..Default::default() }).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_comes_when_it_is_complete() {
        let simulator = start(None).await;
        let mut request = prompt("one two, three!");
        request["system"] = json!([{"text": "Be short."}]);
        request["performanceConfig"] = json!({"latency": "optimized"});
        request["serviceTier"] = json!({"type": "flex"});
        let reply = post(simulator.connect(), PATH, request.to_string()).await.unwrap();
        assert_eq!((reply.status, reply.headers_at.as_millis()), (200, 198));
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(reply.header("content-length"), reply.body.len().to_string());
        assert_eq!(reply.header("x-fmgauge-simulated"), "true");

        let mut body: Value = serde_json::from_slice(&reply.body).unwrap();
        let text = body["output"]["message"]["content"][0]["text"].take();
        assert_eq!(crate::count_tokens(text.as_str().unwrap()), 10);
        assert_eq!(
            body,
            json!({
                "metrics": {"latencyMs": 198},
                "output": {"message": {"content": [{"text": null}], "role": "assistant"}},
                "performanceConfig": {"latency": "optimized"},
                "serviceTier": {"type": "flex"},
                "stopReason": "end_turn",
                "usage": {"inputTokens": 8, "outputTokens": 10, "totalTokens": 18},
            })
        );
        let [truth] = &simulator.truth()[..] else { panic!("one request, one record") };
        assert_eq!((truth.outcome, truth.input_tokens, truth.output_tokens), (Outcome::Ok, 8, 10));
        assert_eq!(truth.first_token_written_ns, truth.headers_written_ns);
        assert_eq!(truth.ended_ns - truth.received_ns, 198_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_question_takes_the_same_time_by_both_apis() {
        let simulator = start(None).await;
        let body = prompt("one").to_string();
        let whole = post(simulator.connect(), PATH, body.clone()).await.unwrap();
        let path = format!("{PATH}-stream");
        let streamed = post(simulator.connect(), &path, body).await.unwrap();
        assert_eq!(whole.headers_at, streamed.last().at);
    }

    #[tokio::test(start_paused = true)]
    async fn an_exception_of_the_stream_is_an_error_here() {
        let check = async |exception: &str, status: u16, code: &str| {
            let fault = Fault::StreamException {
                after_tokens: 3,
                exception: exception.into(),
                message: "It broke.".into(),
            };
            let simulator = start(Some(fault)).await;
            let body = prompt("one").to_string();
            let reply = post(simulator.connect(), PATH, body).await.unwrap();
            assert_eq!((reply.status, reply.headers_at.as_millis()), (status, 121));
            assert!(reply.header("x-amzn-errortype").starts_with(&format!("{code}:")));
            assert_eq!(&reply.body[..], br#"{"message":"It broke."}"#);
            let truth = simulator.truth().pop().unwrap();
            assert_eq!((truth.outcome, truth.status), (Outcome::StreamException, Some(status)));
        };
        check("modelStreamErrorException", 424, "ModelErrorException").await;
        check("throttlingException", 429, "ThrottlingException").await;
        check("serviceUnavailableException", 503, "ServiceUnavailableException").await;
        check("validationException", 400, "ValidationException").await;
        check("internalServerException", 500, "InternalServerException").await;
    }

    /// The truth of a request whose client waits for a second, and what it said.
    async fn leave(fault: Fault) -> (Truth, String) {
        let simulator = start(Some(fault)).await;
        let asked = post(simulator.connect(), PATH, prompt("one").to_string());
        let answer = tokio::time::timeout(Duration::from_secs(1), asked).await;
        let answer = answer.map_or("late".to_owned(), |reply| reply.unwrap_err().to_string());
        tokio::time::sleep(Duration::from_millis(1)).await;
        (simulator.truth().pop().unwrap(), answer)
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_stalls_or_breaks_in_its_middle() {
        let (truth, answer) = leave(Fault::StallBeforeFirst).await;
        assert_eq!((truth.outcome, truth.status), (Outcome::StallBeforeFirst, Some(200)));
        assert_eq!((truth.output_tokens, &*answer), (0, "late"));
        let (truth, answer) = leave(Fault::StallAfter { tokens: 3 }).await;
        assert_eq!((truth.outcome, truth.output_tokens), (Outcome::StallAfter, 3));
        assert_eq!((truth.ended_ns - truth.received_ns, &*answer), (1_000_000_000, "late"));
        let (truth, answer) = leave(Fault::Truncate { after_tokens: 4 }).await;
        assert_eq!((truth.outcome, truth.output_tokens), (Outcome::Truncate, 4));
        assert_ne!(answer, "late");
        let (truth, answer) = leave(Fault::ResetAfter { tokens: 4 }).await;
        assert_eq!((truth.outcome, truth.output_tokens), (Outcome::ResetAfter, 4));
        assert_ne!(answer, "late");
        let (truth, answer) = leave(Fault::Endless).await;
        assert_eq!((truth.outcome, truth.status, &*answer), (Outcome::Endless, None, "late"));
        let lasts = Duration::from_secs(2);
        let (truth, answer) = leave(Fault::Pause { after_tokens: 3, lasts }).await;
        assert_eq!((truth.outcome, truth.status, &*answer), (Outcome::Pause, None, "late"));
        let (truth, answer) = leave(Fault::SlowHeaders).await;
        assert_eq!((truth.outcome, truth.status, &*answer), (Outcome::SlowHeaders, None, "late"));
    }
    #[tokio::test(start_paused = true)]
    async fn an_answer_that_comes_late_or_broken_comes() {
        let body = prompt("one").to_string();
        let lasts = Duration::from_secs(2);
        for fault in [Fault::Pause { after_tokens: 3, lasts }, Fault::LateHeaders { by: lasts }] {
            let simulator = start(Some(fault)).await;
            let reply = post(simulator.connect(), PATH, body.clone()).await.unwrap();
            assert_eq!((reply.status, reply.headers_at.as_millis()), (200, 2_191));
            assert_eq!(simulator.truth()[0].outcome, Outcome::Ok);
        }
        for part in [Part::Prelude, Part::Payload] {
            let simulator = start(Some(Fault::Corrupt { after_tokens: 3, part })).await;
            let reply = post(simulator.connect(), PATH, body.clone()).await.unwrap();
            assert!(serde_json::from_slice::<Value>(&reply.body).is_err());
            assert_eq!(simulator.truth()[0].outcome, Outcome::Corrupt);
        }
    }
}
