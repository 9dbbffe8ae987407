//! Records packed into chunks: JSON lines, compressed with gzip.
//!
//! A chunk is what a store keeps as one item, so it must stay below DynamoDB's limit of an item.
//! One item per request would cost many times as much to write and press on one partition. The
//! form is readable with common tools (`zcat`), and tolerant: unknown fields are skipped. Packing
//! the same records gives the same bytes.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::record::{RECORD_SCHEMA, Record};

/// The most records that one chunk holds.
///
/// A record is about 1 KB of JSON (its free texts are bounded: the error message has at most 300
/// characters) and a few hundred bytes compressed, so a full chunk is far below
/// [`CHUNK_BYTES_MAX`]. More records would save little, and a killed worker loses the chunk that it
/// has not stored.
pub const RECORDS_PER_CHUNK: usize = 250;

/// The most bytes that one chunk has: DynamoDB takes items of up to 400 KB (409,600 bytes), keys
/// (3 KB at most) and attribute names included.
pub const CHUNK_BYTES_MAX: usize = 380 * 1024;

/// The most bytes that a chunk may unpack to, so that a damaged or foreign one cannot fill the
/// memory: over a hundred times of what a full chunk of real records has.
const UNPACKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why records could not be packed or unpacked.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The compression is damaged or cut off.
    #[error("the chunk is damaged")]
    Damaged(#[from] std::io::Error),
    /// Bytes follow the end of the compressed data.
    #[error("the chunk goes on for {0} bytes after its end")]
    Trailing(usize),
    /// It unpacks to more than any chunk of ours.
    #[error("the chunk unpacks to more than {UNPACKED_BYTES_MAX} bytes")]
    TooLarge,
    /// A line is no record.
    #[error("line {line} of the chunk is no record")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A later fmgauge wrote it.
    #[error(
        "line {line} of the chunk has schema {schema}; this fmgauge reads up to {RECORD_SCHEMA}"
    )]
    NewerSchema {
        /// The line, from 1.
        line: usize,
        /// The writer's schema.
        schema: u32,
    },
    /// A record cannot be written as JSON.
    #[error("a record cannot be written")]
    Unwritable(#[source] serde_json::Error),
    /// One record alone is larger than a chunk may be.
    #[error("one record takes {0} bytes packed, more than a chunk may have")]
    RecordTooLarge(usize),
}

/// Packs records into as many chunks as they need, in their order. No records give no chunk.
pub fn pack(records: &[Record]) -> Result<Vec<Vec<u8>>, PackError> {
    let mut chunks = Vec::with_capacity(records.len().div_ceil(RECORDS_PER_CHUNK));
    for part in records.chunks(RECORDS_PER_CHUNK) {
        pack_within(part, CHUNK_BYTES_MAX, &mut chunks)?;
    }
    Ok(chunks)
}

/// Packs `records` into one chunk, or halves of them where one would exceed `limit` bytes.
fn pack_within(
    records: &[Record],
    limit: usize,
    chunks: &mut Vec<Vec<u8>>,
) -> Result<(), PackError> {
    let packed = compress(records)?;
    if packed.len() <= limit {
        chunks.push(packed);
        return Ok(());
    }
    if records.len() < 2 {
        return Err(PackError::RecordTooLarge(packed.len()));
    }
    let (first, second) = records.split_at(records.len() / 2);
    pack_within(first, limit, chunks)?;
    pack_within(second, limit, chunks)
}

fn compress(records: &[Record]) -> Result<Vec<u8>, PackError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    for record in records {
        let line = serde_json::to_vec(record).map_err(PackError::Unwritable)?;
        encoder.write_all(&line)?;
        encoder.write_all(b"\n")?;
    }
    Ok(encoder.finish()?)
}

