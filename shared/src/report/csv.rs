//! `summary.csv`: a row for each experiment, for spreadsheets and data frames; `hours.csv`: a row for
//! each of its hours of the day.

use super::Report;
use crate::plan::Statistic;
use crate::price::Price;
use crate::stats::Interval;
use crate::summary::{ExperimentSummary, HourFigures, LatencyStats, RateStats, ScheduleFigures};
use crate::units::NanoUsd;

/// Bytes of the table. Raw numbers in the columns' units, empty where unknown.
pub(super) fn table(report: &Report<'_>) -> Result<Vec<u8>, ::csv::Error> {
    written(report.summary.experiments.iter().map(|experiment| row(report, experiment)))
}

/// The same of each experiment in each hour.
pub(super) fn hours(report: &Report<'_>) -> Result<Vec<u8>, ::csv::Error> {
    let zone = report.summary.hours.as_ref().map(|hours| &hours.time_zone);
    let experiments = report.summary.experiments.iter();
    written(experiments.flat_map(|experiment| {
        experiment.hours.iter().map(move |figures| {
            let mut row = place(report, experiment);
            row.add("time_zone", zone);
            row.add_hour(figures);
            row
        })
    }))
}

fn written(rows: impl Iterator<Item = Row>) -> Result<Vec<u8>, ::csv::Error> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    for (place, row) in rows.enumerate() {
        if place == 0 {
            writer.write_record(row.cells.iter().map(|(name, _)| name))?;
        }
        writer.write_record(row.cells.iter().map(|(_, value)| value))?;
    }
    writer.into_inner().map_err(|error| ::csv::Error::from(error.into_error()))
}

/// Columns with their values.
#[derive(Debug, Default)]
struct Row {
    cells: Vec<(String, String)>,
}

impl Row {
    fn add(&mut self, name: impl Into<String>, value: Option<impl ToString>) {
        self.cells.push((name.into(), value.map(|value| value.to_string()).unwrap_or_default()));
    }

    /// Both ends of an interval; `name` carries a `{}` for `low` and `high`.
    fn interval(&mut self, name: &str, interval: Option<Interval>) {
        self.add(name.replace("{}", "low"), interval.and_then(|interval| interval.low));
        self.add(name.replace("{}", "high"), interval.and_then(|interval| interval.high));
    }

    fn add_hour(&mut self, figures: &HourFigures) {
        self.add("hour", Some(figures.hour));
        self.add("rounds", Some(figures.rounds));
        self.add("blocks", Some(figures.blocks));
        self.add("clusters", Some(figures.clusters));
        self.add("requests_completed", Some(figures.completed));
        self.add("requests_errors", Some(figures.errors));
        self.add("requests_throttled", Some(figures.throttled));
        self.add("error_rate_ratio", figures.error_rate);
        self.interval("error_rate_{}_ratio", figures.error_rate_interval);
        self.add("throughput_requests_per_min", figures.requests_per_minute);
        let interval = figures.requests_per_minute_interval;
        self.interval("throughput_requests_{}_per_min", interval);
        for (name, latency) in [("e2e", &figures.e2e), ("ttft", &figures.ttft)] {
            let latency = latency.as_ref();
            self.add(format!("{name}_count"), Some(latency.map_or(0, |latency| latency.count)));
            self.add(format!("{name}_p50_ms"), latency.map(|latency| latency.p50_ms));
            let interval = latency.and_then(|latency| latency.p50_interval);
            self.interval(&format!("{name}_p50_{{}}_ms"), interval);
            self.add(format!("{name}_p95_ms"), latency.map(|latency| latency.p95_ms));
            let interval = latency.and_then(|latency| latency.p95_interval);
            self.interval(&format!("{name}_p95_{{}}_ms"), interval);
        }
    }

