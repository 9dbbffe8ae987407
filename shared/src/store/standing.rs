//! Whether an attempt may go on.

use super::{RunMeta, RunStatus};

/// Whether an attempt may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is the block's current attempt and the run goes on.
    Current,
    /// Another attempt has taken over: stop sending, leave no receipt.
    Superseded,
    /// The run is stopping: stop sending and drain.
    Stopping,
}

impl Standing {
    /// The standing of `attempt` in a run, where `current` is the highest attempt given out.
    pub(super) fn of(run: &RunMeta, current: Option<u32>, attempt: u32) -> Self {
        if current != Some(attempt) {
            Self::Superseded
        } else if run.stopping || run.status != RunStatus::Running {
            Self::Stopping
        } else {
            Self::Current
        }
    }
}
