//! A scale from values to pixels, with round numbers along it.

/// Values spread wider than this go on a logarithmic scale.
const LOGARITHMIC_FROM: f64 = 6.0;

/// From values to pixels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    /// Names along the axis, each in the middle of its part of length 1; none for numbers.
    names: Vec<String>,
}

impl Axis {
    /// An axis that shows all `values` (finite, at least 0), and the limit unless it is far off.
    pub(super) fn new(values: &[f64], limit: Option<f64>) -> Self {
        let high = values.iter().copied().fold(0.0, f64::max);
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let logarithmic = low > 0.0 && high / low > LOGARITHMIC_FROM;
        let near = |limit: &f64| *limit <= high * 2.0 && (!logarithmic || *limit >= low / 10.0);
        let limit = limit.filter(near);
        let low = limit.map_or(low, |limit| limit.min(low));
        let high = limit.map_or(high, |limit| limit.max(high));
        if logarithmic && low > 0.0 {
            return Self { low: low / 1.35, high: high * 1.35, logarithmic, names: Vec::new() };
        }
        Self::linear(high)
    }

    /// An axis from 0 that shows all `values` (finite, at least 0), and the limit unless it is far
    /// off: for lengths, which a logarithm would distort.
    pub(super) fn from_zero(values: &[f64], limit: Option<f64>) -> Self {
        let high = values.iter().copied().fold(0.0, f64::max);
        Self::linear(limit.filter(|&limit| limit <= high * 2.0).map_or(high, |l| l.max(high)))
    }

    fn linear(high: f64) -> Self {
        let high = if high > 0.0 { high * 1.12 } else { 1.0 };
        Self { low: 0.0, high, logarithmic: false, names: Vec::new() }
    }

    /// An axis of names: the n-th, from 0, is at n + 0.5.
    pub(super) fn named(names: Vec<String>) -> Self {
        let high = f64::from(u32::try_from(names.len()).unwrap_or(u32::MAX)).max(1.0);
        Self { low: 0.0, high, logarithmic: false, names }
    }

    /// Whether its numbers are spread by their logarithms.
    pub(super) fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// Where a value is between the ends, 0 to 1; what is beyond them is put there.
    pub(super) fn share(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            (value.max(f64::MIN_POSITIVE) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        share.clamp(0.0, 1.0)
    }

    /// Whether a value is between the ends.
    pub(super) fn shows(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Round numbers along the axis with their texts.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        if !self.names.is_empty() {
            return (0_u32..).map(|n| f64::from(n) + 0.5).zip(self.names.iter().cloned()).collect();
        }
        if self.logarithmic { self.logarithmic_ticks() } else { self.linear_ticks() }
    }

    fn linear_ticks(&self) -> Vec<(f64, String)> {
        let rough = self.high / 6.0;
        let exponent = floor_log10(rough);
        let unit = 10_f64.powi(exponent);
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * unit);
        let step = step.into_iter().find(|&step| step >= rough).unwrap_or(rough);
        let steps = (0..=12_u8).map(|n| f64::from(n) * step);
        let exponent = floor_log10(step * 1.000_001);
        steps
            .take_while(|&tick| tick <= self.high)
            .map(|tick| (tick, text(tick, exponent)))
            .collect()
    }

    fn logarithmic_ticks(&self) -> Vec<(f64, String)> {
        let (first, last) = (floor_log10(self.low), floor_log10(self.high));
        let factors: &[f64] = if last - first > 3 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        (first..=last)
            .flat_map(|exponent| factors.iter().map(move |factor| (exponent, factor)))
            .map(|(exponent, factor)| (factor * 10_f64.powi(exponent), exponent))
            .filter(|(tick, _)| self.shows(*tick))
            .map(|(tick, exponent)| (tick, text(tick, exponent)))
            .collect()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "exponents of finite numbers are below 400")]
fn floor_log10(value: f64) -> i32 {
    value.log10().floor() as i32
}

fn text(tick: f64, exponent: i32) -> String {
    let decimals = usize::try_from(-exponent).unwrap_or(0);
    format!("{tick:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], limit: Option<f64>, logarithmic: bool, expected: &str) {
        let axis = Axis::new(values, limit);
        let ticks: Vec<_> = axis.ticks().into_iter().map(|(_, text)| text).collect();
        assert_eq!(ticks.join(" "), expected);
        assert_eq!(axis.is_logarithmic(), logarithmic);
        assert!(values.iter().all(|&value| axis.shows(value)));
    }

    #[test]
    fn ticks_are_round_numbers() {
        check(&[0.75, 1.2], None, false, "0.0 0.5 1.0");
        check(&[0.75, 1.2], Some(2.0), false, "0.0 0.5 1.0 1.5 2.0");
        check(&[0.75, 1.2], Some(60.0), false, "0.0 0.5 1.0");
        check(&[4.5, 558.0], Some(50.0), true, "5 10 20 50 100 200 500");
        check(&[0.004, 300.0], None, true, "0.01 0.1 1 10 100");
        check(&[0.0], None, false, "0.0 0.2 0.4 0.6 0.8 1.0");
    }

    #[test]
    fn a_value_beyond_the_ends_is_put_there() {
        let axis = Axis::new(&[1.0, 2.0], None);
        assert!((axis.share(99.0) - 1.0).abs() < f64::EPSILON);
        assert!(axis.share(-1.0).abs() < f64::EPSILON);
        assert!(axis.share(1.0) < axis.share(2.0));
    }
}
