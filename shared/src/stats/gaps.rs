//! Gaps between content events, as a histogram that can be stored and merged.

use std::fmt;
use std::io::Read;

use aws_smithy_types::base64;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use serde::{Deserialize, Serialize};

use super::float;

/// The shortest gap that is told apart, in microseconds; shorter ones count as it.
const SHORTEST_US: u64 = 1;

/// The longest one: an hour. Longer ones count as it.
const LONGEST_US: u64 = 3_600_000_000;

/// Significant decimal digits: a gap is kept within 0.1 %.
const DIGITS: u8 = 3;

/// The most bytes that stored counts unpack to: 23,552 counts of [`COUNT_BYTES_MAX`] are less. A damaged
/// or foreign text must not fill the memory.
const UNPACKED_BYTES_MAX: usize = 256 * 1024;

/// The most bytes of a stored count: it ends at 2^41, more gaps than any block sees and so few that no
/// sum of them overflows.
const COUNT_BYTES_MAX: usize = 6;

/// How the deflated form begins, and the form that it holds.
const DEFLATED: [u8; 4] = [0x1c, 0x84, 0x93, 0x14];
const PLAIN: [u8; 4] = [0x1c, 0x84, 0x93, 0x13];

/// The length of what stands before the counts.
const HEAD_BYTES: usize = 40;

/// Ranges of a tenfold, for pictures.
const RANGES_PER_DECADE: f64 = 20.0;

/// Counts of gaps, each within 0.1 % of its length. It takes some 200 KB whatever it counts.
#[derive(Clone)]
pub struct Gaps(Histogram<u64>);

impl Gaps {
    /// Counts a gap, in microseconds.
    pub fn record(&mut self, gap_us: u32) {
        self.0.saturating_record(u64::from(gap_us).clamp(SHORTEST_US, LONGEST_US));
    }

    /// How many gaps there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Adds what another has counted.
    ///
    /// # Errors
    ///
    /// [`UnreadableGaps`] where what is stored is none of ours; nothing is added then.
    pub fn add(&mut self, stored: &GapHistogram) -> Result<(), UnreadableGaps> {
        self.0.add(decoded(&stored.0)?).map_err(|_| UnreadableGaps)
    }

    /// The gap that a share of them does not exceed, in milliseconds; `None` where there is none.
    /// `percent` is from 0 to 100. It is a gap that was counted, not one between two of them.
    pub fn percentile_ms(&self, percent: f64) -> Option<f64> {
        (self.count() > 0).then(|| float(self.0.value_at_percentile(percent)) / 1e3)
    }

    /// How many gaps there are in each range from 10^(k/20) to 10^((k+1)/20) microseconds that
    /// holds some, rising: (from, to, count), with the ends in milliseconds.
    pub fn by_range(&self) -> Vec<(f64, f64, u64)> {
        let mut ranges: Vec<(f64, f64, u64)> = Vec::new();
        for step in self.0.iter_recorded() {
            let value = self.0.median_equivalent(step.value_iterated_to());
            let place = (RANGES_PER_DECADE * float(value).log10()).floor();
            let end = |place: f64| 10_f64.powf(place / RANGES_PER_DECADE) / 1e3;
            let (from, count) = (end(place), step.count_at_value());
            match ranges.last_mut() {
                Some(range) if range.0.total_cmp(&from).is_eq() => range.2 += count,
                _ => ranges.push((from, end(place + 1.0), count)),
            }
        }
        ranges
    }

    /// The form in which it is stored; `None` where there is nothing to store.
    #[expect(clippy::missing_panics_doc, reason = "memory takes any length, the bounds are ours")]
    pub fn stored(&self) -> Option<GapHistogram> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&self.0, &mut bytes)
            .expect("memory takes any length, the bounds are ours");
        (self.count() > 0).then(|| GapHistogram(base64::encode(bytes)))
    }
}

impl Default for Gaps {
    fn default() -> Self {
        let counts = Histogram::new_with_bounds(SHORTEST_US, LONGEST_US, DIGITS);
        Self(counts.expect("the bounds rise and the digits are at most 5"))
    }
}

impl fmt::Debug for Gaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gaps").field("count", &self.count()).finish_non_exhaustive()
    }
}

/// [`Gaps`] as they are stored: a `HdrHistogram` of microseconds in its V2 encoding, deflated, in
/// base64. Some hundred bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GapHistogram(String);

