use std::time::Duration;

use proptest::prelude::*;

use super::fixture::{HAIKU, LLAMA, MISTRAL, Run, START_NS};
use super::*;
use crate::record::{Deadline, ErrorClass, Outcome, Phase, Usage};
use crate::stats::{Gaps, Percentile};
use crate::units::ExperimentId;

fn one() -> Run {
    Run::new(&[MISTRAL], &["chat"], &[2])
}

fn first(run: &Run) -> ExperimentSummary {
    run.summary().experiments[0].clone()
}

#[test]
fn an_experiment_can_be_finished_before_the_run() {
    let run = Run::replicated(&[MISTRAL, HAIKU], &["chat"], &[1, 2], 5).fail("mistral-7b");
    let whole = run.summary();
    let mut early = RunAccumulator::new(&run.plan, &run.blocks);
    for experiment in &run.plan.experiments {
        for record in run.records.iter().filter(|record| record.experiment == experiment.id) {
            early.add(record);
        }
        early.finish_experiment(&experiment.id);
        early.finish_experiment(&experiment.id);
    }
    early.finish_experiment(&ExperimentId::from("unknown".to_owned()));
    let text = |summary: &RunSummary| serde_json::to_string(summary).unwrap();
    assert_eq!(text(&early.finish()), text(&whole));

    let mut too_early = RunAccumulator::new(&run.plan, &run.blocks);
    too_early.finish_experiment(&run.plan.experiments[0].id);
    for record in &run.records {
        too_early.add(record);
    }
    let (summary, first) = (too_early.finish(), &run.plan.experiments[0].id);
    let late = run.records.iter().filter(|record| record.experiment == *first).count();
    assert_eq!(summary.experiments[0].requests.sent, 0);
    assert_eq!(summary.uncounted.requests, whole.uncounted.requests + late as u64);
}

#[test]
fn a_transaction_costs_what_its_tokens_cost() {
    let cost = first(&one()).cost.unwrap();
    // 2959 / 34 tokens at $0.00015 and $0.0002: the published $0.000451, $4.51 for 10,000.
    assert_eq!(cost.per_transaction_nano_usd, NanoUsd(450_650));
    assert_eq!(cost.per_10k_transactions_nano_usd, NanoUsd(4_506_500_000));
    assert_eq!(cost.transactions, 60);
}

#[test]
fn a_mean_cost_is_rounded_half_up_once() {
    let check = |sum, count, each, ten_thousand| {
        let cost = TransactionCost::mean(sum, count).unwrap();
        assert_eq!(cost.per_transaction_nano_usd, NanoUsd(each));
        assert_eq!(cost.per_10k_transactions_nano_usd, NanoUsd(ten_thousand));
    };
    check(1, 2, 1, 5000);
    check(1, 3, 0, 3333);
    check(2, 3, 1, 6667);
    assert_eq!(TransactionCost::mean(0, 0), None);
}

#[test]
fn outcomes_are_counted_each_for_itself() {
    let mut run = one();
    let outcomes = [
        Outcome::Throttled,
        Outcome::TimedOut(Deadline::Stall),
        Outcome::Failed(ErrorClass::ModelError),
        Outcome::Failed(ErrorClass::ModelError),
        Outcome::Cut,
    ];
    for (record, outcome) in run.records.iter_mut().zip(outcomes) {
        record.outcome = outcome;
    }
    let summary = first(&run);
    let classes = [("deadline_stall", 1), ("model_error", 2), ("throttled", 1)];
    assert_eq!(
        summary.requests,
        RequestCounts {
            sent: 60,
            completed: 55,
            throttled: 1,
            timed_out: 1,
            cut: 1,
            failed: 2,
            errors_by_class: classes.map(|(class, n)| (class.to_owned(), n)).into(),
        }
    );
    assert_eq!(summary.error_rate, Some(4.0 / 59.0));
    assert_eq!(summary.e2e.unwrap().count, 55, "failed requests have no latency");
    assert_eq!(summary.warnings, [Warning::RequestsCut { requests: 1 }]);
}

