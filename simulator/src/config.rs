//! What a simulator is made from, and why it may refuse to start.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::fault::{Fault, ScriptedFault};
use crate::profile::{InvalidProfile, Profile};

/// What to simulate and where to listen.
///
/// The default is seed 0, a free port on `127.0.0.1`, the built-in profiles, no truth log and no
/// faults.
#[derive(Debug, Clone)]
pub struct SimulatorConfig {
    /// Service times, output lengths and texts follow from this and from the request alone.
    pub seed: u64,
    /// A loopback address; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The models that are served; each model id at most once.
    pub profiles: Vec<Profile>,
    /// A file to which one JSON line per request is appended; created where it is missing.
    pub truth_log: Option<PathBuf>,
    /// What goes wrong. The first entry that fits a request is its fault.
    pub script: Vec<ScriptedFault>,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            profiles: Profile::built_in(),
            truth_log: None,
            script: Vec::new(),
        }
    }
}

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Anything but loopback would offer an open, unauthenticated service to a network.
    #[error("listen on {0}: only loopback addresses are served, such as 127.0.0.1:0")]
    NotLoopback(SocketAddr),
    /// The address could not be bound.
    #[error("listen on {address}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The truth log could not be opened for appending.
    #[error("open the truth log {}", path.display())]
    TruthLog {
        /// The file that was asked for.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A profile makes no sense.
    #[error("simulate {model_id}: {source}")]
    Profile {
        /// The profile's model id.
        model_id: String,
        /// What is wrong with it.
        source: InvalidProfile,
    },
    /// Two profiles have the same model id.
    #[error("simulate {0}: it has more than one profile")]
    DuplicateModel(String),
    /// A scripted fault cannot be answered with.
    #[error("play {0:?}: an error's status must be 400 to 599 and its code be letters and digits")]
    Fault(Fault),
    /// The thread of [`crate::Simulator::spawn_thread`] or its runtime could not be made.
    #[error("start a thread for the simulator")]
    Thread(#[source] io::Error),
}
