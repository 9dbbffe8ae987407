//! A request from its arrival to the start of its answer.

use std::future;
use std::io;
use std::sync::Arc;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::SIMULATED_HEADER;
use crate::answer::{Answer, StreamedAnswer};
use crate::connection::Connection;
use crate::exchange::{Answering, Exchange};
use crate::fault::Fault;
use crate::latency::{self, ServiceTimes};
use crate::limit::Reservation;
use crate::protocol::{Protocol, Question};
use crate::refusal::Refusal;
use crate::route;
use crate::server::{Server, hexadecimal};
use crate::service::Service;
use crate::truth::Outcome;
use crate::whole;

/// The longest request that is read, as with the service.
const REQUEST_BYTES: usize = 25_000_000;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// Answers a request. An error closes the connection without an answer. A request that never
/// arrives whole leaves no truth.
pub(crate) async fn handle(
    server: Arc<Server>,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> io::Result<Response<Answer>> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, REQUEST_BYTES).collect().await {
        Ok(body) => Some(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => None,
        Err(error) => return Err(io::Error::other(error)),
    };
    let received = connection.last_read();
    let id = server.next_request_id(head.uri.path());
    let (ledger, number) = (Arc::clone(&server.ledger), connection.number);
    let exchange = Arc::new(Exchange::new(ledger, number, id.clone(), received));
    connection.begin(Arc::clone(&exchange));
    let answering = Answering { exchange, reservation: None };

    let asked = route::find(&head.method, head.uri.path()).and_then(|(protocol, model_id)| {
        answering.exchange.describe(|truth| truth.model_id.clone_from(&model_id));
        let body = body.ok_or_else(|| Refusal::validation("The request body is too long."))?;
        let question = protocol.parse(model_id, &body)?;
        answering.exchange.describe(|truth| {
            truth.model_id = Some(question.model_id.clone());
            truth.prompt_sha256 = Some(hexadecimal(&Sha256::digest(&question.prompt)));
            truth.input_tokens = question.input_tokens;
        });
        Ok((protocol, question))
    });
    match asked {
        Ok((protocol, question)) => {
            answer(&server, &connection, answering, &id, protocol, question).await
        }
        Err(refusal) => Ok(refused(&answering, &id, Outcome::Refused, &refusal)),
    }
}

/// Answers a question that could be read.
async fn answer(
    server: &Server,
    connection: &Arc<Connection>,
    mut answering: Answering,
    id: &str,
    protocol: Protocol,
    question: Question,
) -> io::Result<Response<Answer>> {
    let Some(model) = server.model(&question.model_id) else {
        let refusal = Refusal::unknown_model(&question.model_id);
        return Ok(refused(&answering, id, Outcome::Refused, &refusal));
    };
    let input_tokens = model.profile.input_tokens.of(question.input_tokens);
    answering.exchange.describe(|truth| truth.input_tokens = input_tokens);
    let fault = server.next_fault(model, &question);
    match Reservation::take(&model.meters, input_tokens, question.output_limit) {
        Ok(reservation) => answering.reservation = reservation,
        Err(refusal) => return Ok(refused(&answering, id, Outcome::Throttled, &refusal)),
    }
    let mut arrived = answering.exchange.received();
    match &fault {
        Some(Fault::Status { status, code, message }) => {
            let status = StatusCode::from_u16(*status).map_err(io::Error::other)?;
            let refusal = Refusal { status, code: code.clone(), message: message.clone() };
            return Ok(refused(&answering, id, Outcome::Status, &refusal));
        }
        Some(Fault::Reset) => {
            connection.reset();
            answering.exchange.close(Outcome::Reset);
            return Err(io::Error::other("reset by the script"));
        }
        Some(Fault::SlowHeaders) => {
            answering.exchange.interrupted_as(Some(Outcome::SlowHeaders));
            future::pending::<()>().await;
        }
        Some(Fault::LateHeaders { by }) => {
            answering.exchange.interrupted_as(Some(Outcome::LateHeaders));
            arrived += *by;
            tokio::time::sleep_until(arrived).await;
            answering.exchange.interrupted_as(None);
        }
        _ => {}
    }

    let digest = latency::digest(server.seed, &question.model_id, &question.request);
    let limit = question.output_limit;
    // Where no one waits, service begins on arrival, whatever reading the request took us.
    let (slot, started) = if let Ok(slot) = Arc::clone(&model.slots).try_acquire_owned() {
        (slot, arrived)
    } else {
        let slot = Arc::clone(&model.slots).acquire_owned().await;
        (slot.map_err(io::Error::other)?, Instant::now())
    };
    let pace =
        model.profile.day_swing.map_or(1.0, |swing| swing.factor(server.ledger.hour_at(started)));
    let times = ServiceTimes::draw(&model.profile, input_tokens, limit, digest).paced(pace);
    let waited = u64::try_from((started - arrived).as_nanos()).unwrap_or(u64::MAX);
    answering.exchange.describe(|truth| truth.queue_wait_ns = Some(waited));
    let service = Service {
        times,
        input_tokens,
        modes: question.modes,
        fault,
        started,
        slot,
        connection: Arc::clone(connection),
    };
    let (answer, content_type) = match protocol {
        Protocol::Streamed(protocol) => {
            answering.exchange.headers(StatusCode::OK.as_u16());
            let streamed = StreamedAnswer::new(answering, protocol, service);
            (Answer::Streamed(Box::new(streamed)), protocol.content_type())
        }
        Protocol::Whole(protocol) => match whole::answer(answering, protocol, service).await {
            Ok(answer) => (answer, protocol.content_type()),
            Err((answering, refusal)) => {
                return Ok(refused(&answering, id, Outcome::StreamException, &refusal));
            }
        },
    };
    let mut response = Response::new(answer);
    describe(response.headers_mut(), id, content_type);
    Ok(response)
}

