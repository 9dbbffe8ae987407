//! From a configuration's text to a stored plan.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::limit::refuse_what_the_limit_cannot_hold;
use super::{RunError, Stores, json_lines, rfc3339};
use crate::config::{self, DatasetSettings, LoadSettings, MAX_REQUESTS, Settings};
use crate::dataset::{Contents, DatasetError, Loader, Place, Prompt, estimate_tokens};
use crate::digest::sha256;
use crate::plan::{self, EndpointKind, KeySource, LoadedDataset, Plan};
use crate::store::objects::{ObjectError, Objects};
use crate::store::{ArtifactStore, Deployment, RecordStore, RunMeta, RunStatus, keys};
use crate::units::{Name, RunId};

/// Where a configuration comes from, and so what it may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// One machine: paths are relative to this folder.
    OneMachine(PathBuf),
    /// A run that is to be deployed from one machine: paths are relative to this folder, and their
    /// files will be uploaded; all else is as where it is deployed.
    Upload(PathBuf),
    /// A deployed run: files are objects in S3, and no endpoint is simulated.
    Deployed,
}

impl Source {
    /// Whether Lambda functions will measure it.
    fn is_for_functions(&self) -> bool {
        match self {
            Self::OneMachine(_) => false,
            Self::Upload(_) | Self::Deployed => true,
        }
    }
}

/// A checked run that is not stored yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The plan.
    pub plan: Plan,
    /// The prompts that it sends.
    pub datasets: Vec<LoadedDataset>,
    /// What will carry it, where it is deployed; for whoever deploys to fill in.
    pub deployment: Option<Deployment>,
    config_text: String,
}

/// Parses and checks a configuration, reads its files and plans the run. Nothing is stored.
///
/// Objects in S3 are read with the credentials of the environment.
pub async fn draft(
    config_text: &str,
    run_id: RunId,
    source: &Source,
) -> Result<Prepared, RunError> {
    let settings = config::parse(config_text)?;
    if source.is_for_functions() {
        refuse_undeployable(&settings, source)?;
    }
    let contents = contents(&settings, source).await?;
    let datasets = load(&settings, &contents)?;
    let system_tokens = settings.inference.system.as_deref().map_or(0, estimate_tokens);
    let prepared = planned(config_text, &settings, datasets, system_tokens, run_id);
    let plan = &prepared.plan;
    refuse_what_the_limit_cannot_hold(plan)?;
    if source.is_for_functions() {
        refuse_what_does_not_fit(plan)?;
    }
    Ok(prepared)
}

/// A run of prompts that are counted already.
pub(super) fn planned(
    config_text: &str,
    settings: &Settings,
    datasets: Vec<LoadedDataset>,
    system_tokens: u32,
    run_id: RunId,
) -> Prepared {
    let plan = plan::build(settings, &datasets, system_tokens, run_id);
    Prepared { plan, datasets, deployment: None, config_text: config_text.to_owned() }
}

fn refuse_undeployable(settings: &Settings, source: &Source) -> Result<(), RunError> {
    for endpoint in settings.endpoints.iter().map(|endpoint| &endpoint.spec) {
        match endpoint.kind {
            EndpointKind::Bedrock | EndpointKind::Sagemaker => {}
            EndpointKind::Openai => {
                if let Some(KeySource::Env(name)) = &endpoint.server.api_key {
                    return Err(RunError::NotDeployable {
                        what: format!("endpoint {} (api_key: {{env: {name}}})", endpoint.name),
                        mend: "store the key in AWS Secrets Manager, and give its ARN: \
                               `api_key: {secret: arn:...}`",
                    });
                }
            }
            EndpointKind::Simulated => {
                return Err(RunError::NotDeployable {
                    what: format!("endpoint {} (kind: simulated)", endpoint.name),
                    mend: "use it with `fmgauge run`, or give a real endpoint",
                });
            }
        }
    }
    for dataset in settings.datasets.iter().map(|dataset| &dataset.spec) {
        let places = dataset.places();
        let path = places.into_iter().find(|place| matches!(place, Place::Path(_)));
        if let (Some(path), Source::Deployed) = (path, source) {
            return Err(RunError::NotDeployable {
                what: format!("dataset {} (file: {path})", dataset.name),
                mend: "start the run with `fmgauge start`, which uploads the file, or put it into \
                       the stack's bucket and give its s3:// address, or write its prompts into \
                       the configuration (`prompts: [...]`)",
            });
        }
    }
    Ok(())
}

/// The content of all files that datasets name, each read once.
async fn contents(settings: &Settings, source: &Source) -> Result<Contents, RunError> {
    let base = match source {
        Source::OneMachine(base) | Source::Upload(base) => base.as_path(),
        Source::Deployed => Path::new(""),
    };
    let objects = Objects::default();
    let mut contents = Contents::new();
    for dataset in &settings.datasets {
        for place in dataset.spec.places() {
            if contents.contains_key(place) {
                continue;
            }
            let content = match place {
                Place::Path(path) => {
                    let path = base.join(path);
                    std::fs::read(&path)
                        .map_err(|source| DatasetError::Read { file: Place::Path(path), source })
                }
                Place::S3 { bucket, key } => match Box::pin(objects.get(bucket, key)).await {
                    Err(ObjectError::Store(error)) => return Err(error.into()),
                    content => content.map_err(|source| DatasetError::Object {
                        file: place.clone(),
                        source: source.into(),
                    }),
                },
            };
            contents.insert(place.clone(), content.map_err(of_dataset(dataset))?);
        }
    }
    Ok(contents)
}

