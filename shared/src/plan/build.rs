//! From checked settings and loaded prompts to the [`Plan`].

#[cfg(test)]
mod tests;

use std::time::Duration;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use super::estimate::estimate;
use super::load::default_streams;
use super::provision::provisioned_name;
use super::{
    BlockPlan, DatasetPlan, EndpointSpec, Experiment, Lane, Load, OpenLoad, PLAN_SCHEMA, Plan,
    RunEstimate, assumed_request_time,
};
use crate::config::{DEFAULT_REQUESTS, EndpointSettings, LoadSettings, MAX_REQUESTS, Settings};
use crate::dataset::{DatasetSpec, Prompt};
use crate::units::{Name, RatePerMinute, RunId};

/// Fewer requests per slot than this, and a block is mostly start and end.
pub(super) const REQUESTS_PER_SLOT: u32 = 10;

/// Shorter than this, and a block is mostly start and end.
pub(super) const BLOCK_DURATION_MIN: Duration = Duration::from_secs(10);

/// How long an open loop sends where it is not said: five replicates of the shortest block.
const OPEN_LOOP_DURATION: Duration = Duration::from_secs(50);

/// A dataset with its prompts and the SHA-256 of their stored form.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedDataset {
    /// What the user calls it.
    pub name: Name,
    /// The prompts, in order.
    pub prompts: Vec<Prompt>,
    /// SHA-256 of `prompts/<dataset>.jsonl`, hexadecimal.
    pub sha256: String,
}

impl LoadedDataset {
    /// How many prompts there are.
    pub fn len(&self) -> u32 {
        u32::try_from(self.prompts.len()).unwrap_or(u32::MAX)
    }

    /// The highest limit of an answer.
    pub fn max_tokens(&self) -> u32 {
        self.prompts.iter().map(|prompt| prompt.max_tokens).max().unwrap_or(0)
    }

    /// Whether there are none, which no loaded dataset is.
    pub fn is_empty(&self) -> bool {
        self.prompts.is_empty()
    }
}

/// Expands checked settings into experiments, replicates, blocks and lanes.
///
/// `system_tokens` are those of the system text, by the same count as the prompts'. The same settings
/// and run id give the same plan, whenever and wherever. Replicates are as many,
/// up to the configured number, as leave every block at least 10 requests for each slot of a closed
/// loop, 10 of an open one, and 10 s of a given duration or rate.
pub fn build(
    settings: &Settings,
    datasets: &[LoadedDataset],
    system_tokens: u32,
    run_id: RunId,
) -> Plan {
    let blocks = Blocks { settings, datasets, replicates: replicates(settings, datasets) };
    let replicates = blocks.replicates;
    let orders: Vec<_> = (1..=replicates).map(|replicate| blocks.order(replicate)).collect();
    let lane = |endpoint: &EndpointSettings| Lane {
        endpoint: endpoint.spec.name.clone(),
        blocks: (1..=replicates)
            .zip(&orders)
            .flat_map(|(replicate, order)| order.iter().map(move |cell| (replicate, *cell)))
            .filter(|(_, cell)| blocks.has(endpoint, *cell))
            .map(|(replicate, cell)| blocks.block(endpoint, replicate, cell))
            .collect(),
    };
    let lanes: Vec<Lane> = settings.endpoints.iter().map(lane).collect();
    let loaded = datasets;
    let datasets = settings.datasets.iter().zip(loaded);
    let datasets: Vec<DatasetPlan> = datasets
        .map(|(settings, loaded)| dataset_plan(&settings.spec, loaded, system_tokens))
        .collect();
    let mut plan = Plan {
        schema: PLAN_SCHEMA,
        name: settings.name.clone(),
        seed: settings.seed,
        fmgauge_version: env!("CARGO_PKG_VERSION").to_owned(),
        config_sha256: settings.text_sha256.clone(),
        endpoints: endpoints(settings, &run_id),
        datasets,
        experiments: expand(settings, loaded),
        replicates,
        rounds: settings.rounds,
        lanes,
        inference: settings.inference.clone(),
        deadlines: settings.deadlines,
        retries: settings.retries.clone(),
        warmup_requests_per_slot: settings.warmup_requests_per_slot,
        criteria: settings.criteria.clone(),
        workload: settings.workload,
        baseline: settings.baseline.clone(),
        spend_limit: settings.spend_limit,
        time_zone: settings.time_zone.clone(),
        estimate: RunEstimate::default(),
        run_id,
    };
    plan.estimate = estimate(&plan, system_tokens);
    plan
}

