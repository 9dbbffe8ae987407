//! What serving takes, how far an endpoint can be loaded, and the best over all datasets.

use super::*;
use crate::plan::Workload;
use crate::stats::Interval;
use crate::summary::RunSummary;

fn workload(prompt_tokens: Option<u32>, output_tokens: Option<u32>) -> Workload {
    Workload { requests_per_minute: 70.0, prompt_tokens, output_tokens, headroom: 0.2 }
}

/// Sets the p95 of an experiment and the upper end of its interval.
fn p95(summary: &mut RunSummary, experiment: &str, ms: f64, high: f64) {
    let found = summary.experiments.iter_mut().find(|e| e.experiment.as_str() == experiment);
    let stats = found.unwrap().e2e.as_mut().unwrap();
    stats.p95_ms = ms;
    stats.intervals.p95 = Some(Interval { low: Some(1.0), high: Some(high) });
}

#[test]
fn a_workload_of_other_tokens_is_priced_but_gets_no_load() {
    let mut run = Run::new(&[MISTRAL], &["chat"], &[1]);
    // Measured: 2,959 and 34 tokens, 78.8 requests a minute; a fifth of them is kept free.
    for (prompt, answer, expected) in [
        (None, None, Some(2)),
        (Some(3500), Some(40), Some(2)),
        (Some(2400), Some(28), Some(2)),
        (Some(3600), None, None),
        (Some(2300), None, None),
        (None, Some(41), None),
        (Some(2959), Some(27), None),
    ] {
        run.plan.workload = Some(workload(prompt, answer));
        let decision = decide_run(&run);
        let row = &decision.capacity[0].rows[0];
        assert_eq!(row.instances, expected, "{prompt:?} {answer:?}");
        assert!(row.is_workload && row.beyond_measured);
        let tokens = |tokens: Option<u32>, measured| tokens.map_or(measured, f64::from);
        let each = tokens(prompt, 2959.0) * 0.000_15 + tokens(answer, 34.0) * 0.000_2;
        assert!((row.usd_per_hour.unwrap() - each / 1000.0 * 70.0 * 60.0).abs() < 1e-9);
        let other_rates_too = decision.capacity[0].rows[1].instances;
        assert_eq!(other_rates_too.is_some(), expected.is_some());
    }
}

#[test]
fn a_load_above_one_that_fails_is_not_relied_on() {
    let run = Run::new(&[MISTRAL], &["chat"], &[8, 1, 2, 4]);
    let mut summary = run.summary();
    p95(&mut summary, "mistral-7b~chat~c4", 2500.0, 2600.0);
    let decision = decide(&run.plan, &summary);
    assert_eq!(decision.endpoints[0].best.as_ref().unwrap().as_str(), "mistral-7b~chat~c2");
    assert_eq!(decision.capacity[0].experiment.as_str(), "mistral-7b~chat~c2");
    let words = &decision.endpoints[0].words;
    assert!(words.contains("is a concurrency of 2:"), "{words}");
    let lucky = "A concurrency of 8 qualifies, but is not relied on, because 4 does not.";
    assert!(words.ends_with(lucky), "{words}");

    p95(&mut summary, "mistral-7b~chat~c1", 2200.0, 2600.0);
    let decision = decide(&run.plan, &summary);
    assert_eq!((&decision.endpoints[0].best, decision.capacity.len()), (&None, 0));
    insta::assert_snapshot!(
        decision.endpoints[0].words,
        @"A concurrency of 2 and 8 qualifies, but is not relied on, because 1 does not. Nearest is a concurrency of 1: p95 E2E 2.20 s against a limit of 2 s."
    );
}

#[test]
fn a_load_at_which_nothing_was_sent_has_not_failed() {
    let mut run = Run::new(&[MISTRAL], &["chat"], &[1, 2, 4]);
    run.records.retain(|record| record.experiment.as_str() != "mistral-7b~chat~c2");
    let decision = decide_run(&run);
    assert_eq!(decision.endpoints[0].best.as_ref().unwrap().as_str(), "mistral-7b~chat~c4");
}

#[test]
fn capacity_says_how_sure_its_load_is() {
    let mut run = Run::replicated(&[MISTRAL], &["chat"], &[1], 5);
    let sure = |run: &Run, summary: &RunSummary| {
        let capacity = decide(&run.plan, summary).capacity.remove(0);
        (capacity.shown, capacity.too_few_samples)
    };
    // 50 requests are too few for a p95.
    assert_eq!(sure(&run, &run.summary()), (false, true));
    run.plan.criteria.error_rate = None;
    let mut summary = run.summary();
    p95(&mut summary, "mistral-7b~chat~c1", 1000.0, 1900.0);
    assert_eq!(sure(&run, &summary), (true, true));
    run.plan.criteria.latency.clear();
    assert_eq!(sure(&run, &summary), (true, false));
}

#[test]
fn with_one_dataset_there_is_no_best_over_all() {
    assert_eq!(decide_run(&Run::new(&[MISTRAL, HAIKU], &["chat"], &[1])).overall, None);
}

#[test]
fn without_criteria_nothing_is_said_to_meet_them() {
    let mut run = Run::new(&[MISTRAL, HAIKU], &["chat", "long"], &[1]);
    run.plan.criteria = Criteria::default();
    insta::assert_snapshot!(
        decide_run(&run).overall.unwrap().words,
        @"mistral-7b completes requests on all 2 datasets at $9.01 for 10,000 transactions of each, together: least cost of all that do so on as many datasets. Runner-up: claude-3-haiku, on all 2 datasets at $17.41 for 10,000 transactions of each, together; their costs are not tested: that needs at least 5 replicates in common, there are 3."
    );
    let alone = decide_run(&run.fail("claude-3-haiku")).overall.unwrap().words;
    assert!(
        alone.ends_with("No other endpoint with a known cost does so on any dataset."),
        "{alone}"
    );
}

