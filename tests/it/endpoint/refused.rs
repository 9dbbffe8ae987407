//! What the service says no to: before the answer, and inside a stream after HTTP 200.

use simulator::Fault;

use super::{Bench, ask, assert_in_order, counted_as, patient, sha256};

type Case = (&'static str, u16, &'static str, &'static str, &'static str);

/// Word of the prompt, status, code, message, and the class that it is counted under.
const REFUSALS: [Case; 11] = [
    ("throttled", 429, "ThrottlingException", "Too many requests.", "throttled"),
    ("loading", 429, "ModelNotReadyException", "The model is loading.", "model_not_ready"),
    ("late", 408, "ModelTimeoutException", "The model took too long.", "model_timeout"),
    ("broken", 424, "ModelErrorException", "The model failed.", "model_error"),
    ("wrong", 400, "ValidationException", "Malformed input.", "validation"),
    ("forbidden", 403, "AccessDeniedException", "You have no access.", "access_denied"),
    ("unknown", 404, "ResourceNotFoundException", "Could not resolve it.", "not_found"),
    (
        "retired",
        404,
        "ResourceNotFoundException",
        "This model version has reached the end of its life.",
        "end_of_life",
    ),
    ("used-up", 400, "ServiceQuotaExceededException", "Too many tokens today.", "quota_exceeded"),
    ("internal", 500, "InternalServerException", "Something went wrong.", "server"),
    ("overloaded", 503, "ServiceUnavailableException", "Try again later.", "server"),
];

#[tokio::test]
async fn each_refusal_is_counted_as_what_it_is() {
    let faults = REFUSALS.map(|(word, status, code, message, _)| {
        (word, Fault::Status { status, code: code.into(), message: message.into() })
    });
    let bench = Bench::new(&faults);
    let slot = bench.slot(patient());
    for (word, status, code, message, class) in REFUSALS {
        let observation = ask(&slot, word).await;
        let name = if class == "throttled" { "throttled" } else { "failed" };
        assert_eq!(counted_as(observation.outcome), (name, Some(class)), "{word}");
        assert_eq!(observation.served.status, Some(status), "{word}");
        let error = observation.error.clone().unwrap();
        assert_eq!((error.code.as_deref(), &*error.message), (Some(code), message));
        assert_eq!(observation.served.request_id.as_ref().map(String::len), Some(36), "{word}");
        assert_eq!(observation.served.protocol.as_deref(), Some("HTTP/1.1"));
        assert!(observation.served.simulated);
        assert!(observation.timeline.headers.is_some() && observation.timeline.bytes > 0);
        assert_eq!(observation.timeline.first_event, None);
        assert_in_order(&observation);
    }
    // The connection outlives an error, and the slot answers again.
    let observation = ask(&slot, "fine").await;
    assert_eq!(counted_as(observation.outcome), ("completed", None));
    assert!(!observation.served.new_connection);

    let truth = bench.ended();
    assert_eq!(truth.len(), REFUSALS.len() + 1, "no retries");
    assert!(truth.iter().all(|truth| truth.connection == 1), "one slot, one connection");
}

/// The exceptions that the service's model knows inside a stream, and their classes.
const STREAM_EXCEPTIONS: [(&str, &str, &str); 5] = [
    ("internalServerException", "InternalServerException", "server"),
    ("modelStreamErrorException", "ModelStreamErrorException", "model_error"),
    ("validationException", "ValidationException", "validation"),
    ("throttlingException", "ThrottlingException", "throttled"),
    ("serviceUnavailableException", "ServiceUnavailableException", "server"),
];

#[tokio::test]
async fn an_exception_in_a_stream_keeps_what_came_before() {
    let fault = |exception: &str, after_tokens| Fault::StreamException {
        after_tokens,
        exception: exception.into(),
        message: "It broke.".into(),
    };
    let mut faults: Vec<_> =
        STREAM_EXCEPTIONS.iter().map(|(name, ..)| (*name, fault(name, 3))).collect();
    faults.push(("at-once", fault("modelStreamErrorException", 0)));
    faults.push(("a new kind", fault("inventedLaterException", 2)));
    let bench = Bench::new(&faults);
    let slot = bench.slot(patient());

    let mut asked = Vec::new();
    let mut check = async |word: &str, code: Option<&str>, class: &str, tokens: u32| {
        let observation = ask(&slot, word).await;
        let name = if class == "throttled" { "throttled" } else { "failed" };
        assert_eq!(counted_as(observation.outcome), (name, Some(class)), "{word}");
        let error = observation.error.clone().unwrap();
        assert_eq!((error.code.as_deref(), &*error.message), (code, "It broke."), "{word}");
        // The status came with the headers, and what was seen stays.
        assert_eq!(observation.served.status, Some(200));
        assert_eq!(observation.timeline.content_events, tokens);
        assert_eq!(observation.timeline.first_text.is_some(), tokens > 0);
        assert!(observation.timeline.first_event.is_some() && observation.timeline.bytes > 0);
        assert_eq!(observation.usage.output_tokens, None, "a broken stream reports no usage");
        assert_in_order(&observation);
        asked.push((sha256(word), observation.served.request_id.unwrap(), tokens));
    };
    for (word, code, class) in STREAM_EXCEPTIONS {
        check(word, Some(code), class, 3).await;
    }
    check("at-once", Some("ModelStreamErrorException"), "model_error", 0).await;
    // The SDK does not tell the name of an exception that its model lacks.
    check("a new kind", None, "protocol", 2).await;

    let truth = bench.ended();
    let seen: Vec<_> = truth
        .into_iter()
        .map(|truth| (truth.prompt_sha256.unwrap(), truth.request_id, truth.output_tokens))
        .collect();
    assert_eq!(seen, asked, "each once, in the order of asking");
}
