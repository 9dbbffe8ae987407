//! A measured block joined with the truth about the requests that reached the server.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::block::WARMUP_TEXT;
use shared::dataset;
use shared::record::{Phase, Record};
use shared::store::BlockEnd;
use shared::summary::{ExperimentSummary, summarize};
use simulator::{Outcome as End, Truth};

use super::super::local::{LocalRun, Measured};
use super::super::ways::Way;
use super::super::{counted_as, sha256};

/// What a request is counted as: the name of its outcome and of its class.
pub(super) type Counted = (&'static str, Option<&'static str>);

/// How late a timer may fire, and a busy machine notice.
const LATE: Duration = Duration::from_secs(10);

/// What a request is to be counted as, by the truth about it.
fn expected(truth: &Truth, way: Way) -> Counted {
    let failed = |class| ("failed", Some(class));
    let timed_out = |class| ("timed_out", Some(class));
    let is_streamed = way.is_streamed();
    match truth.outcome {
        End::Ok => ("completed", None),
        End::Status if truth.status != Some(429) => failed("server"),
        End::Throttled | End::Status => ("throttled", Some("throttled")),
        End::StreamException => failed("model_error"),
        End::Reset | End::ResetAfter | End::Truncate => failed("connection"),
        End::Corrupt => failed("protocol"),
        // Where an answer comes whole, its beginning comes before a stall, and nothing before the
        // end of a pause.
        End::SlowHeaders | End::LateHeaders | End::StallBeforeFirst if is_streamed => {
            timed_out("deadline_first_token")
        }
        End::Endless | End::SlowHeaders | End::LateHeaders => timed_out("deadline_request"),
        End::Pause if !is_streamed => timed_out("deadline_request"),
        End::StallBeforeFirst | End::StallAfter | End::Pause => timed_out("deadline_stall"),
        End::Refused | End::Disconnected | End::ShutDown => {
            panic!("nobody asked wrongly, left early or stopped: {truth:?}")
        }
    }
}

/// What came of a block.
pub(super) struct Joined {
    /// How many requests ended so, by the truth, warm-ups included.
    pub(super) ends: BTreeMap<Counted, usize>,
    /// Requests that never reached the server, for want of a connection.
    pub(super) refused: usize,
    /// The experiment's figures.
    pub(super) summary: ExperimentSummary,
}

impl Joined {
    /// Joins what was recorded with what was served. Fails unless each request on the wire is
    /// exactly one record, under its own class, and nothing but what was completed is in a latency.
    pub(super) async fn new(
        run: &LocalRun,
        measured: &Measured,
        truth: &[Truth],
        way: Way,
        requests: usize,
    ) -> Self {
        let receipt = &measured.receipt;
        assert_eq!(receipt.ended, BlockEnd::Requests);
        assert_eq!(measured.of(Phase::Measured).count(), requests);
        assert_eq!(usize::try_from(receipt.records), Ok(measured.records.len()));

        let prompts = Prompts { run, measured, way };
        let mut unmatched: Vec<&Truth> = truth.iter().collect();
        let (mut ends, mut refused) = (BTreeMap::new(), 0);
        for record in &measured.records {
            let counted = counted_as(record.outcome);
            assert!(record.timeline.end <= run.plan_of().deadlines.request + LATE, "{record:?}");
            if record.served.never_sent {
                assert_eq!(counted, ("failed", Some("connection")), "{record:?}");
                assert_eq!((&record.served.request_id, record.served.status), (&None, None));
                refused += 1;
                continue;
            }
            let prompt = prompts.of_record(record);
            // Where no head came there is no request id. A prompt is sent once, but to warm up.
            let is_its = |truth: &&Truth| match &record.served.request_id {
                Some(id) => truth.request_id == *id,
                None => {
                    truth.prompt_sha256.as_ref() == Some(&prompt)
                        && truth.headers_written_ns.is_none()
                        && expected(truth, way) == counted
                }
            };
            let place = unmatched.iter().position(is_its);
            let place = place.unwrap_or_else(|| panic!("not in the log: {record:?}"));
            let truth = unmatched.swap_remove(place);
            assert_eq!(truth.prompt_sha256.as_ref(), Some(&prompt));
            assert_eq!(counted, expected(truth, way), "{record:?} was {truth:?}");
            assert!(record.timeline.content_events <= truth.output_tokens, "{record:?}");
            *ends.entry(counted).or_default() += 1;
        }
        assert!(unmatched.is_empty(), "requests without a record: {unmatched:?}");

        let states = [run.state().await];
        let summary = summarize(run.plan_of(), &states, &measured.records);
        let [summary] = <[_; 1]>::try_from(summary.experiments).expect("one experiment");
        let joined = Self { ends, refused, summary };
        joined.check_summary(measured, way);
        joined
    }

    /// Fails unless errors are counted by class, and no failed request has a latency.
    fn check_summary(&self, measured: &Measured, way: Way) {
        let summary = &self.summary;
        let counted = || measured.of(Phase::Measured).map(|record| counted_as(record.outcome));
        let mut errors: BTreeMap<String, u64> = BTreeMap::new();
        for class in counted().filter_map(|(_, class)| class) {
            *errors.entry(class.to_owned()).or_default() += 1;
        }
        assert_eq!(summary.requests.errors_by_class, errors);
        let completed = counted().filter(|(outcome, _)| *outcome == "completed").count() as u64;
        assert_eq!(summary.requests.completed, completed);
        assert_eq!(summary.requests.cut, 0);

        let count = |latency: &Option<shared::summary::LatencyStats>| {
            latency.as_ref().map_or(0, |latency| latency.count)
        };
        let streamed = if way.is_streamed() { completed } else { 0 };
        assert_eq!(count(&summary.e2e), completed);
        assert_eq!(count(&summary.ttft), streamed);
        assert_eq!(count(&summary.tpot), streamed);
        assert_eq!(count(&summary.itl_mean), streamed);
    }

    /// How many were not completed, of those that reached the server.
    pub(super) fn failed(&self) -> usize {
        self.ends.iter().filter(|(end, _)| end.0 != "completed").map(|(_, count)| count).sum()
    }

    pub(super) fn count(&self, counted: Counted) -> usize {
        self.ends.get(&counted).copied().unwrap_or(0)
    }
}

/// What each request says.
struct Prompts<'a> {
    run: &'a LocalRun,
    measured: &'a Measured,
    way: Way,
}

impl Prompts<'_> {
    /// The digest of a record's prompt.
    fn of_record(&self, record: &Record) -> String {
        if record.phase == Phase::Warmup {
            return sha256(self.way.sent(WARMUP_TEXT));
        }
        let [dataset] = &self.run.prepared.datasets[..] else { panic!("one dataset") };
        let prompt = &dataset.prompts[usize::try_from(record.prompt).unwrap()];
        let key = &self.measured.key;
        let nonce = dataset::nonce(
            &key.run_id,
            &key.experiment,
            key.round,
            key.block,
            record.attempt,
            record.sequence,
        );
        sha256(self.way.sent(&dataset::with_nonce(&nonce, &prompt.text)))
    }
}
