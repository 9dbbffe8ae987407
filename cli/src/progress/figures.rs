//! What the display tells: counts, the rate of the last seconds, spend, and the time left.

use std::collections::VecDeque;
use std::time::Duration;

use shared::plan::{BlockPlan, Lane};
use shared::price::Price;
use shared::record::{Outcome, Phase, Record};
use shared::store::Receipt;
use shared::units::NanoUsd;
use tokio::time::Instant;

/// How far back rates look.
const RECENT: Duration = Duration::from_secs(10);

/// How a lane stands.
#[derive(Debug)]
pub(super) struct Figures {
    begun: Instant,
    /// Measured requests that are planned; `None` where only time ends some block.
    requests: Option<u64>,
    /// What the blocks' times add up to; `None` where only requests end some block.
    time: Option<Duration>,
    /// The load that is being measured.
    load: String,
    sent: u64,
    /// Requests that had been measured before; of whole blocks, those that were planned.
    measured_before: u64,
    throttled: u64,
    failed: u64,
    /// Sent, throttled and failed before the block that is measured.
    before: (u64, u64, u64),
    /// What the receipts of the blocks that have ended say, those of earlier rounds included.
    settled: NanoUsd,
    /// What the records since then cost.
    running: NanoUsd,
    /// When the latest requests were recorded, with how long they took.
    recent: VecDeque<(Instant, Duration)>,
}

impl Figures {
    pub(super) fn new(lane: &Lane, begun: Instant) -> Self {
        Self {
            begun,
            requests: lane.blocks.iter().map(|block| block.requests.map(u64::from)).sum(),
            time: lane.blocks.iter().map(|block| block.duration).sum(),
            load: String::new(),
            sent: 0,
            measured_before: 0,
            throttled: 0,
            failed: 0,
            before: (0, 0, 0),
            settled: NanoUsd::ZERO,
            running: NanoUsd::ZERO,
            recent: VecDeque::new(),
        }
    }

    /// The same lane, in another round.
    pub(super) fn next_round(&mut self, lane: &Lane, begun: Instant) {
        *self = Self { settled: self.spent(), ..Self::new(lane, begun) };
    }

    /// A request was recorded, now or, where `was_before`, before this process began.
    pub(super) fn record(
        &mut self,
        record: &Record,
        price: Option<&Price>,
        now: Instant,
        was_before: bool,
    ) {
        if let Some(cost) = price.and_then(|price| price.of_usage(&record.usage)) {
            self.running = self.running.saturating_add(cost);
        }
        if record.phase == Phase::Warmup {
            return;
        }
        let (_, load) = record.experiment.as_str().rsplit_once('~').unwrap_or_default();
        load.clone_into(&mut self.load);
        let sent = if was_before { &mut self.measured_before } else { &mut self.sent };
        *sent += u64::from(record.timeline.retry == 0);
        match record.outcome {
            Outcome::Completed if was_before => {}
            Outcome::Completed => self.recent.push_back((now, record.e2e())),
            Outcome::Throttled => self.throttled += 1,
            Outcome::TimedOut(_) | Outcome::Failed(_) => self.failed += 1,
            Outcome::Cut => {}
        }
        self.forget(now);
    }

    /// A block has ended, now or, where `was_before`, before this process began.
    pub(super) fn settle(&mut self, block: &BlockPlan, receipt: &Receipt, was_before: bool) {
        self.settled = self.settled.saturating_add(receipt.spent);
        self.running = NanoUsd::ZERO;
        self.before = (self.sent, self.throttled, self.failed);
        if was_before {
            self.measured_before += block.requests.map_or(0, u64::from);
            let block = block.duration.unwrap_or_default();
            self.time = self.time.map(|time| time.saturating_sub(block));
        }
    }

    /// The block that is measured was given up: it has cost what it has, and nothing of it counts.
    pub(super) fn give_up(&mut self) {
        self.settled = self.spent();
        self.running = NanoUsd::ZERO;
        (self.sent, self.throttled, self.failed) = self.before;
    }

    fn forget(&mut self, now: Instant) {
        while self.recent.front().is_some_and(|(at, _)| now.duration_since(*at) > RECENT) {
            self.recent.pop_front();
        }
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn done(&self) -> u64 {
        self.sent + self.measured_before
    }

    pub(super) fn requests(&self) -> Option<u64> {
        self.requests
    }

    pub(super) fn errors(&self) -> u64 {
        self.throttled + self.failed
    }

    pub(super) fn spent(&self) -> NanoUsd {
        self.settled.saturating_add(self.running)
    }

    /// Completed requests per second of late.
    pub(super) fn rate(&mut self, now: Instant) -> f64 {
        self.forget(now);
        let over = RECENT.min(now.duration_since(self.begun)).max(Duration::from_secs(1));
        as_f64(self.recent.len() as u64) / over.as_secs_f64()
    }

    /// How long the lane will still take, if it goes on as it has so far.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let elapsed = now.duration_since(self.begun);
        let by_time = self.time.map(|time| time.saturating_sub(elapsed));
        let by_requests = self.requests.filter(|_| self.sent > 0).map(|requests| {
            let open = requests.saturating_sub(self.done());
            elapsed.mul_f64(as_f64(open) / as_f64(self.sent))
        });
        [by_time, by_requests].into_iter().flatten().min()
    }

