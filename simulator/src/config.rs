//! What a simulator is made from, and why it may refuse to start.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::SystemTime;

use crate::container::Container;
use crate::fault::ScriptedFault;
use crate::limit::Limit;
use crate::outage::Outage;
use crate::profile::{InvalidProfile, Profile};

/// What to simulate and where to listen.
///
/// The default is seed 0, a free port on `127.0.0.1`, the built-in profiles and containers, no truth
/// log, no API key, and nothing that goes wrong or is limited.
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
    /// The models' quotas.
    pub limits: Vec<Limit>,
    /// The SageMaker endpoints, each name at most once. The default has one for each format
    /// ([`Container::built_in`]).
    pub containers: Vec<Container>,
    /// The key that the OpenAI-compatible API asks for as `Authorization: Bearer`; none for none.
    pub api_key: Option<String>,
    /// When connections are refused.
    pub outages: Vec<Outage>,
    /// What the wall clock is taken to say at the start; none for what it says.
    pub wall_start: Option<SystemTime>,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            profiles: Profile::built_in(),
            truth_log: None,
            script: Vec::new(),
            limits: Vec::new(),
            containers: Container::built_in(),
            api_key: None,
            outages: Vec::new(),
            wall_start: None,
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
    /// Two containers have the same endpoint name.
    #[error("simulate the endpoint {0}: it has more than one container")]
    DuplicateEndpoint(String),
    /// A scripted fault cannot be played.
    #[error(
        "play {0:?}: an error's status must be 400 to 599, its code be letters and digits, and a \
         share be 0 to 1"
    )]
    Fault(ScriptedFault),
    /// A limit would refuse every request.
    #[error("keep {0:?}: it must let a request through: raise the limit or the burst")]
    Limit(Limit),
    /// The thread of [`crate::Simulator::spawn_thread`] or its runtime could not be made.
    #[error("start a thread for the simulator")]
    Thread(#[source] io::Error),
}
