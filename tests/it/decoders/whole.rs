//! Answers of `Converse`: one JSON document, which has no checksum.

use proptest::prelude::*;
use shared::plan::Api;
use shared::record::{Deadline, ErrorClass, Outcome};
use simulator::scripted::{After, Framing, Script, converse, response};
use tests::wire::{Heard, ask};

use super::{arriving, changed, cut_at};

const TOKENS: u32 = 3;

fn hear(bytes: &[u8], after: After) -> Heard {
    ask(Api::Converse, Script { pieces: vec![bytes.to_vec()], after })
}

fn body(text: &str) -> Heard {
    hear(&response(Framing::Length, &[text.as_bytes().to_vec()]), After::Open)
}

fn sound() -> Heard {
    let heard = hear(&response(Framing::Length, &[converse(TOKENS)]), After::Open);
    assert_eq!(heard.outcome, Outcome::Completed);
    assert_eq!(heard.usage.output_tokens, Some(TOKENS));
    heard
}

#[test]
fn split_at_any_byte_it_is_the_same_answer() {
    let (sound, bytes) = (sound(), response(Framing::Chunks, &[converse(TOKENS)]));
    for place in 1..bytes.len() {
        assert_eq!(arriving(Api::Converse, cut_at(&bytes, [place])), sound, "at {place}");
    }
}

#[test]
fn cut_at_any_byte_it_is_never_an_answer() {
    let whole = converse(TOKENS);
    for length in 0..whole.len() {
        let heard = hear(&response(Framing::Length, &[whole[..length].to_vec()]), After::Open);
        assert_eq!(heard.outcome, Outcome::Failed(ErrorClass::Protocol), "{length}: {heard:?}");
    }
    for framing in [Framing::Length, Framing::Chunks, Framing::Close] {
        let bytes = response(framing, std::slice::from_ref(&whole));
        for length in 0..bytes.len() {
            let heard = hear(&bytes[..length], After::Close);
            assert!(matches!(heard.outcome, Outcome::Failed(_)), "{framing:?} {length}: {heard:?}");
        }
    }
}

#[test]
fn an_answer_that_stops_at_any_byte_meets_a_deadline() {
    let bytes = response(Framing::Length, &[converse(TOKENS)]);
    for length in 0..bytes.len() {
        let heard = hear(&bytes[..length], After::Silence);
        // The deadlines are equally long; the whole request's began earlier.
        let expected = [Deadline::Request, Deadline::Stall].map(Outcome::TimedOut);
        assert!(expected.contains(&heard.outcome), "{length} bytes: {heard:?}");
    }
}

#[test]
fn http_with_any_byte_changed_never_makes_half_an_answer() {
    for bytes in changed(&response(Framing::Chunks, &[converse(TOKENS)])) {
        let heard = hear(&bytes, After::Open);
        if heard.outcome == Outcome::Completed {
            assert!(heard.stop_reason.is_some() && heard.error.is_none(), "{heard:?}");
        } else {
            assert!(heard.error.is_some(), "{heard:?}");
        }
    }
}

#[test]
fn what_holds_no_message_is_no_answer() {
    let nested = "[".repeat(100_000);
    let nested_in = format!("{{\"output\":{nested}");
    let no_message = [
        "",
        "{}",
        "null",
        "7",
        "[]",
        r#"{"stopReason":"end_turn"}"#,
        r#"{"output":null,"stopReason":"end_turn"}"#,
        r#"{"output":{},"stopReason":"end_turn"}"#,
        r#"{"output":{"later":{}},"stopReason":"end_turn"}"#,
        &nested,
        &nested_in,
    ];
    for text in no_message {
        let heard = body(text);
        assert_eq!(heard.outcome, Outcome::Failed(ErrorClass::Protocol), "{text:.60}: {heard:?}");
    }
}

proptest! {
    #[test]
    fn split_at_several_bytes_it_is_the_same_answer(
        tokens in 1_u32..60,
        places in prop::collection::vec(any::<prop::sample::Index>(), 1..20),
    ) {
        let bytes = response(Framing::Chunks, &[converse(tokens)]);
        let mut places: Vec<usize> = places.iter().map(|place| place.index(bytes.len())).collect();
        places.sort_unstable();
        let heard = arriving(Api::Converse, cut_at(&bytes, places));
        prop_assert_eq!(heard.outcome, Outcome::Completed);
        prop_assert_eq!(heard, hear(&bytes, After::Open));
    }
}
