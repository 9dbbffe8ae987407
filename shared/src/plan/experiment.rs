//! What is measured: endpoint x dataset x load.

use serde::{Deserialize, Serialize};

use super::Load;
use crate::units::{Concurrency, ExperimentId, Name};

/// Endpoint x dataset x load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredExperiment", into = "StoredExperiment")]
pub struct Experiment {
    /// The key of it.
    pub id: ExperimentId,
    /// Which endpoint.
    pub endpoint: Name,
    /// Which dataset.
    pub dataset: Name,
    /// How its requests are sent.
    pub load: Load,
}

/// The stored form of an [`Experiment`]. `concurrency` says a closed loop's load to readers that
/// know no other, and is all that they wrote.
#[derive(Serialize, Deserialize)]
struct StoredExperiment {
    id: ExperimentId,
    endpoint: Name,
    dataset: Name,
    #[serde(default)]
    concurrency: Option<Concurrency>,
    #[serde(default)]
    load: Option<Load>,
}

impl From<Experiment> for StoredExperiment {
    fn from(Experiment { id, endpoint, dataset, load }: Experiment) -> Self {
        Self { id, endpoint, dataset, concurrency: load.concurrency(), load: Some(load) }
    }
}

impl TryFrom<StoredExperiment> for Experiment {
    type Error = NoLoad;

    fn try_from(stored: StoredExperiment) -> Result<Self, NoLoad> {
        let StoredExperiment { id, endpoint, dataset, concurrency, load } = stored;
        match load.or(concurrency.map(Load::closed)) {
            Some(load) => Ok(Self { id, endpoint, dataset, load }),
            None => Err(NoLoad(id)),
        }
    }
}

/// A stored experiment that does not say its load.
#[derive(Debug, thiserror::Error)]
#[error("experiment {0} has no load")]
struct NoLoad(ExperimentId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_of_before_tells_its_closed_loops() {
        let old = r#"{"id": "m~d~c4", "endpoint": "m", "dataset": "d", "concurrency": 4}"#;
        let experiment: Experiment = serde_json::from_str(old).unwrap();
        assert_eq!(experiment.load, Load::closed(Concurrency::new(4).unwrap()));
        let written = serde_json::to_value(&experiment).unwrap();
        assert_eq!(written["concurrency"], 4);
        assert_eq!(serde_json::from_value::<Experiment>(written).unwrap(), experiment);
        let none = old.replace("concurrency", "later");
        let error = serde_json::from_str::<Experiment>(&none).unwrap_err();
        assert_eq!(error.to_string(), "experiment m~d~c4 has no load");
    }
}