fn load(settings: &Settings, contents: &Contents) -> Result<Vec<LoadedDataset>, RunError> {
    let mut loader = Loader::new(contents, settings.seed);
    let mut all = Vec::new();
    for dataset in &settings.datasets {
        let prompts = loader.load(&dataset.spec).map_err(of_dataset(dataset))?;
        check_passes(settings, dataset, prompts.len()).map_err(of_dataset(dataset))?;
        all.push(loaded(dataset.spec.name.clone(), prompts)?);
    }
    Ok(all)
}

/// A dataset of these prompts, with the digest of the file that it will be.
pub(super) fn loaded(name: Name, prompts: Vec<Prompt>) -> Result<LoadedDataset, RunError> {
    let mut read = LoadedDataset { name, prompts, sha256: String::new() };
    read.sha256 = sha256(prompts_file(&read)?);
    Ok(read)
}

fn of_dataset(dataset: &DatasetSettings) -> impl FnOnce(DatasetError) -> RunError {
    let (name, line) = (dataset.spec.name.clone(), dataset.line);
    move |source| RunError::Dataset { name, line, source }
}

/// Refuses passes of fewer requests than the largest load has slots, or of too many.
fn check_passes(
    settings: &Settings,
    dataset: &DatasetSettings,
    prompts: usize,
) -> Result<(), DatasetError> {
    let Some(passes) = settings.stop.passes else { return Ok(()) };
    let asked = settings.endpoints.iter().filter(|endpoint| {
        settings.datasets_of(endpoint).any(|asked| asked.spec.name == dataset.spec.name)
    });
    let loads = asked.flat_map(|endpoint| settings.loads_of(endpoint));
    let slots = loads.filter_map(LoadSettings::concurrency).map(|slots| u32::from(slots.get()));
    let slots = slots.max().unwrap_or(0);
    let requests = u64::from(passes).saturating_mul(prompts.try_into().unwrap_or(u64::MAX));
    if requests < u64::from(slots) {
        return Err(DatasetError::TooFew { requests, passes, prompts, slots });
    }
    if requests > u64::from(MAX_REQUESTS) {
        return Err(DatasetError::TooMany { requests, passes, prompts, most: MAX_REQUESTS });
    }
    Ok(())
}

/// The longest that one function runs, less what it keeps for the receipt.
const FUNCTION_TIME: Duration = Duration::from_secs(900 - 30);

/// The most streams of a load: a function has 1,024 file descriptors, and some are not for these.
const FUNCTION_STREAMS: u16 = 900;

/// The most blocks of a lane: its state machine's history holds no more.
const LANE_BLOCKS_MAX: usize = 900;

fn refuse_what_does_not_fit(plan: &Plan) -> Result<(), RunError> {
    let widest = plan.experiments.iter().map(|experiment| experiment.load.slots()).max();
    if let Some(streams) = widest.filter(|&streams| streams > FUNCTION_STREAMS) {
        return Err(RunError::NotDeployable {
            what: format!("a load of {streams} streams"),
            mend: "a function holds at most 900: ask for a lower concurrency or max_streams",
        });
    }
    let window = FUNCTION_TIME.saturating_sub(plan.deadlines.request);
    for lane in &plan.lanes {
        let longest = lane.blocks.iter().filter_map(|block| block.duration).max();
        if longest.unwrap_or(Duration::ZERO) > window || window.is_zero() {
            return Err(RunError::NotDeployable {
                what: format!(
                    "blocks of {} s with requests of up to {} s",
                    longest.unwrap_or_default().as_secs(),
                    plan.deadlines.request.as_secs()
                ),
                mend: "a function ends after 900 s: shorten stop.duration or deadlines.request, \
                       or raise replicates",
            });
        }
        if lane.blocks.len() > LANE_BLOCKS_MAX {
            return Err(RunError::NotDeployable {
                what: format!("endpoint {} with {} blocks", lane.endpoint, lane.blocks.len()),
                mend: "a lane has at most 900: use fewer replicates, loads or datasets",
            });
        }
    }
    Ok(())
}

/// `prompts/<dataset>.jsonl`, byte for byte.
fn prompts_file(dataset: &LoadedDataset) -> Result<Vec<u8>, RunError> {
    let key = || format!("prompts/{}.jsonl", dataset.name);
    json_lines(&dataset.prompts).map_err(|source| RunError::Unwritable { key: key(), source })
}

