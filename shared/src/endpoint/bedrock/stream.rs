//! `ConverseStream`: the answer arrives in events.

use aws_sdk_bedrockruntime::error::ProvideErrorMetadata;
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError;
use aws_sdk_bedrockruntime::types::{ContentBlockDelta, ConverseStreamOutput as Event};
use tokio::time::{Instant, timeout_at};

use super::BedrockEndpoint;
use super::question::Question;
use crate::endpoint::answer::Answer;
use crate::endpoint::ending::Ending;
use crate::payload::Content;
use crate::record::{ErrorClass, Outcome};

impl BedrockEndpoint {
    /// Sends and receives; what was seen is in `answer` even where this is dropped half-way.
    pub(super) async fn stream(&self, question: Question, answer: &mut Answer) -> Ending {
        let sending = self
            .client
            .converse_stream()
            .model_id(&self.model_id)
            .set_system(question.system)
            .messages(question.message)
            .inference_config(question.inference)
            .set_performance_config(question.performance)
            .set_service_tier(question.tier)
            .send();
        let output = match sending.await {
            Ok(output) => output,
            Err(error) => return Ending::of_send(&error),
        };

        let mut stream = output.stream;
        let sent = self.slot.sent().unwrap_or_else(Instant::now);
        loop {
            let (limit, deadline) = self.slot.next_deadline(sent, answer);
            match timeout_at(limit, stream.recv()).await {
                Err(_elapsed) => return Ending::of(Outcome::TimedOut(deadline)),
                Ok(Err(error)) => return Ending::of_stream(&error, code),
                Ok(Ok(Some(event))) => {
                    let at = self.slot.last_bytes().unwrap_or_else(Instant::now);
                    answer.receive_event(event, at);
                }
                Ok(Ok(None)) if answer.is_whole() => return Ending::of(Outcome::Completed),
                Ok(Ok(None)) => {
                    let message = "the stream ended before messageStop and metadata";
                    return Ending::failed(ErrorClass::Protocol, None, message);
                }
            }
        }
    }
}

impl Answer {
    fn receive_event(&mut self, event: Event, at: Instant) {
        self.first_event.get_or_insert(at);
        self.last_event = Some(at);
        match event {
            Event::ContentBlockDelta(delta) => {
                let Some(delta) = delta.delta else { return };
                let content = if let ContentBlockDelta::Text(text) = &delta {
                    Content::of(text)
                } else {
                    Content::Hidden
                };
                self.content(content, at);
            }
            Event::MessageStop(stop) => self.stop_reason = Some(stop.stop_reason.as_str().into()),
            Event::Metadata(metadata) => {
                if let Some(usage) = &metadata.usage {
                    self.count(usage);
                }
                self.served_as(
                    metadata.metrics.map(|metrics| metrics.latency_ms),
                    metadata.performance_config.as_ref(),
                    metadata.service_tier.as_ref(),
                );
            }
            // What a later service adds is no content that we know how to time.
            Event::MessageStart(_)
            | Event::ContentBlockStart(_)
            | Event::ContentBlockStop(_)
            | _ => {}
        }
    }

    /// Whether the answer has all that `ConverseStream` ends with.
    fn is_whole(&self) -> bool {
        self.stop_reason.is_some() && self.usage.source.is_some()
    }
}

/// The code of an exception inside a stream.
#[expect(clippy::wildcard_enum_match_arm, reason = "the SDK's catch-all must not be named")]
fn code(error: &ConverseStreamOutputError) -> Option<&str> {
    use ConverseStreamOutputError as Error;
    match error {
        Error::InternalServerException(_) => Some("InternalServerException"),
        Error::ModelStreamErrorException(_) => Some("ModelStreamErrorException"),
        Error::ValidationException(_) => Some("ValidationException"),
        Error::ThrottlingException(_) => Some("ThrottlingException"),
        Error::ServiceUnavailableException(_) => Some("ServiceUnavailableException"),
        other => other.code(),
    }
}
