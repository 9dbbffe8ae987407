use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::*;

/// A round every hour for so many days.
fn hours(days: u32) -> impl Iterator<Item = f64> {
    (0..24 * days).map(f64::from)
}

fn wave(time: f64, amplitude: f64, peak: f64) -> f64 {
    amplitude * (TAU * (time - peak) / DAY).cos()
}

/// Logarithms of rounds' means without any effect: those of neighbouring hours resemble each other
/// by `memory`, from 0 for independent ones to 1 for a random walk.
fn noise(random: &mut ChaCha8Rng, count: usize, memory: f64) -> Vec<f64> {
    let mut level: f64 = 0.0;
    let mut step = || -> f64 { StandardNormal.sample(random) };
    (0..count)
        .map(|_| {
            level = memory * level + 0.05 * step();
            level
        })
        .collect()
}

fn moments(days: u32, values: Vec<f64>) -> Vec<Moment> {
    hours(days).zip(values).collect()
}

fn close(value: f64, expected: f64, within: f64) {
    assert!((value - expected).abs() < within, "{value} {expected}");
}

#[test]
fn a_wave_is_found_with_its_amplitude_and_peak_whatever_the_trend() {
    for (days, slope) in [(2, 0.0), (2, 0.01), (3, -0.02), (7, 0.001)] {
        let value = |time: f64| 3.0 + slope * time + wave(time, 0.2, 14.5);
        let moments: Vec<_> = hours(days).map(|time| (time, value(time))).collect();
        let test = DailyTest::of(&moments, days.into()).unwrap();
        close(test.amplitude, 0.2, 1e-9);
        close(test.peak_hour, 14.5, 1e-6);
        assert!(test.p_value < 1e-9, "{}", test.p_value);
        let trend = Trend::of(&moments, days.into()).unwrap();
        close(trend.rise, slope * f64::from(24 * days - 1), 1e-6);
    }
}

#[test]
fn a_wave_is_found_where_rounds_were_skipped_and_days_are_not_whole() {
    let times = hours(3).filter(|time| *time < 61.0 && time % 7.0 > 0.0);
    let moments: Vec<_> = times.map(|time| (time + 0.1, wave(time, 0.1, 3.0))).collect();
    let test = DailyTest::of(&moments, 61.0 / 24.0).unwrap();
    close(test.amplitude, 0.1, 1e-6);
    close(test.peak_hour, 3.1, 1e-4);
}

#[test]
fn less_than_two_days_tell_nothing_of_a_day() {
    let one: Vec<_> = hours(1).map(|time| (time, wave(time, 0.2, 14.0))).collect();
    assert_eq!(DailyTest::of(&one, 1.0), None);
    let some: Vec<_> = hours(2).take(47).map(|time| (time, wave(time, 0.2, 14.0))).collect();
    assert_eq!(DailyTest::of(&some, 47.0 / 24.0), None);
    assert_eq!(DailyTest::of(&[], 2.0), None);
    // Two rounds a day hold no wave, and four rounds no second one.
    let half_days: Vec<_> = (0..14).map(|n| (f64::from(n) * 12.0, f64::from(n % 2))).collect();
    assert_eq!(DailyTest::of(&half_days, 7.0), None);
    assert_eq!(DailyTest::of(&half_days[..4], 2.0), None);
}

#[test]
fn equal_values_show_nothing() {
    let level: Vec<_> = hours(2).map(|time| (time, 0.7)).collect();
    close(DailyTest::of(&level, 2.0).unwrap().p_value, 1.0, 1e-12);
    close(Trend::of(&level, 2.0).unwrap().rise, 0.0, 1e-12);
}

/// The share of runs without an effect in which one is found.
fn found(days: u32, memory: f64, runs: u32) -> f64 {
    let mut random = ChaCha8Rng::seed_from_u64(u64::from(days));
    let mut found = 0;
    for _ in 0..runs {
        let values = noise(&mut random, 24 * days as usize, memory);
        let test = DailyTest::of(&moments(days, values), days.into()).unwrap();
        found += u32::from(test.p_value < 0.05);
    }
    f64::from(found) / f64::from(runs)
}

