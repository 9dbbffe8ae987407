//! Figures in, a choice out: which experiment meets the criteria at the lowest price, and how sure
//! that is.
//!
//! Criteria are met by point estimates and shown by intervals. What is chosen is told apart from its
//! rivals by tests that are paired over replicates. How good the answers are is not judged.

mod capacity;
mod certainty;
mod choice;
mod compare;
mod criteria;
mod endpoint;
mod hours;
mod overall;
mod saving;
mod sentence;

use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::summary::{ExperimentSummary, RunSummary};
use crate::units::{ExperimentId, Name, NanoUsd};

pub(crate) use capacity::SAME_SIZE;
pub use capacity::{Capacity, CapacityRow};
pub use compare::{Comparison, ComparisonVerdict};
pub use criteria::{
    Criterion, ExperimentJudgement, Judgement, Limit, Unit, Verdict, judge, limits,
};
pub(crate) use hours::DAYS_FOR_A_DAILY_EFFECT;
pub use hours::{Change, HoursDecision, HoursVerdict, Swing, TimeOfDay};
pub use overall::Overall;
pub use saving::Saving;

/// What follows from a run's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The answer: the choices in one sentence, how sure they are in another.
    pub answer: String,
    /// How far to trust it, dataset by dataset.
    pub certainty: String,
    /// The criteria; without any, experiments are ranked by cost alone.
    pub criteria: Vec<Limit>,
    /// Every experiment against the criteria, in the plan's order.
    pub experiments: Vec<ExperimentJudgement>,
    /// The choice for each dataset, in the plan's order.
    pub datasets: Vec<DatasetDecision>,
    /// The highest concurrency for each dataset and endpoint, in the plan's order.
    pub endpoints: Vec<EndpointDecision>,
    /// The best endpoint over all datasets; `None` where none qualifies on any, or there is but one
    /// dataset.
    #[serde(default)]
    pub overall: Option<Overall>,
    /// What serving takes, for each dataset and endpoint with a load that meets the criteria.
    #[serde(default)]
    pub capacity: Vec<Capacity>,
    /// What the choices save against the baseline, where one is set.
    #[serde(default)]
    pub savings: Vec<Saving>,
    /// Whether latency goes with the time of day; `None` where the rounds lie in a single hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_of_day: Option<TimeOfDay>,
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
    /// How sure the choice is, in a clause; empty where nothing was chosen.
    #[serde(default)]
    pub sure: String,
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
    /// Each endpoint stands by its highest load that meets all criteria. Of these the cheapest whose
    /// criteria are all shown, or where there are none, that meets them. Of equal prices: the lower
    /// p95 of E2E, then the first in the plan.
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
    /// Something meets the criteria, but its cost is not known: it has no price, or the service did
    /// not report its tokens.
    NoPrices,
    /// No request was completed.
    NoData,
}

/// The next best: of another endpoint where one qualifies, else of the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerUp {
    /// The experiment.
    pub experiment: ExperimentId,
    /// What 10,000 transactions cost more than with the choice; 0 where they cost less.
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
    /// The highest measured concurrency that meets all criteria as all below it do.
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

impl Candidate<'_> {
    /// What 10,000 transactions cost.
    fn price(&self) -> Option<NanoUsd> {
        self.summary.cost.map(|cost| cost.per_10k_transactions_nano_usd)
    }
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
    let mut rankings = Vec::new();
    let mut savings = Vec::new();
    for dataset in plan.datasets.iter().map(|dataset| &dataset.name) {
        let rivals = of_dataset(dataset);
        let ranked = choice::ranking(&rivals);
        let best_of_each = choice::best_of_each(&ranked);
        let comparisons = compare::comparisons(&best_of_each);
        let choice = choice::choose(&rivals, &ranked);
        let mut decided = DatasetDecision {
            dataset: dataset.clone(),
            certainty: certainty::dataset(plan, &choice, &comparisons, &rivals),
            words: sentence::dataset(dataset, &choice, &rivals, &criteria),
            sure: String::new(),
            comparisons,
            choice,
        };
        decided.sure = certainty::clause(&decided, &rivals).unwrap_or_default();
        savings.extend(saving::saving(plan, &decided, &rivals));
        datasets.push(decided);
        rankings.push((dataset, ranked));
        for endpoint in plan.endpoints.iter().map(|endpoint| &endpoint.name) {
            let levels: Vec<_> =
                rivals.iter().filter(|c| c.summary.endpoint == *endpoint).copied().collect();
            if !levels.is_empty() {
                endpoints.push(endpoint::recommend(dataset, endpoint, &levels, &criteria));
            }
        }
    }
    let capacity = |decided| capacity::capacity(plan, decided, &candidates);
    Decision {
        answer: sentence::answer(summary, &datasets, &candidates, &criteria),
        certainty: certainty::all(&datasets),
        capacity: endpoints.iter().filter_map(capacity).collect(),
        overall: overall::overall(plan, &rankings),
        time_of_day: hours::decide(summary),
        criteria,
        experiments,
        datasets,
        endpoints,
        savings,
    }
}

#[cfg(test)]
mod tests;
