//! Translates between the state machine and `shared::run`: no logic of its own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::plan::Provisions;
use shared::run::{
    Failure, NextRound, RunError, Source, Stores, draft, next_round, prepare, read_plan,
    refuse_beside_active, take_up,
};
use shared::store::{ArtifactStore, Deployment, RecordStore};
use shared::units::RunId;

use crate::schedule::Schedule;

/// What the stack is like.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) bucket: String,
    /// `None` where the run is not to tell what its functions cost.
    pub(crate) deployment: Option<Deployment>,
    /// Whether it makes endpoints for runs.
    pub(crate) provisions: bool,
}

/// What the state machine hands over: the input that begins a run, or the round after which it goes
/// on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    /// The execution's input, as a person or a schedule gave it.
    input: Option<Input>,
    after: Option<After>,
    /// The execution's ARN: the run's owner.
    execution: String,
}

/// The execution's input: one of `config_uri`, `config` and `resume`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    config_uri: Option<String>,
    config: Option<Value>,
    /// The run to go on with.
    resume: Option<RunId>,
    run_id: Option<String>,
    /// Start beside an active run on the same endpoint.
    #[serde(default)]
    force: bool,
    schedule: Option<Schedule>,
}

/// The last round that was measured.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    run_id: RunId,
    round: u32,
}

/// What the state machine goes on with.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Output {
    /// `planned`, or `duplicate` where another execution has the run of that scheduled time.
    status: &'static str,
    run_id: RunId,
    bucket: String,
    /// The next round; null where nothing is left.
    round: Option<u32>,
    rounds: u32,
    wait_until: Option<String>,
    lanes_key: Option<String>,
    /// The SageMaker endpoints that are to be made before the first round.
    #[serde(skip_serializing_if = "Option::is_none")]
    provisions: Option<Provisions>,
}

/// Plans a run and stores it, or takes one up, or goes on to the next round.
pub(crate) async fn handle<R: RecordStore, A: ArtifactStore>(
    event: Event,
    stores: &Stores<R, A>,
    stack: &Stack,
    now: Timestamp,
) -> Result<Output, Failure> {
    let bucket = &stack.bucket;
    let (run_id, after) = match (event.input, event.after) {
        (Some(input), None) => {
            let run_id = match begin(&input, &event.execution, stores, stack, now).await? {
                Begun::Run(run_id) => run_id,
                Begun::Duplicate(run_id) => {
                    tracing::info!(%run_id, "Another execution has this run.");
                    return Ok(Output::new("duplicate", run_id, bucket, NextRound::default()));
                }
            };
            (run_id, 0)
        }
        (None, Some(After { run_id, round })) => (run_id, round),
        (Some(_), Some(_)) | (None, None) => {
            let mend = "give one of \"input\" and \"after\"".to_owned();
            return Err(Failure::Permanent(mend));
        }
    };
    let next = next_round(&run_id, after, stores, now).await?;
    let provisions = match after {
        0 => provisions(&run_id, stores, now).await?,
        _ => None,
    };
    tracing::info!(%run_id, round = next.round, wait_until = next.wait_until, "Next round planned.");
    Ok(Output { provisions, ..Output::new("planned", run_id, bucket, next) })
}

/// What is made for a run at its beginning, and again where it is taken up: its end has deleted it.
async fn provisions<R: RecordStore, A: ArtifactStore>(
    run_id: &RunId,
    stores: &Stores<R, A>,
    now: Timestamp,
) -> Result<Option<Provisions>, Failure> {
    let plan = read_plan(stores, run_id).await?;
    let expires = now + plan.provisioned_for();
    Ok(plan.provisions(expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()))
}

impl Output {
    fn new(status: &'static str, run_id: RunId, bucket: &str, next: NextRound) -> Self {
        let NextRound { round, rounds, wait_until, lanes_key } = next;
        let bucket = bucket.to_owned();
        Self { status, run_id, bucket, round, rounds, wait_until, lanes_key, provisions: None }
    }
}

/// What an execution's input has come to.
enum Begun {
    Run(RunId),
    /// A schedule was delivered twice, and another execution was first.
    Duplicate(RunId),
}

