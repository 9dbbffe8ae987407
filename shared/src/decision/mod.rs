//! Figures in, a choice out: which experiment meets the criteria at the lowest price.
//!
//! Judged on point estimates alone. Intervals, tests between rivals and how many instances a workload
//! needs are not here yet, and every text says so.

mod capacity;
mod choice;
mod compare;
mod criteria;
mod endpoint;
mod sentence;

use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::summary::{ExperimentSummary, RunSummary};
use crate::units::{ExperimentId, Name, NanoUsd};

pub use capacity::{Capacity, CapacityRow, Overall, Saving};
pub use compare::{Comparison, ComparisonVerdict};
pub use criteria::{
    Criterion, ExperimentJudgement, Judgement, Limit, Unit, Verdict, judge, limits,
};

/// Said wherever experiments are compared.
pub const NOT_TESTED: &str = "Differences are not tested: intervals and significance are not \
     computed yet, so do not read small differences as real.";

/// What follows from a run's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The answer in one sentence.
    pub answer: String,
    /// How far to trust it: [`NOT_TESTED`].
    pub certainty: String,
    /// The criteria; without any, experiments are ranked by cost alone.
    pub criteria: Vec<Limit>,
    /// Every experiment against the criteria, in the plan's order.
    pub experiments: Vec<ExperimentJudgement>,
    /// The choice for each dataset, in the plan's order.
    pub datasets: Vec<DatasetDecision>,
    /// The highest concurrency for each dataset and endpoint, in the plan's order.
    pub endpoints: Vec<EndpointDecision>,
    /// The best endpoint over all datasets; `None` where none qualifies on any.
    #[serde(default)]
    pub overall: Option<Overall>,
    /// What serving takes, for each dataset and endpoint with a load that meets the criteria.
    #[serde(default)]
    pub capacity: Vec<Capacity>,
    /// What the choices save against the baseline, where one is set.
    #[serde(default)]
    pub savings: Vec<Saving>,
}

impl Decision {
    /// An experiment against the criteria.
    pub fn judgement(&self, id: &ExperimentId) -> Option<&ExperimentJudgement> {
        self.experiments.iter().find(|judged| judged.experiment == *id)
    }

    /// Whether an experiment is the choice for its dataset.
    pub fn is_chosen(&self, id: &ExperimentId) -> bool {
        self.datasets.iter().any(
            |decided| matches!(&decided.choice, Choice::Best { experiment, .. } if experiment == id),
        )
    }
}

/// The choice for one dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetDecision {
    /// The dataset.
    pub dataset: Name,
    /// The choice.
    pub choice: Choice,
    /// The choice against its rivals.
    #[serde(default)]
    pub comparisons: Vec<Comparison>,
    /// How sure the choice is, in words.
    #[serde(default)]
    pub certainty: String,
    /// The choice in words.
    pub words: String,
}

/// What to use for a dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The cheapest that meets all criteria. Of equal prices: the lower p95 of E2E, then the higher
    /// concurrency, then the first in the plan.
    Best {
        /// The choice.
        experiment: ExperimentId,
        /// The next best.
        runner_up: Option<RunnerUp>,
    },
    /// Something was completed, but nothing meets all criteria.
    NoneQualifies {
        /// What comes nearest: the experiment whose largest [`Judgement::excess`] is smallest.
        nearest: Option<NearestMiss>,
    },
    /// Something meets the criteria, but no service reported its tokens, so there are no prices.
    NoPrices,
    /// No request was completed.
    NoData,
}

/// The next best: of another endpoint where one qualifies, else of the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerUp {
    /// The experiment.
    pub experiment: ExperimentId,
    /// What 10,000 transactions cost more than with the choice.
    pub more_per_10k_transactions_nano_usd: NanoUsd,
    /// The difference in words.
    pub words: String,
}

/// What comes nearest where nothing qualifies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearestMiss {
    /// The experiment.
    pub experiment: ExperimentId,
    /// The criteria that it misses, the largest excess first.
    pub missed: Vec<Judgement>,
}

/// How far an endpoint can be loaded for one dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointDecision {
    /// The dataset.
    pub dataset: Name,
    /// The endpoint.
    pub endpoint: Name,
    /// The highest measured concurrency that meets all criteria.
    pub best: Option<ExperimentId>,
    /// That in words.
    pub words: String,
}

/// A measured experiment with its judgement.
#[derive(Debug, Clone, Copy)]
struct Candidate<'a> {
    summary: &'a ExperimentSummary,
    judgement: &'a ExperimentJudgement,
}

/// Decides by the plan's criteria.
pub fn decide(plan: &Plan, summary: &RunSummary) -> Decision {
    let criteria = limits(&plan.criteria);
    let experiments: Vec<_> =
        summary.experiments.iter().map(|experiment| judge(&criteria, experiment)).collect();
    let candidates: Vec<_> = summary
        .experiments
        .iter()
        .zip(&experiments)
        .map(|(summary, judgement)| Candidate { summary, judgement })
        .collect();
    let of_dataset = |dataset: &Name| -> Vec<Candidate<'_>> {
        candidates.iter().filter(|c| c.summary.dataset == *dataset).copied().collect()
    };
    let mut datasets = Vec::new();
    let mut endpoints = Vec::new();
    for dataset in plan.datasets.iter().map(|dataset| &dataset.name) {
        let rivals = of_dataset(dataset);
        let choice = choice::choose(&rivals);
        let words = sentence::dataset(dataset, &choice, &rivals, &criteria);
        datasets.push(DatasetDecision {
            dataset: dataset.clone(),
            choice,
            comparisons: Vec::new(),
            certainty: String::new(),
            words,
        });
        for endpoint in plan.endpoints.iter().map(|endpoint| &endpoint.name) {
            let levels: Vec<_> =
                rivals.iter().filter(|c| c.summary.endpoint == *endpoint).copied().collect();
            if !levels.is_empty() {
                endpoints.push(endpoint::recommend(dataset, endpoint, &levels, &criteria));
            }
        }
    }
    let answer = sentence::answer(summary, &datasets, &candidates, &criteria);
    Decision {
        answer,
        certainty: NOT_TESTED.to_owned(),
        criteria,
        experiments,
        datasets,
        endpoints,
        overall: None,
        capacity: Vec::new(),
        savings: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
