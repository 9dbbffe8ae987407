//! What a model's quota allows: requests and tokens per minute, as Bedrock counts them.
//!
//! A bucket for each of the two fills steadily and holds as much as fills it in the burst's time.
//! A request takes one request, and reserves its input and all the output that it allows. What it
//! did not use is given back when it ends; where output counts more than once, the bucket may owe
//! more than it had. A request that a bucket has no room for is throttled and takes nothing.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::ledger::lock;
use crate::refusal::Refusal;

/// A quota of requests and of tokens per minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Only of this model; none for every model, each with a quota of its own.
    pub model_id: Option<String>,
    /// Requests per minute; none for any number.
    pub requests_per_minute: Option<u32>,
    /// Tokens per minute, input and output; none for any number.
    pub tokens_per_minute: Option<u32>,
    /// How many tokens of the quota one token of output takes in the end: 5 with some models.
    pub output_burndown: u32,
    /// The buckets hold what fills them in this time, and are full at the start.
    pub burst: Duration,
}

impl Default for Limit {
    /// No limit at all, with bursts of a minute's worth.
    fn default() -> Self {
        Self {
            model_id: None,
            requests_per_minute: None,
            tokens_per_minute: None,
            output_burndown: 1,
            burst: Duration::from_mins(1),
        }
    }
}

impl Limit {
    /// Whether its buckets can ever hold what a request takes.
    pub fn is_sensible(&self) -> bool {
        let holds = |per_minute: Option<u32>| {
            per_minute.is_none_or(|limit| Bucket::new(limit, self.burst).capacity >= 1.0)
        };
        holds(self.requests_per_minute) && holds(self.tokens_per_minute)
    }
}

/// A limit in force for one model.
#[derive(Debug)]
pub(crate) struct Meter {
    output_burndown: u32,
    requests: Option<Mutex<Bucket>>,
    tokens: Option<Mutex<Bucket>>,
}

/// What a request holds of a model's limits until it ends.
#[derive(Debug)]
pub(crate) struct Reservation {
    meters: Arc<[Meter]>,
    input_tokens: u32,
    output_limit: u32,
}

impl Reservation {
    /// Takes a request out of all limits, or out of none.
    pub(crate) fn take(
        meters: &Arc<[Meter]>,
        input_tokens: u32,
        output_limit: u32,
    ) -> Result<Option<Self>, Refusal> {
        if meters.is_empty() {
            return Ok(None);
        }
        let reservation = Self { meters: Arc::clone(meters), input_tokens, output_limit };
        let now = Instant::now();
        let has_room = |bucket: &Option<Mutex<Bucket>>, amount: f64| {
            bucket.as_ref().is_none_or(|bucket| lock(bucket).level(now) >= amount)
        };
        for meter in meters.iter() {
            if !has_room(&meter.requests, 1.0) {
                return Err(Refusal::throttled("requests"));
            }
            if !has_room(&meter.tokens, reservation.reserved()) {
                return Err(Refusal::throttled("tokens"));
            }
        }
        for meter in meters.iter() {
            let take = |bucket: &Option<Mutex<Bucket>>, amount: f64| {
                if let Some(bucket) = bucket {
                    lock(bucket).add(now, -amount);
                }
            };
            take(&meter.requests, 1.0);
            take(&meter.tokens, reservation.reserved());
        }
        Ok(Some(reservation))
    }

    /// Gives back what was not used, at the end.
    pub(crate) fn settle(self, output_tokens: u32) {
        let now = Instant::now();
        for meter in self.meters.iter() {
            let burnt = f64::from(meter.output_burndown) * f64::from(output_tokens);
            let used = f64::from(self.input_tokens) + burnt;
            if let Some(tokens) = &meter.tokens {
                lock(tokens).add(now, self.reserved() - used);
            }
        }
    }

    fn reserved(&self) -> f64 {
        f64::from(self.input_tokens) + f64::from(self.output_limit)
    }
}

impl Meter {
    /// Those of the limits that a model is under.
    pub(crate) fn of(limits: &[Limit], model_id: &str) -> Arc<[Self]> {
        let is_its = |limit: &&Limit| limit.model_id.as_deref().is_none_or(|id| id == model_id);
        let meter = |limit: &Limit| {
            let bucket = |per_minute| Mutex::new(Bucket::new(per_minute, limit.burst));
            Self {
                output_burndown: limit.output_burndown,
                requests: limit.requests_per_minute.map(bucket),
                tokens: limit.tokens_per_minute.map(bucket),
            }
        };
        limits.iter().filter(is_its).map(meter).collect()
    }
}

/// A bucket that fills steadily.
#[derive(Debug)]
struct Bucket {
    capacity: f64,
    per_second: f64,
    /// How much was in it at the time `at`; below zero, what it owes.
    held: f64,
    at: Instant,
}