#[test]
fn without_an_effect_one_is_found_in_five_percent_of_runs() {
    for days in [2, 3, 7] {
        // 5 % of 2,000 runs, within 4 standard deviations.
        let share = found(days, 0.0, 2000);
        assert!((0.03..=0.07).contains(&share), "{days}: {share}");
        // Hours that resemble their neighbours do not make it worse.
        for memory in [0.5, 0.8, 0.95, 1.0] {
            let share = found(days, memory, 2000);
            assert!(share <= 0.075, "{days} days, memory {memory}: {share}");
        }
    }
}

#[test]
fn a_swing_of_a_quarter_is_found_in_two_days() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let (mut found, mut held) = (0, 0);
    for _ in 0..500 {
        let noise = noise(&mut random, 48, 0.3);
        let values = hours(2).zip(noise).map(|(time, noise)| {
            let swing = 1.0 + 0.25 * (TAU * (time - 14.0) / DAY).cos();
            swing.ln() + noise
        });
        let test = DailyTest::of(&moments(2, values.collect()), 2.0).unwrap();
        found += u32::from(test.p_value < 0.04);
        // Half of ln(1.25 / 0.75) is the wave's part of it to a hundredth.
        let (low, high) = test.amplitude_ends;
        held += u32::from((low..=high).contains(&0.254));
    }
    assert!(found >= 475, "{found} of 500");
    assert!(held >= 450, "{held} of 500");
}

#[test]
fn intervals_of_a_trend_hold_it() {
    let mut random = ChaCha8Rng::seed_from_u64(6);
    for (days, memory, least) in [(1, 0.0, 0.93), (2, 0.0, 0.93), (2, 0.5, 0.90), (7, 0.8, 0.90)] {
        let runs = 1000;
        let mut held = 0;
        for _ in 0..runs {
            let noise = noise(&mut random, 24 * days as usize, memory);
            let values = hours(days).zip(noise).map(|(time, noise)| 0.002 * time + noise);
            let trend = Trend::of(&moments(days, values.collect()), days.into()).unwrap();
            let rise = 0.002 * f64::from(24 * days - 1);
            held += u32::from((trend.ends.0..=trend.ends.1).contains(&rise));
        }
        let share = f64::from(held) / f64::from(runs);
        assert!(share >= least, "{days} days, memory {memory}: {share}");
    }
}

#[test]
fn few_rounds_have_no_trend() {
    let line = |count: u32| -> Vec<Moment> {
        (0..count).map(|n| (f64::from(n) * 6.0, f64::from(n))).collect()
    };
    for (count, is_some) in [(0, false), (1, false), (4, false), (5, true), (9, true)] {
        let days = f64::from(count) / 4.0;
        assert_eq!(Trend::of(&line(count), days).is_some(), is_some, "{count}");
    }
}

proptest! {
    #[test]
    fn whatever_the_values_a_test_is_a_test(
        values in prop::collection::vec(-1e3..1e3_f64, 0..80), days in 0.1..6.0_f64
    ) {
        let moments: Vec<_> = (0_u32..).map(f64::from).zip(values).collect();
        if let Some(test) = DailyTest::of(&moments, days) {
            prop_assert!((0.0..=1.0).contains(&test.p_value));
            prop_assert!((0.0..24.0).contains(&test.peak_hour) && test.amplitude >= 0.0);
            prop_assert!(test.amplitude_ends.0 <= test.amplitude);
            prop_assert!(test.amplitude <= test.amplitude_ends.1);
        }
        if let Some(trend) = Trend::of(&moments, days) {
            prop_assert!(trend.ends.0 <= trend.rise && trend.rise <= trend.ends.1);
        }
    }
}
