//! What a block is measured with on this machine.

use tokio::runtime::Handle;

use super::WallClock;
use crate::load::Pace;

/// What a block is measured with on this machine.
#[derive(Debug, Clone)]
pub struct Instruments {
    /// The wall clock.
    pub wall: WallClock,
    /// The threads on which slots send and receive. Nothing else runs there: records are packed
    /// and stored, and progress is shown, on the caller's.
    pub measuring: Handle,
    /// What kind of time passes.
    pub time: Time,
}

/// What kind of time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// Real time: the client is watched, because it may be late.
    Real,
    /// A paused clock, which goes on when everything waits: nothing is ever late.
    Virtual,
}

impl Time {
    /// By what the arrivals of open loops are paced.
    pub(super) fn pace(self) -> Pace {
        match self {
            Self::Real => Pace::Thread,
            Self::Virtual => Pace::Clock,
        }
    }
}