/// Stores a drafted run: its entry, then what its workers read. `owner` may do so again, with the
/// same configuration; anybody else is refused.
pub async fn prepare<R: RecordStore, A: ArtifactStore>(
    prepared: &Prepared,
    stores: &Stores<R, A>,
    owner: &str,
    now: Timestamp,
) -> Result<(), RunError> {
    let plan = &prepared.plan;
    let run_id = &plan.run_id;
    let meta = RunMeta {
        run_id: run_id.clone(),
        name: plan.name.clone(),
        owner: owner.to_owned(),
        config_sha256: plan.config_sha256.clone(),
        status: RunStatus::Running,
        stopping: false,
        started_at: rfc3339(now),
        ended_at: None,
        spend_limit: plan.limit_of_requests(),
        deployment: prepared.deployment,
        targets: targets(plan),
    };
    if !stores.records.create_run(&meta).await? {
        let found = stores.records.run(run_id).await?;
        let ours = found.is_some_and(|found| {
            found.owner == meta.owner && found.config_sha256 == meta.config_sha256
        });
        if !ours {
            return Err(RunError::Exists(run_id.clone()));
        }
    }
    let files = &stores.artifacts;
    let config = prepared.config_text.clone().into_bytes();
    files.put(&keys::config(run_id), config, "application/yaml").await?;
    for dataset in &prepared.datasets {
        let key = keys::prompts(run_id, &dataset.name);
        files.put(&key, prompts_file(dataset)?, "application/jsonl").await?;
    }
    let unwritable = |key: &str| {
        let key = key.to_owned();
        |source| RunError::Unwritable { key, source }
    };
    let key = keys::plan(run_id);
    let bytes = serde_json::to_vec_pretty(plan).map_err(unwritable(&key))?;
    files.put(&key, bytes, "application/json").await?;
    Ok(())
}

/// What the run puts load on.
fn targets(plan: &Plan) -> Vec<String> {
    let targets: BTreeSet<_> = plan.endpoints.iter().map(plan::EndpointSpec::target).collect();
    targets.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refusal(config: &str) -> String {
        let endpoint = "{name: m, kind: bedrock, region: us-east-1, \
                        model_id: \"mistral.mistral-7b-instruct-v0:2\"}";
        let text = format!(
            "version: 1\nendpoints: [{endpoint}]\n\
             datasets: [{{name: d, prompts: [Why?], max_tokens: 5}}]\n{config}"
        );
        let drafted = draft(&text, "r".parse().unwrap(), &Source::Deployed).await;
        drafted.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn what_does_not_fit_into_a_function_is_refused_with_the_mend() {
        insta::assert_snapshot!(
            refusal("load: [{concurrency: 1}]\nstop: {duration: 2h}").await,
            @"blocks of 1440 s with requests of up to 300 s cannot be used in a deployed run; a function ends after 900 s: shorten stop.duration or deadlines.request, or raise replicates"
        );
        insta::assert_snapshot!(
            refusal("load: [{concurrency: 1}]\ndeadlines: {request: 15m}").await,
            @"blocks of 0 s with requests of up to 900 s cannot be used in a deployed run; a function ends after 900 s: shorten stop.duration or deadlines.request, or raise replicates"
        );
        let loads: Vec<String> = (1..=300).map(|load| load.to_string()).collect();
        let config = format!(
            "load: [{{concurrency: [{}]}}]\nstop: {{requests: 100000}}\nreplicates: 5",
            loads.join(", ")
        );
        insta::assert_snapshot!(
            refusal(&config).await,
            @"endpoint m with 1500 blocks cannot be used in a deployed run; a lane has at most 900: use fewer replicates, loads or datasets"
        );
    }

    #[tokio::test]
    async fn passes_are_refused_where_they_are_too_few_or_too_many() {
        let check = async |stop: &str, prompts: &str| {
            let text = format!(
                "version: 1\nendpoints: [{{name: a, kind: simulated, \
                 simulate_as: meta.llama2-13b-chat-v1, load: [{{concurrency: 8}}], datasets: [d]}},\n\
                 {{name: b, kind: simulated, simulate_as: meta.llama2-13b-chat-v1}}]\n\
                 datasets: [{{name: d, prompts: {prompts}, max_tokens: 5}}, \
                 {{name: other, prompts: [Why?], max_tokens: 5}}]\n\
                 load: [{{concurrency: 1}}]\nstop: {{{stop}}}"
            );
            let source = Source::OneMachine(PathBuf::new());
            let drafted = draft(&text, "r".parse().unwrap(), &source).await;
            drafted.map(drop).map_err(|error| crate::causes::chain(&error))
        };
        // The one prompt of the other dataset is asked one at a time.
        assert_eq!(check("passes: 1", "[a, b, c, d, e, f, g, h]").await, Ok(()));
        insta::assert_snapshot!(
            check("passes: 3", "[a, b]").await.unwrap_err(),
            @"line 4 of the configuration, dataset d: 6 requests (3 x 2 prompts) cannot fill 8 slots: raise `stop.passes`, or lower the concurrency"
        );
        insta::assert_snapshot!(
            check("passes: 1000000", "[a, b]").await.unwrap_err(),
            @"line 4 of the configuration, dataset d: 1000000 x 2 prompts are 2000000 requests, and an experiment has at most 1000000: lower `stop.passes`"
        );
    }
}