/// The endpoints, those that are made for the run under their names.
fn endpoints(settings: &Settings, run_id: &RunId) -> Vec<EndpointSpec> {
    let named = |(place, endpoint): (usize, &EndpointSettings)| {
        let mut spec = endpoint.spec.clone();
        if spec.provision.is_some() {
            spec.model_id = provisioned_name(run_id, place, spec.name.as_str());
        }
        spec
    };
    settings.endpoints.iter().enumerate().map(named).collect()
}

fn expand(settings: &Settings, datasets: &[LoadedDataset]) -> Vec<Experiment> {
    let mut experiments = Vec::new();
    for endpoint in &settings.endpoints {
        let name = &endpoint.spec.name;
        for dataset in settings.datasets_of(endpoint) {
            let dataset = &dataset.spec.name;
            let loaded = datasets.iter().find(|loaded| loaded.name == *dataset);
            for &asked in settings.loads_of(endpoint) {
                let load = load_of(asked, loaded.map_or(0, LoadedDataset::max_tokens));
                experiments.push(Experiment {
                    id: load.experiment(name, dataset),
                    endpoint: name.clone(),
                    dataset: dataset.clone(),
                    load,
                });
            }
        }
    }
    experiments
}

/// A load for answers of up to `max_tokens`.
fn load_of(asked: LoadSettings, max_tokens: u32) -> Load {
    match asked {
        LoadSettings::Closed(concurrency) => Load::closed(concurrency),
        LoadSettings::Open { rate_per_minute, arrivals, max_streams } => {
            let each = assumed_request_time(max_tokens);
            let max_streams = max_streams.unwrap_or_else(|| default_streams(rate_per_minute, each));
            Load::Open(OpenLoad { rate_per_minute, arrivals, max_streams })
        }
    }
}

/// Measured requests of an experiment; `None` where time alone ends it.
fn requests(settings: &Settings, dataset: &LoadedDataset, load: LoadSettings) -> Option<u32> {
    let by_passes = settings.stop.passes.map(|passes| passes.saturating_mul(dataset.len()));
    match rate(load).filter(|_| settings.stop.is_default) {
        Some(rate) => {
            let requests = u128::from(rate.get()) * OPEN_LOOP_DURATION.as_millis() / 60_000;
            let requests = u32::try_from(requests).unwrap_or(u32::MAX);
            Some(requests.clamp(DEFAULT_REQUESTS, MAX_REQUESTS))
        }
        None => settings.stop.requests.or(by_passes),
    }
}

fn rate(load: LoadSettings) -> Option<RatePerMinute> {
    match load {
        LoadSettings::Closed(_) => None,
        LoadSettings::Open { rate_per_minute, .. } => Some(rate_per_minute),
    }
}

/// All loads of any endpoint, each once: those of the top level first.
fn all_loads(settings: &Settings) -> Vec<LoadSettings> {
    let mut all = settings.loads.clone();
    for &load in settings.endpoints.iter().filter_map(|e| e.loads.as_ref()).flatten() {
        if !all.contains(&load) {
            all.push(load);
        }
    }
    all
}

fn replicates(settings: &Settings, datasets: &[LoadedDataset]) -> u32 {
    let loads = all_loads(settings);
    let blocks = |load: LoadSettings| {
        let requests = datasets.iter().filter_map(|dataset| requests(settings, dataset, load));
        Some(requests.min()? / least(load))
    };
    let by_requests = loads.into_iter().filter_map(blocks).min();
    let by_duration = settings.stop.duration.map(|duration| {
        u32::try_from(duration.as_secs() / BLOCK_DURATION_MIN.as_secs()).unwrap_or(u32::MAX)
    });
    [by_requests, by_duration]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(1)
        .clamp(1, settings.replicates_at_most.max(1))
}

