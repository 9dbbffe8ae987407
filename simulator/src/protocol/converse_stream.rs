//! Bedrock's `ConverseStream`: one content event per token.
//!
//! Events come in the order `messageStart`, `contentBlockDelta` for each token,
//! `contentBlockStop`, `messageStop`, `metadata`. There is no `contentBlockStart`, as the service
//! sends none for text. `messageStart` goes out with the headers, well before the first token: a
//! client that took it for the first token would be found out.

use std::sync::LazyLock;

use serde_json::json;

use super::{Ending, Question, StreamedProtocol, converse};
use crate::fault::Part;
use crate::frame;
use crate::refusal::Refusal;
use crate::words::{WORDS, token_text};

/// The API `POST /model/{model}/converse-stream`.
#[derive(Debug)]
pub(crate) struct ConverseStream;

impl StreamedProtocol for ConverseStream {
    fn parse(&self, model_id: Option<String>, body: &[u8]) -> Result<Question, Refusal> {
        converse::parse(model_id, body)
    }

    fn content_type(&self) -> &'static str {
        frame::CONTENT_TYPE
    }

    fn opening(&self, bytes: &mut Vec<u8>) {
        append(bytes, "messageStart", json!({ "role": "assistant" }), 0);
    }

    fn token(&self, word: usize, is_first: bool, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&TOKEN_FRAMES[usize::from(is_first)][word % WORDS.len()]);
    }

    fn closing(&self, ending: &Ending, bytes: &mut Vec<u8>) {
        let reason = converse::stop_reason(ending);
        append(bytes, "contentBlockStop", json!({ "contentBlockIndex": 0 }), 1);
        append(bytes, "messageStop", json!({ "stopReason": reason }), 2);
        append(bytes, "metadata", converse::metadata(ending), 3);
    }

    fn exception(&self, name: &str, message: &str, bytes: &mut Vec<u8>) {
        bytes.extend(frame::exception(name, message));
    }

    fn corrupt(&self, bytes: &mut [u8], part: Part) {
        frame::corrupt(bytes, part);
    }
}

/// The frames of all tokens, made once: an answer is then a matter of copying.
static TOKEN_FRAMES: LazyLock<[Vec<Vec<u8>>; 2]> = LazyLock::new(|| {
    [false, true].map(|is_first| {
        (0..WORDS.len())
            .map(|word| {
                let text = token_text(word, is_first);
                let payload = json!({ "contentBlockIndex": 0, "delta": {"text": text} });
                padded("contentBlockDelta", payload, word)
            })
            .collect()
    })
});

fn append(bytes: &mut Vec<u8>, name: &str, payload: serde_json::Value, padding: usize) {
    bytes.extend(padded(name, payload, padding));
}

/// An event with padding `p` as the service adds it, so that the length of a frame does not tell
/// the length of its text.
fn padded(name: &str, mut payload: serde_json::Value, padding: usize) -> Vec<u8> {
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    payload["p"] = LETTERS[..=padding * 7 % LETTERS.len()].into();
    frame::event(name, &payload)
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
