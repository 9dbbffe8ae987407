//! Reports of made-up runs, with everything in them that a summary and a decision can hold.

use crate::decision::{
    Capacity, CapacityRow, Choice, Comparison, ComparisonVerdict, Criterion, Decision, Overall,
    Saving, Verdict, decide,
};
use crate::plan::{EndpointSpec, LatencyMetric, Workload};
use crate::price::Price;
use crate::record::{Outcome, Phase, Record};
use crate::report::Report;
use crate::stats::{Interval, float};
use crate::summary::fixture::{Model, Run};
use crate::summary::{
    Bin, BlockFigures, BlockOf, BlockPlace, ExperimentSummary, Histogram, LatencyIntervals,
    LatencyStats, Point, RateStats, RunSummary, ServiceCosts, SpendSummary, milliseconds,
};
use crate::units::{Name, NanoUsd};

pub(super) const WRITTEN_AT: &str = "2024-04-16T02:00:00Z";

/// The models of the report that fmgauge is modelled on, with about its figures.
pub(super) const ELEVEN: [Model; 11] = [
    model("ai21.j2-mid-v1", (0.0125, 0.0125), (2952, 20), 730),
    model("ai21.j2-ultra-v1", (0.0188, 0.0188), (2952, 17), 980),
    model("amazon.titan-text-express-v1", (0.0008, 0.0016), (2958, 17), 1640),
    model("amazon.titan-text-lite-v1", (0.0003, 0.0004), (2958, 18), 2530),
    model("anthropic.claude-3-haiku", (0.000_25, 0.001_25), (3281, 61), 1230),
    model("anthropic.claude-3-sonnet", (0.003, 0.015), (3281, 70), 5040),
    model("cohere.command-light-text", (0.0003, 0.0006), (2952, 42), 2770),
    model("cohere.command-text-v14", (0.0015, 0.002), (2952, 23), 1830),
    model("meta.llama2-13b-chat-v1", (0.000_75, 0.001), (2952, 22), 1360),
    model("mistral.mistral-7b-instruct", (0.000_15, 0.0002), (2959, 34), 750),
    model("mistral.mixtral-8x7b-instruct", (0.000_45, 0.0007), (2959, 24), 1230),
];

const fn model(
    name: &'static str,
    (input_usd, output_usd): (f64, f64),
    tokens: (u32, u32),
    e2e_ms: u64,
) -> Model {
    Model { name, input_usd, output_usd, tokens, e2e_ms }
}

/// The seed's run: 11 models, 5 datasets of growing prompts, 2 loads.
pub(super) fn eleven() -> Run {
    let datasets = ["en_1-500", "en_500-1000", "en_1000-2000", "en_2000-3000", "en_3000-4000"];
    let mut run = Run::new(&ELEVEN, &datasets, &[1, 2]);
    for record in &mut run.records {
        let dataset = datasets.iter().position(|d| record.experiment.as_str().contains(d)).unwrap();
        let tokens = [250, 800, 1380, 2130, 2960][dataset] + record.sequence * 37 % 211;
        record.usage.input_tokens = record.usage.input_tokens.map(|_| tokens);
        let share = 0.35 + f64::from(tokens) / 4500.0;
        let timeline = &mut record.timeline;
        timeline.end = timeline.end.mul_f64(share);
        timeline.first_text = timeline.first_text.map(|first| first.mul_f64(share));
        timeline.first_content = timeline.first_text;
        timeline.last_content = timeline.last_content.map(|last| last.mul_f64(share));
    }
    run
}

