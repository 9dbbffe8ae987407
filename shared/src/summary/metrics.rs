//! An experiment's figures as one flat object, for people who look into the table of metrics.

use serde_json::{Map, Value};

use super::{ExperimentSummary, LatencyStats};

impl ExperimentSummary {
    /// The readable metrics of the experiment: numbers, strings and one small map of errors. What
    /// there is no data for is left out, never 0.
    pub fn metrics(&self) -> Map<String, Value> {
        let mut metrics = Map::new();
        let mut put = |name: &str, value: Value| {
            metrics.insert(name.to_owned(), value);
        };
        put("endpoint", self.endpoint.as_str().into());
        put("dataset", self.dataset.as_str().into());
        put("load", self.load.to_string().into());
        if let Some(concurrency) = self.concurrency {
            put("concurrency", concurrency.get().into());
        }
        put("simulated", self.simulated.into());
        put("verdict", self.validity.grade.to_string().into());
        put("doubts", self.validity.words().into());
        put("blocks_planned", self.blocks_planned.into());
        put("blocks_done", self.blocks_done.into());
        put("sent", self.requests.sent.into());
        put("completed", self.requests.completed.into());
        put("throttled", self.requests.throttled.into());
        put("timed_out", self.requests.timed_out.into());
        put("cut", self.requests.cut.into());
        put("failed", self.requests.failed.into());
        let errors = self.requests.errors_by_class.iter();
        let errors: Map<_, _> = errors.map(|(class, &n)| (class.clone(), Value::from(n))).collect();
        put("errors_by_class", errors.into());
        put("spent_usd", self.spending.spent_nano_usd.as_usd().into());
        for (name, value) in [
            ("error_rate", self.error_rate),
            ("requests_per_minute", self.throughput.map(|rate| rate.requests_per_minute)),
            ("input_tokens_per_s", self.throughput.and_then(|rate| rate.input_tokens_per_s)),
            ("output_tokens_per_s", self.throughput.and_then(|rate| rate.output_tokens_per_s)),
            ("input_tokens_mean", self.input_tokens_mean),
            ("output_tokens_mean", self.output_tokens_mean),
            ("achieved_load", self.achieved_load),
            ("client_lag_p50_ms", self.client.map(|client| client.lag_p50_ms)),
            ("client_lag_p99_ms", self.client.map(|client| client.lag_p99_ms)),
            ("client_cpu_share", self.client.map(|client| client.cpu_share)),
            (
                "cost_per_transaction_usd",
                self.cost.map(|cost| cost.per_transaction_nano_usd.as_usd()),
            ),
            (
                "cost_per_10k_transactions_usd",
                self.cost.map(|cost| cost.per_10k_transactions_nano_usd.as_usd()),
            ),
        ] {
            if let Some(value) = value {
                put(name, value.into());
            }
        }
        for (name, stats) in [
            ("ttft", &self.ttft),
            ("e2e", &self.e2e),
            ("tpot", &self.tpot),
            ("itl_mean", &self.itl_mean),
        ] {
            for (statistic, value) in stats.iter().flat_map(readable) {
                put(&format!("{name}_{statistic}_ms"), value.into());
            }
        }
        metrics
    }
}

fn readable(stats: &LatencyStats) -> [(&'static str, f64); 5] {
    [
        ("mean", stats.mean_ms),
        ("p50", stats.p50_ms),
        ("p90", stats.p90_ms),
        ("p95", stats.p95_ms),
        ("p99", stats.p99_ms),
    ]
}
