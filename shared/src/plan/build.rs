//! From checked settings and loaded prompts to the [`Plan`].

use std::time::Duration;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use super::estimate::estimate;
use super::{BlockPlan, DatasetPlan, Experiment, Lane, PLAN_SCHEMA, Plan, RunEstimate};
use crate::config::Settings;
use crate::dataset::Prompt;
use crate::units::{Concurrency, ExperimentId, Name, RunId};

/// Fewer requests per slot than this, and a block is mostly start and end.
pub(super) const REQUESTS_PER_SLOT: u32 = 10;

/// Shorter than this, and a block is mostly start and end.
pub(super) const BLOCK_DURATION_MIN: Duration = Duration::from_secs(10);

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

/// Expands checked settings into experiments, replicates, blocks and lanes.
///
/// The same settings and run id give the same plan, whenever and wherever. Replicates are as many,
/// up to the configured number, as leave every block at least 10 requests for each slot and 10 s.
pub fn build(settings: &Settings, datasets: &[LoadedDataset], run_id: RunId) -> Plan {
    let experiments = expand(settings);
    let replicates = replicates(settings);
    let blocks = Blocks { settings, datasets, replicates };
    let orders: Vec<_> = (1..=replicates).map(|replicate| blocks.order(replicate)).collect();
    let lanes = settings.endpoints.iter().map(|endpoint| Lane {
        endpoint: endpoint.name.clone(),
        blocks: (1..=replicates)
            .zip(&orders)
            .flat_map(|(replicate, order)| {
                order.iter().map(move |cell| (replicate, *cell)).collect::<Vec<_>>()
            })
            .map(|(replicate, cell)| blocks.block(&endpoint.name, replicate, cell))
            .collect(),
    });
    let lanes: Vec<Lane> = lanes.collect();
    let datasets: Vec<DatasetPlan> = settings
        .datasets
        .iter()
        .zip(datasets)
        .map(|(s, d)| dataset_plan(d, s.max_tokens))
        .collect();
    let mut plan = Plan {
        schema: PLAN_SCHEMA,
        run_id,
        name: settings.name.clone(),
        seed: settings.seed,
        fmgauge_version: env!("CARGO_PKG_VERSION").to_owned(),
        config_sha256: settings.text_sha256.clone(),
        endpoints: settings.endpoints.clone(),
        datasets,
        experiments,
        replicates,
        lanes,
        inference: settings.inference.clone(),
        deadlines: settings.deadlines,
        warmup_requests_per_slot: settings.warmup_requests_per_slot,
        criteria: settings.criteria.clone(),
        workload: None,
        baseline: None,
        spend_limit: None,
        estimate: RunEstimate::default(),
    };
    plan.estimate = estimate(&plan);
    plan
}

fn expand(settings: &Settings) -> Vec<Experiment> {
    let mut experiments = Vec::new();
    for endpoint in &settings.endpoints {
        for dataset in &settings.datasets {
            for &concurrency in &settings.concurrencies {
                experiments.push(Experiment {
                    id: ExperimentId::closed(&endpoint.name, &dataset.name, concurrency),
                    endpoint: endpoint.name.clone(),
                    dataset: dataset.name.clone(),
                    concurrency,
                });
            }
        }
    }
    experiments
}

fn replicates(settings: &Settings) -> u32 {
    let slots = settings.concurrencies.iter().map(|c| u32::from(c.get())).max().unwrap_or(1);
    let by_requests = settings.stop.requests.map(|requests| requests / (REQUESTS_PER_SLOT * slots));
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

/// A load on a dataset: what all lanes have in common.
type Cell = (usize, Concurrency);

struct Blocks<'a> {
    settings: &'a Settings,
    datasets: &'a [LoadedDataset],
    replicates: u32,
}

impl Blocks<'_> {
    /// The order of a replicate, drawn from the seed and shared by all lanes.
    fn order(&self, replicate: u32) -> Vec<Cell> {
        let concurrencies = &self.settings.concurrencies;
        let mut cells: Vec<Cell> = (0..self.settings.datasets.len())
            .flat_map(|dataset| concurrencies.iter().map(move |&c| (dataset, c)))
            .collect();
        cells.shuffle(&mut self.rng("order", replicate));
        cells
    }

    fn block(&self, endpoint: &Name, replicate: u32, (dataset, concurrency): Cell) -> BlockPlan {
        let stop = &self.settings.stop;
        let share = |requests: u32| {
            requests / self.replicates + u32::from(replicate <= requests % self.replicates)
        };
        let first_prompt = match stop.requests {
            // Go on where the replicate before ended.
            Some(requests) => {
                let each = requests / self.replicates;
                (replicate - 1) * each + (replicate - 1).min(requests % self.replicates)
            }
            None => self.start_of(dataset, replicate),
        };
        BlockPlan {
            experiment: ExperimentId::closed(
                endpoint,
                &self.settings.datasets[dataset].name,
                concurrency,
            ),
            block: replicate,
            requests: stop.requests.map(share),
            duration: stop.duration.map(|duration| duration / self.replicates),
            first_prompt,
        }
    }

    /// Where a block that time ends starts in the dealt prompts.
    fn start_of(&self, dataset: usize, replicate: u32) -> u32 {
        let prompts = self.datasets.get(dataset).map_or(1, |dataset| dataset.prompts.len().max(1));
        let prompts = u32::try_from(prompts).unwrap_or(u32::MAX);
        // Evenly spread: replicates send different prompts as far as there are enough.
        let step = u64::from(prompts) * u64::from(replicate - 1) / u64::from(self.replicates);
        u32::try_from(step).unwrap_or_default()
    }

    fn rng(&self, purpose: &str, replicate: u32) -> ChaCha8Rng {
        let mut hash = Sha256::new();
        hash.update(format!("{purpose}\n{}\n{replicate}", self.settings.seed));
        ChaCha8Rng::from_seed(hash.finalize().into())
    }
}

#[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
fn dataset_plan(dataset: &LoadedDataset, max_tokens: u32) -> DatasetPlan {
    let tokens = || dataset.prompts.iter().map(|prompt| u64::from(prompt.estimated_tokens));
    let count = dataset.prompts.len();
    DatasetPlan {
        name: dataset.name.clone(),
        prompts: u32::try_from(count).unwrap_or(u32::MAX),
        sha256: dataset.sha256.clone(),
        estimated_input_tokens_mean: tokens().sum::<u64>() as f64 / count.max(1) as f64,
        estimated_input_tokens_max: u32::try_from(tokens().max().unwrap_or(0)).unwrap_or(u32::MAX),
        max_tokens,
    }
}