#[test]
fn a_cheaper_endpoint_that_was_passed_over_is_named() {
    let mut run = Run::replicated(&[MISTRAL, HAIKU, LLAMA], &["chat", "long"], &[1], 5);
    run.plan.criteria.error_rate = None;
    let mut summary = run.summary();
    let ids: Vec<_> = run.plan.experiments.iter().map(|e| e.id.clone()).collect();
    for id in &ids {
        let is_mistral = id.as_str().starts_with("mistral");
        p95(&mut summary, id.as_str(), 1000.0, if is_mistral { 2100.0 } else { 1900.0 });
    }
    let overall = decide(&run.plan, &summary).overall.unwrap();
    assert_eq!(overall.endpoint.as_str(), "claude-3-haiku");
    // The runner-up's criteria are shown as well: the cheaper one is neither first nor second.
    assert_eq!(overall.runner_up.unwrap().as_str(), "llama2-13b");
    let reason = overall.words.split(". Runner-up").next().unwrap().to_owned();
    insta::assert_snapshot!(
        reason,
        @"claude-3-haiku meets the criteria on all 2 datasets at $17.41 for 10,000 transactions of each, together: of all that do so on as many datasets, the cheapest with every criterion shown on 2 of them; cheaper, but passed over because criteria are met and not shown: mistral-7b at $9.01 for 10,000 transactions of each, together"
    );
}

#[test]
fn a_cheaper_load_that_was_passed_over_is_named_too() {
    let mut run = Run::replicated(&[MISTRAL, HAIKU], &["chat", "long"], &[1, 4], 5);
    run.plan.criteria.error_rate = None;
    let mut summary = run.summary();
    let ids: Vec<_> = run.plan.experiments.iter().map(|e| e.id.clone()).collect();
    for (experiment, id) in ids.iter().enumerate() {
        let is_mistral = id.as_str().starts_with("mistral");
        let is_shown = id.as_str().ends_with("c1");
        p95(&mut summary, id.as_str(), 1000.0, if is_shown { 1900.0 } else { 2100.0 });
        let cost = summary.experiments[experiment].cost.as_mut().unwrap();
        // Mistral is dearer where it is shown.
        let usd = if is_mistral && is_shown { 10.0 } else { 9.0 - f64::from(u8::from(is_mistral)) };
        cost.per_10k_transactions_nano_usd = NanoUsd::from_usd(usd).unwrap();
    }
    assert_eq!(summary.experiments.len(), ids.len());
    let overall = decide(&run.plan, &summary).overall.unwrap();
    assert_eq!(overall.endpoint.as_str(), "claude-3-haiku");
    let words = &overall.words;
    assert!(words.contains("not shown: mistral-7b at $16.00 for 10,000"), "{words}");
    assert!(words.contains("Runner-up: mistral-7b, on all 2 datasets at $20.00"), "{words}");
}

#[test]
fn concurrencies_and_rates_are_two_ladders() {
    let closed = Run::new(&[MISTRAL], &["chat"], &[1, 4]).summary();
    let rate = |per_minute, later_ms| {
        let run = Run::new(&[MISTRAL], &["chat"], &[2]);
        let run = run.open(per_minute, std::time::Duration::from_millis(later_ms));
        run.summary().experiments[0].clone()
    };
    // The rate of 60 misses p95 E2E from the schedule: that of 120 may have been lucky.
    let mut run = Run::new(&[MISTRAL], &["chat"], &[1]);
    let mut summary = closed;
    summary.experiments.extend([rate(120, 0), rate(60, 500)]);
    let words = decide(&run.plan, &summary).endpoints[0].words.clone();
    insta::assert_snapshot!(words, @"The best option within p95 E2E ≤ 2 s, error rate ≤ 1 % and cost ≤ $50 per 10,000 transactions is a concurrency of 4: mean latency 942 ms, mean prompt size 2,959 tokens, completion 34 tokens, 239 transactions/minute, $4.51 per 10,000 transactions. 120 a minute qualifies, but is not relied on, because 60 a minute does not.");
    // Where a rate qualifies the endpoint stands by it.
    summary.experiments.pop();
    summary.experiments.push(rate(240, 500));
    let decision = decide(&run.plan, &summary);
    let best = decision.endpoints[0].best.as_ref().map(ToString::to_string);
    assert_eq!(best.as_deref(), Some("mistral-7b~chat~r120"));
    insta::assert_snapshot!(decision.endpoints[0].words, @"The best option within p95 E2E ≤ 2 s, error rate ≤ 1 % and cost ≤ $50 per 10,000 transactions is 120 a minute: mean latency 824 ms, mean prompt size 2,959 tokens, completion 34 tokens, 144 transactions/minute, $4.51 per 10,000 transactions.");
    run.plan.criteria = crate::plan::Criteria::default();
    insta::assert_snapshot!(decide(&run.plan, &summary).endpoints[0].words, @"No criteria are set. The highest measured rate with completed requests is 240 a minute: mean latency 5.57 s, mean prompt size 2,959 tokens, completion 34 tokens, 144 transactions/minute, $4.51 per 10,000 transactions.");
}