impl TryFrom<String> for GapHistogram {
    type Error = UnreadableGaps;

    fn try_from(text: String) -> Result<Self, UnreadableGaps> {
        decoded(&text).map(|_| Self(text))
    }
}

impl From<GapHistogram> for String {
    fn from(stored: GapHistogram) -> Self {
        stored.0
    }
}

/// What is stored is no histogram of gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a histogram of gaps that fmgauge stored")]
pub struct UnreadableGaps;

/// What is stored, checked before the library reads it, which takes as much memory as a text asks for
/// and adds up counts without a limit.
fn decoded(text: &str) -> Result<Histogram<u64>, UnreadableGaps> {
    let bytes = base64::decode(text).map_err(|_| UnreadableGaps)?;
    let (head, packed) = bytes.split_first_chunk::<8>().ok_or(UnreadableGaps)?;
    if head[..4] != DEFLATED || !is_length(&head[4..], packed.len()) {
        return Err(UnreadableGaps);
    }
    let mut plain = Vec::new();
    let mut unpacked = ZlibDecoder::new(packed).take(UNPACKED_BYTES_MAX as u64);
    unpacked.read_to_end(&mut plain).map_err(|_| UnreadableGaps)?;
    if !is_ours(&plain) {
        return Err(UnreadableGaps);
    }
    let counts = Deserializer::new().deserialize::<u64, _>(&mut plain.as_slice());
    counts.map_err(|_| UnreadableGaps)
}

/// Whether the head is that of [`Gaps`], and every count within its limit.
fn is_ours(plain: &[u8]) -> bool {
    let Some((head, counts)) = plain.split_at_checked(HEAD_BYTES) else { return false };
    let expected: [&[u8]; 4] = [
        &[0, 0, 0, 0, 0, 0, 0, DIGITS], // no offset, digits
        &SHORTEST_US.to_be_bytes(),
        &LONGEST_US.to_be_bytes(),
        &1_f64.to_be_bytes(), // a unit is a microsecond
    ];
    let numbers = counts.split_inclusive(|byte| byte & 0x80 == 0);
    head[..4] == PLAIN
        && is_length(&head[4..8], counts.len())
        && head[8..] == expected.concat()
        && numbers.map(<[u8]>::len).all(|length| length <= COUNT_BYTES_MAX)
}

