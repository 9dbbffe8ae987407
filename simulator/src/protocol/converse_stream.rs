//! Bedrock's `ConverseStream`: one content event per token.
//!
//! Events come in the order `messageStart`, `contentBlockDelta` for each token,
//! `contentBlockStop`, `messageStop`, `metadata`. There is no `contentBlockStart`, as the service
//! sends none for text. `messageStart` goes out with the headers, well before the first token: a
//! client that took it for the first token would be found out.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{
    Asked, Context, Ending, Protocol, Question, StreamError, StreamWriter, Token, Writer, converse,
};
use crate::fault::Part;
use crate::frame;
use crate::refusal::Refusal;
use crate::words::{WORDS, token_text};

/// The API `POST /model/{name}/converse-stream`.
#[derive(Debug)]
pub(crate) struct ConverseStream;

impl Protocol for ConverseStream {
    fn read(&self, asked: Asked<'_>) -> Result<(Question, Writer), Refusal> {
        Ok((converse::parse(asked.name, asked.body)?, Writer::Streamed(Box::new(Self))))
    }
}

impl StreamWriter for ConverseStream {
    fn content_type(&self) -> &'static str {
        frame::CONTENT_TYPE
    }

    fn reasons(&self) -> bool {
        true
    }

    fn opening(&mut self, _context: &Context, bytes: &mut Vec<u8>) {
        append(bytes, "messageStart", json!({ "role": "assistant" }), 0);
    }

    fn token(&mut self, context: &Context, token: &Token, bytes: &mut Vec<u8>) {
        let Token { word, is_first, is_reasoning, .. } = *token;
        if context.reasoning_tokens == 0 {
            let frame = &TOKEN_FRAMES[usize::from(is_first)][word % WORDS.len()];
            bytes.extend_from_slice(frame);
            return;
        }
        let text = token_text(word, is_first);
        let delta = if is_reasoning {
            json!({"reasoningContent": {"text": text}})
        } else {
            json!({ "text": text })
        };
        if !is_reasoning && is_first {
            append(bytes, "contentBlockStop", json!({ "contentBlockIndex": 0 }), 1);
        }
        let index = u32::from(!is_reasoning);
        append(
            bytes,
            "contentBlockDelta",
            json!({ "contentBlockIndex": index, "delta": delta }),
            word,
        );
    }

    fn closing(&mut self, context: &Context, ending: &Ending, bytes: &mut Vec<u8>) {
        let reason = converse::stop_reason(ending);
        let index = context.text_block(ending.output_tokens);
        append(bytes, "contentBlockStop", json!({ "contentBlockIndex": index }), 1);
        append(bytes, "messageStop", json!({ "stopReason": reason }), 2);
        append(bytes, "metadata", converse::metadata(context, ending), 3);
    }

    fn exception(&mut self, _context: &Context, error: StreamError<'_>, bytes: &mut Vec<u8>) {
        bytes.extend(frame::exception(error.name, &json!({ "message": error.message })));
    }

    fn corrupt(&mut self, bytes: &mut [u8], start: usize, part: Part) {
        frame::corrupt(&mut bytes[start..], part);
    }
}

/// The frames of all tokens, made once: an answer is then a matter of copying.
static TOKEN_FRAMES: LazyLock<[Vec<Vec<u8>>; 2]> = LazyLock::new(|| {
    [false, true].map(|is_first| {
        (0..WORDS.len())
            .map(|word| {
                let text = token_text(word, is_first);
                let payload = json!({ "contentBlockIndex": 0, "delta": {"text": text} });
                frame::padded("contentBlockDelta", payload, word)
            })
            .collect()
    })
});

fn append(bytes: &mut Vec<u8>, name: &str, payload: Value, padding: usize) {
    bytes.extend(frame::padded(name, payload, padding));
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use crate::server::hexadecimal;
    use crate::testing::{plain_profile, prompt};
    use crate::{Simulator, SimulatorConfig};

    /// Measurements of clients are compared over months: the bytes may not change.
    #[tokio::test(start_paused = true)]
    async fn the_bytes_stay_what_they_were() {
        let profiles = vec![plain_profile()];
        let config = SimulatorConfig { profiles, ..Default::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let mut bytes = Vec::new();
        for path in ["converse", "converse-stream"] {
            let body = prompt("one two").to_string();
            let length = body.len();
            let request = format!(
                "POST /model/plain/{path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            let mut connection = simulator.connect();
            connection.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            connection.read_to_end(&mut answer).await.unwrap();
            let date = answer.windows(6).position(|at| at == b"date: ").unwrap();
            answer.drain(date..date + "date: Tue, 15 Nov 1994 08:12:31 GMT".len());
            bytes.extend(answer);
        }
        assert_eq!(
            hexadecimal(&Sha256::digest(&bytes)),
            "f55608fd0c8c51100fb4fd01098b7ba7bcb75c05b990b00b67096900947b0849"
        );
    }
}
