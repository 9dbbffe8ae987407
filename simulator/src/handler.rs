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
use crate::dialect::Dialect;
use crate::exchange::{Answering, Exchange};
use crate::fault::Fault;
use crate::latency::{self, ServiceTimes};
use crate::limit::Reservation;
use crate::protocol::{Asked, Context, Question, Writer};
use crate::refusal::Refusal;
use crate::route;
use crate::server::{Server, hexadecimal};
use crate::service::Service;
use crate::truth::Outcome;
use crate::whole;

/// The longest request that is read, as with the service.
const REQUEST_BYTES: usize = 25_000_000;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

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
    let caller = Caller { id, dialect: Dialect::of(head.uri.path()) };

    let asked = route::find(&head.method, head.uri.path()).and_then(|(protocol, name)| {
        answering.exchange.describe(|truth| truth.model_id.clone_from(&name));
        let body = body.ok_or_else(|| Refusal::validation("The request body is too long."))?;
        let settings = &server.settings;
        let asked = Asked { name, headers: &head.headers, body: &body, settings };
        let (question, writer) = protocol.read(asked)?;
        answering.exchange.describe(|truth| {
            truth.model_id = Some(question.model_id.clone());
            truth.prompt_sha256 = Some(hexadecimal(&Sha256::digest(&question.prompt)));
            truth.input_tokens = question.input_tokens;
        });
        Ok((question, writer))
    });
    match asked {
        Ok((question, writer)) => {
            answer(&server, &connection, answering, &caller, writer, question).await
        }
        Err(refusal) => Ok(refused(&answering, &caller, Outcome::Refused, refusal)),
    }
}

/// Answers a question that could be read.
async fn answer(
    server: &Server,
    connection: &Arc<Connection>,
    mut answering: Answering,
    caller: &Caller,
    writer: Writer,
    question: Question,
) -> io::Result<Response<Answer>> {
    let Some(model) = server.model(&question.model_id) else {
        let refusal = Refusal::unknown_model(&question.model_id);
        return Ok(refused(&answering, caller, Outcome::Refused, refusal));
    };
    let input_tokens = model.profile.input_tokens.of(question.input_tokens);
    answering.exchange.describe(|truth| truth.input_tokens = input_tokens);
    let fault = server.next_fault(model, &question);
    match Reservation::take(&model.meters, input_tokens, question.output_limit) {
        Ok(reservation) => answering.reservation = reservation,
        Err(refusal) => return Ok(refused(&answering, caller, Outcome::Throttled, refusal)),
    }
    let mut arrived = answering.exchange.received();
    match &fault {
        Some(Fault::Status { status, code, message }) => {
            let status = StatusCode::from_u16(*status).map_err(io::Error::other)?;
            let refusal = Refusal::new(status, code, message);
            return Ok(refused(&answering, caller, Outcome::Status, refusal));
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
    let reasoning = if writer.reasons() { model.profile.reasoning_tokens } else { 0 };
    let context = Context {
        request_id: caller.id.clone(),
        model_id: question.model_id,
        prompt: question.prompt,
        input_tokens,
        modes: question.modes,
        wants_usage: question.wants_usage,
        created_unix_s: server.ledger.unix_s_at(arrived),
        reasoning_tokens: reasoning.min(times.output_tokens),
        digest,
    };
    let connection = Arc::clone(connection);
    let service = Service { times, context, fault, started, slot, connection };
    let (answer, headers, content_type) = match writer {
        Writer::Streamed(writer) => {
            answering.exchange.headers(StatusCode::OK.as_u16());
            let content_type = writer.content_type();
            let mut headers = HeaderMap::new();
            writer.headers(&service.context, &mut headers);
            let streamed = StreamedAnswer::new(answering, writer, service);
            (Answer::Streamed(Box::new(streamed)), headers, content_type)
        }
        Writer::Whole(writer) => match whole::answer(answering, writer, service).await {
            Ok((answer, headers)) => (answer, headers, "application/json"),
            Err((answering, refusal)) => {
                return Ok(refused(&answering, caller, Outcome::StreamException, refusal));
            }
        },
    };
    let mut response = Response::new(answer);
    describe(response.headers_mut(), caller, content_type);
    response.headers_mut().extend(headers);
    Ok(response)
}

/// An error response.
fn refused(
    answering: &Answering,
    caller: &Caller,
    outcome: Outcome,
    refusal: Refusal,
) -> Response<Answer> {
    let dialect = caller.dialect;
    let refusal = dialect.translate(refusal, outcome == Outcome::Status);
    answering.exchange.headers(refusal.status.as_u16());
    answering.exchange.end(outcome);
    let mut response = Response::new(Answer::Whole(Some(dialect.bytes(&refusal))));
    *response.status_mut() = refusal.status;
    describe(response.headers_mut(), caller, "application/json");
    dialect.error_headers(&refusal, response.headers_mut());
    response
}

/// The headers of every response.
fn describe(headers: &mut HeaderMap, caller: &Caller, content_type: &'static str) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(SIMULATED_HEADER, HeaderValue::from_static("true"));
    if let Ok(id) = HeaderValue::try_from(&caller.id) {
        headers.insert(REQUEST_ID, id);
    }
    caller.dialect.headers(&caller.id, headers);
}

/// What every response says of its request.
#[derive(Debug)]
struct Caller {
    id: String,
    dialect: Dialect,
}

#[cfg(test)]
mod tests;