/// The records of one chunk, in order.
pub fn unpack(chunk: &[u8]) -> Result<Vec<Record>, PackError> {
    let mut decoder = GzDecoder::new(chunk);
    let mut text = Vec::new();
    decoder.by_ref().take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > UNPACKED_BYTES_MAX) {
        return Err(PackError::TooLarge);
    }
    let rest = decoder.into_inner();
    if !rest.is_empty() {
        return Err(PackError::Trailing(rest.len()));
    }
    let text = text.strip_suffix(b"\n").unwrap_or(&text);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(|&byte| byte == b'\n')
        .zip(1..)
        .map(|(line, number)| {
            let record: Record = serde_json::from_slice(line)
                .map_err(|source| PackError::Line { line: number, source })?;
            if record.schema > RECORD_SCHEMA {
                return Err(PackError::NewerSchema { line: number, schema: record.schema });
            }
            Ok(record)
        })
        .collect()
}

/// SHA-256 over the bytes of an attempt's chunks in order, as a receipt carries it. It can be fed
/// while the chunks are being written.
#[derive(Debug, Clone, Default)]
pub struct ChunkDigest(Sha256);

impl ChunkDigest {
    /// The digest of no chunks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next chunk.
    pub fn add(&mut self, chunk: &[u8]) {
        self.0.update(chunk);
    }

    /// The digest of what was added, hexadecimal.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// SHA-256 over `chunks` in order, hexadecimal.
pub fn digest<C: AsRef<[u8]>>(chunks: &[C]) -> String {
    let mut digest = ChunkDigest::new();
    for chunk in chunks {
        digest.add(chunk.as_ref());
    }
    digest.finish()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::record::{
        Deadline, ErrorClass, ErrorDetail, Outcome, Phase, Served, Timeline, Usage, UsageSource,
    };
    use crate::units::ExperimentId;

    fn duration() -> impl Strategy<Value = Duration> {
        any::<u64>().prop_map(Duration::from_nanos)
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            Just(Outcome::Completed),
            Just(Outcome::Throttled),
            Just(Outcome::TimedOut(Deadline::FirstToken)),
            Just(Outcome::Cut),
            Just(Outcome::Failed(ErrorClass::ModelError)),
        ]
    }

    prop_compose! {
        fn timeline()(
            end in duration(),
            connect in proptest::option::of(duration()),
            first_text in proptest::option::of(duration()),
            gap_max in proptest::option::of(duration()),
            content_events in any::<u32>(),
            bytes in any::<u64>(),
        ) -> Timeline {
            Timeline { connect, first_text, end, content_events, gap_max, bytes, ..Timeline::default() }
        }
    }

    prop_compose! {
        fn record()(
            sequence in any::<u32>(),
            measured in any::<bool>(),
            timeline in timeline(),
            output_tokens in proptest::option::of(any::<u32>()),
            request_id in proptest::option::of("\\PC{0,40}"),
            outcome in outcome(),
            message in proptest::option::of(any::<String>()),
        ) -> Record {
            Record {
                schema: RECORD_SCHEMA,
                endpoint: "mistral-7b".parse().unwrap(),
                experiment: ExperimentId::from("mistral-7b~chat~c4".to_owned()),
                round: 1,
                block: 2,
                attempt: 3,
                sequence,
                phase: if measured { Phase::Measured } else { Phase::Warmup },
                slot: 0,
                prompt: 7,
                sent_at_unix_ns: 1_700_000_000_000_000_000,
                timeline,
                usage: Usage { output_tokens, source: Some(UsageSource::Service), ..Usage::default() },
                served: Served { request_id, ..Served::default() },
                outcome,
                error: message.map(|message| ErrorDetail { code: None, message }),
            }
        }
    }

