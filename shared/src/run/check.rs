//! One small request to an endpoint, to see whether it can be measured.

use tokio_util::sync::CancellationToken;

use super::{Connections, RunError};
use crate::block::WARMUP_TEXT;
use crate::check::{Answered, EndpointCheck};
use crate::config::Settings;
use crate::dataset::estimate_tokens;
use crate::endpoint::Request;
use crate::plan::{EndpointSpec, WARMUP_MAX_TOKENS, WARMUP_TOKENS, warmup_bound};
use crate::price::Tariff;

/// Sends what warms a connection, as a run would with these settings, and times the network. Nothing
/// is kept.
pub async fn check(
    spec: &EndpointSpec,
    settings: &Settings,
    connections: &Connections,
) -> Result<EndpointCheck, RunError> {
    let inference = &settings.inference;
    let request = Request {
        system: inference.system.clone(),
        text: WARMUP_TEXT.to_owned(),
        estimated_tokens: WARMUP_TOKENS,
        max_tokens: WARMUP_MAX_TOKENS,
        temperature: inference.temperature,
        top_p: inference.top_p,
        start: None,
    };
    let slot = connections.slot(spec, settings.deadlines).await?;
    let observation = slot.invoke(&request, &CancellationToken::new()).await;
    let network = slot.network_time().await;
    let system_tokens = inference.system.as_deref().map_or(0, estimate_tokens);
    let tariff = spec.price.clone().map(|price| {
        let bound = warmup_bound(&price, system_tokens);
        Tariff { warmup_bound: bound, measured_bound: bound, price }
    });
    Ok(EndpointCheck::new(spec, tariff.as_ref(), &Answered { observation, network }))
}
