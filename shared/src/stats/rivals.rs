//! One that was chosen for being smallest, against those that it was chosen from.

use std::collections::BTreeMap;

use super::{PairedTest, holm};

/// With fewer pairs than this nothing is tested.
pub const FEWEST_PAIRS: u32 = 5;

/// A difference is shown where its corrected p-value is below this. Not quite 0.05: equal contenders
/// are to get a winner in less than 5 % of experiments, also where values are not quite normal.
pub const SIGNIFICANT: f64 = 0.04;

/// The chosen one against one rival.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RivalTest {
    /// How many pairs there are.
    pub pairs: u32,
    /// In how many of them the rival is larger.
    pub larger_in: u32,
    /// What the rival has more; `None` with fewer than [`FEWEST_PAIRS`].
    pub test: Option<PairedTest>,
    /// The p-value after Holm's correction.
    pub p_holm: Option<f64>,
}

impl RivalTest {
    fn of<K: Ord>(first: &BTreeMap<K, f64>, second: &BTreeMap<K, f64>) -> Self {
        let differences = differences(first, second);
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let pairs = count(differences.len());
        Self {
            pairs,
            larger_in: count(differences.iter().filter(|&&more| more > 0.0).count()),
            test: PairedTest::of(&differences).filter(|_| pairs >= FEWEST_PAIRS),
            p_holm: None,
        }
    }
}

/// How much more the second has than the first, where both have something.
pub fn differences<K: Ord>(first: &BTreeMap<K, f64>, second: &BTreeMap<K, f64>) -> Vec<f64> {
    first.iter().filter_map(|(key, value)| Some(second.get(key)? - value)).collect()
}

/// The first contender, the smallest, against each of the others, in their order.
///
/// It is tested because it came out smallest, and each of the others might have: so Holm's correction
/// is for all pairs of contenders, not only for those of the first. With only its own rivals in the
/// family, eleven equal contenders would get a winner in 8 % of experiments (`examples/coverage`); of
/// two contenders there is only one pair.
pub fn test_rivals<K: Ord>(contenders: &[BTreeMap<K, f64>]) -> Vec<RivalTest> {
    let pairs = |first: usize| (first + 1..contenders.len()).map(move |second| (first, second));
    let all = (0..contenders.len()).flat_map(pairs);
    let mut tests: Vec<RivalTest> =
        all.map(|(first, second)| RivalTest::of(&contenders[first], &contenders[second])).collect();
    let tested = || tests.iter().enumerate().filter_map(|(at, t)| Some((at, t.test?.p_value)));
    let (places, p_values): (Vec<_>, Vec<_>) = tested().unzip();
    for (place, p_holm) in places.into_iter().zip(holm(&p_values)) {
        tests[place].p_holm = Some(p_holm);
    }
    // The pairs of the first come first.
    tests.truncate(contenders.len().saturating_sub(1));
    tests
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contender(values: &[f64]) -> BTreeMap<usize, f64> {
        values.iter().copied().enumerate().collect()
    }

    #[test]
    fn pairs_are_of_what_both_have() {
        let first = contender(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        let mut second = contender(&[2.0, 1.0, 5.0, 5.0, 5.0, 9.0]);
        let [test] = test_rivals(&[first.clone(), second.clone()])[..] else { panic!() };
        assert_eq!((test.pairs, test.larger_in), (5, 3));
        assert_eq!(test.p_holm, test.test.map(|test| test.p_value), "one pair needs no correction");
        second.remove(&2);
        let [test] = test_rivals(&[first, second])[..] else { panic!() };
        assert_eq!((test.pairs, test.test, test.p_holm), (4, None, None));
    }

    #[test]
    fn all_pairs_are_the_family() {
        let values =
            [[1.0, 1.1, 0.9, 1.0, 1.2], [1.3, 1.2, 1.3, 1.1, 1.4], [1.5, 1.7, 1.4, 1.5, 1.6]];
        let tests = test_rivals(&values.map(|values| contender(&values)));
        assert_eq!(tests.len(), 2);
        let p_values = tests.iter().map(|test| (test.p_holm.unwrap(), test.test.unwrap().p_value));
        let times: Vec<_> = p_values.map(|(holm, single)| holm / single).collect();
        // Of three pairs: that of the extremes has the smallest p-value, that of the others the next.
        assert!((times[1] - 3.0).abs() < 1e-9, "{times:?}");
        assert!(times[0] < 2.0 + 1e-9, "{times:?}");
        assert!(test_rivals::<u8>(&[]).is_empty());
    }
}