#[test]
fn gaps_of_all_blocks_are_one_histogram() {
    let mut run = one();
    assert_eq!(first(&run).itl_histogram, None);
    let mut counted = 0;
    for (state, gap_us) in run.blocks.iter_mut().zip([10_000, 10_000, 300]) {
        let mut gaps = Gaps::default();
        gaps.record(gap_us);
        state.receipt.as_mut().unwrap().gaps = gaps.stored();
        counted += 1;
    }
    let bins = first(&run).itl_histogram.unwrap().bins;
    assert_eq!(bins.iter().map(|bin| bin.count).sum::<u64>(), counted);
    let range = |bin: &Bin| bin.from_ms <= 10.0 && 10.0 < bin.to_ms;
    assert_eq!(bins.iter().find(|bin| range(bin)).unwrap().count, counted.min(2));
    assert!(bins.is_sorted_by(|one, two| one.to_ms <= two.from_ms + 1e-12));
}

#[test]
fn nothing_completed_is_no_data_and_never_zero() {
    let summary = first(&one().fail("mistral-7b"));
    assert_eq!(summary.error_rate, Some(1.0));
    assert_eq!((summary.e2e, summary.ttft, summary.tpot, summary.itl_mean), Default::default());
    assert_eq!((summary.cost, summary.output_tokens_mean), (None, None));
    assert_eq!(summary.throughput.unwrap().output_tokens_per_s, None);
    assert_eq!(summary.warnings, [Warning::NothingCompleted]);

    let mut run = one();
    run.records.clear();
    run.blocks.clear();
    let summary = first(&run);
    assert_eq!((summary.error_rate, summary.throughput), (None, None));
    assert_eq!(summary.missing_blocks.len(), 3);
}

#[test]
fn throughput_is_of_what_completed_within_the_window() {
    let mut run = one();
    run.blocks.truncate(1);
    run.records.retain(|record| record.block == 1 && record.phase == Phase::Measured);
    run.records.truncate(3);
    let receipt = run.blocks[0].receipt.as_mut().unwrap();
    (receipt.window, receipt.records) = (Duration::from_secs(10), 3);
    // Ends on the window's very end, a nanosecond after it, and before its start.
    let end = START_NS + 10_000_000_000;
    receipt.window_start_unix_ns = START_NS;
    for (record, end) in run.records.iter_mut().zip([end, end + 1, START_NS - 1]) {
        record.sent_at_unix_ns = end - u64::try_from(record.e2e().as_nanos()).unwrap();
    }
    let summary = first(&run);
    let throughput = summary.throughput.unwrap();
    assert_eq!(summary.e2e.unwrap().count, 3, "latency is of all that were sent");
    assert_eq!(
        throughput,
        Throughput {
            window_s: 10.0,
            completed_in_window: 1,
            requests_per_minute: 6.0,
            input_tokens_per_s: Some(295.9),
            output_tokens_per_s: Some(3.4),
        }
    );
}

#[test]
fn killed_attempts_are_paid_for_and_in_no_statistic() {
    let whole = one();
    let mut run = whole.clone();
    // The block was measured again: attempt 1 was killed half-way, attempt 2 left the receipt.
    let killed: Vec<_> = run.records.iter().filter(|r| r.block == 2).take(5).cloned().collect();
    run.records.iter_mut().filter(|r| r.block == 2).for_each(|record| record.attempt = 2);
    let state = run.blocks.iter_mut().find(|state| state.key.block == 2).unwrap();
    state.attempt = 2;
    state.receipt.as_mut().unwrap().attempt = 2;
    run.records.extend(killed);
    let (summary, expected) = (run.summary(), whole.summary());
    assert_eq!(summary.experiments, expected.experiments);
    assert_eq!(summary.counted, expected.counted);
    assert_eq!(summary.uncounted.requests, 5);
    assert_eq!(summary.uncounted.spent_nano_usd, NanoUsd(5 * 450_650));
}