fn is_length(bytes: &[u8], length: usize) -> bool {
    u32::try_from(length).is_ok_and(|length| bytes == length.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::read::ZlibEncoder;
    use hdrhistogram::serialization::V2Serializer;
    use proptest::prelude::*;

    use super::*;

    fn of(gaps: &[u32]) -> Gaps {
        let mut counts = Gaps::default();
        for gap in gaps {
            counts.record(*gap);
        }
        counts
    }

    #[test]
    fn nothing_is_not_stored() {
        let none = Gaps::default();
        assert_eq!((none.stored(), none.percentile_ms(50.0)), (None, None));
        assert!(none.by_range().is_empty());
    }

    #[test]
    fn percentiles_are_gaps_that_were_counted() {
        let counts = of(&[10_000, 20_000, 30_000, 40_000]);
        for (percent, expected) in [(0.0, 10.0), (50.0, 20.0), (75.0, 30.0), (100.0, 40.0)] {
            let found = counts.percentile_ms(percent).unwrap();
            assert!((found / expected - 1.0_f64).abs() < 1e-3, "{percent}: {found}");
        }
    }

    #[test]
    fn the_shortest_and_the_longest_count() {
        let counts = of(&[0, u32::MAX]);
        assert_eq!(counts.count(), 2);
        let ranges = counts.by_range();
        assert!((ranges[0].0 - 0.001).abs() < 1e-12 && ranges[0].2 == 1);
        assert!(ranges[1].0 < 3_600_000.0 && 3_600_000.0 <= ranges[1].1 * 1.001);
    }

    #[test]
    fn ranges_are_a_twentieth_of_a_decade() {
        let counts = of(&[1_000, 1_100, 1_130, 10_000]);
        let ranges = counts.by_range();
        assert_eq!(ranges.iter().map(|range| range.2).collect::<Vec<_>>(), [2, 1, 1]);
        for (from, to, _) in &ranges {
            assert!((to / from - 10_f64.powf(0.05)).abs() < 1e-9);
        }
        assert!((ranges[0].0 - 1.0).abs() < 1e-9 && (ranges[2].0 - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_block_takes_little_to_store() {
        let gaps: Vec<u32> = (0..10_000).map(|index| 8_000 + index * 7_919 % 4_000).collect();
        let text = String::from(of(&gaps).stored().unwrap());
        assert!(text.len() < 2_000, "{}", text.len());
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        let check = |text: &str| {
            let read = serde_json::from_value::<GapHistogram>(text.into());
            assert!(read.unwrap_err().to_string().contains("not a histogram"), "{text}");
        };
        check("");
        check("%%%");
        check("aGVsbG8=");
        let mut other = Histogram::<u64>::new_with_bounds(1, 1_000, 2).unwrap();
        other.record(5).unwrap();
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&other, &mut bytes).unwrap();
        check(&base64::encode(bytes));
    }

    /// Counts in the stored form, after a head that says they are `length` bytes.
    fn stored(length: u32, counts: &[u8]) -> String {
        let bounds = [SHORTEST_US, LONGEST_US].map(u64::to_be_bytes).concat();
        let head = [&PLAIN[..], &length.to_be_bytes(), &[0, 0, 0, 0, 0, 0, 0, DIGITS], &bounds];
        let plain = [&head.concat()[..], &1_f64.to_be_bytes(), counts].concat();
        let mut packed = Vec::new();
        ZlibEncoder::new(plain.as_slice(), Compression::default())
            .read_to_end(&mut packed)
            .unwrap();
        let length = u32::try_from(packed.len()).unwrap().to_be_bytes();
        base64::encode([&DEFLATED[..], &length, &packed].concat())
    }

    #[test]
    fn counts_without_bounds_are_refused() {
        let read = |text: String| GapHistogram::try_from(text).map(|_| ());
        assert_eq!(read(stored(1, &[2])), Ok(()), "the form is right");
        // The library would take four gigabytes for it.
        assert_eq!(read(stored(u32::MAX, &[2])), Err(UnreadableGaps));
        // Eight of the largest count: their sum overflows. And the smallest number: it has no negative.
        let largest = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(read(stored(72, &largest.repeat(8))), Err(UnreadableGaps));
        assert_eq!(read(stored(9, &[0xff; 9])), Err(UnreadableGaps));
        // More counts than there are, in few bytes and in many.
        assert_eq!(read(stored(6, &[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])), Ok(()), "none at all");
        assert_eq!(read(stored(30_000, &vec![2; 30_000])), Err(UnreadableGaps));
        assert_eq!(read(stored(1_000_000, &vec![0; 1_000_000])), Err(UnreadableGaps));
        // The plain form is not what is stored.
        let mut plain = Vec::new();
        V2Serializer::new().serialize(&of(&[5]).0, &mut plain).unwrap();
        assert_eq!(read(base64::encode(plain)), Err(UnreadableGaps));
    }

    #[test]
    fn what_is_cut_or_changed_is_refused() {
        let text = String::from(of(&[9_000, 10_000, 10_000, 12_000]).stored().unwrap());
        let whole = base64::decode(&text).unwrap();
        let read = |bytes: &[u8]| GapHistogram::try_from(base64::encode(bytes));
        for place in 0..whole.len() {
            assert_eq!(read(&whole[..place]), Err(UnreadableGaps), "the first {place} bytes");
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[place] ^= 1 << bit;
                // Bits of the compression's head may say nothing: what is read is the same then.
                if let Ok(stored) = read(&changed) {
                    let mut gaps = Gaps::default();
                    gaps.add(&stored).unwrap();
                    assert_eq!(gaps.stored().map(String::from).as_ref(), Some(&text));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn parts_stored_and_merged_are_the_whole(
            parts in prop::collection::vec(prop::collection::vec(0_u32..50_000_000, 0..40), 0..5)
        ) {
            let mut merged = Gaps::default();
            for part in &parts {
                if let Some(stored) = of(part).stored() {
                    let json = serde_json::to_string(&stored).unwrap();
                    merged.add(&serde_json::from_str(&json).unwrap()).unwrap();
                }
            }
            let whole = of(&parts.concat());
            prop_assert_eq!(merged.count(), whole.count());
            prop_assert_eq!(merged.by_range(), whole.by_range());
            prop_assert_eq!(merged.stored(), whole.stored());
            let in_ranges: u64 = merged.by_range().iter().map(|range| range.2).sum();
            prop_assert_eq!(in_ranges, whole.count());
        }
    }
}
