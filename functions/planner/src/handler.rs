//! Translates between the state machine and `shared::run`: no logic of its own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::run::{Failure, RunError, Source, Stores, draft, prepare};
use shared::store::{ArtifactStore, Deployment, RecordStore, keys};
use shared::units::RunId;

/// What the state machine hands over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    /// The execution's input, as a person gave it.
    input: Input,
    /// The execution's ARN: the run's owner.
    execution: String,
}

/// The execution's input: one of `config_uri` and `config`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    config_uri: Option<String>,
    config: Option<Value>,
    run_id: Option<String>,
}

/// What the state machine goes on with.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Output {
    run_id: RunId,
    bucket: String,
    lanes_key: String,
    round: u32,
    rounds: u32,
}

/// Plans a run and stores it.
pub(crate) async fn handle<R: RecordStore, A: ArtifactStore>(
    event: Event,
    stores: &Stores<R, A>,
    bucket: &str,
    deployment: Option<Deployment>,
    now: Timestamp,
) -> Result<Output, Failure> {
    let text = config_text(&event.input, stores, bucket).await?;
    let run_id = run_id(&event)?;
    let mut prepared = draft(&text, run_id.clone(), &Source::Deployed).await?;
    prepared.deployment = deployment;
    prepare(&prepared, stores, &event.execution, now).await?;
    tracing::info!(%run_id, experiments = prepared.plan.experiments.len(), "Run planned.");
    let lanes_key = keys::lanes(&run_id);
    Ok(Output { run_id, bucket: bucket.to_owned(), lanes_key, round: 1, rounds: 1 })
}

async fn config_text<R: RecordStore, A: ArtifactStore>(
    input: &Input,
    stores: &Stores<R, A>,
    bucket: &str,
) -> Result<String, Failure> {
    let uri = match (&input.config, &input.config_uri) {
        (Some(config), None) => return Ok(config.to_string()),
        (None, Some(uri)) => uri,
        (Some(_), Some(_)) | (None, None) => {
            let mend = "give one of \"config_uri\": \"s3://...\" and \"config\": {...} as input";
            return Err(Failure::Permanent(mend.to_owned()));
        }
    };
    let Some(key) = uri.strip_prefix(&format!("s3://{bucket}/")) else {
        let mend = format!("{uri} is not in s3://{bucket}/: put the configuration there");
        return Err(Failure::Permanent(mend));
    };
    let bytes = stores.artifacts.get(key).await.map_err(RunError::from)?;
    let bytes = bytes.ok_or_else(|| Failure::Permanent(format!("there is no {uri}")))?;
    String::from_utf8(bytes).map_err(|error| Failure::Permanent(format!("{uri}: {error}")))
}

/// The given run id, else the execution's name: unique, and the same when the call is repeated.
fn run_id(event: &Event) -> Result<RunId, Failure> {
    let text = match &event.input.run_id {
        Some(run_id) => run_id.as_str(),
        None => event.execution.rsplit(':').next().unwrap_or_default(),
    };
    text.parse().map_err(|error| {
        Failure::Permanent(format!(
            "{text:?} cannot be a run id: {error}; give \"run_id\" as input"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_an_event_and_its_run_is_named_after_the_execution() {
        let sample = include_str!("../../../events/planner.json");
        let event: Event = serde_json::from_str(sample).unwrap();
        assert_eq!(run_id(&event).unwrap().as_str(), "first-run");
        let given = Input { run_id: Some("given".to_owned()), ..event.input };
        let event = Event { input: given, ..event };
        assert_eq!(run_id(&event).unwrap().as_str(), "given");
    }

    #[tokio::test]
    async fn the_samples_for_the_console_are_inputs() {
        let input = |sample| serde_json::from_str::<Input>(sample).unwrap();
        let by_uri = input(include_str!("../../../events/console.json"));
        assert!(by_uri.config_uri.is_some_and(|uri| uri.starts_with("s3://")));
        let inline = input(include_str!("../../../events/console-inline.json"));
        let config = inline.config.unwrap().to_string();
        let run_id: RunId = "first-run".parse().unwrap();
        let prepared = draft(&config, run_id, &Source::Deployed).await.unwrap();
        assert_eq!(prepared.plan.experiments.len(), 4);
    }
}
