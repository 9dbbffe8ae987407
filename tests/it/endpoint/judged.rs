//! What the client sends to Bedrock and SageMaker, held against the models that AWS publishes of them: a
//! proxy before the simulator reads every request.

use shared::endpoint::{self, BedrockEndpoint, SageMakerEndpoint, Slot, placeholder_config};
use shared::payload::Payload;
use shared::plan::{Api, EndpointKind, EndpointSpec, LatencyMode, ServiceTier};
use shared::record::Outcome;
use simulator::{Container, ContainerFormat, Simulator, SimulatorConfig};
use tokio_util::sync::CancellationToken;

use super::{QUICK, patient, profile, request, spec};
use crate::deployed::proxy::Proxy;

#[tokio::test]
async fn every_request_is_one_that_its_service_knows() {
    let model = profile(QUICK, std::time::Duration::from_millis(1), 5.0);
    let container = Container {
        endpoint_name: "served".to_owned(),
        format: ContainerFormat::Tgi,
        model_id: QUICK.to_owned(),
    };
    let config = SimulatorConfig {
        profiles: vec![model],
        containers: vec![container],
        ..SimulatorConfig::default()
    };
    let simulator = Simulator::spawn_thread(config).unwrap();
    let mut proxy = Proxy::before(simulator.url().rsplit(':').next().unwrap(), 0);
    let (aws, tls) = (placeholder_config(), endpoint::tls().unwrap());
    for api in [Api::ConverseStream, Api::Converse, Api::InvokeStream, Api::Invoke] {
        let native = matches!(api, Api::InvokeStream | Api::Invoke);
        let bedrock = EndpointSpec {
            api,
            payload: native.then_some(Payload::Anthropic),
            latency_mode: Some(LatencyMode::Standard),
            service_tier: Some(ServiceTier::Flex),
            ..spec(&proxy.url, QUICK)
        };
        let slot = BedrockEndpoint::new(&bedrock, patient(), &aws, tls.clone());
        completed(Box::new(slot)).await;
    }
    for api in [Api::InvokeStream, Api::Invoke] {
        let mut sagemaker = EndpointSpec {
            kind: EndpointKind::Sagemaker,
            api,
            payload: Some(Payload::Tgi),
            ..spec(&proxy.url, "served")
        };
        sagemaker.container.inference_component = Some("component".to_owned());
        sagemaker.container.target_variant = Some("AllTraffic".to_owned());
        sagemaker.container.custom_attributes = Some("accept_eula=true".to_owned());
        let slot = SageMakerEndpoint::new(&sagemaker, patient(), &aws, tls.clone());
        completed(Box::new(slot)).await;
    }
    let (_, asked) = proxy.end();
    let expected = [
        "Converse",
        "ConverseStream",
        "InvokeEndpoint",
        "InvokeEndpointWithResponseStream",
        "InvokeModel",
        "InvokeModelWithResponseStream",
    ];
    assert_eq!(asked, expected.map(str::to_owned).into());
}

async fn completed(slot: Box<dyn Slot>) {
    let seen = slot.invoke(&request("Why?"), &CancellationToken::new()).await;
    assert_eq!(seen.outcome, Outcome::Completed, "{slot:?}: {seen:?}");
}
