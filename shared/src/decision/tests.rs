mod certainty;
mod serving;

use std::time::Duration;

use super::*;
use crate::plan::Criteria;
use crate::summary::fixture::{HAIKU, LLAMA, MISTRAL, Model, Run};

fn decide_run(run: &Run) -> Decision {
    decide(&run.plan, &run.summary())
}

fn best(decision: &Decision) -> (&str, Option<&str>) {
    match &decision.datasets[0].choice {
        Choice::Best { experiment, runner_up } => {
            (experiment.as_str(), runner_up.as_ref().map(|next| next.experiment.as_str()))
        }
        choice @ (Choice::NoneQualifies { .. } | Choice::NoPrices | Choice::NoData) => {
            panic!("{choice:?}")
        }
    }
}

#[test]
fn the_cheapest_that_meets_all_criteria_wins_with_another_endpoint_as_runner_up() {
    let decision = decide_run(&Run::new(&[HAIKU, MISTRAL, LLAMA], &["chat"], &[1, 2]));
    assert_eq!(best(&decision), ("mistral-7b~chat~c2", Some("claude-3-haiku~chat~c2")));
    insta::assert_snapshot!(
        decision.answer,
        @"For chat use mistral-7b at a concurrency of 2 ($4.51 per 10,000 transactions, $0.000451 each, p95 latency 1.12 s from only 60 requests, 144 transactions/minute), the cheapest measured with p95 E2E ≤ 2 s, error rate ≤ 1 % and cost ≤ $50 per 10,000 transactions. How sure: its cost is not tested against rivals (a test needs 5 replicates, this run has 3); p95 E2E ≤ 2 s, error rate ≤ 1 % and cost ≤ $50 per 10,000 transactions are met but not shown."
    );
    insta::assert_snapshot!(
        decision.datasets[0].words,
        @"mistral-7b at a concurrency of 2, the cheapest of the 3 endpoints (of 3) that meet every criterion: $4.51 per 10,000 transactions, $0.000451 each, p95 latency 1.12 s from only 60 requests, 144 transactions/minute. Runner-up: claude-3-haiku at a concurrency of 2: $8.70 per 10,000 transactions; 93.1 % more ($4.20), with a p95 latency 742 ms higher."
    );
}

#[test]
fn of_equal_prices_the_faster_wins_and_an_endpoint_stands_by_its_highest_load() {
    let faster = Model { name: "faster", e2e_ms: 500, ..MISTRAL };
    let decision = decide_run(&Run::new(&[MISTRAL, faster], &["chat"], &[1]));
    assert_eq!(best(&decision).0, "faster~chat~c1");

    let run = Run::new(&[MISTRAL], &["chat"], &[1, 4]);
    let mut summary = run.summary();
    summary.experiments[1].e2e = summary.experiments[0].e2e.clone();
    assert_eq!(best(&decide(&run.plan, &summary)).0, "mistral-7b~chat~c4");
}

#[test]
fn a_runner_up_of_the_same_endpoint_is_said_to_be_one() {
    let decision = decide_run(&Run::new(&[MISTRAL], &["chat"], &[1, 2]));
    assert_eq!(best(&decision), ("mistral-7b~chat~c2", Some("mistral-7b~chat~c1")));
    assert!(decision.datasets[0].words.contains("No other endpoint qualifies"));
    let decision = decide_run(&Run::new(&[MISTRAL], &["chat"], &[1]));
    assert!(decision.datasets[0].words.ends_with("Nothing else qualifies."));
}

#[test]
fn where_none_qualifies_the_nearest_miss_is_named() {
    let mut run = Run::new(&[HAIKU, MISTRAL], &["chat"], &[1]);
    run.plan.criteria.latency[0].limit = Duration::from_millis(700);
    let decision = decide_run(&run);
    let Choice::NoneQualifies { nearest: Some(miss) } = &decision.datasets[0].choice else {
        panic!("{:?}", decision.datasets[0].choice);
    };
    assert_eq!(miss.experiment.as_str(), "mistral-7b~chat~c1");
    assert_eq!(miss.missed.len(), 1);
    insta::assert_snapshot!(
        decision.answer,
        @"For chat nothing measured meets all criteria (nearest is mistral-7b at a concurrency of 1, with p95 E2E 1.02 s against a limit of 700 ms)."
    );
    insta::assert_snapshot!(
        decision.endpoints[0].words,
        @"No measured concurrency (1) meets all criteria. Nearest is a concurrency of 1: p95 E2E 1.72 s against a limit of 700 ms."
    );
}

#[test]
fn a_limit_includes_its_value_and_no_errors_means_none() {
    let mut run = Run::new(&[MISTRAL], &["chat"], &[1]);
    run.plan.criteria = Criteria {
        latency: Vec::new(),
        error_rate: Some(0.0),
        cost_per_10k_transactions: Some(NanoUsd(4_506_500_000)),
    };
    assert!(decide_run(&run).experiments[0].qualifies);
    run.records[0].outcome = crate::record::Outcome::Throttled;
    let judged = &decide_run(&run).experiments[0];
    assert_eq!(judged.criteria[0].verdict, Verdict::NotMet);
    assert!((judged.criteria[0].excess().unwrap() - 100.0 / 30.0).abs() < 1e-9);
    run.plan.criteria.cost_per_10k_transactions = Some(NanoUsd(4_506_499_999));
    assert_eq!(decide_run(&run).experiments[0].criteria[1].verdict, Verdict::NotMet);
}

