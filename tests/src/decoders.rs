//! What must hold of everything that is decoded, for any bytes at all: an error or a value, the same
//! however the bytes arrive, and never a panic.
//!
//! One function for each decoder. Fuzzing calls them with bytes that it makes up, ordinary tests with
//! the corpus that fuzzing begins with.

use std::io::{Read, Write};

use aws_smithy_types::base64;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use shared::dataset::{Contents, DatasetSource, DatasetSpec, Loader, Place, Prompt};
use shared::payload::{FORMATS, Lines, Told};
use shared::plan::Api;
use shared::record::Outcome;
use shared::stats::{GapHistogram, Gaps};
use shared::store::pack::{PackError, pack, unpack};
use simulator::scripted::{After, Framing, Script, frame, response};

use crate::wire::{Heard, Spoken, ask};

/// Reads bytes, and panics where a rule is broken.
pub type Decoder = fn(&[u8]);

/// Every decoder by the name of its corpus.
pub const DECODERS: [(&str, Decoder); 8] = [
    ("chunk", chunk),
    ("config", config),
    ("converse", converse),
    ("converse_stream", converse_stream),
    ("gaps", gaps),
    ("payload", payload),
    ("prompts", prompts),
    ("server", server),
];

/// Answers of `ConverseStream`: the bytes as the body of an answer, and their lines as the payloads of
/// sound frames, such as `event messageStop {"stopReason":"end_turn"}`.
///
/// # Panics
///
/// Where a rule is broken.
pub fn converse_stream(bytes: &[u8]) {
    let heard = however_it_arrives(Api::ConverseStream, bytes);
    assert_complete(&heard);
    let framed: Vec<u8> = bytes.split(|byte| *byte == b'\n').flat_map(framed).collect();
    let heard = however_it_arrives(Api::ConverseStream, &framed);
    assert_complete(&heard);
    if let Some((_, cut)) = framed.split_last().filter(|_| heard.outcome == Outcome::Completed) {
        let heard = whole(Api::ConverseStream, Framing::Length, cut);
        assert_ne!(heard.outcome, Outcome::Completed, "a byte is missing: {heard:?}");
    }
}

/// `<message type> <name> <payload>` as a frame.
fn framed(line: &[u8]) -> Vec<u8> {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let mut word = || words.next().unwrap_or_default();
    let text = |word: &[u8]| String::from_utf8_lossy(word).chars().take(200).collect::<String>();
    frame(&text(word()), &text(word()), word())
}

fn assert_complete(heard: &Heard) {
    if heard.outcome == Outcome::Completed {
        assert!(heard.stop_reason.is_some() && heard.usage.source.is_some(), "{heard:?}");
        assert!(heard.error.is_none(), "{heard:?}");
    } else {
        assert!(heard.error.is_some(), "{heard:?}");
    }
}

/// Answers of `Converse`: the bytes as the body of an answer.
///
/// # Panics
///
/// Where a rule is broken.
pub fn converse(bytes: &[u8]) {
    let heard = however_it_arrives(Api::Converse, bytes);
    assert_eq!(heard.error.is_none(), heard.outcome == Outcome::Completed, "{heard:?}");
    let text = bytes.trim_ascii_end();
    if let Some((_, cut)) = text.split_last().filter(|_| heard.outcome == Outcome::Completed) {
        let heard = whole(Api::Converse, Framing::Length, cut);
        assert_ne!(heard.outcome, Outcome::Completed, "a byte is missing: {heard:?}");
    }
}

/// Asks for the body in each framing, at once and in pieces, which may change nothing.
fn however_it_arrives(api: impl Into<Spoken>, body: &[u8]) -> Heard {
    let api = api.into();
    let heard = whole(api, Framing::Length, body);
    let pieces: Vec<Vec<u8>> = body.chunks(7).map(<[u8]>::to_vec).collect();
    assert_eq!(heard, whole(api, Framing::Close, body), "ended by the connection");
    for framing in [Framing::Length, Framing::Chunks] {
        let bytes = response(framing, &pieces);
        let pieces = bytes.chunks(11).map(<[u8]>::to_vec).collect();
        let in_pieces = ask(api, Script { pieces, after: After::Open });
        assert_eq!(heard, in_pieces, "{framing:?}, in pieces");
    }
    heard
}

fn whole(api: impl Into<Spoken>, framing: Framing, body: &[u8]) -> Heard {
    let after = if framing == Framing::Close { After::Close } else { After::Open };
    ask(api, Script { pieces: vec![response(framing, &[body.to_vec()])], after })
}

/// Bodies of every format: the bytes as a document of a stream, as an answer that came whole, and in
/// lines, cut anywhere.
///
/// # Panics
///
/// Where a rule is broken.
pub fn payload(bytes: &[u8]) {
    for (name, _, format) in FORMATS {
        if let Ok(told) = format.whole(bytes) {
            assert!(told.stop_reason.is_some() || told.failure.is_some(), "{name}: {told:?}");
        }
        let told = |size: usize| -> Result<Vec<Told>, String> {
            let (mut lines, mut all) = (Lines::default(), Vec::new());
            for part in bytes.chunks(size.max(1)) {
                lines.push(part);
                while let Some(document) = lines.next_document().map_err(|e| e.to_string())? {
                    all.push(format.part(document).map_err(|error| error.to_string())?);
                }
            }
            Ok(all)
        };
        let at_once = told(bytes.len());
        for size in [1, 7] {
            assert_eq!(told(size), at_once, "{name}, in pieces of {size}");
        }
    }
}

