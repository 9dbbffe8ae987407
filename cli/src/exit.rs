//! The exit codes, part of the command's contract.

use std::process::ExitCode;

use shared::run::RunError;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It did what it was asked for.
    Done = 0,
    /// Something of ours failed: the store, a file, the machine.
    Failed = 1,
    /// The command line or the configuration is not acceptable. Nothing was sent or written.
    Refused = 2,
    /// A run ended before all its blocks were measured. What was measured is kept.
    Incomplete = 3,
}

impl Exit {
    /// The code that an error stands for.
    pub(crate) fn of_error(error: &anyhow::Error) -> Self {
        match error.downcast_ref::<RunError>() {
            Some(
                RunError::Config(_)
                | RunError::Dataset { .. }
                | RunError::NotDeployable { .. }
                | RunError::Exists(_)
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
