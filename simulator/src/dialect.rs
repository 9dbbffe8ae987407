//! How an API family spells errors.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};

use crate::refusal::Refusal;

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Whose words an error is in. Refusals are made in Bedrock's; the others translate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Bedrock,
    SageMaker,
    OpenAi,
}

impl Dialect {
    /// That of a path.
    pub(crate) fn of(path: &str) -> Self {
        if path.starts_with("/v1/") {
            Self::OpenAi
        } else if path.starts_with("/endpoints/") {
            Self::SageMaker
        } else {
            Self::Bedrock
        }
    }

    /// What a refusal is here. One that a script asked for keeps its status.
    pub(crate) fn translate(self, refusal: Refusal, is_scripted: bool) -> Refusal {
        let Refusal { status, code, message, original_status } = refusal;
        let (code, status_here) = match self {
            Self::Bedrock => (code, None),
            Self::SageMaker => sagemaker_code(code),
            Self::OpenAi => (openai_code(code), None),
        };
        let status = status_here.filter(|_| !is_scripted).unwrap_or(status);
        Refusal { status, code, message, original_status }
    }

    /// The body of an error that is in this dialect's words.
    pub(crate) fn body(self, refusal: &Refusal) -> Value {
        let message = &refusal.message;
        match self {
            Self::Bedrock => json!({ "message": message }),
            Self::SageMaker if refusal.code == "ModelError" => json!({
                "Message": message,
                "OriginalStatusCode": refusal.original_status.unwrap_or(500),
                "OriginalMessage": message,
                "LogStreamArn": "",
            }),
            Self::SageMaker => json!({ "Message": message }),
            Self::OpenAi => json!({
                "error": {
                    "message": message,
                    "type": openai_type(refusal.status),
                    "param": null,
                    "code": refusal.code,
                }
            }),
        }
    }

    pub(crate) fn bytes(self, refusal: &Refusal) -> Bytes {
        self.body(refusal).to_string().into()
    }

    /// Adds the headers that every response has here.
    pub(crate) fn headers(self, request_id: &str, headers: &mut HeaderMap) {
        if self == Self::OpenAi
            && let Ok(id) = HeaderValue::from_str(request_id)
        {
            headers.insert(REQUEST_ID, id);
        }
    }

    /// Adds the headers that an error has here.
    pub(crate) fn error_headers(self, refusal: &Refusal, headers: &mut HeaderMap) {
        // The services append the name space of the code; clients have to cut it off.
        let service = match self {
            Self::Bedrock => "com.amazon.bedrock",
            Self::SageMaker => "com.amazonaws.sagemaker",
            Self::OpenAi => {
                if refusal.status == StatusCode::TOO_MANY_REQUESTS {
                    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
                }
                return;
            }
        };
        let error_type = format!("{}:http://internal.amazon.com/coral/{service}/", refusal.code);
        if let Ok(error_type) = HeaderValue::try_from(error_type) {
            headers.insert(ERROR_TYPE, error_type);
        }
    }
}

/// SageMaker's word, and its status where that is another.
fn sagemaker_code(code: String) -> (String, Option<StatusCode>) {
    let (word, status) = match &*code {
        "ValidationException" => ("ValidationError", None),
        "ResourceNotFoundException" => ("ValidationError", Some(StatusCode::BAD_REQUEST)),
        "ThrottlingException" => ("ThrottlingException", Some(StatusCode::BAD_REQUEST)),
        "ModelErrorException" | "ModelTimeoutException" => {
            ("ModelError", Some(StatusCode::FAILED_DEPENDENCY))
        }
        "ServiceUnavailableException" => ("ServiceUnavailable", None),
        "InternalServerException" => ("InternalFailure", None),
        _ => return (code, None),
    };
    (word.to_owned(), status)
}

fn openai_code(code: String) -> String {
    let word = match &*code {
        "ValidationException" => "invalid_request",
        "ResourceNotFoundException" => "model_not_found",
        "UnknownOperationException" => "unknown_url",
        "ThrottlingException" => "rate_limit_exceeded",
        "ServiceUnavailableException" => "service_unavailable",
        "InternalServerException" | "ModelErrorException" | "modelStreamErrorException" => {
            "server_error"
        }
        "ModelTimeoutException" => "timeout",
        _ => return code,
    };
    word.to_owned()
}

fn openai_type(status: StatusCode) -> &'static str {
    match status {
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::FORBIDDEN => "permission_error",
        StatusCode::REQUEST_TIMEOUT | StatusCode::FAILED_DEPENDENCY => "server_error",
        status if status.is_server_error() => "server_error",
        _ => "invalid_request_error",
    }
}
