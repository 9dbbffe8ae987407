//! What a reader must know before trusting an experiment's figures.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ExperimentSummary;
use super::accumulate::whole;
use crate::record::ErrorClass;
use crate::words::plural;

/// What qualifies an experiment's figures; shown beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// No measured request was completed.
    NothingCompleted,
    /// Some planned blocks have no receipt.
    BlocksMissing {
        /// How many.
        missing: u32,
        /// Of how many.
        planned: u32,
    },
    /// Some blocks had to end before their time.
    BlocksCut {
        /// How many.
        blocks: u32,
    },
    /// Some requests were still running when measuring ended: the slowest are not in the latencies.
    RequestsCut {
        /// How many.
        requests: u64,
    },
    /// Some completed requests did not say what they used: they are in no cost or token figure.
    WithoutUsage {
        /// How many.
        requests: u64,
    },
    /// Some measured requests had to open their connection first, after a failure or because the
    /// service closed it.
    NewConnections {
        /// How many.
        requests: u64,
    },
    /// The service read prompts from a cache, at another price than the one used here.
    CacheReads {
        /// Of how many requests.
        requests: u64,
    },
    /// Requests failed for our credentials: that says nothing of the endpoint.
    Credentials {
        /// How many.
        requests: u64,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NothingCompleted => f.write_str("no request was completed"),
            Self::BlocksMissing { missing, planned } => {
                write!(f, "{missing} of {} missing", plural(planned.into(), "block"))
            }
            Self::BlocksCut { blocks } => {
                write!(f, "{} ended before time", plural(blocks.into(), "block"))
            }
            Self::RequestsCut { requests } => {
                write!(f, "{} cut while running, not in the latencies", plural(requests, "request"))
            }
            Self::WithoutUsage { requests } => {
                write!(f, "{} without token counts, not in the cost", plural(requests, "request"))
            }
            Self::NewConnections { requests } => {
                write!(f, "{} opened a new connection", plural(requests, "request"))
            }
            Self::CacheReads { requests } => {
                write!(f, "{} read from a prompt cache", plural(requests, "request"))
            }
            Self::Credentials { requests } => {
                write!(f, "{} failed for our own credentials", plural(requests, "request"))
            }
        }
    }
}

/// All that qualifies these figures, the gravest first.
pub(super) fn warnings(summary: &ExperimentSummary) -> Vec<Warning> {
    let requests = &summary.requests;
    let missing = whole(summary.missing_blocks.len());
    let stopped = whole(summary.stopped_blocks.len());
    let credentials =
        requests.errors_by_class.get(ErrorClass::Credentials.name()).copied().unwrap_or(0);
    [
        (requests.completed == 0).then_some(Warning::NothingCompleted),
        (credentials > 0).then_some(Warning::Credentials { requests: credentials }),
        (missing > 0)
            .then_some(Warning::BlocksMissing { missing, planned: summary.blocks_planned }),
        (stopped > 0).then_some(Warning::BlocksCut { blocks: stopped }),
        (requests.cut > 0).then_some(Warning::RequestsCut { requests: requests.cut }),
        (summary.completed_without_usage > 0)
            .then_some(Warning::WithoutUsage { requests: summary.completed_without_usage }),
        (summary.new_connections > 0)
            .then_some(Warning::NewConnections { requests: summary.new_connections }),
        (summary.cache_reads > 0).then_some(Warning::CacheReads { requests: summary.cache_reads }),
    ]
    .into_iter()
    .flatten()
    .collect()
}