#[test]
fn missing_blocks_are_named() {
    let summary = first(&one().kill("mistral-7b~chat~c2", 2));
    assert_eq!((summary.blocks_planned, summary.blocks_done), (3, 2));
    assert_eq!(summary.missing_blocks, [BlockPlace { round: 1, block: 2 }]);
    assert_eq!(summary.warnings, [Warning::BlocksMissing { missing: 1, planned: 3 }]);
}

#[test]
fn a_throttled_block_is_stopped_and_says_why() {
    let run = one().stop("mistral-7b~chat~c2", 3).throttle("mistral-7b~chat~c2", 1);
    let summary = first(&run);
    assert_eq!((summary.blocks_done, summary.throttled_blocks), (1, 1));
    let expected = [Warning::Throttled { blocks: 1 }, Warning::BlocksCut { blocks: 1 }];
    assert_eq!(summary.warnings, expected);
}

#[test]
fn a_stopped_block_is_not_done_but_its_records_count() {
    let whole = first(&one());
    let run = one().stop("mistral-7b~chat~c2", 3);
    let summary = first(&run);
    assert_eq!(
        summary,
        ExperimentSummary {
            blocks_done: 2,
            stopped_blocks: vec![BlockPlace { round: 1, block: 3 }],
            warnings: vec![Warning::BlocksCut { blocks: 1 }],
            ..whole
        }
    );
    let lacks = |run: &Run| run.summary().incomplete();
    assert_eq!(lacks(&one()), None);
    assert_eq!(lacks(&run).unwrap(), "1 of 3 blocks ended before time");
    let run = run.kill("mistral-7b~chat~c2", 1);
    assert_eq!(lacks(&run).unwrap(), "1 of 3 blocks missing and 1 ended before time");
    let warnings =
        [Warning::BlocksMissing { missing: 1, planned: 3 }, Warning::BlocksCut { blocks: 1 }];
    assert_eq!(first(&run).warnings, warnings);
}

#[test]
fn spending_holds_warm_up_and_failures_with_usage() {
    let mut run = one();
    run.records[0].outcome = Outcome::Failed(ErrorClass::ModelError);
    run.records[1].usage = Usage::default();
    let summary = first(&run);
    // 6 warm-up requests of 4 / 1 tokens, and 59 of 60 with usage.
    assert_eq!(summary.spending.spent_nano_usd, NanoUsd(59 * 450_650 + 6 * 800));
    assert_eq!((summary.spending.requests, summary.spending.warmup_requests), (66, 6));
    assert_eq!((summary.spending.without_usage, summary.completed_without_usage), (1, 1));
    assert_eq!(summary.cost.unwrap().transactions, 58);
}

#[test]
fn simulated_answers_cached_prompts_and_new_connections_show() {
    let mut run = one();
    assert!(!run.summary().simulated);
    run.records[0].served.simulated = true;
    run.records[1].usage.cache_read_tokens = Some(12);
    run.records[2].served.new_connection = true;
    let summary = run.summary();
    assert!(summary.simulated && summary.experiments[0].simulated);
    let warnings = [Warning::NewConnections { requests: 1 }, Warning::CacheReads { requests: 1 }];
    assert_eq!(summary.experiments[0].warnings, warnings);
}

#[test]
fn percentiles_of_few_samples_are_flagged() {
    let e2e = first(&one()).e2e.unwrap();
    assert_eq!(e2e.too_few_samples_for, [Percentile::P95, Percentile::P99]);
}

