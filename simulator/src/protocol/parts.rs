//! A container's stream in SageMaker's parts, which are cut anywhere: in the middle of a record, of
//! a character, or behind many records that are due together.
//!
//! Where the cuts are follows from the seed and the request, byte by byte, so that it is the same
//! cuts whatever happens to be written together. Everything that is due is written: a cut delays
//! nothing.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::frame;
use crate::latency::RequestDigest;

/// One in so many bytes is the last of its part.
const BYTES_OF_A_PART: u8 = 100;

/// One in so many places inside a character is a cut.
const PLACES_IN_CHARACTERS: u8 = 4;

/// Cuts a stream.
#[derive(Debug)]
pub(super) struct Parts {
    random: ChaCha8Rng,
}

impl Parts {
    pub(super) fn new(digest: RequestDigest) -> Self {
        let mut random = ChaCha8Rng::from_seed(digest);
        random.set_stream(3);
        Self { random }
    }

    /// The frames of the next bytes.
    pub(super) fn cut(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut frames = Vec::new();
        let mut start = 0;
        for end in 1..=bytes.len() {
            let is_in_character = bytes.get(end).is_some_and(|byte| byte & 0xc0 == 0x80);
            let chance = if is_in_character { PLACES_IN_CHARACTERS } else { BYTES_OF_A_PART };
            let is_cut = self.random.random_range(0..chance) == 0;
            if is_cut || end == bytes.len() {
                frames.extend(frame::blob("PayloadPart", &bytes[start..end]));
                start = end;
            }
        }
        frames
    }
}
