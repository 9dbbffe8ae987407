//! `fmgauge simulate`: simulated models until Ctrl-C.

use anyhow::{Context, Result};
use simulator::Simulator;

use crate::exit::Exit;
use crate::terminal::{note, say};
use crate::{arguments, connect};

pub(crate) async fn run(arguments: &arguments::Simulate) -> Result<Exit> {
    let config = connect::simulator(arguments.port, arguments.seed, arguments.log.clone());
    let models: Vec<String> =
        config.profiles.iter().map(|profile| profile.model_id.clone()).collect();
    let simulator = Simulator::start(config).await.context("failed to start the simulator")?;
    say(&format!("listening on {}", simulator.url()));
    note(&format!("simulated models: {}", models.join(", ")));
    note("use as `endpoint_url` of an endpoint of kind bedrock; Ctrl-C ends");
    tokio::signal::ctrl_c().await.context("failed to wait for Ctrl-C")?;
    simulator.shutdown().await.context("failed to end the simulator")?;
    Ok(Exit::Done)
}
