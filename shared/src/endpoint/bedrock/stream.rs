//! `ConverseStream`: the answer arrives in events.

use aws_sdk_bedrockruntime::types::{ContentBlockDelta, ConverseStreamOutput as Event};
use tokio::time::{Instant, timeout_at};

use super::BedrockEndpoint;
use super::answer::Answer;
use super::ending::Ending;
use super::question::Question;
use crate::record::{Deadline, ErrorClass, Outcome};

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
            let (limit, deadline) = match answer.last_event {
                Some(last) if answer.first_content.is_some() => self.stall_limit(sent, last),
                _ => self.first_token_limit(sent),
            };
            match timeout_at(limit, stream.recv()).await {
                Err(_elapsed) => return Ending::of(Outcome::TimedOut(deadline)),
                Ok(Err(error)) => return Ending::of_stream(&error),
                Ok(Ok(Some(event))) => {
                    let at = self.slot.last_bytes().unwrap_or_else(Instant::now);
                    answer.receive(event, at);
                }
                Ok(Ok(None)) if answer.is_whole() => return Ending::of(Outcome::Completed),
                Ok(Ok(None)) => {
                    let message = "the stream ended before messageStop and metadata";
                    return Ending::failed(ErrorClass::Protocol, None, message);
                }
            }
        }
    }

    fn first_token_limit(&self, sent: Instant) -> (Instant, Deadline) {
        let first = (sent + self.deadlines.first_token, Deadline::FirstToken);
        first.min((sent + self.deadlines.request, Deadline::Request))
    }

    fn stall_limit(&self, sent: Instant, last_event: Instant) -> (Instant, Deadline) {
        let stall = (last_event + self.deadlines.stall, Deadline::Stall);
        stall.min((sent + self.deadlines.request, Deadline::Request))
    }
}

impl Answer {
    fn receive(&mut self, event: Event, at: Instant) {
        self.first_event.get_or_insert(at);
        self.last_event = Some(at);
        match event {
            Event::ContentBlockDelta(delta) => {
                let Some(delta) = delta.delta else { return };
                let text = matches!(&delta, ContentBlockDelta::Text(text) if !text.is_empty());
                if matches!(&delta, ContentBlockDelta::Text(_)) && !text {
                    return; // an empty delta is no content
                }
                if text {
                    self.first_text.get_or_insert(at);
                }
                if let Some(last) = self.last_content {
                    self.gap(at.duration_since(last));
                }
                self.first_content.get_or_insert(at);
                self.last_content = Some(at);
                self.content_events += 1;
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