/// What `with` makes of the report of a run, without all that a summary and a decision may lack.
pub(super) fn bare<T>(run: &Run, written_at: &str, with: impl Fn(&Report<'_>) -> T) -> T {
    let mut summary = run.summary();
    summary.experiments.iter_mut().for_each(strip);
    let mut decision = decide(&run.plan, &summary);
    strip_decision(&mut decision);
    with(&Report { plan: &run.plan, summary: &summary, decision: &decision, written_at })
}

fn strip(experiment: &mut ExperimentSummary) {
    let ExperimentSummary { e2e, ttft, tpot, itl_mean, .. } = experiment;
    for stats in [e2e, ttft, tpot, itl_mean].into_iter().flatten() {
        stats.intervals = LatencyIntervals::default();
    }
    experiment.clusters = 0;
    experiment.error_rate_interval = None;
    experiment.cost_interval = None;
    experiment.otps_generation = None;
    experiment.otps_end_to_end = None;
    experiment.ttft_histogram = None;
    experiment.itl_histogram = None;
    experiment.blocks.clear();
    experiment.points.clear();
}

fn strip_decision(decision: &mut Decision) {
    decision.datasets.iter_mut().for_each(|decided| decided.comparisons.clear());
    decision.overall = None;
    decision.capacity.clear();
    decision.savings.clear();
}

/// The same with every figure that a summary and a decision can hold, made up where the run's
/// records do not give it.
pub(super) fn full<T>(run: &Run, with: impl Fn(&Report<'_>) -> T) -> T {
    let mut run = run.clone();
    run.plan.workload = Some(Workload {
        requests_per_minute: 300.0,
        prompt_tokens: None,
        output_tokens: None,
        headroom: 0.2,
    });
    run.plan.baseline = run.plan.endpoints.last().map(|endpoint| endpoint.name.clone());
    let mut summary = run.summary();
    for experiment in &mut summary.experiments {
        fill(experiment, &run.records);
    }
    summary.spend = Some(SpendSummary {
        limit_nano_usd: NanoUsd::from_usd(2.0),
        spent_by_bound_nano_usd: NanoUsd(1_990_000_000),
        reserved_nano_usd: NanoUsd::ZERO,
        refused_blocks: vec![BlockOf {
            experiment: run.plan.experiments[0].id.clone(),
            place: BlockPlace { round: 1, block: 3 },
        }],
        shortened_blocks: Vec::new(),
    });
    summary.services = Some(ServiceCosts {
        lambda_nano_usd: NanoUsd(12_000_000),
        step_functions_nano_usd: NanoUsd(900_000),
        dynamodb_nano_usd: NanoUsd(450_000),
        s3_nano_usd: NanoUsd(90_000),
    });
    let mut decision = decide(&run.plan, &summary);
    strip_decision(&mut decision);
    fill_decision(&run, &summary, &mut decision);
    let written_at = WRITTEN_AT;
    with(&Report { plan: &run.plan, summary: &summary, decision: &decision, written_at })
}

fn around(value: f64, share: f64) -> Interval {
    Interval { low: Some(value * (1.0 - share)), high: Some(value * (1.0 + share)) }
}

fn fill(experiment: &mut ExperimentSummary, records: &[Record]) {
    let completed: Vec<_> = records
        .iter()
        .filter(|r| r.experiment == experiment.experiment && r.phase == Phase::Measured)
        .filter(|r| r.outcome == Outcome::Completed)
        .collect();
    experiment.clusters = 30;
    experiment.error_rate_interval = experiment
        .error_rate
        .map(|rate| Interval { low: Some(rate * 0.8), high: Some((rate * 1.2).min(1.0)) });
    let cost = experiment.cost.map(|cost| cost.per_10k_transactions_nano_usd.as_usd());
    experiment.cost_interval = cost.map(|cost| around(cost, 0.03));
    for stats in
        [&mut experiment.e2e, &mut experiment.ttft, &mut experiment.tpot, &mut experiment.itl_mean]
    {
        stats.iter_mut().for_each(intervals);
    }
    let tokens = |record: &&Record| f64::from(record.usage.output_tokens.unwrap_or(0));
    let seconds = |record: &&Record| milliseconds(record.timeline.end) / 1000.0;
    let rates = completed.iter().map(|record| tokens(record) / seconds(record)).collect();
    experiment.otps_end_to_end = rate(rates);
    let rates = completed.iter().map(|record| tokens(record) / seconds(record) * 1.7).collect();
    experiment.otps_generation = rate(rates);
    let ttft = |record: &&Record| Some(milliseconds(record.timeline.first_text?));
    experiment.ttft_histogram = histogram(completed.iter().filter_map(ttft));
    let gaps = completed.iter().flat_map(|record| {
        let mean = seconds(record) * 600.0 / tokens(record);
        (1..20).map(move |n| mean * f64::from(n) / 10.0)
    });
    experiment.itl_histogram = histogram(gaps);
    let points = completed.iter().take(200).map(|record| Point {
        input_tokens: record.usage.input_tokens.unwrap_or(0),
        output_tokens: record.usage.output_tokens.unwrap_or(0),
        e2e_ms: milliseconds(record.timeline.end),
        ttft_ms: record.timeline.first_text.map(milliseconds),
    });
    experiment.points = points.collect();
    experiment.blocks = (1..=experiment.blocks_done)
        .map(|block| BlockFigures {
            place: BlockPlace { round: 1, block },
            began_at: None,
            completed: 10,
            errors: 0,
            e2e_mean_ms: experiment.e2e.as_ref().map(|e2e| e2e.mean_ms),
            ttft_mean_ms: experiment.ttft.as_ref().map(|ttft| ttft.mean_ms),
            cost_per_10k_nano_usd: experiment.cost.map(|cost| cost.per_10k_transactions_nano_usd),
        })
        .collect();
}

fn intervals(stats: &mut LatencyStats) {
    stats.intervals = LatencyIntervals {
        mean: Some(around(stats.mean_ms, 0.06)),
        p50: Some(around(stats.p50_ms, 0.08)),
        p90: Some(around(stats.p90_ms, 0.12)),
        p95: Some(around(stats.p95_ms, 0.15)),
        p99: Some(Interval { low: Some(stats.p99_ms * 0.8), high: None }),
    };
}

fn rate(mut rates: Vec<f64>) -> Option<RateStats> {
    rates.sort_by(f64::total_cmp);
    let at = |share: usize| rates.get((rates.len().checked_sub(1)?) * share / 100).copied();
    let count = rates.len() as u64;
    Some(RateStats {
        count,
        mean_per_s: rates.iter().sum::<f64>() / float(count),
        min_per_s: at(0)?,
        p25_per_s: at(25)?,
        p50_per_s: at(50)?,
        p75_per_s: at(75)?,
        p95_per_s: at(95)?,
        p99_per_s: at(99)?,
        max_per_s: at(100)?,
    })
}

/// Ranges that grow by a tenth.
fn histogram(values: impl Iterator<Item = f64>) -> Option<Histogram> {
    let mut bins: Vec<Bin> = Vec::new();
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    for value in values {
        match bins.last_mut() {
            Some(bin) if value < bin.to_ms => bin.count += 1,
            _ => bins.push(Bin { from_ms: value, to_ms: value * 1.1, count: 1 }),
        }
    }
    (!bins.is_empty()).then_some(Histogram { bins })
}

fn fill_decision(run: &Run, summary: &RunSummary, decision: &mut Decision) {
    decision.certainty = "That it is the cheapest is shown over 5 replicates (95 %).".to_owned();
    for (judged, experiment) in decision.experiments.iter_mut().zip(&summary.experiments) {
        for judgement in &mut judged.criteria {
            judgement.interval = match judgement.criterion {
                Criterion::Latency { metric, statistic } => match metric {
                    LatencyMetric::E2e => &experiment.e2e,
                    LatencyMetric::Ttft => &experiment.ttft,
                    LatencyMetric::Tpot => &experiment.tpot,
                }
                .as_ref()
                .and_then(|stats| stats.intervals.of(statistic)),
                Criterion::ErrorRate => experiment.error_rate_interval,
                Criterion::CostPer10kTransactions => experiment.cost_interval,
            };
            let high = judgement.interval.and_then(|interval| interval.high);
            if judgement.verdict == Verdict::Met && high.is_some_and(|h| h <= judgement.limit) {
                judgement.verdict = Verdict::Shown;
            }
        }
        judged.shown = judged.qualifies
            && judged.criteria.iter().all(|judgement| judgement.verdict == Verdict::Shown);
    }
    for endpoint in &decision.endpoints {
        let Some(best) = &endpoint.best else { continue };
        let best = summary.experiment(best).unwrap();
        decision.capacity.extend(capacity(best));
    }
    for decided in &mut decision.datasets {
        let Choice::Best { experiment, .. } = &decided.choice else { continue };
        decided.sure = "it is shown to be cheaper than 2 of 3 rivals".to_owned();
        decided.certainty = "Shown to be cheaper than 2 of 3 rivals.".to_owned();
        let chosen = summary.experiment(experiment).unwrap();
        decided.comparisons = compare(summary, chosen);
        decision.savings.extend(saving(run, summary, chosen));
    }
    let first = run.plan.endpoints.first().map(|endpoint| endpoint.name.clone());
    decision.overall = first.map(|endpoint| overall(endpoint, run.plan.datasets.len()));
}

fn usd(experiment: &ExperimentSummary) -> Option<f64> {
    experiment.cost.map(|cost| NanoUsd::as_usd(cost.per_10k_transactions_nano_usd))
}

fn capacity(best: &ExperimentSummary) -> Option<Capacity> {
    let each = best.throughput?.requests_per_minute;
    let row = |requests_per_minute: f64, is_workload| CapacityRow {
        requests_per_minute,
        is_workload,
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        instances: Some((requests_per_minute / each).ceil() as u64),
        usd_per_hour: usd(best).map(|usd| usd / 10_000.0 * requests_per_minute * 60.0),
        beyond_measured: requests_per_minute > each,
    };
    let fixed = [1.0, 10.0, 100.0, 1000.0, 10_000.0].map(|rate| row(rate, false));
    Some(Capacity {
        dataset: best.dataset.clone(),
        endpoint: best.endpoint.clone(),
        experiment: best.experiment.clone(),
        shown: best.load.slots() == 1,
        too_few_samples: best.load.slots() > 1,
        requests_per_minute_each: each,
        rows: std::iter::once(row(300.0, true)).chain(fixed).collect(),
    })
}

fn compare(summary: &RunSummary, chosen: &ExperimentSummary) -> Vec<Comparison> {
    let rivals = summary.experiments.iter().filter(|rival| {
        rival.dataset == chosen.dataset
            && rival.endpoint != chosen.endpoint
            && rival.load == chosen.load
    });
    let compared = rivals.filter_map(|rival| {
        let more = usd(rival)? - usd(chosen)?;
        let cheaper = more > 5.0;
        Some(Comparison {
            rival: rival.experiment.clone(),
            replicates: 5,
            more_per_10k_usd: more,
            interval: Some(Interval { low: Some(more - 1.0), high: Some(more + 1.0) }),
            p_value: Some(if cheaper { 0.000_02 } else { 0.08 }),
            p_holm: Some(if cheaper { 0.000_06 } else { 0.24 }),
            verdict: if cheaper {
                ComparisonVerdict::Cheaper
            } else {
                ComparisonVerdict::Indistinguishable
            },
            words: String::new(),
        })
    });
    compared.collect()
}

fn saving(run: &Run, summary: &RunSummary, chosen: &ExperimentSummary) -> Option<Saving> {
    let baseline = run.plan.baseline.as_ref()?;
    let baseline = summary.experiments.iter().find(|e| {
        e.endpoint == *baseline && e.dataset == chosen.dataset && e.load == chosen.load
    })?;
    let usd_per_month = (usd(baseline)? - usd(chosen)?) / 10_000.0 * 300.0 * 60.0 * 730.0;
    Some(Saving {
        dataset: chosen.dataset.clone(),
        baseline: baseline.experiment.clone(),
        baseline_qualifies: false,
        chosen: chosen.experiment.clone(),
        requests_per_minute: 300.0,
        usd_per_month,
        words: format!("{} instead of {} saves money.", chosen.endpoint, baseline.endpoint),
    })
}

fn overall(endpoint: Name, datasets: usize) -> Overall {
    let datasets = u32::try_from(datasets).unwrap();
    let words = format!("{endpoint} is the cheapest that meets every criterion on all datasets.");
    Overall { endpoint, qualified_datasets: datasets, datasets, runner_up: None, words }
}

/// Where the price of an endpoint comes from.
pub(super) fn source_of(endpoint: &mut EndpointSpec) -> &mut String {
    match endpoint.price.as_mut().unwrap() {
        Price::Tokens(price) => &mut price.source,
        Price::Hours(price) => &mut price.source,
    }
}
