//! Connections to a run's endpoints, and the simulator behind the simulated ones.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use shared::block::WallClock;
use shared::endpoint::{Dial, find_credentials, placeholder_config};
use shared::plan::{EndpointKind, EndpointSpec, KeySource};
use shared::run::Connections;
use shared::store::cloud::behavior_version;
use simulator::{Profile, Simulator, SimulatorConfig, SimulatorThread};

use crate::exit::Refusal;
use crate::script::Script;

/// How endpoints are simulated.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Simulation<'a> {
    /// The wall clock of virtual time; `None` in real time.
    pub(crate) virtual_wall: Option<WallClock>,
    /// What goes wrong.
    pub(crate) script: Option<&'a Path>,
}

/// Connections to endpoints, and the simulator that serves the simulated ones from this seed. AWS
/// credentials are looked for only where an endpoint is real. Nothing is sent to an endpoint.
pub(crate) async fn connect(
    endpoints: &[EndpointSpec],
    seed: u64,
    simulation: Simulation<'_>,
) -> Result<(Connections, Option<SimulatorThread>)> {
    if let Some(wall) = simulation.virtual_wall {
        return Ok((connect_in_memory(endpoints, seed, wall, simulation.script).await?, None));
    }
    let of_kind = |kind| endpoints.iter().filter(move |endpoint| endpoint.kind == kind);
    let uses_aws = |endpoint: &EndpointSpec| match endpoint.kind {
        EndpointKind::Bedrock | EndpointKind::Sagemaker => true,
        EndpointKind::Openai => matches!(endpoint.server.api_key, Some(KeySource::Secret(_))),
        EndpointKind::Simulated => false,
    };
    let aws = if endpoints.iter().any(uses_aws) {
        let aws = aws_config::load_defaults(behavior_version()).await;
        find_credentials(&aws).await.with_context(|| {
            Refusal(
                "there are no AWS credentials to call Bedrock with: set AWS_PROFILE, or sign in \
                 with `aws sso login` or `aws login`"
                    .to_owned(),
            )
        })?;
        aws
    } else {
        placeholder_config()
    };
    check_keys(endpoints)?;
    if let Some(endpoint) = endpoints.iter().find(|endpoint| endpoint.provision.is_some()) {
        bail!(Refusal(format!(
            "endpoint {} is made for the run, which only a deployed one can do: use `fmgauge start`",
            endpoint.name
        )));
    }
    let connections = Connections::new(aws)?.with_environment(variable);

    check_simulated(endpoints)?;
    if of_kind(EndpointKind::Simulated).next().is_none() {
        if simulation.script.is_some() {
            bail!(Refusal("--script is for simulated endpoints, and there are none".to_owned()));
        }
        return Ok((connections, None));
    }
    let config = scripted(simulator(0, seed, None), simulation.script)?;
    let simulator = Simulator::spawn_thread(config).context("failed to start the simulator")?;
    let connections = connections.with_simulator(simulator.url(), placeholder_config());
    Ok((connections, Some(simulator)))
}

/// Connections to simulated endpoints in this process and on this runtime, whose clock is paused. The
/// simulator's time of day is that of the run.
async fn connect_in_memory(
    endpoints: &[EndpointSpec],
    seed: u64,
    wall: WallClock,
    script: Option<&Path>,
) -> Result<Connections> {
    if let Some(real) = endpoints.iter().find(|e| e.kind != EndpointKind::Simulated) {
        bail!(Refusal(format!(
            "endpoint {} is real: --virtual-time is for simulated endpoints only",
            real.name
        )));
    }
    check_simulated(endpoints)?;
    let config = SimulatorConfig { wall_start: Some(wall()), ..simulator(0, seed, None) };
    let config = scripted(config, script)?;
    let simulator = Simulator::start(config).await.context("failed to start the simulator")?;
    let dial = Dial::Memory(Arc::new(move || simulator.dial()));
    Ok(Connections::new(placeholder_config())?.with_simulator_in_memory(dial, placeholder_config()))
}

/// The simulator with what a script says, where there is one.
fn scripted(mut config: SimulatorConfig, script: Option<&Path>) -> Result<SimulatorConfig> {
    if let Some(path) = script {
        let models: Vec<String> =
            config.profiles.iter().map(|profile| profile.model_id.clone()).collect();
        Script::read(path, &models)?.apply(&mut config);
    }
    Ok(config)
}

#[expect(clippy::disallowed_methods, reason = "keys are in the environment, and nowhere else")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Whether every key is where it is said to be, before anything is sent.
fn check_keys(endpoints: &[EndpointSpec]) -> Result<()> {
    for endpoint in endpoints {
        if let Some(KeySource::Env(name)) = &endpoint.server.api_key
            && variable(name).is_none_or(|key| key.is_empty())
        {
            bail!(Refusal(format!(
                "endpoint {}: the environment variable {name} is not set: put the server's key \
                 into it",
                endpoint.name
            )));
        }
    }
    Ok(())
}

/// Whether the simulator knows every model that is to be simulated.
pub(crate) fn check_simulated(endpoints: &[EndpointSpec]) -> Result<()> {
    let known = Profile::built_in();
    let unknown = endpoints.iter().find(|endpoint| {
        endpoint.kind == EndpointKind::Simulated
            && known.iter().all(|profile| profile.model_id != endpoint.model_id)
    });
    if let Some(endpoint) = unknown {
        bail!(Refusal(format!(
            "endpoint {}: no simulation of {} is built in; simulate_as takes one of: {}",
            endpoint.name,
            endpoint.model_id,
            known.iter().map(|known| known.model_id.as_str()).collect::<Vec<_>>().join(", ")
        )));
    }
    Ok(())
}

/// The simulator with its built-in profiles on loopback.
pub(crate) fn simulator(port: u16, seed: u64, log: Option<PathBuf>) -> SimulatorConfig {
    SimulatorConfig {
        seed,
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        profiles: Profile::built_in(),
        truth_log: log,
        ..SimulatorConfig::default()
    }
}