#[test]
fn a_miss_is_a_share_of_its_limit_however_small_the_limit() {
    let mut run = Run::new(&[MISTRAL], &["chat"], &[1]);
    run.plan.criteria =
        Criteria { latency: Vec::new(), error_rate: Some(0.001), cost_per_10k_transactions: None };
    run.records[0].outcome = crate::record::Outcome::Throttled;
    let judged = &decide_run(&run).experiments[0].criteria[0];
    let expected = (1.0 / 30.0) / 0.001 - 1.0;
    assert!((judged.excess().unwrap() - expected).abs() < 1e-9);
}

#[test]
fn a_stopped_block_makes_the_answer_say_that_the_run_is_incomplete() {
    let run = Run::new(&[MISTRAL], &["chat"], &[1]).stop("mistral-7b~chat~c1", 2);
    insta::assert_snapshot!(
        decide_run(&run).answer,
        @"For chat use mistral-7b at a concurrency of 1 ($4.51 per 10,000 transactions, $0.000451 each, p95 latency 1.02 s from only 30 requests, 78.8 transactions/minute), the cheapest measured with p95 E2E ≤ 2 s, error rate ≤ 1 % and cost ≤ $50 per 10,000 transactions; the run is incomplete, 1 of 3 blocks ended before time. How sure: no other endpoint qualifies; p95 E2E ≤ 2 s, error rate ≤ 1 % and cost ≤ $50 per 10,000 transactions are met but not shown."
    );
}

#[test]
fn failures_give_no_data_and_never_a_choice() {
    let decision = decide_run(&Run::new(&[MISTRAL], &["chat"], &[1, 2]).fail("mistral-7b"));
    assert_eq!(decision.datasets[0].choice, Choice::NoData);
    assert_eq!(decision.experiments[0].criteria[0].verdict, Verdict::NoData);
    insta::assert_snapshot!(
        decision.endpoints[0].words,
        @"None of 90 requests was completed (access_denied 63 and throttled 27)."
    );
    insta::assert_snapshot!(
        decision.answer,
        @"For chat there is no data, as no request was completed."
    );
}

#[test]
fn without_prices_there_is_no_ranking() {
    let mut run = Run::new(&[MISTRAL], &["chat"], &[1]);
    run.plan.criteria.cost_per_10k_transactions = None;
    run.records.iter_mut().for_each(|record| record.usage = crate::record::Usage::default());
    assert_eq!(decide_run(&run).datasets[0].choice, Choice::NoPrices);
}

#[test]
fn without_criteria_cost_alone_ranks_and_the_words_say_so() {
    let mut run = Run::new(&[HAIKU, MISTRAL], &["chat"], &[1, 2]);
    run.plan.criteria = Criteria::default();
    let decision = decide_run(&run);
    assert_eq!(best(&decision).0, "mistral-7b~chat~c2");
    insta::assert_snapshot!(
        decision.datasets[0].words,
        @"mistral-7b at a concurrency of 2, the cheapest measured (no criteria are set): $4.51 per 10,000 transactions, $0.000451 each, p95 latency 1.12 s from only 60 requests, 144 transactions/minute. Runner-up: claude-3-haiku at a concurrency of 2: $8.70 per 10,000 transactions; 93.1 % more ($4.20), with a p95 latency 742 ms higher."
    );
    insta::assert_snapshot!(
        decision.endpoints[1].words,
        @"No criteria are set. The highest measured concurrency with completed requests is 2: mean latency 824 ms, mean prompt size 2,959 tokens, completion 34 tokens, 144 transactions/minute, $4.51 per 10,000 transactions."
    );
}

#[test]
fn each_endpoint_gets_its_highest_concurrency_that_qualifies() {
    let mut run = Run::new(&[MISTRAL], &["chat", "long"], &[1, 2, 8]);
    run.plan.criteria.latency[0].limit = Duration::from_millis(1200);
    let decision = decide_run(&run);
    assert_eq!(decision.endpoints.len(), 2);
    assert_eq!(decision.endpoints[0].best.as_ref().unwrap().as_str(), "mistral-7b~chat~c2");
    insta::assert_snapshot!(
        decision.endpoints[0].words,
        @"The best option within p95 E2E ≤ 1.2 s, error rate ≤ 1 % and cost ≤ $50 per 10,000 transactions is a concurrency of 2: mean latency 824 ms, mean prompt size 2,959 tokens, completion 34 tokens, 144 transactions/minute, $4.51 per 10,000 transactions."
    );
    insta::assert_snapshot!(
        decision.answer,
        @"For both datasets use mistral-7b at a concurrency of 2 ($4.51 per 10,000 transactions, p95 latency 1.12 s), the cheapest measured with p95 E2E ≤ 1.2 s, error rate ≤ 1 % and cost ≤ $50 per 10,000 transactions. How sure: no other endpoint qualifies; p95 E2E ≤ 1.2 s, error rate ≤ 1 % and cost ≤ $50 per 10,000 transactions are met but not shown."
    );
}

#[test]
fn limits_are_told_with_the_digits_that_they_were_set_with() {
    let words = |share: f64| Criterion::ErrorRate.limit_words(share);
    assert_eq!(words(0.01), "1 %");
    assert_eq!(words(0.0025), "0.25 %");
    assert_eq!(words(0.0001), "0.01 %");
    assert_eq!(words(0.0), "0 %");
    assert_eq!(words(0.07), "7 %");
}
