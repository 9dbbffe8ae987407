use std::f64::consts::TAU;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::*;
use crate::summary::fixture::{HAIKU, LLAMA, MISTRAL, Run};

/// What the blocks of a run show whose rounds begin every hour from one o'clock UTC on: `level` says
/// by how much they are slower at an hour, counted from the first midnight; chance adds some 4 %.
fn decided(run: &Run, seed: u64, level: impl Fn(f64) -> f64) -> TimeOfDay {
    let mut summary = run.summary();
    shake(&mut summary, seed, level);
    decide(&summary).unwrap()
}

fn shake(summary: &mut RunSummary, seed: u64, level: impl Fn(f64) -> f64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for block in summary.experiments.iter_mut().flat_map(|experiment| &mut experiment.blocks) {
        let chance: f64 = StandardNormal.sample(&mut random);
        let level = level(f64::from(block.place.round));
        block.e2e_mean_ms = Some(1000.0 * level * (0.04 * chance).exp());
    }
}

fn run(rounds: u32, replicates: u32) -> Run {
    Run::replicated(&[MISTRAL], &["chat"], &[1], replicates).in_rounds(rounds)
}

fn swing(hour: f64) -> f64 {
    1.0 + 0.25 * (TAU * (hour - 14.0) / 24.0).cos()
}

fn ends(interval: Interval) -> (f64, f64) {
    (interval.low.unwrap(), interval.high.unwrap())
}

#[test]
fn the_hours_of_one_day_differ_and_no_more_is_said() {
    let decided = decided(&run(24, 2), 1, swing);
    assert!((decided.days - 1.0).abs() < 1e-9);
    let experiment = &decided.experiments[0];
    assert_eq!(experiment.verdict, HoursVerdict::HoursDiffer);
    assert_eq!(experiment.swing, None);
    assert!(experiment.slowest.contains(&14) && experiment.fastest.contains(&2), "{experiment:?}");
    assert!(!experiment.slowest.contains(&8) && !experiment.fastest.contains(&8));
    // One swing of a day looks like a trend as well, so its interval is wide.
    let (low, high) = ends(experiment.drift.unwrap().interval);
    assert!(low < 0.0 && high > 0.0, "{low} {high}");
}

#[test]
fn a_swing_over_two_days_is_one_of_the_day_in_local_time() {
    let mut run = run(48, 1);
    run.plan.time_zone = Zone::try_from("Europe/Berlin".to_owned()).unwrap();
    let decided = decided(&run, 2, |hour| swing(hour) * (1.0 + 0.001 * hour));
    let experiment = &decided.experiments[0];
    assert_eq!(experiment.verdict, HoursVerdict::Daily);
    let swing = experiment.swing.unwrap();
    // Half past two in the afternoon UTC is half past four in Berlin, in April.
    assert!((swing.peak_hour - 16.0).abs() < 0.7, "{swing:?}");
    let (low, high) = ends(swing.interval);
    assert!(low < 0.25 && 0.25 < high && high - low < 0.2, "{swing:?}");
    assert!(experiment.slowest.contains(&16) && experiment.fastest.contains(&4), "{experiment:?}");
    let (low, high) = ends(experiment.drift.unwrap().interval);
    assert!(low < 0.048 && 0.048 < high, "{low} {high}");
}

#[test]
fn without_an_effect_little_is_found_and_what_is_not_found_is_not_named() {
    for (rounds, replicates) in [(24, 2), (48, 1), (168, 1)] {
        let mut summary = run(rounds, replicates).summary();
        let mut found = 0;
        for seed in 0..100 {
            shake(&mut summary, seed, |_| 1.0);
            let experiment = &decide(&summary).unwrap().experiments[0];
            if experiment.verdict != HoursVerdict::Indistinguishable {
                found += 1;
                continue;
            }
            assert!(experiment.fastest.is_empty() && experiment.slowest.is_empty());
            assert!(experiment.p_holm.is_some_and(|p| p >= SIGNIFICANT));
        }
        // 4 expected; within 4 standard deviations.
        assert!(found <= 11, "{rounds}: {found}");
    }
}

#[test]
fn one_block_in_each_hour_of_a_day_shows_nothing() {
    let experiment = &decided(&run(24, 1), 4, swing).experiments[0];
    assert_eq!((experiment.verdict, experiment.p_value), (HoursVerdict::TooFew, None));
    assert!(experiment.fastest.is_empty() && experiment.slowest.is_empty());
}

#[test]
fn rounds_of_the_same_hour_are_its_units_where_there_are_several() {
    let mut run = run(48, 1);
    run.plan.rounds.as_mut().unwrap().every = std::time::Duration::from_mins(30);
    let mut summary = run.summary();
    shake(&mut summary, 5, |_| 1.0);
    // All blocks of a round are slow together: that says nothing of their hour.
    let start: Timestamp = "2024-04-16T00:00:00Z".parse().unwrap();
    for block in &mut summary.experiments[0].blocks {
        let later = std::time::Duration::from_mins(30) * (block.place.round - 1);
        block.began_at = Some((start + later).to_string());
        if block.place.round % 2 == 1 {
            block.e2e_mean_ms = Some(2000.0);
        }
    }
    let decided = decide(&summary).unwrap();
    assert!((decided.days - 1.0).abs() < 1e-9, "{}", decided.days);
    assert_eq!(decided.experiments[0].verdict, HoursVerdict::Indistinguishable);
}

#[test]
fn many_equal_experiments_get_a_finding_in_few_runs() {
    let run = Run::replicated(&[MISTRAL, HAIKU, LLAMA], &["chat", "long"], &[1, 2], 2);
    for rounds in [24, 48] {
        let mut summary = run.clone().in_rounds(rounds).summary();
        let found = (0..200).filter(|&seed| {
            shake(&mut summary, seed, |_| 1.0);
            let decided = decide(&summary).unwrap();
            decided.experiments.iter().any(|one| one.verdict != HoursVerdict::Indistinguishable)
        });
        let found = found.count();
        // 4 % of 200 runs, within 4 standard deviations.
        assert!(found <= 19, "{rounds}: {found}");
    }
}

#[test]
fn a_single_hour_decides_nothing() {
    assert_eq!(decide(&run(1, 2).summary()), None);
}
