//! One block of a stored run.

use std::sync::Arc;

use aws_config::SdkConfig;
use rustls::ClientConfig;

use super::{RunError, Stores, read, read_plan};
use crate::block::{
    BlockError, BlockJob, BlockRun, Connect, Instruments, Observer, Signals, run_block,
};
use crate::dataset::Prompt;
use crate::endpoint::{
    self, BedrockEndpoint, Dial, Endpoint, Environment, OpenAiEndpoint, SageMakerEndpoint, Slot,
    find_key,
};
use crate::plan::{Deadlines, EndpointKind, EndpointSpec, Plan};
use crate::store::{ArtifactStore, BlockKey, Claim, RecordStore, Standing, StoreError, keys};
use crate::units::{Name, NanoUsd};

/// What connecting to endpoints takes; made once in a process.
#[derive(Debug, Clone)]
pub struct Connections {
    aws: SdkConfig,
    dial: Dial,
    simulator: Option<Simulator>,
    environment: Environment,
}

#[derive(Debug, Clone)]
struct Simulator {
    url: String,
    aws: SdkConfig,
    dial: Dial,
}

impl Connections {
    /// Connections to real endpoints with the credentials of `aws`.
    pub fn new(aws: SdkConfig) -> Result<Self, RunError> {
        Ok(Self { aws, dial: endpoint::tls()?.into(), simulator: None, environment: |_name| None })
    }

    /// The same, with other settings of AWS: where credentials were renewed.
    #[must_use]
    pub fn with_aws(self, aws: SdkConfig) -> Self {
        Self { aws, ..self }
    }

    /// The settings of AWS.
    pub fn aws(&self) -> &SdkConfig {
        &self.aws
    }

    /// The same, trusting other certificates than the system's. Only HTTP/1.1 is offered, whatever
    /// `tls` says.
    #[must_use]
    pub fn with_tls(mut self, tls: ClientConfig) -> Self {
        self.dial = endpoint::http1_only(tls).into();
        self
    }

    /// The same, opening connections to real endpoints by `dial`.
    #[must_use]
    pub fn with_dial(self, dial: Dial) -> Self {
        Self { dial, ..self }
    }

    /// The same, with simulated endpoints at `url`. `aws` holds whatever credentials: the simulator
    /// asks for none.
    #[must_use]
    pub fn with_simulator(mut self, url: String, aws: SdkConfig) -> Self {
        self.simulator = Some(Simulator { url, aws, dial: self.dial.clone() });
        self
    }

    /// The same, opening connections to simulated endpoints by `dial`.
    #[must_use]
    pub fn with_simulator_in_memory(mut self, dial: Dial, aws: SdkConfig) -> Self {
        let url = "http://simulator.invalid".to_owned();
        self.simulator = Some(Simulator { url, aws, dial });
        self
    }

    /// The same, finding keys in environment variables as `environment` reads them.
    #[must_use]
    pub fn with_environment(self, environment: Environment) -> Self {
        Self { environment, ..self }
    }

    /// A slot of an endpoint, not yet connected.
    pub(super) async fn slot(
        &self,
        spec: &EndpointSpec,
        deadlines: Deadlines,
    ) -> Result<Box<dyn Slot>, RunError> {
        let (aws, dial) = (&self.aws, self.dial.clone());
        Ok(match spec.kind {
            EndpointKind::Bedrock => Box::new(BedrockEndpoint::new(spec, deadlines, aws, dial)),
            EndpointKind::Sagemaker => Box::new(SageMakerEndpoint::new(spec, deadlines, aws, dial)),
            EndpointKind::Openai => {
                let key = match &spec.server.api_key {
                    Some(source) => Some(find_key(source, aws, self.environment).await?),
                    None => None,
                };
                let dial = match &spec.server.ca_pem {
                    Some(pem) => endpoint::tls_trusting(pem.as_bytes())?.into(),
                    None => dial,
                };
                Box::new(OpenAiEndpoint::new(spec, deadlines, key.as_deref(), dial)?)
            }
            EndpointKind::Simulated => {
                let Some(simulator) = &self.simulator else {
                    return Err(RunError::NoSimulator(spec.name.clone()));
                };
                let url = Some(simulator.url.clone());
                let spec = EndpointSpec { endpoint_url: url, ..spec.clone() };
                let dial = simulator.dial.clone();
                Box::new(BedrockEndpoint::new(&spec, deadlines, &simulator.aws, dial))
            }
        })
    }