impl Bucket {
    fn new(per_minute: u32, burst: Duration) -> Self {
        let per_second = f64::from(per_minute) / 60.0;
        let capacity = per_second * burst.as_secs_f64();
        Self { capacity, per_second, held: capacity, at: Instant::now() }
    }

    fn level(&mut self, now: Instant) -> f64 {
        let filled = self.per_second * now.saturating_duration_since(self.at).as_secs_f64();
        self.held = (self.held + filled).min(self.capacity);
        self.at = self.at.max(now);
        self.held
    }

    fn add(&mut self, now: Instant, amount: f64) {
        self.held = (self.level(now) + amount).min(self.capacity);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{Reply, ask, plain_profile, prompt};
    use crate::{Outcome, Simulator, SimulatorConfig, StartError};

    async fn start(limit: Limit) -> Simulator {
        let (profiles, limits) = (vec![plain_profile()], vec![limit]);
        Simulator::start(SimulatorConfig { profiles, limits, ..Default::default() }).await.unwrap()
    }

    /// Asks with one token of input and a limit of output.
    async fn asked(simulator: &Simulator, max_tokens: u32) -> Reply {
        let mut request = prompt("one");
        request["inferenceConfig"] = json!({"maxTokens": max_tokens});
        ask(simulator.connect(), "plain", &request).await.unwrap()
    }

    fn refusal(reply: &Reply) -> &str {
        assert_eq!(reply.status, 429);
        assert!(reply.header("x-amzn-errortype").starts_with("ThrottlingException:"));
        std::str::from_utf8(&reply.body).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_throttled_by_their_number() {
        // One a second, and five at once.
        let limit = Limit {
            requests_per_minute: Some(60),
            burst: Duration::from_secs(5),
            ..Default::default()
        };
        let simulator = start(limit).await;
        // Each takes 111 ms, so that the sixth comes before the next second's request is there.
        for _ in 0..5 {
            assert_eq!(asked(&simulator, 2).await.status, 200);
        }
        assert!(refusal(&asked(&simulator, 2).await).contains("Too many requests"));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(asked(&simulator, 2).await.status, 200);
        assert_eq!(asked(&simulator, 2).await.status, 429);
        let truth = simulator.truth();
        assert_eq!((truth[5].outcome, truth[5].status), (Outcome::Throttled, Some(429)));
        assert_eq!(truth[5].queue_wait_ns, None);
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_are_reserved_by_what_is_allowed_and_settled_by_what_was_said() {
        // 120 tokens at the start, and 2 a second.
        let limit = Limit { tokens_per_minute: Some(120), ..Default::default() };
        let simulator = start(limit).await;
        // 101 reserved of 120, and 11 used: an answer has ten tokens. The next has 109 and a bit.
        assert_eq!(asked(&simulator, 100).await.status, 200);
        assert_eq!(asked(&simulator, 100).await.status, 200);
        assert!(refusal(&asked(&simulator, 100).await).contains("Too many tokens"));
        assert_eq!(asked(&simulator, 90).await.status, 200, "what fits is served");
        tokio::time::sleep(Duration::from_secs(20)).await;
        // While one is under way, its reservation is gone.
        let (first, second) = tokio::join!(asked(&simulator, 100), asked(&simulator, 100));
        assert_eq!((first.status, second.status), (200, 429));
    }

    #[tokio::test(start_paused = true)]
    async fn output_may_burn_more_than_was_reserved() {
        let limit = Limit { tokens_per_minute: Some(60), output_burndown: 5, ..Default::default() };
        let simulator = start(limit).await;
        // 11 reserved, 51 used of 60; then 42 more than the 9 that are left.
        for _ in 0..2 {
            assert_eq!(asked(&simulator, 10).await.status, 200);
            assert_eq!(asked(&simulator, 60).await.status, 429);
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        assert_eq!(asked(&simulator, 10).await.status, 429, "the bucket owes");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_request_gives_back_its_reservation() {
        let limit = Limit { tokens_per_minute: Some(120), ..Default::default() };
        let simulator = start(limit).await;
        for _ in 0..20 {
            let mut request = prompt("one");
            request["inferenceConfig"] = json!({"maxTokens": 100});
            let asking = ask(simulator.connect(), "plain", &request);
            // It leaves before the first token: only its input is used.
            assert!(tokio::time::timeout(Duration::from_millis(50), asking).await.is_err());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(simulator.truth().len(), 20);
        assert!(simulator.truth().iter().all(|truth| truth.outcome == Outcome::Disconnected));
    }

    #[tokio::test]
    async fn a_bucket_that_holds_no_request_is_refused() {
        let limit = Limit {
            requests_per_minute: Some(60),
            burst: Duration::from_millis(500),
            ..Default::default()
        };
        let config = SimulatorConfig { limits: vec![limit], ..Default::default() };
        let error = Simulator::start(config).await.unwrap_err();
        assert!(matches!(error, StartError::Limit(_)), "{error}");
    }
}
