//! Translates between the state machine and `shared::run`: no logic of its own.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::run::{Conclusion, Failure, RunError, Stage, Stores, conclude, settle};
use shared::store::{ArtifactStore, RecordStore};
use shared::telemetry::{print, run_document};
use shared::units::RunId;

/// How long the workers of a run that was ended from outside may take to drain.
const PATIENCE: Duration = Duration::from_mins(1);

/// Which run to conclude: by its id, or by the execution that owns it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    run_id: Option<RunId>,
    execution: Option<String>,
    /// Whether the run has ended; otherwise only its report is refreshed.
    r#final: bool,
    /// Why it ended: `completed`, or what a state machine calls it.
    cause: Option<String>,
}

/// What has come of it.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Output {
    /// The run's conclusion.
    Concluded(Conclusion),
    /// The execution never got as far as a run.
    NoRun {
        /// Always `no_run`.
        status: &'static str,
    },
}

/// Concludes a run, whatever ended it.
pub(crate) async fn handle<R: RecordStore, A: ArtifactStore>(
    event: Event,
    stores: &Stores<R, A>,
    stack: &str,
    now: Timestamp,
) -> Result<Output, Failure> {
    let run_id = match (event.run_id, event.execution) {
        (Some(run_id), _) => Some(run_id),
        (None, Some(execution)) => {
            let runs = stores.records.runs().await.map_err(RunError::from)?;
            runs.into_iter().find(|run| run.owner == execution).map(|run| run.run_id)
        }
        (None, None) => {
            let mend = "give \"run_id\" or \"execution\" as input";
            return Err(Failure::Permanent(mend.to_owned()));
        }
    };
    let Some(run_id) = run_id else { return Ok(Output::NoRun { status: "no_run" }) };
    let stage = if event.r#final { Stage::Final } else { Stage::Interim };
    let cause = event.cause.as_deref().unwrap_or("by hand");
    if stage == Stage::Final && cause != "completed" {
        // Stopping an execution does not stop the functions that it called.
        settle(&run_id, stores, PATIENCE).await?;
    }
    let conclusion = conclude(&run_id, stores, stage, now).await?;
    print(&[run_document(stack, &conclusion, stage, now.into())]);
    tracing::info!(%run_id, cause, "Run concluded.");
    Ok(Output::Concluded(conclusion))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_and_what_the_rule_sends_are_events() {
        let sample = include_str!("../../../events/summarizer.json");
        let event: Event = serde_json::from_str(sample).unwrap();
        assert_eq!(event.run_id.unwrap().as_str(), "first-run");
        // After a failure, as `finish` hands over what EventBridge gives it.
        let rule = r#"{"execution": "arn:aws:states:us-east-1:1:execution:fmgauge-run:first-run",
            "final": true, "cause": "timed_out"}"#;
        let event: Event = serde_json::from_str(rule).unwrap();
        assert!(event.run_id.is_none() && event.execution.is_some());
    }
}