/// Streams of an OpenAI-compatible server: the bytes as the body of an answer.
///
/// # Panics
///
/// Where a rule is broken.
pub fn server(bytes: &[u8]) {
    let heard = however_it_arrives(Spoken::Server(Api::ChatStream), bytes);
    assert_complete(&heard);
}

/// Chunks of records: the bytes as they are, and as the lines of a sound chunk.
///
/// # Panics
///
/// Where a rule is broken.
pub fn chunk(bytes: &[u8]) {
    for chunk in [bytes.to_vec(), gzip(bytes)] {
        let Ok(records) = unpack(&chunk) else { continue };
        match pack(&records) {
            Ok(chunks) => {
                let again = chunks.iter().map(|chunk| unpack(chunk));
                let again = again.collect::<Result<Vec<_>, _>>().expect("what we packed");
                assert_eq!(again.concat(), records);
            }
            Err(error) => assert!(matches!(error, PackError::RecordTooLarge(_)), "{error}"),
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes any length");
    encoder.finish().expect("memory takes any length")
}

/// Histograms of gaps: the bytes as they are, and as the counts of a sound one.
///
/// # Panics
///
/// Where a rule is broken.
pub fn gaps(bytes: &[u8]) {
    for stored in [base64::encode(bytes), base64::encode(counts(bytes))] {
        let Ok(stored) = GapHistogram::try_from(stored) else { continue };
        let mut gaps = Gaps::default();
        gaps.add(&stored).expect("it was read before");
        let once = gaps.count();
        if let Some(again) = gaps.stored() {
            let mut copy = Gaps::default();
            copy.add(&again).expect("what we stored");
            assert_eq!((copy.count(), copy.by_range()), (once, gaps.by_range()));
        }
        gaps.add(&stored).expect("it was read before");
        assert_eq!(gaps.count(), 2 * once);
        let in_ranges: u64 = gaps.by_range().iter().map(|range| range.2).sum();
        assert_eq!(in_ranges, gaps.count());
        for percent in [0.0, 50.0, 99.9, 100.0] {
            assert_eq!(gaps.percentile_ms(percent).is_some(), once > 0);
        }
    }
}

/// The bytes in the place of the counts of a stored histogram.
fn counts(bytes: &[u8]) -> Vec<u8> {
    let mut gaps = Gaps::default();
    gaps.record(1);
    let sound = String::from(gaps.stored().expect("it has a gap"));
    let sound = base64::decode(sound).expect("what we stored");
    let mut plain = Vec::new();
    let mut unpacked = flate2::read::ZlibDecoder::new(&sound[8..]);
    unpacked.read_to_end(&mut plain).expect("what we stored");
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    plain.truncate(40);
    plain[4..8].copy_from_slice(&length(bytes.len()));
    plain.extend_from_slice(bytes);
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&plain).expect("memory takes any length");
    let packed = packed.finish().expect("memory takes any length");
    [&sound[..4], &length(packed.len()), &packed].concat()
}

/// Configurations: each error is at a place of the text and has a mend.
///
/// # Panics
///
/// Where a rule is broken.
pub fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match shared::config::parse(&text) {
        Ok(settings) => assert_eq!(shared::config::parse(&text).as_ref(), Ok(&settings)),
        Err(errors) => {
            assert!(!errors.errors().is_empty() && !errors.to_string().is_empty());
            let lines: Vec<&str> = text.lines().collect();
            for error in errors.errors() {
                let line = usize::try_from(error.line).expect("a line");
                assert!((1..=lines.len().max(1)).contains(&line), "{error}");
                assert_eq!(lines.get(line - 1).copied().unwrap_or_default(), error.source_line);
                assert!(error.column >= 1 && error.length >= 1, "{error}");
                assert!(!error.problem.is_empty() && !error.mend.is_empty(), "{error}");
            }
        }
    }
}

/// Files of prompts: what stands before the first zero is a template, the rest JSONL and text.
///
/// # Panics
///
/// Where a rule is broken.
pub fn prompts(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    let (template, text) = match second {
        Some(text) => (Some(first), text),
        None => (None, first),
    };
    for name in ["p.jsonl", "p.txt"] {
        let read = load(name, text, template);
        let ended = load(name, &[text, b"\n"].concat(), template);
        assert_eq!(read, ended, "an end of the last line changes nothing");
        if let Ok(prompts) = read {
            assert!(!prompts.is_empty());
            assert!(prompts.iter().all(|prompt| (1..=100).contains(&prompt.max_tokens)));
        }
    }
}

fn load(name: &str, text: &[u8], template: Option<&[u8]>) -> Result<Vec<Prompt>, String> {
    let place = |name: &str| Place::parse(name).expect("a path");
    let mut contents = Contents::from([(place(name), text.to_vec())]);
    contents.extend(template.map(|template| (place("template"), template.to_vec())));
    let source = DatasetSource::Files {
        files: vec![place(name)],
        template: template.map(|_| place("template")),
    };
    let name = "d".parse().expect("a name");
    let spec = DatasetSpec { name, source, tokenizer: None, bucket: None, max_tokens: 100 };
    Loader::new(&contents, 1).load(&spec).map_err(|error| error.to_string())
}
