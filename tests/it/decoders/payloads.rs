//! Answers in every format through the whole client: from Bedrock, from SageMaker, from a server. The
//! documents are those with which fuzzing begins.

use std::fs;

use aws_smithy_types::base64;
use shared::payload::{FORMATS, Payload};
use shared::plan::Api;
use shared::record::{ErrorClass, Outcome};
use simulator::scripted::{After, Framing, Script, frame, response};
use tests::wire::{Heard, Spoken, ask};

use super::cut_at;
use crate::binaries::workspace;

fn fixture(name: &str, file: &str) -> Vec<u8> {
    let path = workspace().join(format!("fuzz/corpus/payload/{name}-{file}"));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The operations of a server that speak a format: streamed, and whole.
fn operations(payload: Payload) -> Option<(Api, Api)> {
    match payload.name() {
        "openai_chat" => Some((Api::ChatStream, Api::Chat)),
        "openai_completions" => Some((Api::CompletionsStream, Api::Completions)),
        _ => None,
    }
}

/// Everything that is spoken in a format, and the body of an answer in it.
fn spoken(name: &str, payload: Payload) -> Vec<(Spoken, Vec<u8>)> {
    let whole = fixture(name, "whole.json");
    let mut all = vec![
        (Spoken::Native(payload, false), whole.clone()),
        (Spoken::Container(payload, false), whole.clone()),
    ];
    if payload.format().streams() {
        let stream = fixture(name, "stream.jsonl");
        let documents = || stream.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let chunk = |document: &[u8]| {
            let bytes = format!(r#"{{"bytes":"{}"}}"#, base64::encode(document));
            frame("event", "chunk", bytes.as_bytes())
        };
        all.push((Spoken::Native(payload, true), documents().flat_map(chunk).collect()));
        // Cut where no line ends, and in the middle of a character.
        let part = |part: &[u8]| frame("event", "PayloadPart", part);
        all.push((Spoken::Container(payload, true), stream.chunks(5).flat_map(part).collect()));
        let events = documents().flat_map(|line| [b"data: ", line, b"\n\n"].concat());
        let events: Vec<u8> = events.chain(*b"data: [DONE]\n\n").collect();
        let parts = events.chunks(11).flat_map(part).collect();
        all.push((Spoken::Container(payload, true), parts));
        if let Some((streamed, _)) = operations(payload) {
            all.push((Spoken::Server(streamed), events));
        }
    }
    if let Some((_, at_once)) = operations(payload) {
        all.push((Spoken::Server(at_once), whole));
    }
    all
}

fn hear(spoken: Spoken, body: &[u8]) -> Heard {
    let pieces = vec![response(Framing::Chunks, &[body.to_vec()])];
    ask(spoken, Script { pieces, after: After::Open })
}

#[test]
fn split_at_any_byte_it_is_the_same_answer() {
    for (name, payload, format) in FORMATS {
        for (spoken, body) in spoken(name, payload) {
            let bytes = response(Framing::Chunks, std::slice::from_ref(&body));
            let sound = hear(spoken, &body);
            assert_eq!(sound.outcome, Outcome::Completed, "{name}, {spoken:?}: {sound:?}");
            assert!(sound.stop_reason.is_some(), "{name}, {spoken:?}");
            let streamed = !matches!(
                spoken,
                Spoken::Native(_, false)
                    | Spoken::Container(_, false)
                    | Spoken::Server(Api::Chat | Api::Completions)
            );
            assert!(!streamed || format.streams());
            assert_eq!(sound.content_events, if streamed { 2 } else { 0 }, "{name}, {spoken:?}");
            // Each place for the shortest, some for the rest: an answer takes a millisecond here.
            let step = (bytes.len() / 400).max(1);
            for place in (1..bytes.len()).step_by(step) {
                let script = Script { pieces: cut_at(&bytes, [place]), after: After::Open };
                assert_eq!(ask(spoken, script), sound, "{name}, {spoken:?}, at {place}");
            }
        }
    }
}

#[test]
fn cut_short_it_is_never_an_answer() {
    for (name, payload, _) in FORMATS {
        for (spoken, body) in spoken(name, payload) {
            let text = body.trim_ascii_end();
            // What follows the last document says nothing more.
            let done = b"data: [DONE]";
            let end =
                text.strip_suffix(done).map_or(text.len(), |text| text.trim_ascii_end().len());
            let end = if matches!(spoken, Spoken::Container(_, true)) { end / 2 } else { end };
            let step = (end / 200).max(1);
            for length in (0..end).step_by(step) {
                let heard = hear(spoken, &body[..length]);
                let broken = [ErrorClass::Protocol, ErrorClass::Connection].map(Outcome::Failed);
                // A stop reason may have come, and what is missing be the count of tokens alone.
                let is_whole = heard.outcome == Outcome::Completed && heard.stop_reason.is_some();
                let streamed = heard.content_events == 2;
                assert!(
                    broken.contains(&heard.outcome) || (is_whole && streamed),
                    "{name}, {spoken:?}, {length} bytes: {heard:?}"
                );
            }
        }
    }
}

#[test]
fn damaged_it_is_an_answer_or_a_failure_and_never_a_panic() {
    for (name, payload, _) in FORMATS {
        for (spoken, body) in spoken(name, payload) {
            let step = (body.len() / 60).max(1);
            for place in (0..body.len()).step_by(step) {
                for bits in [1_u8, 0xff] {
                    let mut changed = body.clone();
                    changed[place] ^= bits;
                    let heard = hear(spoken, &changed);
                    let told = heard.outcome == Outcome::Completed || heard.error.is_some();
                    assert!(told, "{name}, {spoken:?}, at {place}: {heard:?}");
                }
            }
        }
    }
}

#[test]
fn a_container_that_fails_half_way_is_a_failure() {
    let failed = br#"{"token":{"id":-1,"text":"","special_token":true},"details":{"finish_reason":"error"}}"#;
    let lines = [b"{\"token\":{\"id\":1,\"text\":\"Hello\"}}\n", &failed[..], b"\n"].concat();
    let heard = hear(Spoken::Container(Payload::Djl, true), &frame("event", "PayloadPart", &lines));
    assert_eq!(heard.outcome, Outcome::Failed(ErrorClass::ModelError), "{heard:?}");
    assert_eq!(heard.content_events, 1, "{heard:?}");
    let exception =
        frame("exception", "ModelStreamError", br#"{"Message":"x","ErrorCode":"StreamBroken"}"#);
    let heard = hear(Spoken::Container(Payload::Tgi, true), &exception);
    assert_eq!(heard.outcome, Outcome::Failed(ErrorClass::ModelError), "{heard:?}");
}

#[test]
fn tokens_that_nobody_counted_are_estimated_and_said_to_be() {
    use shared::record::UsageSource;
    let lines = b"{\"token\":{\"id\":1,\"text\":\"Hello\"}}\n{\"token\":{\"id\":2,\"text\":\"!\"},\"generated_text\":\"Hello!\"}\n";
    let heard = hear(Spoken::Container(Payload::Djl, true), &frame("event", "PayloadPart", lines));
    assert_eq!(heard.outcome, Outcome::Completed, "{heard:?}");
    assert_eq!(heard.usage.output_tokens, Some(2), "each line is a token");
    assert_eq!(heard.usage.source, Some(UsageSource::Estimate));
    let heard = hear(Spoken::Native(Payload::Cohere, false), &fixture("cohere", "whole.json"));
    assert_eq!(heard.usage.source, Some(UsageSource::Estimate), "without the headers");
}
