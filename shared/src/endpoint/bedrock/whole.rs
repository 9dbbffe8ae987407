//! `Converse`: the answer arrives whole. There is no first token to time, only the response's head
//! and its end; the connection keeps all deadlines.

use aws_sdk_bedrockruntime::types::ConverseOutput;

use super::BedrockEndpoint;
use super::question::Question;
use crate::endpoint::answer::Answer;
use crate::endpoint::ending::Ending;
use crate::record::{ErrorClass, Outcome};

impl BedrockEndpoint {
    /// Sends and receives. An answer without usage is whole all the same.
    pub(super) async fn whole(&self, question: Question, answer: &mut Answer) -> Ending {
        let sending = self
            .client
            .converse()
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
        answer.stop_reason = Some(output.stop_reason.as_str().to_owned());
        if let Some(usage) = &output.usage {
            answer.count(usage);
        }
        answer.served_as(
            output.metrics.map(|metrics| metrics.latency_ms),
            output.performance_config.as_ref(),
            output.service_tier.as_ref(),
        );
        // The SDK takes an empty body for an answer, too.
        if let Some(ConverseOutput::Message(_)) = output.output {
            Ending::of(Outcome::Completed)
        } else {
            Ending::failed(ErrorClass::Protocol, None, "the answer has no message")
        }
    }
}
