//! Answers of `ConverseStream`: the SDK's decoder, our connection and our reading of the events.

use proptest::prelude::*;
use shared::plan::Api;
use shared::record::{Deadline, ErrorClass, Outcome};
use simulator::scripted::{After, Framing, Script, converse_stream, frame, response};
use tests::wire::{Heard, ask};

use super::{arriving, changed, cut_at};

const TOKENS: u32 = 2;

const FRAMINGS: [Framing; 3] = [Framing::Length, Framing::Chunks, Framing::Close];

fn hear(bytes: &[u8], after: After) -> Heard {
    ask(Api::ConverseStream, Script { pieces: vec![bytes.to_vec()], after })
}

/// What the sound answer comes to.
fn sound() -> Heard {
    let heard = hear(&response(Framing::Length, &converse_stream(TOKENS)), After::Open);
    assert_eq!((heard.outcome, heard.content_events), (Outcome::Completed, TOKENS));
    assert_eq!(heard.usage.output_tokens, Some(TOKENS));
    heard
}

#[track_caller]
fn assert_broken(heard: &Heard, what: &str) {
    let broken = [ErrorClass::Protocol, ErrorClass::Connection].map(Outcome::Failed);
    assert!(broken.contains(&heard.outcome), "{what}: {heard:?}");
    assert!(heard.error.is_some(), "{what}");
}

#[test]
fn split_at_any_byte_it_is_the_same_answer() {
    let (sound, bytes) = (sound(), response(Framing::Chunks, &converse_stream(TOKENS)));
    for place in 1..bytes.len() {
        assert_eq!(arriving(Api::ConverseStream, cut_at(&bytes, [place])), sound, "at {place}");
    }
    let single = bytes.iter().map(|byte| vec![*byte]).collect();
    assert_eq!(arriving(Api::ConverseStream, single), sound, "byte by byte");
}

#[test]
fn cut_at_any_byte_it_is_never_an_answer() {
    for framing in FRAMINGS {
        let bytes = response(framing, &converse_stream(TOKENS));
        for length in 0..bytes.len() {
            let heard = hear(&bytes[..length], After::Close);
            assert_broken(&heard, &format!("{framing:?}, {length} bytes"));
        }
    }
}

#[test]
fn frames_that_are_cut_at_any_byte_in_sound_http_are_a_broken_protocol() {
    let stream = converse_stream(TOKENS).concat();
    for framing in FRAMINGS {
        for length in 0..stream.len() {
            let bytes = response(framing, &[stream[..length].to_vec()]);
            let after = if framing == Framing::Close { After::Close } else { After::Open };
            let heard = hear(&bytes, after);
            let expected = Outcome::Failed(ErrorClass::Protocol);
            assert_eq!(heard.outcome, expected, "{framing:?}, {length} bytes: {heard:?}");
        }
    }
}

#[test]
fn an_answer_that_stops_at_any_byte_meets_a_deadline() {
    let bytes = response(Framing::Chunks, &converse_stream(TOKENS));
    for length in 0..bytes.len() {
        let heard = hear(&bytes[..length], After::Silence);
        let expected =
            if heard.content_events == 0 { Deadline::FirstToken } else { Deadline::Stall };
        assert_eq!(heard.outcome, Outcome::TimedOut(expected), "{length} bytes: {heard:?}");
    }
}

#[test]
fn frames_with_any_byte_changed_are_a_broken_protocol() {
    for bytes in changed(&converse_stream(TOKENS).concat()) {
        let heard = hear(&response(Framing::Length, &[bytes]), After::Open);
        assert_eq!(heard.outcome, Outcome::Failed(ErrorClass::Protocol), "{heard:?}");
    }
}

#[test]
fn http_with_any_byte_changed_never_changes_an_answer() {
    let sound = sound();
    for framing in FRAMINGS {
        let after = if framing == Framing::Close { After::Close } else { After::Open };
        for bytes in changed(&response(framing, &converse_stream(TOKENS))) {
            let heard = hear(&bytes, after);
            if heard.outcome == Outcome::Completed {
                // Where the head says the same in other words, such as another id.
                let status = heard.status;
                assert_eq!(Heard { status, ..sound.clone() }, heard);
            }
        }
    }
}

#[test]
fn an_exception_at_any_place_ends_the_answer() {
    let frames = converse_stream(TOKENS);
    let message = br#"{"message":"Too many requests."}"#;
    let exception = frame("exception", "throttlingException", message);
    for place in 0..=frames.len() {
        let mut frames = frames.clone();
        frames.insert(place, exception.clone());
        let heard = hear(&response(Framing::Length, &frames), After::Open);
        assert_eq!(heard.outcome, Outcome::Throttled, "before frame {place}");
    }
}

#[test]
fn a_payload_that_is_no_json_is_a_broken_protocol() {
    let nested = "[".repeat(100_000);
    for payload in ["{", "[]", "7", "{\"delta\":", "{\"delta\":{\"text\":\"\\ud800\"}}", &nested] {
        let mut frames = converse_stream(TOKENS);
        frames[1] = frame("event", "contentBlockDelta", payload.as_bytes());
        let heard = hear(&response(Framing::Length, &frames), After::Open);
        assert_eq!(heard.outcome, Outcome::Failed(ErrorClass::Protocol), "{payload:.40}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn split_at_several_bytes_it_is_the_same_answer(
        tokens in 0_u32..20,
        framing in prop::sample::select(FRAMINGS.to_vec()),
        places in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
    ) {
        let bytes = response(framing, &converse_stream(tokens));
        let after = if framing == Framing::Close { After::Close } else { After::Open };
        let mut places: Vec<usize> = places.iter().map(|place| place.index(bytes.len())).collect();
        places.sort_unstable();
        let pieces = cut_at(&bytes, places);
        let heard = ask(Api::ConverseStream, Script { pieces, after });
        prop_assert_eq!(heard.outcome, Outcome::Completed);
        prop_assert_eq!(heard, hear(&bytes, after));
    }

    #[test]
    fn frames_with_several_bytes_changed_are_a_broken_protocol(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..8),
    ) {
        let sound = converse_stream(TOKENS).concat();
        let mut bytes = sound.clone();
        for (place, bits) in changes {
            let place = place.index(bytes.len());
            bytes[place] ^= bits;
        }
        prop_assume!(bytes != sound);
        let heard = hear(&response(Framing::Chunks, &[bytes]), After::Open);
        prop_assert_eq!(heard.outcome, Outcome::Failed(ErrorClass::Protocol));
    }
}