async fn begin<R: RecordStore, A: ArtifactStore>(
    input: &Input,
    execution: &str,
    stores: &Stores<R, A>,
    stack: &Stack,
    now: Timestamp,
) -> Result<Begun, Failure> {
    if let Some(run_id) = &input.resume {
        take_up(run_id, stores, execution).await?;
        return Ok(Begun::Run(run_id.clone()));
    }
    let text = config_text(input, stores, &stack.bucket).await?;
    let scheduled = input.schedule.as_ref().and_then(Schedule::run_id);
    let run_id = run_id(input, scheduled.as_deref(), execution)?;
    let mut prepared = draft(&text, run_id.clone(), &Source::Deployed).await?;
    prepared.deployment = stack.deployment;
    if let Some((endpoint, _)) = prepared.plan.provisioned().next()
        && !stack.provisions
    {
        return Err(Failure::Permanent(format!(
            "endpoint {} is to be made for the run, which this stack does not do: deploy it with \
             Provisioning=on, or make the endpoint yourself and give its endpoint_name",
            endpoint.name
        )));
    }
    if !input.force {
        refuse_beside_active(&prepared.plan, stores).await?;
    }
    match prepare(&prepared, stores, execution, now).await {
        // A run id that was given is no sign of the same time.
        Err(RunError::Exists(_)) if scheduled.is_some() && input.run_id.is_none() => {
            return Ok(Begun::Duplicate(run_id));
        }
        prepared => prepared?,
    }
    tracing::info!(%run_id, experiments = prepared.plan.experiments.len(), "Run planned.");
    Ok(Begun::Run(run_id))
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
            let mend = "give one of \"config_uri\": \"s3://...\", \"config\": {...} and \"resume\": \
                        \"<run>\" as input";
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

/// The given run id, else that of the scheduled time, else the execution's name: each is unique,
/// and the same when the call is repeated.
fn run_id(input: &Input, scheduled: Option<&str>, execution: &str) -> Result<RunId, Failure> {
    let name = || execution.rsplit(':').next().unwrap_or_default();
    let text = input.run_id.as_deref().or(scheduled).unwrap_or_else(name);
    text.parse().map_err(|error| {
        Failure::Permanent(format!(
            "{text:?} cannot be a run id: {error}; give \"run_id\" as input"
        ))
    })
}

#[cfg(test)]
mod tests {
    use shared::plan::provisioned_prefix;
    use shared::store::folder::FolderStore;
    use shared::store::sqlite::SqliteStore;

    use super::*;

    #[test]
    fn the_sample_is_an_event_and_its_run_is_named_after_the_execution() {
        let sample = include_str!("../../../events/planner.json");
        let event: Event = serde_json::from_str(sample).unwrap();
        let input = event.input.unwrap();
        let id = |input: &Input, scheduled| run_id(input, scheduled, &event.execution).unwrap();
        assert_eq!(id(&input, None).as_str(), "first-run");
        assert_eq!(id(&input, Some("weekly-20261128")).as_str(), "weekly-20261128");
        let given = Input { run_id: Some("given".to_owned()), ..input };
        assert_eq!(id(&given, Some("weekly-20261128")).as_str(), "given");
    }

    #[test]
    fn what_the_state_machine_sends_between_rounds_is_an_event() {
        let sent = r#"{"after": {"run_id": "r", "round": 3}, "execution": "arn"}"#;
        let event: Event = serde_json::from_str(sent).unwrap();
        assert_eq!(event.after.unwrap().round, 3);
    }

    #[tokio::test]
    async fn what_is_made_for_a_run_is_told_to_the_state_machine() {
        let folder = tempfile::tempdir().unwrap();
        let records = SqliteStore::open(folder.path().join("records.sqlite")).await.unwrap();
        let stores = Stores { records, artifacts: FolderStore::new(folder.path()) };
        let config = serde_json::json!({
            "version": 1,
            "endpoints": [{
                "name": "g5", "kind": "sagemaker", "region": "us-east-1", "payload": "tgi",
                "instance_type": "ml.g5.2xlarge", "instance_count": 2,
                "provision": {"image": "tgi:2", "environment": {"HF_MODEL_ID": "org/model"}},
            }],
            "datasets": [{"name": "d", "prompts": ["Why?"], "max_tokens": 5}],
            "load": [{"concurrency": 1}],
        });
        let stack = |provisions| Stack { bucket: "b".to_owned(), deployment: None, provisions };
        let event = |input: Value| Event {
            input: Some(serde_json::from_value(input).unwrap()),
            after: None,
            execution: "arn:aws:states:us-east-1:1:execution:fmgauge-run:made".to_owned(),
        };
        let now: Timestamp = "2026-11-28T10:00:00Z".parse().unwrap();
        let begun = event(serde_json::json!({ "config": &config }));
        let refused = handle(begun, &stores, &stack(false), now).await.unwrap_err();
        assert!(refused.message().contains("Provisioning=on"), "{refused:?}");
        let begun = event(serde_json::json!({ "config": config }));
        let output = handle(begun, &stores, &stack(true), now).await.unwrap();
        let provisions = output.provisions.unwrap();
        assert_eq!(provisions.expires_at, "2026-11-28T12:00:00Z");
        let made = &provisions.endpoints[0];
        let name = made["name"].as_str().unwrap();
        assert!(name.starts_with(&provisioned_prefix(&"made".parse().unwrap())), "{name}");
        let container = &made["model"]["PrimaryContainer"];
        assert_eq!(container["Image"], "tgi:2");
        assert_eq!(container["Environment"]["HF_MODEL_ID"], "org/model");
        let variant = &made["config"]["ProductionVariants"][0];
        assert_eq!(
            (&variant["ModelName"], &variant["InitialInstanceCount"]),
            (&made["name"], &2.into())
        );
        // Between rounds nothing is made again.
        let after = Event {
            input: None,
            after: Some(After { run_id: output.run_id, round: 1 }),
            execution: String::new(),
        };
        assert_eq!(handle(after, &stores, &stack(true), now).await.unwrap().provisions, None);
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
