//! How a request ended: from the SDK's errors to an [`Outcome`].

use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError as StreamError;

use crate::causes::chain;
use crate::endpoint::connection::SlotError;
use crate::endpoint::failure::{classify, detail};
use crate::record::{ErrorClass, ErrorDetail, Outcome};

/// How a request ended, with what was said of it.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) outcome: Outcome,
    pub(super) error: Option<ErrorDetail>,
}

impl Ending {
    pub(super) fn of(outcome: Outcome) -> Self {
        Self { outcome, error: None }
    }

    pub(super) fn failed(class: ErrorClass, code: Option<&str>, message: &str) -> Self {
        Self { outcome: Outcome::Failed(class), error: Some(detail(code, message)) }
    }

    /// An error before the SDK had an answer: of a stream its head, else the whole of it.
    pub(super) fn of_send<E>(error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let text = chain(error);
        match error {
            SdkError::ServiceError(service) => {
                let (code, message) = (service.err().code(), service.err().message());
                let status = service.raw().status().as_u16();
                let message = message.unwrap_or(&text);
                let outcome = classify(code, Some(status), message);
                Self { outcome, error: Some(detail(code, message)) }
            }
            SdkError::DispatchFailure(failure) => {
                let slot_error = failure.as_connector_error().and_then(|error| {
                    let source = std::error::Error::source(error);
                    source.and_then(|source| source.downcast_ref::<SlotError>())
                });
                if let Some(SlotError::Deadline(deadline, _)) = slot_error {
                    let outcome = Outcome::TimedOut(*deadline);
                    return Self { outcome, error: Some(detail(None, &text)) };
                }
                let class = if let Some(SlotError::Garbled(_)) = slot_error {
                    ErrorClass::Protocol
                } else if failure.is_io() || failure.is_timeout() {
                    ErrorClass::Connection
                } else if failure.is_user() {
                    ErrorClass::Validation
                } else {
                    // What is none of these: the identity could not be resolved.
                    ErrorClass::Credentials
                };
                Self::failed(class, None, &text)
            }
            SdkError::ConstructionFailure(_) => Self::failed(ErrorClass::Validation, None, &text),
            SdkError::ResponseError(_) => Self::failed(ErrorClass::Protocol, None, &text),
            SdkError::TimeoutError(_) | _ => Self::failed(ErrorClass::Connection, None, &text),
        }
    }

    /// An error inside the stream, after HTTP 200.
    pub(super) fn of_stream<R>(error: &SdkError<StreamError, R>) -> Self
    where
        R: std::fmt::Debug,
    {
        let text = chain(error);
        match error {
            SdkError::ServiceError(service) => {
                let (code, message) = (stream_code(service.err()), service.err().message());
                let message = message.unwrap_or(&text);
                let outcome = classify(code, None, message);
                Self { outcome, error: Some(detail(code, message)) }
            }
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => {
                Self::failed(ErrorClass::Connection, None, &text)
            }
            SdkError::ConstructionFailure(_) | SdkError::ResponseError(_) | _ => {
                Self::failed(ErrorClass::Protocol, None, &text)
            }
        }
    }
}

/// The code of an exception inside a stream: the SDK gives modelled ones their type only.
#[expect(clippy::wildcard_enum_match_arm, reason = "the SDK's catch-all must not be named")]
fn stream_code(error: &StreamError) -> Option<&str> {
    match error {
        StreamError::InternalServerException(_) => Some("InternalServerException"),
        StreamError::ModelStreamErrorException(_) => Some("ModelStreamErrorException"),
        StreamError::ValidationException(_) => Some("ValidationException"),
        StreamError::ThrottlingException(_) => Some("ThrottlingException"),
        StreamError::ServiceUnavailableException(_) => Some("ServiceUnavailableException"),
        other => other.code(),
    }
}
