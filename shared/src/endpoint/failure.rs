//! From what AWS says of a failure to its [`Outcome`].
//!
//! The code decides, then the message where one code has several causes (a model at its end of
//! life is a 404 like a mistyped one), then the status where there is no code.

use crate::record::{ErrorClass, ErrorDetail, Outcome};

/// How many characters of a message are kept.
const MESSAGE_LIMIT: usize = 300;

/// The outcome that an error of the service stands for.
pub(crate) fn classify(code: Option<&str>, status: Option<u16>, message: &str) -> Outcome {
    use ErrorClass as Class;
    let code = code.unwrap_or_default();
    // A shape name may come with a namespace before '#' and a URL after ':'.
    let code = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let is = |name: &str| code.strip_suffix("Exception").unwrap_or(code).eq_ignore_ascii_case(name);
    let class = if is("Throttling") || is("Throttled") || is("TooManyRequests") || is("SlowDown") {
        return Outcome::Throttled;
    } else if is("ModelNotReady") {
        Class::ModelNotReady
    } else if is("ModelTimeout") {
        Class::ModelTimeout
    } else if is("ModelError") || is("ModelStreamError") {
        Class::ModelError
    } else if is("Validation") || is("ResourceNotFound") {
        match (says_end_of_life(message), is("Validation")) {
            (true, _) => Class::EndOfLife,
            (false, true) => Class::Validation,
            (false, false) => Class::NotFound,
        }
    } else if is("ExpiredToken") || is("UnrecognizedClient") || is("InvalidClientTokenId") {
        Class::Credentials
    } else if is("AccessDenied") {
        Class::AccessDenied
    } else if is("ServiceQuotaExceeded") {
        Class::QuotaExceeded
    } else if is("InternalServer") || is("InternalFailure") || is("ServiceUnavailable") {
        Class::Server
    } else {
        return by_status(status);
    };
    Outcome::Failed(class)
}

fn by_status(status: Option<u16>) -> Outcome {
    use ErrorClass as Class;
    Outcome::Failed(match status {
        Some(429) => return Outcome::Throttled,
        Some(401 | 403) => Class::AccessDenied,
        Some(404) => Class::NotFound,
        Some(408) => Class::ModelTimeout,
        Some(424) => Class::ModelError,
        Some(400..=499) => Class::Validation,
        Some(500..=599) => Class::Server,
        _ => Class::Protocol,
    })
}

/// Bedrock answers for models at the end of their life, and for legacy ones that this account did
/// not use lately, with the codes of other failures; only the message tells.
fn says_end_of_life(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("end of its life")
        || message.contains("end of life")
        || message.contains("marked by provider as legacy")
        || message.contains("operation not allowed")
}

/// What was said of a failure, shortened.
pub(crate) fn detail(code: Option<&str>, message: &str) -> ErrorDetail {
    let message = match message.char_indices().nth(MESSAGE_LIMIT) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    };
    ErrorDetail { code: code.map(str::to_owned), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, status: u16, message: &str, expected: Outcome) {
        let code = Some(code).filter(|code| !code.is_empty());
        assert_eq!(classify(code, Some(status), message), expected, "{code:?} {status} {message}");
    }

    #[test]
    fn each_failure_has_its_own_class() {
        use ErrorClass as Class;
        check("ThrottlingException", 429, "Too many requests", Outcome::Throttled);
        check("ModelNotReadyException", 429, "", Outcome::Failed(Class::ModelNotReady));
        check("ModelTimeoutException", 408, "", Outcome::Failed(Class::ModelTimeout));
        check("ModelErrorException", 424, "", Outcome::Failed(Class::ModelError));
        check("modelStreamErrorException", 200, "", Outcome::Failed(Class::ModelError));
        check("ValidationException", 400, "bad", Outcome::Failed(Class::Validation));
        check("AccessDeniedException", 403, "", Outcome::Failed(Class::AccessDenied));
        check("ExpiredTokenException", 403, "", Outcome::Failed(Class::Credentials));
        check("ResourceNotFoundException", 404, "no such model", Outcome::Failed(Class::NotFound));
        check("ServiceQuotaExceededException", 400, "", Outcome::Failed(Class::QuotaExceeded));
        check("InternalServerException", 500, "", Outcome::Failed(Class::Server));
        check("ServiceUnavailableException", 503, "", Outcome::Failed(Class::Server));
    }

    #[test]
    fn one_code_with_several_causes_is_told_apart_by_its_message() {
        let end = Outcome::Failed(ErrorClass::EndOfLife);
        let gone = "This model version has reached the end of its life. Please refer to the docs";
        check("ResourceNotFoundException", 404, gone, end);
        let legacy = "Access denied. This Model is marked by provider as Legacy and you have not \
                      been actively using the model in the last 30 days";
        check("ResourceNotFoundException", 404, legacy, end);
        check("ValidationException", 400, "Operation not allowed", end);
    }

    #[test]
    fn without_a_known_code_the_status_decides() {
        check("", 429, "", Outcome::Throttled);
        check("SomethingNew", 503, "", Outcome::Failed(ErrorClass::Server));
        check("com.amazon#ThrottlingException:http://x", 429, "", Outcome::Throttled);
        assert_eq!(classify(None, None, ""), Outcome::Failed(ErrorClass::Protocol));
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        let detail = detail(None, &"ä".repeat(400));
        assert_eq!(detail.message.chars().count(), 301);
    }
}