#[test]
fn figures_of_blocks_and_points_follow_the_records() {
    let mut run = Run::replicated(&[MISTRAL], &["chat"], &[6], 5);
    run.records[7].outcome = Outcome::Throttled;
    let summary = first(&run);
    assert_eq!((summary.blocks.len(), summary.clusters), (5, 5));
    let first = &summary.blocks[0];
    assert_eq!(first.place, BlockPlace { round: 1, block: 1 });
    assert_eq!((first.completed, first.errors), (59, 1));
    assert_eq!(first.cost_per_10k_nano_usd, Some(NanoUsd(4_506_500_000)));
    let sum = summary.blocks.iter().map(|b| b.e2e_mean_ms.unwrap() * float(b.completed));
    let e2e = summary.e2e.as_ref().unwrap();
    assert!((sum.sum::<f64>() / float(e2e.count) - e2e.mean_ms).abs() < 1e-6);
    assert_eq!(summary.points.len(), 200);
    assert_eq!((summary.points[0].input_tokens, summary.points[0].output_tokens), (2959, 34));
    let times = summary.ttft_histogram.unwrap();
    assert_eq!(times.bins.iter().map(|bin| bin.count).sum::<u64>(), 299);
}

#[test]
fn output_rates_are_those_of_single_answers() {
    let summary = first(&one());
    let (e2e, tpot) = (summary.e2e.unwrap(), summary.tpot.unwrap());
    let generation = summary.otps_generation.unwrap();
    let end_to_end = summary.otps_end_to_end.unwrap();
    assert_eq!((generation.count, end_to_end.count), (60, 60));
    // 34 tokens within the whole answer, 33 between its first and its last.
    assert!((end_to_end.max_per_s - 34.0 / e2e.min_ms * 1000.0).abs() < 1e-9);
    assert!((generation.min_per_s - 1000.0 / tpot.max_ms).abs() < 1e-9);
}

#[test]
fn intervals_hold_their_estimates_and_few_clusters_have_none() {
    let summary = first(&Run::replicated(&[MISTRAL], &["chat"], &[6], 5));
    let e2e = summary.e2e.unwrap();
    for (interval, value) in [
        (e2e.intervals.mean, e2e.mean_ms),
        (e2e.intervals.p50, e2e.p50_ms),
        (e2e.intervals.p90, e2e.p90_ms),
        (summary.error_rate_interval, 0.0),
    ] {
        let interval = interval.unwrap();
        assert!(interval.low.unwrap() <= value && value < interval.high.unwrap(), "{interval:?}");
    }
    assert_eq!(e2e.intervals.p99.unwrap().high, None);
    let mut run = one();
    run.records.retain(|record| record.block == 1 && record.sequence <= 4);
    let summary = first(&run);
    assert_eq!(
        (summary.clusters, summary.error_rate_interval, summary.cost_interval),
        (0, None, None)
    );
    assert_eq!(summary.e2e.unwrap().intervals, LatencyIntervals::default());
}

#[test]
fn metrics_are_flat_and_leave_out_what_is_unknown() {
    let metrics = first(&one()).metrics();
    assert_eq!(metrics["cost_per_10k_transactions_usd"], 4.5065);
    assert!(metrics.contains_key("e2e_p95_ms"));
    let metrics = first(&one().fail("mistral-7b")).metrics();
    assert_eq!(metrics["errors_by_class"]["access_denied"], 42);
    assert!(!metrics.contains_key("e2e_p95_ms"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn the_order_of_records_and_blocks_does_not_matter(seed in any::<u64>()) {
        let run = Run::new(&[MISTRAL, HAIKU, LLAMA], &["chat"], &[1, 3])
            .fail("llama2-13b")
            .kill("claude-3-haiku~chat~c1", 3);
        let expected = serde_json::to_string(&run.summary()).unwrap();
        let mut shuffled = run.clone();
        let key = |n: usize| (n as u64 ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut order: Vec<_> = shuffled.records.drain(..).enumerate().collect();
        order.sort_by_key(|(place, _)| key(*place));
        shuffled.records = order.into_iter().map(|(_, record)| record).collect();
        shuffled.blocks.reverse();
        prop_assert_eq!(serde_json::to_string(&shuffled.summary()).unwrap(), expected);
    }
}

#[test]
fn a_summary_is_read_back_as_it_was_written() {
    let summary = Run::new(&[MISTRAL, LLAMA], &["chat"], &[1]).fail("llama2-13b").summary();
    let text = serde_json::to_string(&summary).unwrap();
    assert_eq!(serde_json::from_str::<RunSummary>(&text).unwrap(), summary);
}
