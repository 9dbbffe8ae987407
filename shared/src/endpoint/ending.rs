//! How a request ended: from the SDK's errors to an [`Outcome`].

use std::error::Error;
use std::fmt::Debug;

use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::result::ConnectorError;

use super::connection::SlotError;
use super::failure::{classify, detail};
use crate::causes::chain;
use crate::record::{ErrorClass, ErrorDetail, Outcome};

/// How a request ended, with what was said of it.
#[derive(Debug)]
pub(in crate::endpoint) struct Ending {
    pub(in crate::endpoint) outcome: Outcome,
    pub(in crate::endpoint) error: Option<ErrorDetail>,
}

impl Ending {
    pub(in crate::endpoint) fn of(outcome: Outcome) -> Self {
        Self { outcome, error: None }
    }

    pub(in crate::endpoint) fn failed(
        class: ErrorClass,
        code: Option<&str>,
        message: &str,
    ) -> Self {
        Self { outcome: Outcome::Failed(class), error: Some(detail(code, message)) }
    }

    /// An error before the SDK had an answer: of a stream its head, else the whole of it.
    pub(in crate::endpoint) fn of_send<E>(error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
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
            SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
                Some(error) => Self::of_connector(error, &text),
                None => Self::failed(ErrorClass::Connection, None, &text),
            },
            SdkError::ConstructionFailure(_) => Self::failed(ErrorClass::Validation, None, &text),
            SdkError::ResponseError(_) => Self::failed(ErrorClass::Protocol, None, &text),
            SdkError::TimeoutError(_) | _ => Self::failed(ErrorClass::Connection, None, &text),
        }
    }

    /// An error of the connection, before there was an answer.
    pub(in crate::endpoint) fn of_connector(error: &ConnectorError, text: &str) -> Self {
        let slot_error = error.source().and_then(|source| source.downcast_ref::<SlotError>());
        if let Some(SlotError::Deadline(deadline, _)) = slot_error {
            let outcome = Outcome::TimedOut(*deadline);
            return Self { outcome, error: Some(detail(None, text)) };
        }
        let class = if let Some(SlotError::Garbled(_)) = slot_error {
            ErrorClass::Protocol
        } else if error.is_io() || error.is_timeout() {
            ErrorClass::Connection
        } else if error.is_user() {
            ErrorClass::Validation
        } else {
            // What is none of these: the identity could not be resolved.
            ErrorClass::Credentials
        };
        Self::failed(class, None, text)
    }

    /// An error inside the stream, after HTTP 200. `code` is of the error's type: the SDK gives those
    /// that it has a model of no other.
    pub(in crate::endpoint) fn of_stream<E, R>(
        error: &SdkError<E, R>,
        code: fn(&E) -> Option<&str>,
    ) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: Debug,
    {
        let text = chain(error);
        match error {
            SdkError::ServiceError(service) => {
                let (code, message) = (code(service.err()), service.err().message());
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
