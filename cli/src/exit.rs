//! The exit codes, part of the command's contract.

use std::process::ExitCode;

use shared::run::{Conclusion, RunError};
use shared::stack::StackError;
use shared::store::RunStatus;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It did what it was asked for.
    Done = 0,
    /// Something of ours failed: the store, a file, the machine.
    Failed = 1,
    /// What was asked for is not acceptable. Nothing was sent or written.
    Refused = 2,
    /// A run ended before all its blocks were measured. What was measured is kept.
    Incomplete = 3,
    /// Everything was measured, and not one request was completed.
    NothingCompleted = 4,
    /// An endpoint did not answer the request that checks it.
    CheckFailed = 5,
}

/// What was asked for is not acceptable: the reason and the mend.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

impl Exit {
    /// The code that a concluded run stands for.
    pub(crate) fn of_conclusion(conclusion: &Conclusion) -> Self {
        match conclusion.status {
            RunStatus::Incomplete | RunStatus::Running => Self::Incomplete,
            RunStatus::Complete if conclusion.completed_requests == 0 => Self::NothingCompleted,
            RunStatus::Complete => Self::Done,
        }
    }

    /// The code that an error stands for.
    pub(crate) fn of_error(error: &anyhow::Error) -> Self {
        if error.downcast_ref::<Refusal>().is_some() {
            return Self::Refused;
        }
        if let Some(
            StackError::NotFound { .. } | StackError::Untagged { .. } | StackError::NameTaken(_),
        ) = error.downcast_ref::<StackError>()
        {
            return Self::Refused;
        }
        match error.downcast_ref::<RunError>() {
            Some(
                RunError::Config(_)
                | RunError::Dataset { .. }
                | RunError::NotDeployable { .. }
                | RunError::OverSpendLimit { .. }
                | RunError::Exists(_)
                | RunError::Running(_)
                | RunError::Missing { .. },
            ) => Self::Refused,
            Some(_) | None => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