    fn unpack_all(chunks: &[Vec<u8>]) -> Vec<Record> {
        chunks.iter().flat_map(|chunk| unpack(chunk).unwrap()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_packed_is_unpacked(records in prop::collection::vec(record(), 0..20)) {
            let chunks = pack(&records).unwrap();
            prop_assert_eq!(&pack(&records).unwrap(), &chunks);
            prop_assert_eq!(unpack_all(&chunks), records);
        }

        #[test]
        fn splitting_keeps_every_record_in_order(records in prop::collection::vec(record(), 1..20)) {
            let largest = records.iter().map(|one| compress(std::slice::from_ref(one)).unwrap().len()).max();
            let mut chunks = Vec::new();
            pack_within(&records, largest.unwrap(), &mut chunks).unwrap();
            prop_assert!(chunks.iter().all(|chunk| chunk.len() <= largest.unwrap()));
            prop_assert_eq!(unpack_all(&chunks), records);
        }

        #[test]
        fn a_truncated_chunk_is_an_error(
            records in prop::collection::vec(record(), 1..5),
            keep in any::<prop::sample::Index>(),
        ) {
            let chunk = &pack(&records).unwrap()[0];
            prop_assert!(unpack(&chunk[..keep.index(chunk.len())]).is_err());
        }

        #[test]
        fn a_flipped_bit_never_changes_a_record(
            records in prop::collection::vec(record(), 1..5),
            place in any::<prop::sample::Index>(),
            bit in 0..8u8,
        ) {
            // Some bits of the gzip header say nothing about the data, nor do those that fill up its
            // last byte, before the eight bytes of checksum and length: the digest covers them.
            let mut chunk = pack(&records).unwrap().remove(0);
            let before = digest(&[&chunk]);
            let place = place.index(chunk.len());
            chunk[place] ^= 1u8 << bit;
            prop_assert_ne!(digest(&[&chunk]), before);
            if let Ok(read) = unpack(&chunk) {
                let says_nothing = place < 10 || place == chunk.len() - 9;
                prop_assert!(says_nothing, "byte {} of {}", place, chunk.len());
                prop_assert_eq!(read, records);
            }
        }
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    const LINE: &str = r#"{"schema":1,"endpoint":"a","experiment":"a~b~c1","round":1,"block":1,"attempt":1,"sequence":1,"phase":"measured","slot":0,"prompt":0,"sent_at_unix_ns":1,"timeline":{"end_ns":5,"later":[1]},"outcome":"completed","not_yet_invented":{"x":1}}"#;

    #[test]
    fn unknown_fields_are_skipped_and_missing_ones_have_defaults() {
        let records = unpack(&gzip(LINE)).unwrap();
        assert_eq!(records[0].e2e(), Duration::from_nanos(5));
        assert_eq!(records[0].usage, Usage::default());
    }

    #[test]
    fn what_is_no_chunk_is_an_error() {
        let newer = LINE.replace(r#""schema":1"#, r#""schema":2"#);
        assert!(matches!(
            unpack(&gzip(&newer)),
            Err(PackError::NewerSchema { line: 1, schema: 2 })
        ));
        let second = format!("{LINE}\n{{}}\n");
        assert!(matches!(unpack(&gzip(&second)), Err(PackError::Line { line: 2, .. })));
        assert!(matches!(unpack(b""), Err(PackError::Damaged(_))));
        assert!(matches!(unpack(b"plain text"), Err(PackError::Damaged(_))));
        let twice = [gzip(LINE), gzip(LINE)].concat();
        assert!(matches!(unpack(&twice), Err(PackError::Trailing(_))));
        let bomb = gzip(&" ".repeat(usize::try_from(UNPACKED_BYTES_MAX).unwrap() + 1));
        assert!(matches!(unpack(&bomb), Err(PackError::TooLarge)));
    }

    #[test]
    fn many_records_take_bounded_chunks() {
        let record = unpack(&gzip(LINE)).unwrap().remove(0);
        let chunks = pack(&vec![record; 2 * RECORDS_PER_CHUNK + 1]).unwrap();
        let sizes: Vec<_> = chunks.iter().map(|chunk| unpack(chunk).unwrap().len()).collect();
        assert_eq!(sizes, [RECORDS_PER_CHUNK, RECORDS_PER_CHUNK, 1]);
        assert!(pack(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_record_that_fits_no_chunk_is_refused() {
        let record = unpack(&gzip(LINE)).unwrap().remove(0);
        assert!(matches!(
            pack_within(&[record], 10, &mut Vec::new()),
            Err(PackError::RecordTooLarge(_))
        ));
    }

    #[test]
    fn the_digest_is_over_the_bytes_in_order() {
        assert_eq!(digest::<&[u8]>(&[]), digest(&[b"", b""]));
        assert_eq!(digest(&[b"ab", b"cd"]), digest(&[b"abcd".as_slice()]));
        assert_ne!(digest(&[b"ab", b"cd"]), digest(&[b"cd", b"ab"]));
        assert_eq!(
            digest(&[b"abc"]),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
