//! The simulator behind the simulated endpoints of a run.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use shared::endpoint::placeholder_config;
use shared::plan::{EndpointKind, Plan};
use shared::run::Connections;
use shared::store::cloud::behavior_version;
use simulator::{Profile, Simulator, SimulatorConfig, SimulatorThread};

/// Connections to the endpoints of a plan, and the simulator that serves the simulated ones. AWS
/// credentials are looked for only where an endpoint is real.
pub(crate) async fn connections(plan: &Plan) -> Result<(Connections, Option<SimulatorThread>)> {
    let simulated = |kind| plan.endpoints.iter().any(|endpoint| endpoint.kind == kind);
    let aws = if simulated(EndpointKind::Bedrock) {
        aws_config::load_defaults(behavior_version()).await
    } else {
        placeholder_config()
    };
    let connections = Connections::new(aws)?;
    if !simulated(EndpointKind::Simulated) {
        return Ok((connections, None));
    }
    let simulator = Simulator::spawn_thread(config(0, plan.seed, None))
        .context("failed to start the simulator")?;
    let connections = connections.with_simulator(simulator.url(), placeholder_config());
    Ok((connections, Some(simulator)))
}

/// The simulator with its built-in profiles on loopback.
pub(crate) fn config(port: u16, seed: u64, log: Option<std::path::PathBuf>) -> SimulatorConfig {
    SimulatorConfig {
        seed,
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        profiles: Profile::built_in(),
        truth_log: log,
        script: Vec::new(),
    }
}
