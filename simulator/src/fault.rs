//! What goes wrong, and in which requests: a script, so that a test knows beforehand.

use std::ops::RangeInclusive;

use crate::truth::Outcome;

/// A fault and the requests that it befalls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptedFault {
    /// Only requests to this model; none for any model.
    pub model_id: Option<String>,
    /// Which of the requests.
    pub when: When,
    /// What goes wrong.
    pub fault: Fault,
}

/// Which requests a fault befalls.
///
/// Requests are counted from 1, each model for itself, in the order in which they arrived whole.
/// Those that are refused because they are malformed are not counted; a client's warm-up is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// The requests with these numbers.
    Numbers(Vec<u64>),
    /// The requests from one number to another, both included.
    Range(RangeInclusive<u64>),
    /// Every n-th request, beginning with the n-th; never if 0.
    Every(u64),
    /// The requests whose prompt contains this text, whatever their number: the choice for
    /// concurrent clients, whose order is not known beforehand.
    Containing(String),
}

/// What goes wrong with a request. A stall lasts until the client leaves or the simulator stops.
///
/// Where an answer is shorter than `after_tokens`, the fault comes after its last token. Where an
/// answer comes in one piece, nothing of it comes before the fault is due: then its beginning, up
/// to the tokens that the fault leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// An error instead of an answer, at once.
    Status {
        /// HTTP status, from 400 to 599.
        status: u16,
        /// Name of the exception, such as `ThrottlingException`.
        code: String,
        /// What the service would say.
        message: String,
    },
    /// An exception inside the stream, after HTTP status 200; it ends the stream. Without a stream:
    /// the error that stands for it there.
    StreamException {
        /// Tokens before it.
        after_tokens: u32,
        /// Name of the stream's member, such as `modelStreamErrorException`.
        exception: String,
        /// What the service would say.
        message: String,
    },
    /// The headers come, with what precedes the first token, but no token ever.
    StallBeforeFirst,
    /// Tokens come, then nothing more.
    StallAfter {
        /// Tokens before the stall.
        tokens: u32,
    },
    /// Not even the headers come.
    SlowHeaders,
    /// The connection is closed in the middle of a frame or of the one piece.
    Truncate {
        /// Whole tokens before the cut.
        after_tokens: u32,
    },
    /// The connection is reset as soon as the request has arrived, with no byte of an answer.
    Reset,
}

impl Fault {
    /// Whether it can be put on the wire.
    pub(crate) fn is_sensible(&self) -> bool {
        let is_name = |name: &str| {
            !name.is_empty() && name.len() < 128 && name.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        match self {
            Self::Status { status, code, .. } => (400..600).contains(status) && is_name(code),
            Self::StreamException { exception, .. } => is_name(exception),
            Self::StallBeforeFirst
            | Self::StallAfter { .. }
            | Self::SlowHeaders
            | Self::Truncate { .. }
            | Self::Reset => true,
        }
    }

    /// How the truth log names what came of it.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Status { .. } => Outcome::Status,
            Self::StreamException { .. } => Outcome::StreamException,
            Self::StallBeforeFirst => Outcome::StallBeforeFirst,
            Self::StallAfter { .. } => Outcome::StallAfter,
            Self::SlowHeaders => Outcome::SlowHeaders,
            Self::Truncate { .. } => Outcome::Truncate,
            Self::Reset => Outcome::Reset,
        }
    }
}

impl When {
    fn includes(&self, number: u64, prompt: &str) -> bool {
        match self {
            Self::Numbers(numbers) => numbers.contains(&number),
            Self::Range(range) => range.contains(&number),
            Self::Every(step) => *step != 0 && number.is_multiple_of(*step),
            Self::Containing(text) => prompt.contains(text),
        }
    }
}

