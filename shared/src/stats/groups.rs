//! Whether groups of values differ, and which of them may be the lowest and the highest.

use super::fisher;
use super::student::t_quantile;

/// How sure it is that a set holds the lowest group, and another the highest: both together 95 %.
const UNSURE: f64 = 0.025;

/// What groups of independent values show of their means.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupTest {
    /// How many groups there are.
    pub groups: u32,
    /// How many values they have together.
    pub values: u32,
    /// The probability of means that differ at least so much, if they do not.
    pub p_value: f64,
    /// The places of the groups that may have the lowest mean.
    pub lowest: Vec<usize>,
    /// The places of those that may have the highest.
    pub highest: Vec<usize>,
}

impl GroupTest {
    /// The analysis of variance of Fisher ("Statistical Methods for Research Workers", 1925): the
    /// mean square between groups over that within them.
    ///
    /// The sets are those of Gupta ("On Some Multiple Decision (Selection and Ranking) Rules",
    /// Technometrics 7, 1965), with Bonferroni's bound in the place of Dunnett's points because
    /// groups may differ in size: a group is in the set of the lowest unless another one is lower
    /// by more than t x the standard error of their difference. `None` with fewer than two groups,
    /// or without a second value in any.
    pub fn of(groups: &[Vec<f64>]) -> Option<Self> {
        let filled: Vec<Group> = groups
            .iter()
            .enumerate()
            .filter_map(|(place, values)| Group::of(place, values))
            .collect();
        let values = filled.iter().map(|group| group.count).sum::<u32>();
        let count = u32::try_from(filled.len()).ok()?;
        let (between, within) = (count.checked_sub(1)?, values.checked_sub(count)?);
        let all = groups.iter().flatten().copied();
        let mean = all.clone().sum::<f64>() / f64::from(values.max(1));
        let square = |group: &Group| f64::from(group.count) * (group.mean - mean).powi(2);
        let explained: f64 = filled.iter().map(square).sum();
        let left: f64 = filled.iter().map(|group| group.squares).sum();
        let rounding = fisher::rounding(all);
        let p_value = fisher::p_value((explained, between), (left, within), rounding)?;
        let t = t_quantile(1.0 - UNSURE / f64::from(between), within)?;
        let variance = left / f64::from(within);
        let may_be_lowest = |sign: f64| {
            let is_lower = |one: &Group, two: &Group| {
                let share = 1.0 / f64::from(one.count) + 1.0 / f64::from(two.count);
                sign * (two.mean - one.mean) > t * (variance * share).sqrt()
            };
            let beaten = |group: &Group| filled.iter().any(|other| is_lower(other, group));
            filled.iter().filter(|group| !beaten(group)).map(|group| group.place).collect()
        };
        let (lowest, highest) = (may_be_lowest(1.0), may_be_lowest(-1.0));
        Some(Self { groups: count, values, p_value, lowest, highest })
    }

    /// Whether no group may be both the lowest and the highest.
    pub fn are_told_apart(&self) -> bool {
        self.lowest.iter().all(|place| !self.highest.contains(place))
    }
}

/// A group with something in it.
#[derive(Debug)]
struct Group {
    place: usize,
    count: u32,
    mean: f64,
    /// The sum of squared differences from the mean.
    squares: f64,
}

