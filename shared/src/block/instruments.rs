//! What a block is measured with on this machine.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

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

/// How many tasks a measuring thread runs before it looks for bytes that have arrived. tokio's own
/// 61 let them wait for 61 tasks, which is milliseconds where all slots are busy.
const TASKS_BETWEEN_LOOKS: u32 = 4;

/// Threads to measure on: as many as there are processors.
pub fn measuring_runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .enable_all()
        .thread_name("measuring")
        .event_interval(TASKS_BETWEEN_LOOKS)
        .build()
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