    fn latency(&mut self, name: &str, stats: Option<&LatencyStats>) {
        type Get = fn(&LatencyStats) -> f64;
        self.add(format!("{name}_count"), Some(stats.map_or(0, |stats| stats.count)));
        let columns: [(&str, Get); 9] = [
            ("mean", |s| s.mean_ms),
            ("min", |s| s.min_ms),
            ("p25", |s| s.p25_ms),
            ("p50", |s| s.p50_ms),
            ("p75", |s| s.p75_ms),
            ("p90", |s| s.p90_ms),
            ("p95", |s| s.p95_ms),
            ("p99", |s| s.p99_ms),
            ("max", |s| s.max_ms),
        ];
        for (statistic, get) in columns {
            self.add(format!("{name}_{statistic}_ms"), stats.map(get));
        }
        let statistics = [
            (Statistic::Mean, "mean"),
            (Statistic::P50, "p50"),
            (Statistic::P90, "p90"),
            (Statistic::P95, "p95"),
            (Statistic::P99, "p99"),
        ];
        for (statistic, text) in statistics {
            let interval = stats.and_then(|stats| stats.intervals.of(statistic));
            self.interval(&format!("{name}_{text}_{{}}_ms"), interval);
        }
    }

    fn rate(&mut self, name: &str, stats: Option<&RateStats>) {
        type Get = fn(&RateStats) -> f64;
        self.add(format!("{name}_count"), Some(stats.map_or(0, |stats| stats.count)));
        let columns: [(&str, Get); 8] = [
            ("mean", |s| s.mean_per_s),
            ("min", |s| s.min_per_s),
            ("p25", |s| s.p25_per_s),
            ("p50", |s| s.p50_per_s),
            ("p75", |s| s.p75_per_s),
            ("p95", |s| s.p95_per_s),
            ("p99", |s| s.p99_per_s),
            ("max", |s| s.max_per_s),
        ];
        for (statistic, get) in columns {
            self.add(format!("{name}_{statistic}_per_s"), stats.map(get));
        }
    }
}

/// What is measured, and whether that can be trusted.
fn place(report: &Report<'_>, experiment: &ExperimentSummary) -> Row {
    let endpoint = report.plan.endpoint(&experiment.endpoint);
    let mut row = Row::default();
    row.add("run_id", Some(&report.plan.run_id));
    row.add("experiment", Some(&experiment.experiment));
    row.add("endpoint", Some(&experiment.endpoint));
    row.add("model_id", endpoint.map(|endpoint| &endpoint.model_id));
    row.add("region", endpoint.map(|endpoint| &endpoint.region));
    row.add("dataset", Some(&experiment.dataset));
    row.add("concurrency", experiment.concurrency);
    row.add("rate_per_min", experiment.load.open().map(|open| open.rate_per_minute));
    row.add("load", Some(experiment.load));
    row.add("simulated", Some(experiment.simulated));
    row.add("verdict", Some(experiment.validity.grade));
    row
}

