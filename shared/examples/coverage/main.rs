//! Simulates experiments whose truth is known, and prints how often the intervals and tests of
//! `shared::stats` are right, for the section 'Intervals' of BENCHMARKS.md. It fails where a bar is
//! missed.
//!
//! ```sh
//! cargo run -p shared --example coverage
//! ```

mod process;
mod study;
mod table;

use std::io::Write;
use std::process::ExitCode;

use process::{Kind, Process};
use study::{Contest, Hits, Layout, coverage, error_rates, false_winners};

/// Experiments in each row.
const EXPERIMENTS: u32 = 2000;

const SEED: u64 = 20_261_122;

/// At least so often must a 95 % interval hold the truth.
const LEAST_COVERAGE: f64 = 0.93;

/// At most so often may equal endpoints get a winner.
const MOST_WINNERS: f64 = 0.05;

const QUEUE: Kind = Kind::Queue { busy: 0.5 };

/// For these the bar is set.
fn barred() -> Vec<(Process, Layout)> {
    let alike = |kind| Process { kind, blocks_differ: false };
    let differ = |kind| Process { kind, blocks_differ: true };
    let processes = [
        alike(Kind::Independent),
        alike(Kind::Correlated),
        differ(Kind::Correlated),
        differ(QUEUE),
        alike(Kind::Rising),
        alike(Kind::Swinging),
    ];
    let layouts = [(5, 20), (5, 100), (10, 50)].map(Layout::new);
    let blocks =
        processes.into_iter().flat_map(move |process| layouts.map(|layout| (process, layout)));
    let batches = [alike(Kind::Independent), alike(Kind::Correlated)];
    blocks.chain(batches.map(|process| (process, Layout::new((1, 1000))))).collect()
}

/// These are known not to reach it, or not always.
fn beyond() -> Vec<(Process, Layout)> {
    let busier = Kind::Queue { busy: 0.7 };
    [
        (QUEUE, false, (5, 20)),
        (QUEUE, false, (10, 20)),
        (busier, true, (10, 50)),
        (QUEUE, false, (1, 200)),
        (Kind::Correlated, true, (1, 1000)),
        (Kind::Correlated, true, (3, 300)),
        (Kind::Rising, false, (1, 1000)),
    ]
    .map(|(kind, blocks_differ, layout)| (Process { kind, blocks_differ }, Layout::new(layout)))
    .to_vec()
}

/// Rates, the relative standard deviation of those of blocks, and layouts.
const ERROR_RATES: [(f64, f64, (u32, u32)); 5] = [
    (0.001, 0.0, (5, 100)),
    (0.01, 0.0, (5, 20)),
    (0.05, 0.0, (10, 50)),
    (0.05, 0.5, (5, 100)),
    (0.2, 0.5, (10, 50)),
];

/// Endpoints, loads of each and replicates.
const CONTESTS: [(usize, usize, u32); 7] =
    [(2, 1, 5), (2, 1, 10), (2, 3, 5), (3, 1, 5), (5, 1, 5), (11, 1, 5), (11, 3, 10)];

fn main() -> ExitCode {
    let (text, is_good) = report(EXPERIMENTS);
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) if is_good => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// All tables, and whether every bar is met.
fn report(experiments: u32) -> (String, bool) {
    let rows = |of: Vec<(Process, Layout)>| -> Vec<_> {
        of.into_iter()
            .map(|(process, layout)| {
                (process, layout, coverage(process, layout, experiments, SEED))
            })
            .collect()
    };
    let (barred, beyond) = (rows(barred()), rows(beyond()));
    let errors = ERROR_RATES.map(|(rate, spread, layout)| {
        let layout = Layout::new(layout);
        (rate, spread, layout, error_rates(rate, spread, layout, experiments, SEED))
    });
    let contests = CONTESTS.map(|(endpoints, loads, replicates)| {
        let contest = Contest { endpoints, loads, replicates };
        (contest, false_winners(contest, experiments, SEED))
    });
    // p99, the last, is shown and not held to the bar.
    let enough = |hits: &Hits| hits.share() >= LEAST_COVERAGE;
    let is_good = barred.iter().all(|(_, _, hits)| hits[..4].iter().all(enough))
        && errors.iter().all(|(_, _, _, hits)| enough(hits))
        && contests.iter().all(|(_, winners)| winners.all_pairs <= MOST_WINNERS);
    let text = [
        table::coverage(&format!("The bar of {} % is set for", LEAST_COVERAGE * 100.0), &barred),
        table::coverage("It is not for, and not always reached by", &beyond),
        table::error_rates(&errors),
        table::contests(&contests),
        format!(
            "{experiments} experiments in each row, seed {SEED}: every bar is {}\n",
            if is_good { "met." } else { "NOT met." }
        ),
    ];
    (text.join("\n"), is_good)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: u32 = 300;

    /// A smaller study; with the normal distribution in place of t, five blocks give 88 %.
    #[test]
    fn intervals_hold_the_truth() {
        for kind in [Kind::Independent, Kind::Correlated, QUEUE, Kind::Rising] {
            let process = Process { kind, blocks_differ: kind == QUEUE };
            for hits in &coverage(process, Layout::new((5, 40)), FEW, 1)[..4] {
                assert_eq!(hits.experiments, FEW);
                assert!(hits.share() >= 0.92, "{process}: {hits:?}");
            }
        }
        assert!(error_rates(0.05, 0.5, Layout::new((5, 100)), FEW, 1).share() >= 0.92);
    }

    /// They must not hold it always either: such an interval tells nothing.
    #[test]
    fn intervals_are_not_wider_than_they_say() {
        let process = Process { kind: Kind::Correlated, blocks_differ: true };
        let [mean, median, ..] = coverage(process, Layout::new((10, 50)), FEW, 1);
        assert!(mean.share() <= 0.98 && median.share() <= 0.98, "{mean:?} {median:?}");
        assert_eq!((mean.open, median.open), (0, 0));
    }

    #[test]
    fn equal_endpoints_seldom_get_a_winner() {
        for endpoints in [2, 8] {
            let contest = Contest { endpoints, loads: 1, replicates: 5 };
            let winners = false_winners(contest, FEW, 1);
            assert!(winners.all_pairs <= 0.06, "{endpoints}: {winners:?}");
        }
    }
}
