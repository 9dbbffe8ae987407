//! Simulated model endpoints that speak the real wire protocols, with known truth.
//!
//! A [`Simulator`] listens on loopback and answers as a foundation model service does: in
//! the true wire format, after a wait in a queue, a prefill and a decode that follow from a
//! [`Profile`]. It writes down what it really did ([`Truth`]), so that a measuring client can
//! be measured.
//!
//! Reading order:
//!
//! | Module | Noun |
//! | --- | --- |
//! | `config`, `simulator`, `thread`, `process` | the server: how it is described, started and stopped |
//! | `profile`, `latency`, `tokens`, `words` | the model: how long it takes and what it says |
//! | `route`, `container`, `protocol`, `frame`, `refusal`, `dialect` | the wire: which API, which bytes |
//! | `server`, `handler`, `service`, `answer`, `whole`, `connection` | a request: accepted, answered, stamped at the read and the write |
//! | `fault`, `limit`, `outage` | what goes wrong, and when |
//! | `truth`, `exchange`, `ledger`, `log` | what really happened |
//! | `scripted` | another server: exactly the bytes that it is told to answer with |
//!
//! What comes from here is never to be taken for a real service: every response carries
//! `x-fmgauge-simulated: true`. Token counts, latencies and prices are a model's, calibrated to
//! published figures. Of credentials, only the key of the OpenAI-compatible API is checked, where one
//! is set, and nothing but loopback is served.

mod answer;
mod config;
mod connection;
mod container;
mod dialect;
mod exchange;
mod fault;
mod frame;
mod handler;
mod latency;
mod ledger;
mod limit;
mod log;
mod outage;
mod process;
mod profile;
mod protocol;
mod refusal;
mod route;
pub mod scripted;
mod server;
mod service;
mod simulator;
mod thread;
mod tokens;
mod truth;
mod whole;
mod words;

#[cfg(test)]
mod testing;

pub use config::{SimulatorConfig, StartError};
pub use container::{Container, ContainerFormat};
pub use fault::{Fault, Part, ScriptedFault, When};
pub use limit::Limit;
pub use outage::Outage;
pub use process::{LISTENING, SimulatorProcess};
pub use profile::{
    DaySwing, FIXED_MODEL, InputTokens, InvalidProfile, OutputTokens, PUBLISHED_REPORT, Profile,
};
pub use simulator::{ShutdownError, Simulator};
pub use thread::SimulatorThread;
pub use tokens::count_tokens;
pub use truth::{Outcome, Truth};

/// The header that every simulated response carries, with the value `true`.
pub const SIMULATED_HEADER: &str = "x-fmgauge-simulated";