impl Group {
    fn of(place: usize, values: &[f64]) -> Option<Self> {
        let count = u32::try_from(values.len()).ok().filter(|&count| count > 0)?;
        let mean = values.iter().sum::<f64>() / f64::from(count);
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self { place, count, mean, squares })
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, Gamma};

    use super::*;

    /// The yields of dried plants under a control and two treatments of R's `PlantGrowth`: F =
    /// 4.846, p = 0.01591, as `summary(aov(weight ~ group))` prints them.
    #[test]
    fn the_plant_growth_data_give_the_published_test() {
        let groups = [
            vec![4.17, 5.58, 5.18, 6.11, 4.50, 4.61, 5.17, 4.53, 5.33, 5.14],
            vec![4.81, 4.17, 4.41, 3.59, 5.87, 3.83, 6.03, 4.89, 4.32, 4.69],
            vec![6.31, 5.12, 5.54, 5.50, 5.37, 5.29, 4.92, 6.15, 5.80, 5.26],
        ];
        let test = GroupTest::of(&groups).unwrap();
        assert_eq!((test.groups, test.values), (3, 30));
        assert!((test.p_value - 0.015_91).abs() < 1e-5, "{}", test.p_value);
        // The first treatment differs from the second and not from the control.
        assert_eq!((&test.lowest[..], &test.highest[..]), (&[0, 1][..], &[0, 2][..]));
    }

    #[test]
    fn without_a_second_value_in_any_group_nothing_is_said() {
        assert_eq!(GroupTest::of(&[vec![1.0], vec![2.0], vec![]]), None);
        assert_eq!(GroupTest::of(&[vec![1.0, 2.0]]), None);
        assert_eq!(GroupTest::of(&[]), None);
    }

    #[test]
    fn equal_values_show_nothing_and_constant_groups_everything() {
        let test = GroupTest::of(&vec![vec![0.1; 3]; 24]).unwrap();
        assert!((test.p_value - 1.0).abs() < 1e-12, "{}", test.p_value);
        let test = GroupTest::of(&[vec![0.1; 3], vec![0.3; 3], vec![0.2; 3]]).unwrap();
        assert!(test.p_value < 1e-12, "{}", test.p_value);
        assert_eq!((&test.lowest[..], &test.highest[..]), (&[0][..], &[1][..]));
    }

    /// Logarithms of block means as runs have them: each the mean of twenty skewed latencies; `at`
    /// says how much longer they take in a group.
    fn simulated(random: &mut ChaCha8Rng, blocks: usize, at: impl Fn(u32) -> f64) -> Vec<Vec<f64>> {
        // A request with a coefficient of variation of 0.5.
        let latency = Gamma::new(4.0, 0.25).unwrap();
        let mut block =
            |hour| (at(hour) * (0..20).map(|_| latency.sample(random)).sum::<f64>() / 20.0).ln();
        (0..24).map(|hour| (0..blocks).map(|_| block(hour)).collect()).collect()
    }

    #[test]
    fn equal_groups_differ_in_five_percent_of_runs() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for blocks in [2, 5] {
            let runs = 2000_u32;
            let found = (0..runs)
                .filter(|_| {
                    let groups = simulated(&mut random, blocks, |_| 1.0);
                    GroupTest::of(&groups).unwrap().p_value < 0.05
                })
                .count();
            // 100 expected; within 4 standard deviations.
            assert!((61..=139).contains(&found), "{blocks}: {found} of {runs}");
        }
    }

    #[test]
    fn a_swing_of_a_quarter_is_found_and_its_extremes_are_in_their_sets() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let swing = |hour: u32| {
            1.0 + 0.25 * ((f64::from(hour) - 14.0) / 24.0 * std::f64::consts::TAU).cos()
        };
        let (mut found, mut right) = (0, 0);
        for _ in 0..500 {
            let test = GroupTest::of(&simulated(&mut random, 2, swing)).unwrap();
            found += u32::from(test.p_value < 0.05);
            right += u32::from(test.lowest.contains(&2) && test.highest.contains(&14));
        }
        assert!(found >= 495, "{found}");
        assert!(right >= 475, "{right}");
    }

    #[test]
    fn one_hour_that_stands_out_is_named_alone() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let groups = simulated(&mut random, 5, |hour| if hour == 9 { 3.0 } else { 1.0 });
        let test = GroupTest::of(&groups).unwrap();
        assert_eq!(test.highest, [9]);
        assert!(test.lowest.len() > 3, "{:?}", test.lowest);
    }
}
