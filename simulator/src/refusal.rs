//! An error instead of an answer, in Bedrock's words; `dialect` has those of the others.

use hyper::StatusCode;

/// An error response: a status, the exception's name, and a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
    /// Of a container behind the service, where the error is the container's.
    pub(crate) original_status: Option<u16>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), original_status: None }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ValidationException", message)
    }

    /// Too many of something in a minute.
    pub(crate) fn throttled(of_what: &str) -> Self {
        let message = format!("Too many {of_what}, please wait before trying again.");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "ThrottlingException", message)
    }

    /// What an API without a stream answers in place of an exception inside the stream.
    pub(crate) fn of_exception(name: &str, message: &str) -> Self {
        let (status, code) = match name {
            "internalServerException" => (500, "InternalServerException"),
            "modelStreamErrorException" => (424, "ModelErrorException"),
            "modelTimeoutException" => (408, "ModelTimeoutException"),
            "serviceUnavailableException" => (503, "ServiceUnavailableException"),
            "throttlingException" => (429, "ThrottlingException"),
            "validationException" => (400, "ValidationException"),
            unknown => (500, unknown),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, code, message)
    }

    pub(crate) fn unknown_model(model_id: &str) -> Self {
        let message = format!("Could not find the model '{model_id}': it is not simulated here.");
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    pub(crate) fn unknown_endpoint(name: &str) -> Self {
        let message = format!("Endpoint {name} of account 000000000000 not found.");
        Self::validation(message)
    }

    /// What a container behind an endpoint does not understand.
    pub(crate) fn by_container(message: &str) -> Self {
        let message =
            format!("Received client error (400) from primary with message \"{message}\".");
        let refusal = Self::new(StatusCode::FAILED_DEPENDENCY, "ModelErrorException", message);
        Self { original_status: Some(400), ..refusal }
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_api_key", "Incorrect API key provided.")
    }

    pub(crate) fn unknown_operation(method: &str, path: &str) -> Self {
        let message = format!("No simulated operation answers {method} {path}.");
        Self::new(StatusCode::NOT_FOUND, "UnknownOperationException", message)
    }
}