/// The fault of a model's `number`-th request: the first of the script that fits.
pub(crate) fn find<'a>(
    script: &'a [ScriptedFault],
    model_id: &str,
    number: u64,
    prompt: &str,
) -> Option<&'a Fault> {
    script
        .iter()
        .filter(|entry| entry.model_id.as_deref().is_none_or(|id| id == model_id))
        .find(|entry| entry.when.includes(number, prompt))
        .map(|entry| &entry.fault)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpStream;

    use super::*;
    use crate::testing::{Reply, ask, plain_profile, prompt};
    use crate::{Simulator, SimulatorConfig, Truth};

    async fn start(fault: Fault) -> Simulator {
        let script = vec![ScriptedFault { model_id: None, when: When::Every(1), fault }];
        let profiles = vec![plain_profile()];
        Simulator::start(SimulatorConfig { profiles, script, ..Default::default() }).await.unwrap()
    }

    /// The reply and the truth of a request that meets the fault.
    async fn meet(fault: Fault) -> (Reply, Truth) {
        let simulator = start(fault).await;
        let reply = ask(simulator.connect(), "plain", &prompt("one")).await.unwrap();
        (reply, simulator.truth().pop().unwrap())
    }

    /// The truth of a request that meets a stall and whose client leaves after a second.
    async fn leave(fault: Fault) -> Truth {
        let simulator = start(fault).await;
        let request = prompt("one");
        let asked = ask(simulator.connect(), "plain", &request);
        assert!(tokio::time::timeout(Duration::from_secs(1), asked).await.is_err());
        // The paused clock moves only when every task has seen the client leave.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let truth = simulator.truth().pop().unwrap();
        assert_eq!(truth.ended_ns - truth.received_ns, 1_000_000_000);
        truth
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_comes_at_once() {
        let (reply, truth) = meet(Fault::Status {
            status: 429,
            code: "ThrottlingException".into(),
            message: "Too many requests.".into(),
        })
        .await;
        assert_eq!((reply.status, reply.headers_at), (429, Duration::ZERO));
        assert_eq!(&reply.body[..], br#"{"message":"Too many requests."}"#);
        assert!(reply.header("x-amzn-errortype").starts_with("ThrottlingException:"));
        assert_eq!((truth.outcome, truth.status), (Outcome::Status, Some(429)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_exception_ends_the_stream() {
        let check = async |after_tokens, tokens| {
            let (reply, truth) = meet(Fault::StreamException {
                after_tokens,
                exception: "modelStreamErrorException".into(),
                message: "It broke.".into(),
            })
            .await;
            assert_eq!((reply.tokens().len(), reply.is_broken, reply.rest), (tokens, false, 0));
            assert_eq!(reply.last().name, "modelStreamErrorException");
            assert_eq!(reply.last().payload["message"], "It broke.");
            assert_eq!((truth.outcome, truth.status), (Outcome::StreamException, Some(200)));
            assert_eq!(usize::try_from(truth.output_tokens), Ok(tokens));
        };
        check(0, 0).await;
        check(3, 3).await;
        check(99, 10).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_leaves_half_a_frame() {
        let (reply, truth) = meet(Fault::Truncate { after_tokens: 4 }).await;
        assert_eq!((reply.tokens().len(), reply.is_broken), (4, true));
        assert!(reply.rest > 0);
        assert_eq!((truth.outcome, truth.output_tokens), (Outcome::Truncate, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn stalls_last_until_the_client_leaves() {
        let truth = leave(Fault::SlowHeaders).await;
        assert_eq!((truth.outcome, truth.status), (Outcome::SlowHeaders, None));
        let truth = leave(Fault::StallBeforeFirst).await;
        assert_eq!((truth.outcome, truth.status), (Outcome::StallBeforeFirst, Some(200)));
        assert_eq!(truth.first_token_written_ns, None);
        let truth = leave(Fault::StallAfter { tokens: 3 }).await;
        assert_eq!((truth.outcome, truth.output_tokens), (Outcome::StallAfter, 3));
        let last = truth.last_token_written_ns.unwrap();
        assert_eq!(last - truth.received_ns, 121_000_000);
    }

    #[tokio::test]
    async fn a_reset_is_a_reset() {
        let simulator = start(Fault::Reset).await;
        let stream = TcpStream::connect(simulator.address()).await.unwrap();
        let error = ask(stream, "plain", &prompt("one")).await.unwrap_err();
        let source = std::error::Error::source(&error).unwrap();
        let source = source.downcast_ref::<std::io::Error>().unwrap();
        assert_eq!(source.kind(), std::io::ErrorKind::ConnectionReset);
        let truth = simulator.truth().pop().unwrap();
        assert_eq!((truth.outcome, truth.status), (Outcome::Reset, None));
    }

    #[test]
    fn requests_are_chosen_by_number_or_text() {
        let check = |when: When, expected: &[u64]| {
            let chosen: Vec<_> = (1..=7).filter(|number| when.includes(*number, "hello")).collect();
            assert_eq!(chosen, expected, "{when:?}");
        };
        check(When::Numbers(vec![6, 2]), &[2, 6]);
        check(When::Range(3..=4), &[3, 4]);
        check(When::Every(3), &[3, 6]);
        check(When::Every(0), &[]);
        check(When::Containing("ell".into()), &[1, 2, 3, 4, 5, 6, 7]);
        check(When::Containing("elk".into()), &[]);
    }

    #[test]
    fn the_first_entry_that_fits_counts() {
        let entry = |model_id: Option<&str>, when, fault| ScriptedFault {
            model_id: model_id.map(str::to_owned),
            when,
            fault,
        };
        let script = [
            entry(Some("a"), When::Numbers(vec![2]), Fault::Reset),
            entry(None, When::Every(2), Fault::SlowHeaders),
        ];
        assert_eq!(find(&script, "a", 2, ""), Some(&Fault::Reset));
        assert_eq!(find(&script, "a", 4, ""), Some(&Fault::SlowHeaders));
        assert_eq!(find(&script, "b", 2, ""), Some(&Fault::SlowHeaders));
        assert_eq!(find(&script, "b", 1, ""), None);
    }
}