    /// How a slot connects to an endpoint of the plan.
    async fn connect(&self, spec: &EndpointSpec, plan: &Plan) -> Result<Box<Connect>, RunError> {
        let first = self.slot(spec, plan.deadlines).await?;
        Ok(Box::new(move || {
            let slot: Box<dyn Endpoint> = first.another();
            slot
        }))
    }
}

/// Claims a block and measures it, or finds that somebody has.
pub async fn measure<R: RecordStore, A: ArtifactStore>(
    key: BlockKey,
    stores: &Stores<R, A>,
    connections: &Connections,
    instruments: &Instruments,
    signals: &Signals,
    observer: &dyn Observer,
) -> Result<BlockRun, RunError> {
    let plan = read_plan(stores, &key.run_id).await?;
    let not_planned = || BlockError::NotPlanned(key.clone());
    let experiment = plan.experiment(&key.experiment).ok_or_else(not_planned)?;
    let spec = plan.endpoint(&experiment.endpoint).ok_or_else(not_planned)?;
    let block = plan.block_in_round(&key.experiment, key.block, key.round);
    let block = block.ok_or_else(not_planned)?;
    let connect = connections.connect(spec, &plan).await?;
    let (reservation, ceiling) = (plan.reservation(&block), plan.ceiling(key.round));
    let attempt = match stores.records.claim(&key, reservation, ceiling).await? {
        Claim::Done(receipt) => return Ok(BlockRun::AlreadyMeasured(receipt)),
        Claim::NoFunds { reservation, left } => {
            return Ok(BlockRun::NoFunds { reservation, left });
        }
        Claim::Attempt(attempt) => attempt,
    };
    let prompts = match ready(stores, &key, attempt, &experiment.dataset).await {
        Ok(Some(prompts)) => prompts,
        nothing_sent => {
            stores.records.release(&key, attempt, NanoUsd::ZERO).await?;
            return nothing_sent.map(|_| BlockRun::Stopping);
        }
    };
    let job = BlockJob { plan: Arc::new(plan), key, attempt, prompts };
    let receipt =
        run_block(job, &stores.records, &*connect, instruments, signals, observer).await?;
    Ok(BlockRun::Measured(receipt))
}

/// The prompts to send under a claimed attempt; `None` where the run is stopping.
async fn ready<R: RecordStore, A: ArtifactStore>(
    stores: &Stores<R, A>,
    key: &BlockKey,
    attempt: u32,
    dataset: &Name,
) -> Result<Option<Arc<[Prompt]>>, RunError> {
    match stores.records.standing(key, attempt).await? {
        // Read after the claim: a complete run has no prompts any more.
        Standing::Current => Ok(Some(read_prompts(stores, key, dataset).await?)),
        Standing::Stopping => Ok(None),
        Standing::Superseded => Err(BlockError::from(StoreError::Superseded { attempt }).into()),
    }
}

async fn read_prompts<R: RecordStore, A: ArtifactStore>(
    stores: &Stores<R, A>,
    block: &BlockKey,
    dataset: &Name,
) -> Result<Arc<[Prompt]>, RunError> {
    let key = keys::prompts(&block.run_id, dataset);
    let bytes = read(stores, &block.run_id, &key).await?;
    bytes
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(serde_json::from_slice)
        .collect::<Result<Arc<[Prompt]>, _>>()
        .map_err(|source| RunError::Unreadable { key, source })
}
