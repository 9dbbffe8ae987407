//! What the tests measure with: this machine's clock and the test's own threads.

use std::time::SystemTime;

use shared::block::{Instruments, Time};
use tokio::runtime::Handle;

/// The instruments of the runtime that this is called on.
#[expect(clippy::disallowed_methods, reason = "tests measure in real time")]
pub(crate) fn instruments() -> Instruments {
    Instruments { wall: SystemTime::now, measuring: Handle::current(), time: Time::Real }
}
