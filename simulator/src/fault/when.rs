//! Which requests a fault befalls.

use std::ops::RangeInclusive;

use sha2::{Digest, Sha256};

/// Which requests a fault befalls.
///
/// Requests are counted from 1, each model for itself, in the order in which they arrived whole.
/// Those that are refused because they are malformed are not counted; a client's warm-up is.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// The requests with these numbers.
    Numbers(Vec<u64>),
    /// The requests from one number to another, both included.
    Range(RangeInclusive<u64>),
    /// Every n-th request, beginning with the n-th; never if 0.
    Every(u64),
    /// The requests whose prompt contains this text, whatever their number: the choice for
    /// concurrent clients, whose order is not known beforehand.
    Containing(String),
    /// About this share of the requests, from 0 to 1: each is drawn for itself from the seed, the
    /// place in the script, the model and the request's number, so that it is the same numbers
    /// every time.
    Share(f64),
}

/// What the choice may depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival<'a> {
    pub(crate) seed: u64,
    pub(crate) model_id: &'a str,
    /// The request's number, from 1.
    pub(crate) number: u64,
    pub(crate) prompt: &'a str,
}

impl When {
    /// Whether it befalls this request, as the script's entry at `place`.
    pub(super) fn includes(&self, place: usize, arrival: Arrival<'_>) -> bool {
        match self {
            Self::Numbers(numbers) => numbers.contains(&arrival.number),
            Self::Range(range) => range.contains(&arrival.number),
            Self::Every(step) => *step != 0 && arrival.number.is_multiple_of(*step),
            Self::Containing(text) => arrival.prompt.contains(text),
            Self::Share(share) => draw(place, arrival) < *share,
        }
    }

    /// Whether it can be played.
    pub(super) fn is_sensible(&self) -> bool {
        match self {
            Self::Numbers(_) | Self::Range(_) | Self::Every(_) | Self::Containing(_) => true,
            Self::Share(share) => (0.0..=1.0).contains(share),
        }
    }
}

/// A number from 0 to below 1 that follows from what chooses, and nothing else.
fn draw(place: usize, arrival: Arrival<'_>) -> f64 {
    let mut hash = Sha256::new();
    hash.update(b"fault");
    hash.update(arrival.seed.to_le_bytes());
    hash.update((place as u64).to_le_bytes());
    hash.update(arrival.number.to_le_bytes());
    hash.update(arrival.model_id);
    let digest: [u8; 32] = hash.finalize().into();
    let bits = digest.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(number: u64) -> Arrival<'static> {
        Arrival { seed: 7, model_id: "a", number, prompt: "hello" }
    }

    #[test]
    fn requests_are_chosen_by_number_or_text() {
        let check = |when: When, expected: &[u64]| {
            let chosen: Vec<_> =
                (1..=7).filter(|number| when.includes(0, arrival(*number))).collect();
            assert_eq!(chosen, expected, "{when:?}");
        };
        check(When::Numbers(vec![6, 2]), &[2, 6]);
        check(When::Range(3..=4), &[3, 4]);
        check(When::Every(3), &[3, 6]);
        check(When::Every(0), &[]);
        check(When::Containing("ell".into()), &[1, 2, 3, 4, 5, 6, 7]);
        check(When::Containing("elk".into()), &[]);
        check(When::Share(0.0), &[]);
        check(When::Share(1.0), &[1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_share_is_about_so_many_and_always_the_same() {
        let chosen = |place, seed, model_id| -> Vec<u64> {
            let fits = |number: &u64| {
                let arrival = Arrival { seed, model_id, ..arrival(*number) };
                When::Share(0.1).includes(place, arrival)
            };
            (1..=10_000).filter(fits).collect()
        };
        let first = chosen(0, 7, "a");
        assert!((900..1_100).contains(&first.len()), "{}", first.len());
        assert_eq!(first, chosen(0, 7, "a"));
        for other in [chosen(1, 7, "a"), chosen(0, 8, "a"), chosen(0, 7, "b")] {
            let both = other.iter().filter(|number| first.contains(number)).count();
            assert!((50..200).contains(&both), "a draw of its own: {both} of both");
        }
    }

    #[test]
    fn only_a_share_can_make_no_sense() {
        assert!(When::Every(0).is_sensible() && When::Share(1.0).is_sensible());
        for share in [-0.1, 1.1, f64::NAN] {
            assert!(!When::Share(share).is_sensible());
        }
    }
}
