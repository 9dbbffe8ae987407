//! How requests are sent: closed loops ([`ClosedLoop`]) and open loops ([`OpenLoop`]).
//!
//! A closed loop keeps so many requests in flight; an open loop sends by a [`Schedule`], whether or
//! not earlier requests have been answered. Both send a failed request again where a run retries
//! ([`Tries`]). They hand observations over, and know nothing of what is asked or kept.

mod closed;
mod due;
mod gate;
mod open;
mod pace;
mod schedule;
#[cfg(test)]
mod timed;
mod tries;

use serde::{Deserialize, Serialize};

pub use self::closed::ClosedLoop;
pub use self::due::Turn;
pub use self::open::{OpenLoop, Paced};
pub use self::pace::Pace;
pub use self::schedule::Schedule;
pub use self::tries::Tries;

/// Why a load stopped sending before its requests or its time were over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Halt {
    /// It was told to.
    Stopped,
    /// Its allotment did not hold another request.
    Spent,
}

/// What became of the arrivals of an open loop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivalCounts {
    /// That were due while it was sending.
    pub due: u32,
    /// Of these, found every stream busy and had to wait for one.
    pub waited: u32,
    /// Of these, were still waiting when sending ended, and were never sent.
    pub missed: u32,
}
