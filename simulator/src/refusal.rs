//! An error instead of an answer, in the form of AWS's REST-JSON protocols.

use bytes::Bytes;
use hyper::StatusCode;

/// An error response: a status, the exception's name in a header, and a message in the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "ValidationException".into(),
            message: message.into(),
        }
    }

    /// Too many of something in a minute.
    pub(crate) fn throttled(of_what: &str) -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            code: "ThrottlingException".into(),
            message: format!("Too many {of_what}, please wait before trying again."),
        }
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
        Self { status, code: code.to_owned(), message: message.to_owned() }
    }

    pub(crate) fn unknown_model(model_id: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "ResourceNotFoundException".into(),
            message: format!("Could not find the model '{model_id}': it is not simulated here."),
        }
    }

    pub(crate) fn unknown_operation(method: &str, path: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "UnknownOperationException".into(),
            message: format!("No simulated operation answers {method} {path}."),
        }
    }

    /// The value of `x-amzn-ErrorType`. The services append the name space of the code; clients
    /// have to cut it off.
    pub(crate) fn error_type(&self) -> String {
        format!("{}:http://internal.amazon.com/coral/com.amazon.bedrock/", self.code)
    }

    pub(crate) fn body(&self) -> Bytes {
        serde_json::json!({ "message": self.message }).to_string().into()
    }
}
