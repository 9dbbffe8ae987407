//! What serves a request, and how its fault cuts it short.

use std::io;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::connection::Connection;
use crate::exchange::Answering;
use crate::fault::Fault;
use crate::latency::ServiceTimes;
use crate::protocol::Context;
use crate::truth::Outcome;

/// What serves a request, once it has its slot.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) times: ServiceTimes,
    pub(crate) context: Context,
    pub(crate) fault: Option<Fault>,
    /// When service began.
    pub(crate) started: Instant,
    pub(crate) slot: OwnedSemaphorePermit,
    /// What a reset closes.
    pub(crate) connection: Arc<Connection>,
}

/// Tokens until the end, or until the fault after which none come.
pub(crate) fn planned_tokens(fault: Option<&Fault>, output_tokens: u32) -> u32 {
    fault
        .filter(|fault| fault.is_last())
        .map_or(output_tokens, |fault| fault.tokens_before(output_tokens))
}

/// Ends the connection of an answer with the fault that cuts it.
pub(crate) fn break_off(
    answering: &Answering,
    fault: Option<&Fault>,
    connection: &Connection,
) -> io::Error {
    let outcome = fault.map_or(Outcome::Truncate, Fault::outcome);
    if outcome == Outcome::ResetAfter {
        connection.reset();
    }
    answering.exchange.close(outcome);
    io::Error::other("cut by the script")
}