/// The fewest requests of a block: 10 for each slot of a closed loop, 10 and what arrives in 10 s of
/// an open one.
fn least(load: LoadSettings) -> u32 {
    match load {
        LoadSettings::Closed(slots) => REQUESTS_PER_SLOT * u32::from(slots.get()),
        LoadSettings::Open { rate_per_minute, .. } => {
            let seconds = u32::try_from(BLOCK_DURATION_MIN.as_secs()).unwrap_or(u32::MAX);
            (rate_per_minute.get().saturating_mul(seconds) / 60).max(REQUESTS_PER_SLOT)
        }
    }
}

/// A load on a dataset: what lanes have in common.
type Cell = (usize, LoadSettings);

struct Blocks<'a> {
    settings: &'a Settings,
    datasets: &'a [LoadedDataset],
    replicates: u32,
}

impl Blocks<'_> {
    /// The order of a replicate, drawn from the seed and shared by all lanes.
    fn order(&self, replicate: u32) -> Vec<Cell> {
        let loads = all_loads(self.settings);
        let mut cells: Vec<Cell> = (0..self.datasets.len())
            .flat_map(|dataset| loads.iter().map(move |&load| (dataset, load)))
            .collect();
        cells.shuffle(&mut self.rng("order", replicate));
        cells
    }

    /// Whether an endpoint is measured so.
    fn has(&self, endpoint: &EndpointSettings, (dataset, load): Cell) -> bool {
        let name = &self.datasets[dataset].name;
        endpoint.datasets.as_ref().is_none_or(|own| own.contains(name))
            && self.settings.loads_of(endpoint).contains(&load)
    }

    fn block(
        &self,
        endpoint: &EndpointSettings,
        replicate: u32,
        (dataset, asked): Cell,
    ) -> BlockPlan {
        let dataset = &self.datasets[dataset];
        let requests = requests(self.settings, dataset, asked);
        let load = load_of(asked, dataset.max_tokens());
        let share = |requests: u32| {
            requests / self.replicates + u32::from(replicate <= requests % self.replicates)
        };
        let first_prompt = match requests {
            // Go on where the replicate before ended.
            Some(requests) => {
                let each = requests / self.replicates;
                (replicate - 1) * each + (replicate - 1).min(requests % self.replicates)
            }
            None => self.start_of(dataset, replicate),
        };
        BlockPlan {
            experiment: load.experiment(&endpoint.spec.name, &dataset.name),
            block: replicate,
            requests: requests.map(share),
            duration: self.settings.stop.duration.map(|duration| duration / self.replicates),
            first_prompt,
        }
    }

    /// Where a block that time ends starts in the dealt prompts.
    fn start_of(&self, dataset: &LoadedDataset, replicate: u32) -> u32 {
        // Evenly spread: replicates send different prompts as far as there are enough.
        let prompts = u64::from(dataset.len());
        let step = prompts * u64::from(replicate - 1) / u64::from(self.replicates);
        u32::try_from(step).unwrap_or_default()
    }

    fn rng(&self, purpose: &str, replicate: u32) -> ChaCha8Rng {
        let mut hash = Sha256::new();
        hash.update(format!("{purpose}\n{}\n{replicate}", self.settings.seed));
        ChaCha8Rng::from_seed(hash.finalize().into())
    }
}

#[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
fn dataset_plan(spec: &DatasetSpec, dataset: &LoadedDataset, system: u32) -> DatasetPlan {
    let tokens = || {
        dataset.prompts.iter().map(|prompt| u64::from(prompt.estimated_tokens) + u64::from(system))
    };
    DatasetPlan {
        name: dataset.name.clone(),
        prompts: dataset.len(),
        sha256: dataset.sha256.clone(),
        estimated_input_tokens_mean: tokens().sum::<u64>() as f64 / f64::from(dataset.len().max(1)),
        estimated_input_tokens_max: u32::try_from(tokens().max().unwrap_or(0)).unwrap_or(u32::MAX),
        max_tokens: dataset.max_tokens(),
        tokenizer: spec.tokenizer.as_ref().map(ToString::to_string),
        template: spec.template().map(ToString::to_string),
    }
}