/// An error response.
fn refused(
    answering: &Answering,
    id: &str,
    outcome: Outcome,
    refusal: &Refusal,
) -> Response<Answer> {
    answering.exchange.headers(refusal.status.as_u16());
    answering.exchange.end(outcome);
    let mut response = Response::new(Answer::Whole(Some(refusal.body())));
    *response.status_mut() = refusal.status;
    describe(response.headers_mut(), id, "application/json");
    if let Ok(error_type) = HeaderValue::try_from(refusal.error_type()) {
        response.headers_mut().insert(ERROR_TYPE, error_type);
    }
    response
}

/// The headers of every response.
fn describe(headers: &mut HeaderMap, id: &str, content_type: &'static str) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(SIMULATED_HEADER, HeaderValue::from_static("true"));
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::testing::{Reply, ask, plain_profile, post, prompt};
    use crate::{Outcome, Profile, Simulator, SimulatorConfig};

    fn noisy_profile(slots: usize) -> Profile {
        let mut profile = plain_profile();
        profile.noise_cv = 0.2;
        profile.output_tokens.cv = 0.5;
        profile.slots = slots;
        profile
    }

    async fn start(seed: u64, profile: Profile) -> Simulator {
        let config = SimulatorConfig { seed, profiles: vec![profile], ..Default::default() };
        Simulator::start(config).await.unwrap()
    }

    /// Asks all at once and awaits the answers in order.
    async fn ask_together(simulator: &Simulator, prompts: &[String]) -> Vec<Reply> {
        let asked: Vec<_> = prompts
            .iter()
            .map(|text| {
                let (connection, request) = (simulator.connect(), prompt(text));
                tokio::spawn(async move { ask(connection, "plain", &request).await.unwrap() })
            })
            .collect();
        let mut replies = Vec::new();
        for reply in asked {
            replies.push(reply.await.unwrap());
        }
        replies
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_depends_on_neither_order_nor_concurrency() {
        let mut prompts: Vec<_> = (0..20).map(|number| format!("prompt {number}")).collect();
        let mut together = ask_together(&start(7, noisy_profile(50)).await, &prompts).await;
        prompts.reverse();
        together.reverse();
        let simulator = start(7, noisy_profile(1)).await;
        let other = start(8, noisy_profile(1)).await;
        for (text, together) in prompts.iter().zip(&together) {
            let alone = ask(simulator.connect(), "plain", &prompt(text)).await.unwrap();
            assert_eq!(alone.events, together.events, "{text}");
            let reseeded = ask(other.connect(), "plain", &prompt(text)).await.unwrap();
            assert_ne!(reseeded.events, together.events, "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_first_is_served_first() {
        let mut profile = plain_profile();
        profile.slots = 1;
        let simulator = start(7, profile).await;
        let prompts = ["one", "one two", "one two three"].map(str::to_owned);
        let replies = ask_together(&simulator, &prompts).await;
        // Each takes 100 ms, 1 ms per input token and nine gaps of 10 ms.
        let headers: Vec<_> = replies.iter().map(|reply| reply.headers_at.as_millis()).collect();
        assert_eq!(headers, [0, 191, 383]);
        let first: Vec<_> = replies.iter().map(|reply| reply.tokens()[0].0.as_millis()).collect();
        assert_eq!(first, [101, 293, 486]);
        let truth = simulator.truth();
        let waits: Vec<_> = truth.iter().map(|truth| truth.queue_wait_ns.unwrap()).collect();
        assert_eq!(waits, [0, 191_000_000, 383_000_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_leaves_frees_its_slot() {
        let mut profile = plain_profile();
        profile.slots = 1;
        let simulator = start(7, profile).await;
        let patience = Duration::from_millis(120);
        let request = prompt("one");
        let asked = ask(simulator.connect(), "plain", &request);
        assert!(tokio::time::timeout(patience, asked).await.is_err());
        let reply = ask(simulator.connect(), "plain", &request).await.unwrap();
        assert_eq!(reply.tokens()[0].0.as_millis(), 101);
        let [left, served] = &simulator.truth()[..] else { panic!("two requests, two records") };
        assert_eq!((left.outcome, left.output_tokens), (Outcome::Disconnected, 2));
        assert_eq!((left.status, left.ended_ns - left.received_ns), (Some(200), 120_000_000));
        assert_eq!((served.outcome, served.queue_wait_ns), (Outcome::Ok, Some(0)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_leaves_the_queue_is_logged() {
        let mut profile = plain_profile();
        profile.slots = 1;
        let simulator = start(7, profile).await;
        let (first, request) = (simulator.connect(), prompt("one"));
        let first = tokio::spawn(async move { ask(first, "plain", &request).await.unwrap() });
        tokio::task::yield_now().await;
        let request = prompt("two");
        let asked = ask(simulator.connect(), "plain", &request);
        assert!(tokio::time::timeout(Duration::from_millis(50), asked).await.is_err());
        assert_eq!(first.await.unwrap().tokens().len(), 10);
        let [left, _] = &simulator.truth()[..] else { panic!("two requests, two records") };
        assert_eq!((left.outcome, left.status), (Outcome::Disconnected, None));
        assert_eq!((left.queue_wait_ns, left.headers_written_ns), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn truth_agrees_with_what_the_client_saw() {
        let simulator = start(7, noisy_profile(8)).await;
        tokio::time::advance(Duration::from_millis(250)).await;
        let reply = ask(simulator.connect(), "plain", &prompt("cloud")).await.unwrap();
        let [truth] = &simulator.truth()[..] else { panic!("one request, one record") };
        assert_eq!(truth.request_id, reply.header("x-amzn-requestid"));
        assert_eq!((truth.outcome, truth.status), (Outcome::Ok, Some(200)));
        assert_eq!((truth.connection, truth.model_id.as_deref()), (1, Some("plain")));
        assert_eq!(
            truth.prompt_sha256.as_deref(),
            Some("56681010b753e1abe52c449d0aab291b28f1808a3a91b6baeaa726883baad4b0")
        );
        let tokens = reply.tokens();
        assert_eq!(usize::try_from(truth.output_tokens), Ok(tokens.len()));
        assert_eq!(u64::from(truth.input_tokens), reply.last().payload["usage"]["inputTokens"]);
        let seen = |at: Option<u64>| Duration::from_nanos(at.unwrap() - truth.received_ns);
        assert_eq!(seen(truth.headers_written_ns), reply.headers_at);
        assert_eq!(seen(truth.first_token_written_ns), tokens[0].0);
        assert_eq!(seen(truth.last_token_written_ns), tokens.last().unwrap().0);
        assert_eq!(seen(Some(truth.ended_ns)), reply.last().at);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_answered_is_refused_in_the_true_form() {
        let simulator = start(7, plain_profile()).await;
        let check = async |path: &str, body: Value, status: u16, code: &str| {
            let reply = post(simulator.connect(), path, body.to_string()).await.unwrap();
            assert_eq!(reply.status, status, "{path}");
            assert_eq!(reply.header("x-amzn-errortype").split(':').next(), Some(code));
            assert_eq!(reply.header("x-fmgauge-simulated"), "true");
            let message: Value = serde_json::from_slice(&reply.body).unwrap();
            assert!(message["message"].is_string());
            let truth = simulator.truth().pop().unwrap();
            assert_eq!((truth.outcome, truth.status), (Outcome::Refused, Some(status)));
            assert_eq!(truth.request_id, reply.header("x-amzn-requestid"));
        };
        let path = "/model/plain/converse-stream";
        let unknown = "/model/unknown%3A1/converse-stream";
        check(unknown, prompt("a"), 404, "ResourceNotFoundException").await;
        check(path, json!({}), 400, "ValidationException").await;
        check("/model/plain/converse-strea", json!({}), 404, "UnknownOperationException").await;
        assert_eq!(simulator.truth()[0].model_id.as_deref(), Some("unknown:1"));
        assert_eq!(simulator.truth()[1].prompt_sha256, None);
    }
}
