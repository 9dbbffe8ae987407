//! The metrics of a run.

use std::time::SystemTime;

use super::{Document, Unit};
use crate::run::{Conclusion, Stage};

/// What alarms watch of a run: how much of its spend limit is used, and, once it has ended, what
/// became of it.
pub fn run_document(
    stack: &str,
    conclusion: &Conclusion,
    stage: Stage,
    at: SystemTime,
) -> Document {
    let spent = conclusion.spent_by_bound_usd;
    let share = conclusion.spend_limit_usd.map(|limit| 100.0 * spent / limit);
    let document = Document::new(stack, at).with("RunId", conclusion.run_id.as_str()).metric(
        "SpendShare",
        Unit::Percent,
        share,
    );
    match stage {
        Stage::Interim => document,
        Stage::Final => document
            .metric("Runs", Unit::Count, 1.0)
            .metric("UnfinishedBlocks", Unit::Count, f64::from(conclusion.unfinished_blocks))
            .metric("InvalidExperiments", Unit::Count, f64::from(conclusion.verdicts.invalid)),
    }
}
