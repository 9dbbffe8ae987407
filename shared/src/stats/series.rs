//! What a run's rounds show over time: a swing with the time of day, and a trend.
//!
//! Rounds are not independent: services have better and worse hours, and those last. So how far
//! chance reaches is not told by how neighbouring rounds differ, but by how strongly the same
//! rounds swing at other periods about as long as that of what is looked for.

use std::f64::consts::TAU;

use super::fisher;
use super::student::t_quantile;

/// A day in hours.
const DAY: f64 = 24.0;
/// At most so many periods on either side of the day's tell how far chance reaches.
const NEIGHBOURS: u32 = 4;
/// So many slow waves, sine and cosine counted apart, tell how far a trend is chance.
const SLOW_WAVES: u32 = 6;
/// With fewer of them than this there is no interval of a trend.
const FEWEST_WAVES: u32 = 3;

/// A value at a time, in hours.
pub type Moment = (f64, f64);

/// What moments show of a swing with the time of day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DailyTest {
    /// Half the distance from the lowest to the highest point of the fitted wave.
    pub amplitude: f64,
    /// The ends of its 95 % interval.
    pub amplitude_ends: (f64, f64),
    /// When the fitted wave is highest, in hours of the day from 0 to below 24.
    pub peak_hour: f64,
    /// The probability of a wave at least as strong, if the time of day did nothing.
    pub p_value: f64,
}

impl DailyTest {
    /// The cosinor (Halberg, Tong and Johnson, "Circadian System Phase", 1967; Cornelissen,
    /// "Cosinor-based rhythmometry", Theoretical Biology and Medical Modelling 11, 2014): a wave of
    /// 24 hours, fitted by least squares together with a straight trend. Its mean square is tested
    /// against that of waves of neighbouring frequencies, as a line in a spectrum is against the
    /// continuum around it (Fisher's F with the degrees of freedom of both; Percival and Walden,
    /// "Spectral Analysis for Physical Applications", 1993, chapter 10): in a run of D days these
    /// are 1 - j / D and 1 + j / D a day, for j from 1 to D - 1 and at most 4, so that the day's
    /// own overtones are not among them.
    ///
    /// `days` is how long the moments are spread. `None` for less than two days, which hold no
    /// second time of the same hour, or where moments are too few or too far apart to tell waves of
    /// these periods from each other.
    pub fn of(moments: &[Moment], days: f64) -> Option<Self> {
        let sides = sides(days)?;
        let mut fit = Fit::new(moments);
        fit.explain(|_| 1.0)?;
        fit.explain(|time| time)?;
        let angle = |time: f64| TAU * time / DAY;
        let cosine = fit.explain(|time| angle(time).cos())?;
        let shared = fit.in_last(|time| angle(time).sin());
        let sine = fit.explain(|time| angle(time).sin())?;
        let mut left = (0.0, 0);
        for side in (1..=sides).map(|side| f64::from(side) / days) {
            for share in [1.0 - side, 1.0 + side] {
                for wave in [f64::cos, f64::sin] {
                    if let Some(part) = fit.explain(|time| wave(angle(time) * share)) {
                        left = (left.0 + part.weight.powi(2), left.1 + 1);
                    }
                }
            }
        }
        let explained = cosine.weight.powi(2) + sine.weight.powi(2);
        let p_value = fisher::p_value((explained, 2), left, fit.rounding)?;
        let variance = left.0 / f64::from(left.1);
        let by_sine = sine.weight / sine.length;
        let by_cosine = (cosine.weight - shared * by_sine) / cosine.length;
        let amplitude = by_cosine.hypot(by_sine);
        let of_sine = variance / sine.length.powi(2);
        let of_cosine = (variance + shared.powi(2) * of_sine) / cosine.length.powi(2);
        let of_both = -shared * of_sine / cosine.length;
        let square = by_cosine.powi(2) * of_cosine
            + by_sine.powi(2) * of_sine
            + 2.0 * by_cosine * by_sine * of_both;
        let error = square.max(0.0).sqrt() / amplitude.max(f64::MIN_POSITIVE);
        let reach = t_quantile(0.975, left.1)? * error;
        Some(Self {
            amplitude,
            amplitude_ends: ((amplitude - reach).max(0.0), amplitude + reach),
            peak_hour: (by_sine.atan2(by_cosine) / TAU * DAY).rem_euclid(DAY),
            p_value,
        })
    }
}

/// How many neighbours the day's frequency has on either side.
fn sides(days: f64) -> Option<u32> {
    (1..=NEIGHBOURS).rev().find(|&sides| f64::from(sides) + 1.0 <= days + 1e-9)
}