    /// What stands after the bar: load, rate, mean latency of late, errors. At most 35 characters
    /// wide up to 999 errors.
    pub(super) fn words(&mut self, now: Instant) -> String {
        let rate = self.rate(now);
        let latency = match u32::try_from(self.recent.len()) {
            Ok(count) if count > 0 => {
                let sum: Duration = self.recent.iter().map(|(_, took)| *took).sum();
                short(sum / count)
            }
            Ok(_) | Err(_) => "-".to_owned(),
        };
        let errors = match (self.throttled, self.failed) {
            (0, 0) => String::new(),
            (0, failed) => format!(" {failed} failed"),
            (throttled, 0) => format!(" {throttled} throttled"),
            (throttled, failed) => format!(" {} errors", throttled + failed),
        };
        format!("{:>4} {rate:>5.1}/s {latency:>6}{errors}", self.load)
    }
}

/// A duration in at most six characters: `612 ms`, `1.2 s`, `95 s`, `4m20s`, `3h05m`.
pub(crate) fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..100 => format!("{seconds} s"),
        100..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52, shown with three digits")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let check =
            |ms: u64, expected: &str| assert_eq!(short(Duration::from_millis(ms)), expected);
        check(0, "0 ms");
        check(612, "612 ms");
        check(1_250, "1.2 s");
        check(12_900, "12 s");
        check(100_000, "1m40s");
        check(11_100_000, "3h05m");
    }

    const CONFIG: &str = "version: 1
endpoints: [{name: m, kind: simulated, simulate_as: meta.llama2-13b-chat-v1}]
datasets: [{name: d, prompts: [Why?], max_tokens: 5}]
load: [{concurrency: 4}]
stop: {requests: 40}
";

    fn record(outcome: &serde_json::Value) -> Record {
        let nanos = 500_000_000_u64;
        serde_json::from_value(serde_json::json!({
            "schema": 1, "endpoint": "m", "experiment": "m~d~c4", "round": 1, "block": 1,
            "attempt": 1, "sequence": 1, "phase": "measured", "slot": 0, "prompt": 0,
            "sent_at_unix_ns": 0, "timeline": {"end_ns": nanos}, "outcome": outcome,
            "usage": {"input_tokens": 1000, "output_tokens": 1000},
        }))
        .unwrap()
    }

    #[tokio::test]
    async fn a_lane_tells_its_rate_spend_and_time_left() {
        let source = shared::run::Source::OneMachine(".".into());
        let prepared = shared::run::draft(CONFIG, "r".parse().unwrap(), &source).await.unwrap();
        let plan = prepared.plan;
        let price = plan.endpoints[0].price.as_ref();
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut figures = Figures::new(&plan.lanes[0], begun);
        assert_eq!(figures.words(begun), "       0.0/s      -");
        assert_eq!(figures.left(begun), None);

        for second in 1..=8 {
            figures.record(&record(&"completed".into()), price, at(second), false);
        }
        figures.record(&record(&"throttled".into()), price, at(10), false);
        figures.record(&record(&serde_json::json!({"failed": "server"})), price, at(10), false);
        assert_eq!(figures.words(at(10)), "  c4   0.8/s 500 ms 2 errors");
        assert_eq!(figures.left(at(10)), Some(Duration::from_secs(30)));
        assert_eq!(figures.spent(), NanoUsd(17_500_000));
        // The oldest are forgotten; what was measured before is done, and says nothing of the pace.
        let block = BlockPlan { requests: Some(10), ..plan.lanes[0].blocks[0].clone() };
        let receipt: Receipt = serde_json::from_value(serde_json::json!({
            "attempt": 1, "records": 10, "chunks": 1, "sha256": "", "window_start_unix_ns": 0,
            "window_ns": 1, "ended": "requests", "spent": 5,
        }))
        .unwrap();
        figures.settle(&block, &receipt, true);
        assert_eq!(figures.spent(), NanoUsd(5));
        assert_eq!(figures.words(at(15)), "  c4   0.4/s 500 ms 2 errors");
        assert_eq!((figures.done(), figures.left(at(15))), (20, Some(Duration::from_secs(30))));
        // What was given up has cost, and does not count.
        figures.record(&record(&"completed".into()), price, at(15), false);
        figures.record(
            &record(&serde_json::json!({"failed": "credentials"})),
            price,
            at(15),
            false,
        );
        assert_eq!((figures.done(), figures.errors()), (22, 3));
        figures.give_up();
        assert_eq!((figures.done(), figures.errors()), (20, 2));
        assert_eq!(figures.spent(), NanoUsd(3_500_005));
    }
}
