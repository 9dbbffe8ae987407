//! From a configuration's text to a stored plan.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::limit::refuse_what_the_limit_cannot_hold;
use super::{BlockReference, LaneReference, RunError, Stores, rfc3339};
use crate::config::{self, Settings};
use crate::dataset::{self, DatasetSource};
use crate::digest::sha256;
use crate::plan::{self, EndpointKind, LoadedDataset, Plan};
use crate::store::{ArtifactStore, Deployment, RecordStore, RunMeta, RunStatus, keys};
use crate::units::RunId;

/// Where a configuration comes from, and so what it may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// One machine: paths are relative to this folder.
    OneMachine(PathBuf),
    /// A deployed run: no paths, no simulated endpoints.
    Deployed,
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

/// Parses and checks a configuration, loads its datasets and plans the run. Nothing is stored.
pub fn draft(config_text: &str, run_id: RunId, source: &Source) -> Result<Prepared, RunError> {
    let settings = config::parse(config_text)?;
    if *source == Source::Deployed {
        refuse_undeployable(&settings)?;
    }
    let datasets = settings
        .datasets
        .iter()
        .map(|settings_of| load(settings_of, &settings, source))
        .collect::<Result<Vec<_>, _>>()?;
    let plan = plan::build(&settings, &datasets, run_id);
    refuse_what_the_limit_cannot_hold(&plan)?;
    if *source == Source::Deployed {
        refuse_what_does_not_fit(&plan)?;
    }
    let config_text = config_text.to_owned();
    Ok(Prepared { plan, datasets, deployment: None, config_text })
}

fn refuse_undeployable(settings: &Settings) -> Result<(), RunError> {
    for endpoint in &settings.endpoints {
        match endpoint.kind {
            EndpointKind::Bedrock => {}
            EndpointKind::Simulated => {
                return Err(RunError::NotDeployable {
                    what: format!("endpoint {} (kind: simulated)", endpoint.name),
                    mend: "use it with `fmgauge run`, or give a real endpoint",
                });
            }
        }
    }
    for dataset in &settings.datasets {
        if let DatasetSource::File(path) = &dataset.source {
            return Err(RunError::NotDeployable {
                what: format!("dataset {} (file: {})", dataset.name, path.display()),
                mend: "write its prompts into the configuration (`prompts: [...]`)",
            });
        }
    }
    Ok(())
}

/// The longest that one function runs, less what it keeps for the receipt.
const FUNCTION_TIME: Duration = Duration::from_secs(900 - 30);

/// The most blocks of a lane: its state machine's history holds no more.
const LANE_BLOCKS_MAX: usize = 1000;

fn refuse_what_does_not_fit(plan: &Plan) -> Result<(), RunError> {
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
                mend: "a lane has at most 1,000: use fewer replicates, loads or datasets",
            });
        }
    }
    Ok(())
}

fn load(
    of: &config::DatasetSettings,
    settings: &Settings,
    source: &Source,
) -> Result<LoadedDataset, RunError> {
    let base = match source {
        Source::OneMachine(base) => base.as_path(),
        Source::Deployed => Path::new(""),
    };
    let prompts = dataset::load(&of.source, base, of.max_tokens, settings.seed, &of.name)
        .map_err(|source| RunError::Dataset { name: of.name.clone(), line: of.line, source })?;
    let mut loaded = LoadedDataset { name: of.name.clone(), prompts, sha256: String::new() };
    loaded.sha256 = sha256(prompts_file(&loaded)?);
    Ok(loaded)
}

/// `prompts/<dataset>.jsonl`, byte for byte.
fn prompts_file(dataset: &LoadedDataset) -> Result<Vec<u8>, RunError> {
    let key = || format!("prompts/{}.jsonl", dataset.name);
    json_lines(&dataset.prompts).map_err(|source| RunError::Unwritable { key: key(), source })
}

fn json_lines<T: serde::Serialize>(items: &[T]) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::new();
    for item in items {
        serde_json::to_writer(&mut bytes, item)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
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
        spend_limit: plan.spend_limit,
        deployment: prepared.deployment,
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
    let key = keys::lanes(run_id);
    let lanes = json_lines(&references(plan)).map_err(unwritable(&key))?;
    files.put(&key, lanes, "application/jsonl").await?;
    let key = keys::plan(run_id);
    let bytes = serde_json::to_vec_pretty(plan).map_err(unwritable(&key))?;
    files.put(&key, bytes, "application/json").await?;
    Ok(())
}

fn references(plan: &Plan) -> Vec<LaneReference> {
    let reference = |block: &plan::BlockPlan| BlockReference {
        experiment: block.experiment.clone(),
        block: block.block,
    };
    plan.lanes
        .iter()
        .map(|lane| LaneReference {
            run_id: plan.run_id.clone(),
            lane: lane.endpoint.clone(),
            blocks: lane.blocks.iter().map(reference).collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(config: &str) -> String {
        let endpoint = "{name: m, kind: bedrock, region: us-east-1, \
                        model_id: \"mistral.mistral-7b-instruct-v0:2\"}";
        let text = format!(
            "version: 1\nendpoints: [{endpoint}]\n\
             datasets: [{{name: d, prompts: [Why?], max_tokens: 5}}]\n{config}"
        );
        draft(&text, "r".parse().unwrap(), &Source::Deployed).unwrap_err().to_string()
    }

    #[test]
    fn what_does_not_fit_into_a_function_is_refused_with_the_mend() {
        insta::assert_snapshot!(
            refusal("load: [{concurrency: 1}]\nstop: {duration: 2h}"),
            @"blocks of 1440 s with requests of up to 300 s cannot be used in a deployed run; a function ends after 900 s: shorten stop.duration or deadlines.request, or raise replicates"
        );
        insta::assert_snapshot!(
            refusal("load: [{concurrency: 1}]\ndeadlines: {request: 15m}"),
            @"blocks of 0 s with requests of up to 900 s cannot be used in a deployed run; a function ends after 900 s: shorten stop.duration or deadlines.request, or raise replicates"
        );
        let loads: Vec<String> = (1..=300).map(|load| load.to_string()).collect();
        let config = format!(
            "load: [{{concurrency: [{}]}}]\nstop: {{requests: 100000}}\nreplicates: 5",
            loads.join(", ")
        );
        insta::assert_snapshot!(
            refusal(&config),
            @"endpoint m with 1500 blocks cannot be used in a deployed run; a lane has at most 1,000: use fewer replicates, loads or datasets"
        );
    }
}