/// How values rise or fall from the first moment to the last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// What the fitted line rises by.
    pub rise: f64,
    /// The ends of its 95 % interval.
    pub ends: (f64, f64),
}

impl Trend {
    /// A straight line by least squares. Its standard error is told by how strongly the residuals
    /// swing in the slowest waves that the moments can hold, up to six of them, and t has as many
    /// degrees of freedom (Sun, "Robust Trend Inference with Series Variance Estimator and
    /// Testing-Optimal Smoothing Parameter", Journal of Econometrics 164, 2011): residuals of
    /// neighbouring moments resemble each other. Of two days and more a daily swing is taken out
    /// first. `None` with too few moments.
    pub fn of(moments: &[Moment], days: f64) -> Option<Self> {
        let first = moments.iter().map(|moment| moment.0).fold(f64::INFINITY, f64::min);
        let last = moments.iter().map(|moment| moment.0).fold(f64::NEG_INFINITY, f64::max);
        let mut fit = Fit::new(moments);
        fit.explain(|_| 1.0)?;
        if sides(days).is_some() {
            for turns in [1.0, 2.0] {
                for wave in [f64::cos, f64::sin] {
                    fit.explain(|time| wave(TAU * time / DAY * turns));
                }
            }
        }
        let line = fit.explain(|time| time - first)?;
        let (mut squares, mut waves) = (0.0, 0);
        let all = (1..=2 * SLOW_WAVES).flat_map(|turns| [(turns, true), (turns, false)]);
        for (turns, is_cosine) in all {
            let angle = |time: f64| TAU * (time - first) / DAY / days * f64::from(turns);
            let wave = |time| if is_cosine { angle(time).cos() } else { angle(time).sin() };
            if waves < SLOW_WAVES
                && let Some(part) = fit.explain(wave)
            {
                squares += part.weight.powi(2);
                waves += 1;
            }
        }
        let error = (squares / f64::from(waves)).sqrt() / line.length;
        let slope = line.weight / line.length;
        let reach = t_quantile(0.975, waves).filter(|_| waves >= FEWEST_WAVES)? * error;
        let over = |slope: f64| slope * (last - first);
        Some(Self { rise: over(slope), ends: (over(slope - reach), over(slope + reach)) })
    }
}

/// Values, less what columns explain of them one after the other (Gram and Schmidt).
#[derive(Debug)]
struct Fit<'a> {
    moments: &'a [Moment],
    left: Vec<f64>,
    /// What was explained, of length 1 and at right angles.
    basis: Vec<Vec<f64>>,
    /// What of a sum of squares is rounding.
    rounding: f64,
}

/// What a column explains beyond those before it.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// The length of what is explained, with its sign; over `length` it is the coefficient, as long
    /// as no other column comes after.
    weight: f64,
    /// The length of what the column has beyond those before it.
    length: f64,
}

impl<'a> Fit<'a> {
    fn new(moments: &'a [Moment]) -> Self {
        let left: Vec<_> = moments.iter().map(|moment| moment.1).collect();
        let rounding = fisher::rounding(left.iter().copied());
        Self { moments, left, basis: Vec::new(), rounding }
    }

    /// `None` where a column has nothing beyond those before it.
    fn explain(&mut self, column: impl Fn(f64) -> f64) -> Option<Part> {
        let mut column: Vec<f64> = self.moments.iter().map(|moment| column(moment.0)).collect();
        let whole = product(&column, &column).sqrt();
        // Twice, because once leaves what rounding makes.
        for explained in self.basis.iter().chain(&self.basis) {
            let shared = product(explained, &column);
            column.iter_mut().zip(explained).for_each(|(value, part)| *value -= shared * part);
        }
        let length = product(&column, &column).sqrt();
        if length.is_nan() || length <= whole.max(1.0) * 1e-6 || self.basis.len() >= self.left.len()
        {
            return None;
        }
        for value in &mut column {
            *value /= length;
        }
        let weight = product(&column, &self.left);
        self.left.iter_mut().zip(&column).for_each(|(value, part)| *value -= weight * part);
        self.basis.push(column);
        Some(Part { weight, length })
    }

    /// What a column has in common with the last that was explained.
    fn in_last(&self, column: impl Fn(f64) -> f64) -> f64 {
        let column: Vec<f64> = self.moments.iter().map(|moment| column(moment.0)).collect();
        self.basis.last().map_or(0.0, |last| product(last, &column))
    }
}

fn product(one: &[f64], two: &[f64]) -> f64 {
    one.iter().zip(two).map(|(one, two)| one * two).sum()
}

#[cfg(test)]
mod tests;