fn row(report: &Report<'_>, experiment: &ExperimentSummary) -> Row {
    let id = &experiment.experiment;
    let endpoint = report.plan.endpoint(&experiment.endpoint);
    let judged = report.decision.judgement(id);
    let price = endpoint.and_then(|endpoint| endpoint.price.as_ref());
    let tokens = price.and_then(Price::tokens);
    let hours = price.and_then(Price::hours);
    let cost = experiment.cost;
    let rate = experiment.throughput;
    let requests = &experiment.requests;
    let warnings: Vec<_> = experiment.warnings.iter().map(ToString::to_string).collect();
    let mut row = place(report, experiment);
    row.add("doubts", Some(experiment.validity.words()));
    row.add("qualifies", judged.map(|judged| judged.qualifies));
    row.add("shown", judged.map(|judged| judged.shown));
    row.add("chosen", Some(report.decision.is_chosen(id)));
    row.add("blocks_planned", Some(experiment.blocks_planned));
    row.add("blocks_done", Some(experiment.blocks_done));
    row.add("clusters", Some(experiment.clusters));
    row.add("requests_sent", Some(requests.sent));
    row.add("requests_completed", Some(requests.completed));
    row.add("requests_throttled", Some(requests.throttled));
    row.add("requests_timed_out", Some(requests.timed_out));
    row.add("requests_failed", Some(requests.failed));
    row.add("requests_cut", Some(requests.cut));
    row.add("error_rate_ratio", experiment.error_rate);
    row.interval("error_rate_{}_ratio", experiment.error_rate_interval);
    row.add("window_s", rate.map(|rate| rate.window_s));
    row.add("throughput_requests_per_min", rate.map(|rate| rate.requests_per_minute));
    row.add("throughput_input_tokens_per_s", rate.and_then(|rate| rate.input_tokens_per_s));
    row.add("throughput_output_tokens_per_s", rate.and_then(|rate| rate.output_tokens_per_s));
    row.add("input_tokens_mean", experiment.input_tokens_mean);
    row.add("output_tokens_mean", experiment.output_tokens_mean);
    row.add("cost_per_transaction_usd", cost.map(|c| c.per_transaction_nano_usd.as_usd()));
    row.add(
        "cost_per_10k_transactions_usd",
        cost.map(|c| c.per_10k_transactions_nano_usd.as_usd()),
    );
    row.interval("cost_per_10k_transactions_{}_usd", experiment.cost_interval);
    row.add("price_input_per_1k_usd", tokens.map(|price| price.input_per_1k_nano_usd.as_usd()));
    row.add("price_output_per_1k_usd", tokens.map(|price| price.output_per_1k_nano_usd.as_usd()));
    row.add("price_per_hour_usd", hours.map(|price| price.all_per_hour().as_usd()));
    let spent = experiment.spending.spent_nano_usd;
    row.add("spent_usd", price.map(|_| NanoUsd::as_usd(spent)));
    row.latency("e2e", experiment.e2e.as_ref());
    row.latency("ttft", experiment.ttft.as_ref());
    row.latency("tpot", experiment.tpot.as_ref());
    row.latency("itl_mean", experiment.itl_mean.as_ref());
    let schedule = experiment.schedule.as_ref();
    row.add("arrivals", schedule.map(|schedule| schedule.arrivals));
    row.add("arrivals_late", schedule.map(|schedule| schedule.late));
    row.add("arrivals_waited", schedule.map(|schedule| schedule.waited));
    row.add("arrivals_missed", schedule.map(|schedule| schedule.missed));
    row.add("achieved_load_ratio", experiment.achieved_load);
    let of = |pick: fn(&ScheduleFigures) -> &Option<LatencyStats>| {
        schedule.and_then(|schedule| pick(schedule).as_ref())
    };
    row.latency("schedule_error", of(|schedule| &schedule.schedule_error));
    row.latency("e2e_from_schedule", of(|schedule| &schedule.e2e_from_schedule));
    row.latency("ttft_from_schedule", of(|schedule| &schedule.ttft_from_schedule));
    let retries = experiment.retries.as_ref();
    row.add("requests_retries", retries.map(|retries| retries.retries));
    row.add("requests_completed_by_retry", retries.map(|retries| retries.completed_after_retries));
    row.add("requests_given_up", retries.map(|retries| retries.gave_up));
    row.latency("e2e_user_seen", retries.and_then(|retries| retries.e2e_user_seen.as_ref()));
    row.latency("ttft_user_seen", retries.and_then(|retries| retries.ttft_user_seen.as_ref()));
    row.rate("otps_generation", experiment.otps_generation.as_ref());
    row.rate("otps_end_to_end", experiment.otps_end_to_end.as_ref());
    row.add("first_sent_at", experiment.first_sent_at.as_ref());
    row.add("last_sent_at", experiment.last_sent_at.as_ref());
    row.add("warnings", Some(warnings.join("; ")));
    row
}
